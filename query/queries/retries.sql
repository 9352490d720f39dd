-- title: Model requests that were tried again
-- description: Requests that needed more than one attempt, or failed.
-- parameter since timestamp = 30d: From then on: a time, or an age as 7d
-- parameter limit integer = 50: Rows at most
select session_id, trace_id, span_id, started_at, model, attempt_count, status, error_type,
    error_message, duration_ns / 1e9 as seconds
from model_requests
where started_at >= $since and (attempt_count > 1 or status = 'error')
order by attempt_count desc nulls last, started_at desc
limit $limit
