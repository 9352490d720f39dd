-- $1 session id
select trace_id, min(started_at) as started_at, count(*) as span_count
from span
where session_id = $1::varchar
group by trace_id
order by 2, 1
