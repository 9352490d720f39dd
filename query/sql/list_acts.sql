-- Counted acts, latest arrival first. A filter is off when its parameter is null.
-- $1 row limit, $2 arrived after and $3 before the act of this id, $4 operations and $5 harnesses
-- (lower case, separated by U+001F), $6 whether only failed or denied ones, $7 free text in lower
-- case, $8 session id
with act as (
    select
        s.act_id, s.trace_id, s.span_id, s.session_id, s.operation, s.name, s.detail, s.tool_name,
        s.mcp_server, s.model, s.agent_name, s.decision, s.started_at, s.ended_at, s.duration_ns,
        s.status = 'error' or s.success is false as failed,
        coalesce(s.error_message, s.error_type) as error,
        s.input_tokens, s.output_tokens, s.cost_usd
    from span s
    where ($2::bigint is null or s.act_id > $2::bigint)
        and ($3::bigint is null or s.act_id < $3::bigint)
        and s.duplicate_of is null and not s.part_of_parent and not s.plumbing
        and s.operation not in ('session', 'internal')
        and ($4::varchar is null or list_contains(string_split($4::varchar, chr(31)), s.operation))
        and ($5::varchar is null or s.session_id in (
            select session_id from session
            where list_contains(string_split($5::varchar, chr(31)), lower(harness))))
        and (not coalesce($6::boolean, false)
            or s.status = 'error' or s.success is false or s.decision = 'deny')
        and ($7::varchar is null or contains(
            lower(concat_ws(' ', s.name, s.detail, s.tool_name, s.mcp_server, s.model,
                s.agent_name)),
            $7::varchar))
        and ($8::varchar is null or s.session_id = $8::varchar)
    order by s.act_id desc
    limit $1::bigint
)
select a.*, s.title as session_title, s.harness
from act a
left join session s on s.session_id = a.session_id
order by a.act_id desc
