-- title: Most repeated calls
-- description: The same tool with the same arguments in one session, again and again.
-- parameter since timestamp = 30d: From then on: a time, or an age as 7d
-- parameter times integer = 3: At least so often
-- parameter limit integer = 50: Rows at most
select
    session_id,
    tool_name,
    min(detail) as detail,
    count(*) as times,
    count(*) filter (where status = 'error' or success is false) as failed,
    sum(duration_ns) / 1e9 as seconds,
    arg_min(trace_id, started_at) as trace_id,
    arg_min(span_id, started_at) as span_id
from tool_calls
where started_at >= $since and call_hash is not null
group by session_id, tool_name, call_hash
having count(*) >= $times
order by times desc, session_id, tool_name
limit $limit
