"""Generates a client from the server's OpenAPI document and asks a server with it.

Usage: generated_client.py HTTP_URL FOLDER. The server holds the demo's runs; the client is written to
FOLDER.
"""

import importlib
import json
import subprocess
import sys
import urllib.request
from pathlib import Path

url, folder = sys.argv[1], Path(sys.argv[2])
document = urllib.request.urlopen(f"{url}/api/v1/openapi.json").read()
(folder / "openapi.json").write_bytes(document)
(folder / "config.yml").write_text("package_name_override: spanreel_client\nproject_name_override: spanreel-client\npost_hooks: []\n")
made = subprocess.run(
    [Path(sys.executable).parent / "openapi-python-client", "generate", "--path", folder / "openapi.json",
     "--config", folder / "config.yml", "--meta", "none", "--output-path", folder / "spanreel_client",
     "--fail-on-warning"],
    capture_output=True, text=True,
)
assert made.returncode == 0, made.stdout + made.stderr
sys.path.insert(0, str(folder))

from spanreel_client import Client, models  # noqa: E402
from spanreel_client.api.findings import list_findings, why  # noqa: E402
from spanreel_client.api.live import list_acts  # noqa: E402
from spanreel_client.api.sessions import get_session, list_sessions, session_transcript, session_tree  # noqa: E402
from spanreel_client.api.spans import get_span, trace_tree  # noqa: E402
from spanreel_client.api.sql import get_schema, run_sql  # noqa: E402
from spanreel_client.api.status import get_stats  # noqa: E402

# Every operation of the document has its module.
operations = [
    (operation["tags"][0], operation["operationId"])
    for item in json.loads(document)["paths"].values()
    for operation in item.values()
]
for tag, name in operations:
    importlib.import_module(f"spanreel_client.api.{tag.replace('-', '_')}.{name}")

client = Client(base_url=url, raise_on_unexpected_status=True)
page = list_sessions.sync(client=client, limit=2, sort=models.ListSessionsSort.STARTED)
assert isinstance(page, models.SessionList), page
assert len(page.sessions) == 2 and page.next_cursor, page
first = page.sessions[0]
assert isinstance(first, models.SessionRow) and isinstance(first.span_count, int) and first.span_count > 0
rest = list_sessions.sync(client=client, limit=100, sort=models.ListSessionsSort.STARTED, cursor=page.next_cursor)
ids = {session.session_id for session in [*page.sessions, *rest.sessions]}
assert len(ids) == 2 + len(rest.sessions) >= 4, ids
some = list_sessions.sync(client=client, fields="session_id,models")
assert isinstance(some, models.SelectedSessionList), some
assert set(some.sessions[0].to_dict()) == {"session_id", "models"}, some

for session_id in sorted(ids):
    detail = get_session.sync(session_id, client=client)
    assert isinstance(detail, models.SessionDetail) and detail.session.session_id == session_id
    tree = session_tree.sync(session_id, client=client)
    assert isinstance(tree, models.Tree) and len(tree.columns.span_id) == tree.span_count > 0
    transcript = session_transcript.sync(session_id, client=client)
    assert isinstance(transcript, models.Transcript), transcript
    assert isinstance(why.sync(session_id, client=client), models.Why)
    trace_id = tree.traces[tree.columns.trace[0]]
    assert isinstance(trace_tree.sync(trace_id, client=client), models.Tree)
    for row in range(min(tree.span_count, 20)):
        span = get_span.sync(tree.traces[tree.columns.trace[row]], tree.columns.span_id[row], client=client)
        assert isinstance(span, models.SpanDetail) and span.span.span_id == tree.columns.span_id[row]

assert isinstance(list_findings.sync(client=client).findings[0], models.Finding)
assert isinstance(list_acts.sync(client=client, limit=3).acts[0], models.ActLine)
assert get_stats.sync(client=client).span_count > 100
assert "spans" in {relation.name for relation in get_schema.sync(client=client).relations}
rows = run_sql.sync(client=client, body=models.SqlRequest(sql="select 1 as a, 'x' as b where 1 = ?", params=[1]))
assert isinstance(rows, models.SqlResult) and rows.rows == [[1, "x"]], rows
refused = run_sql.sync_detailed(client=client, body=models.SqlRequest(sql="delete from spans"))
assert refused.status_code == 400 and refused.parsed.error.code == "sql_rejected", refused
missing = get_session.sync_detailed("no such session", client=client)
assert missing.status_code == 404 and missing.parsed.error.code == "session_not_found", missing
print(f"generated client: {len(operations)} operations, {len(ids)} sessions read")
