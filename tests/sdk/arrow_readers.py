"""Runs the examples of docs/api.md that read Arrow, each as it stands there.

Usage: arrow_readers.py HTTP_URL DOCS_API_MD. The server holds the demo's runs.
"""

import re
import sys

url, page = sys.argv[1], open(sys.argv[2], encoding="utf-8").read()
examples = re.findall(r"```python\n# (pandas|polars|duckdb)\n(.*?)```", page, re.DOTALL)
assert [name for name, _ in examples] == ["pandas", "polars", "duckdb"], examples
for name, code in examples:
    scope = {}
    exec(compile(code.replace("http://localhost:7771", url), name, "exec"), scope)
    result = scope["result"]
    if name == "duckdb":
        columns, count = result.columns, len(result.fetchall())
    else:
        columns, count = list(result.columns), len(result)
    assert columns == ["session_id", "started_at", "models", "cost_usd"], (name, columns)
    assert count >= 4, (name, count)
    print(f"{name}: {count} rows")
