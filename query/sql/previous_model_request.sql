-- The model request before one of the same agent. $1 session id, $2 agent (name or id, or null),
-- $3 start (Unix ns), $4 span id
select trace_id, span_id, input_hash
from span
where session_id = $1::varchar
    and operation = 'model' and duplicate_of is null and not part_of_parent
    and coalesce(agent_id, agent_name) is not distinct from $2::varchar
    and epoch_ns(started_at) <= $3::bigint and span_id <> $4::varchar
    and input_hash is not null
order by started_at desc, act_id desc
limit 1
