-- title: Sessions that touched a file
-- description: Tool calls whose arguments name a file, by session.
-- parameter file text: Name or path of the file, or a part of it
-- parameter limit integer = 50: Rows at most
select
    h.session_id,
    s.title,
    count(*) as calls,
    list(distinct h.tool_name order by h.tool_name) as tools,
    min(h.started_at) as first_at,
    max(h.started_at) as last_at,
    arg_min(h.trace_id, h.started_at) as trace_id,
    arg_min(h.span_id, h.started_at) as span_id
from search('"' || replace($file, '"', ' ') || '"') h
join sessions s on s.session_id = h.session_id
where h.operation in ('tool', 'mcp') and h.part in ('input', 'name')
group by h.session_id, s.title
order by last_at desc
limit $limit
