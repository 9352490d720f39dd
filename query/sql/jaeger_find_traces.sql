-- Traces with a span that fits, latest first. A filter is off when its parameter is null.
-- $1 service, $2 name of the span, $3 and $4 start: from, and up to (Unix ns)
-- $5 least and $6 most duration (ns), $7 tags as JSON: [{"key": …, "value": …}], $8 most traces
select s.trace_id
from span s
left join resource r on r.resource_id = s.resource_id
where coalesce(nullif(s.service_name, ''), s.harness, 'unknown') = $1::varchar
    and ($2::varchar is null or s.name = $2::varchar)
    and ($3::bigint is null or s.started_at >= make_timestamp_ns($3::bigint))
    and ($4::bigint is null or s.started_at <= make_timestamp_ns($4::bigint))
    and ($5::bigint is null or s.duration_ns >= $5::bigint)
    and ($6::bigint is null or s.duration_ns <= $6::bigint)
    and ($7::varchar is null or list_bool_and(list_transform(
        from_json($7::varchar, '[{"key":"varchar","value":"varchar"}]'),
        lambda tag: coalesce(
            case tag.key
                when 'error' then (s.status = 'error')::varchar
                when 'span.kind' then lower(s.kind)
                when 'otel.status_code' then upper(s.status)
                when 'spanreel.operation' then s.operation
                when 'spanreel.session_id' then s.session_id
                when 'spanreel.tool_name' then s.tool_name
                when 'spanreel.model' then s.model
            end,
            s.attributes ->> ('$."' || tag.key || '"'),
            r.attributes ->> ('$."' || tag.key || '"')) is not distinct from tag.value)))
group by s.trace_id
order by max(s.started_at) desc, s.trace_id
limit $8::bigint
