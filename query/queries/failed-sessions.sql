-- title: Sessions that went wrong
-- description: Sessions that ended in an error, were killed or interrupted, and their last error.
-- parameter since timestamp = 30d: From then on: a time, or an age as 7d
-- parameter limit integer = 50: Rows at most
select
    s.session_id,
    s.title,
    s.harness,
    s.status,
    s.error_count,
    e.what as last_error_of,
    e.error_message as last_error,
    e.trace_id,
    e.span_id
from sessions s
left join (
    select session_id, trace_id, span_id, coalesce(tool_name, model, name) as what, error_message
    from spans
    where counted and status = 'error'
    qualify row_number() over (partition by session_id order by started_at desc, operation, name, act_id desc) = 1
) e on e.session_id = s.session_id
where s.started_at >= $since and s.status in ('error', 'killed', 'interrupted')
order by s.started_at desc, s.session_id
limit $limit
