-- Span events and log records. The session is the record's own, else that of its trace.
create or replace view events as
select
    e.time,
    coalesce(e.session_id, t.session_id) as session_id,
    e.trace_id,
    e.span_id,
    e.name,
    e.severity,
    coalesce(e.body, payload_text(e.body_id)) as body,
    lower(hex(e.body_hash)) as body_hash,
    e.attributes,
    e.is_log,
    e.service_name,
    e.scope_name,
    lower(hex(e.event_id)) as event_id
from event e
left join trace t on t.trace_id = e.trace_id;
