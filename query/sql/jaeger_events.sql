-- What is recorded at the spans of a trace, in order. Read by position. $1 trace id
select span_id, epoch_ns(time) as time_ns, name, severity, body, lower(hex(body_hash)) as body_hash,
    attributes::varchar as attributes
from event
where trace_id = $1::varchar and span_id is not null
order by time, event_id
