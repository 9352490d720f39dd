-- How often spans of one service started spans of another. $1 and $2 start: from, and up to (Unix ns)
select
    coalesce(nullif(p.service_name, ''), p.harness, 'unknown') as parent,
    coalesce(nullif(c.service_name, ''), c.harness, 'unknown') as child,
    count(*) as call_count
from span c
join span p
    on p.trace_id = c.trace_id
    and p.span_id = coalesce(c.parent_span_id, c.reported_parent_id)
where c.started_at >= make_timestamp_ns($1::bigint) and c.started_at <= make_timestamp_ns($2::bigint)
group by all
having parent <> child
order by all
