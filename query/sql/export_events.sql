-- A large body stands under its hash. $1 session ids separated by U+001F
select
    e.time, coalesce(e.session_id, t.session_id) as session_id, e.trace_id, e.span_id, e.name,
    e.severity, e.body, lower(hex(e.body_hash)) as body_hash, e.attributes::varchar as attributes,
    e.is_log, e.service_name, e.scope_name, lower(hex(e.event_id)) as event_id
from event e
left join trace t on t.trace_id = e.trace_id
where coalesce(e.session_id, t.session_id) in (select unnest(string_split($1::varchar, chr(31))))
order by e.time, e.event_id
