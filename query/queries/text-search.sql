-- title: Full-text search
-- description: Acts that say something: words, "phrases", begin*, -without.
-- parameter text text: What to look for
-- parameter limit integer = 50: Rows at most
select session_id, trace_id, span_id, turn, started_at, operation,
    coalesce(tool_name, model, name) as what, part, passage_count
from search($text)
limit $limit
