-- How sessions spent their time: the length of each cut into equal parts, and how much of each part
-- model requests and tool calls were open.
-- $1 session ids, separated by U+001F, $2 number of parts
with wanted as (
    select session_id, started_at, last_at, epoch_ns(started_at) as start_ns,
        greatest(epoch_ns(last_at) - epoch_ns(started_at), 1) / $2::double as part_ns
    from session
    where list_contains(string_split($1::varchar, chr(31)), session_id)
),
act as (
    select
        w.session_id, w.part_ns, s.operation = 'model' as is_model,
        s.status = 'error' or s.success is false or s.decision = 'deny' as failed,
        (epoch_ns(s.started_at) - w.start_ns)::double as begin_ns,
        (epoch_ns(coalesce(s.ended_at, w.last_at)) - w.start_ns)::double as end_ns
    from span s
    join wanted w on w.session_id = s.session_id
    where s.started_at >= (select min(started_at) from wanted)
        and s.started_at <= (select max(last_at) from wanted)
        and s.operation in ('model', 'tool', 'mcp')
        and s.duplicate_of is null and not s.part_of_parent and not s.plumbing
),
parted as (
    select *, unnest(range(
        greatest(0, least($2::bigint - 1, floor(begin_ns / part_ns)::bigint)),
        greatest(0, least($2::bigint - 1, floor(end_ns / part_ns)::bigint)) + 1)) as part
    from act
)
select
    session_id, part,
    sum(least(end_ns, (part + 1) * part_ns) - greatest(begin_ns, part * part_ns))
        filter (is_model) / any_value(part_ns) as model_share,
    sum(least(end_ns, (part + 1) * part_ns) - greatest(begin_ns, part * part_ns))
        filter (not is_model) / any_value(part_ns) as tool_share,
    bool_or(failed and begin_ns >= part * part_ns) as failed
from parted
group by session_id, part
order by session_id, part
