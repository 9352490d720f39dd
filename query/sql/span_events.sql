-- What is recorded at a span, in order. $1 trace id, $2 span id
select time, name, severity, body, body_hash, attributes::varchar as attributes, is_log
from event
where trace_id = $1::varchar and span_id = $2::varchar
order by time, event_id
limit 2000
