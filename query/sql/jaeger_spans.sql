-- The spans of a trace with what Jaeger shows of them, in order of start. Read by position.
-- $1 trace id, $2 most bytes of a text that is given whole, $3 most bytes of all texts together
with placed as (
    select *,
        sum(coalesce(input_size, 0) + coalesce(output_size, 0))
            over (order by started_at, act_id) <= $3::bigint as fits
    from span
    where trace_id = $1::varchar
)
select
    span_id, coalesce(parent_span_id, reported_parent_id) as parent, name,
    epoch_ns(started_at) as start_ns, duration_ns, lower(kind) as kind,
    status, coalesce(nullif(status_message, ''), error_message) as message,
    coalesce(nullif(service_name, ''), harness, 'unknown') as service, resource_id,
    attributes::varchar as attributes, links::varchar as links,
    scope_name, scope_version, trace_state,
    operation, session_id, turn::bigint as turn, tool_name, model, decision, duplicate_of, origin,
    truncated_upstream, ended_at is null as is_running,
    case when fits and input_size <= $2::bigint then payload_text(input_id) end as input,
    lower(hex(input_hash)) as input_hash, input_size,
    case when fits and output_size <= $2::bigint then payload_text(output_id) end as output,
    lower(hex(output_hash)) as output_hash, output_size
from placed
order by started_at, act_id
