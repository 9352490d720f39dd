"""Reads a server's Jaeger API with a client library made for Jaeger, and compares with what SQL says.

Usage: jaeger_client.py HTTP_URL. The server holds the demo's runs.
"""

import json
import sys
import urllib.request

from jaeger_mcp.client import JaegerHTTPClient
from jaeger_mcp.facade import JaegerClient

url = sys.argv[1]


def rows(sql):
    body = json.dumps({"sql": sql, "max_rows": 10_000}).encode()
    request = urllib.request.Request(f"{url}/api/v1/sql", body, {"content-type": "application/json"})
    return json.load(urllib.request.urlopen(request))["rows"]


def jaeger():
    """A client for one call: each runs an event loop of its own."""
    return JaegerClient(JaegerHTTPClient(url=f"{url}/jaeger"))


services = jaeger().list_services()
assert services == [name for (name,) in rows("select distinct service_name from spans order by 1")], services

checked = 0
for service in services:
    for summary in jaeger().search_traces(service, limit=5):
        trace = jaeger().get_trace(summary.trace_id)
        wanted = rows(
            "select span_id, name, epoch_ns(started_at) // 1000, coalesce(duration_ns, 0) // 1000, "
            "coalesce(parent_span_id, reported_parent_id), status = 'error', service_name "
            f"from spans where trace_id = '{summary.trace_id}' order by span_id"
        )
        seen = sorted(trace.spans, key=lambda span: span.span_id)
        assert len(seen) == len(wanted) == summary.span_count, (summary, len(seen), len(wanted))
        for span, (span_id, name, start, duration, parent, failed, of) in zip(seen, wanted):
            shown = (span.span_id, span.operation, span.duration_us, span.parent_span_id, span.error, span.service_name)
            assert shown == (span_id, name, duration, parent, failed, of), (shown, wanted)
            checked += 1
assert checked > 100, checked

failed = jaeger().search_traces(services[0], tags={"error": "true"}, limit=100)
wanted = rows(f"select count(distinct trace_id) from spans where status = 'error' and service_name = '{services[0]}'")
assert len(failed) == wanted[0][0], (len(failed), wanted)
assert isinstance(jaeger().get_dependencies(lookback_hours=24), list)
print(f"Jaeger client: {len(services)} services, {checked} spans as SQL has them")
