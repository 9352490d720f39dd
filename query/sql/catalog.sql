-- What sessions used: tools, MCP servers, skills, hooks, agents, models and harnesses, with how
-- often, how well and at what cost. `trend` counts the uses in equal parts of the time.
-- $1 start and $2 end (Unix ns), $3 number of parts, $4 harnesses and $5 projects (lower case,
-- separated by U+001F), off when null
with chosen as (
    select *
    from session
    where ($4::varchar is null
            or list_contains(string_split($4::varchar, chr(31)), lower(harness)))
        and ($5::varchar is null
            or list_contains(string_split($5::varchar, chr(31)), lower(project)))
),
act as (
    select session_id, operation, tool_name, mcp_server, skill_name, hook_name, hook_event,
        agent_name, model, started_at, duration_ns, decision = 'deny' as denied,
        status = 'error' or success is false as failed, input_tokens, output_tokens, cost_usd
    from span
    where started_at >= make_timestamp_ns($1::bigint)
        and started_at < make_timestamp_ns($2::bigint)
        and duplicate_of is null and not part_of_parent and not plumbing
        and (($4::varchar is null and $5::varchar is null)
            or session_id in (select session_id from chosen))
),
entry as (
    select 'tool' as kind, tool_name as name, true as is_use, * from act
    where operation = 'tool' and tool_name is not null
    union all
    select 'mcp', mcp_server, true, * from act
    where operation in ('tool', 'mcp') and mcp_server is not null
    union all
    select 'skill', skill_name, true, * from act where skill_name is not null
    union all
    select 'hook', coalesce(hook_name, hook_event, 'hook'), true, * from act
    where operation = 'hook'
    union all
    -- Requests that an agent made are its cost, not further uses of it.
    select 'agent', agent_name, operation = 'agent', * from act
    where agent_name is not null and operation in ('agent', 'model')
    union all
    select 'model', model, true, * from act where operation = 'model' and model is not null
    union all
    select 'harness', harness, true, session_id, null, null, null, null, null, null, null, null,
        started_at, duration_ns, denied_count > 0, status = 'error', input_tokens, output_tokens,
        cost_usd
    from chosen
    where harness is not null and parent_session_id is null
        and started_at >= make_timestamp_ns($1::bigint)
        and started_at < make_timestamp_ns($2::bigint)
)
select
    kind, name,
    count(*) filter (is_use) as use_count,
    count(distinct session_id) as session_count,
    count(*) filter (is_use and failed) as failure_count,
    count(*) filter (is_use and denied) as denied_count,
    coalesce(sum(duration_ns) filter (is_use), 0)::bigint as total_duration_ns,
    (quantile_cont(duration_ns, 0.5) filter (is_use))::bigint as p50_duration_ns,
    (quantile_cont(duration_ns, 0.95) filter (is_use))::bigint as p95_duration_ns,
    coalesce(sum(input_tokens), 0)::bigint as input_tokens,
    coalesce(sum(output_tokens), 0)::bigint as output_tokens,
    sum(cost_usd) as cost_usd,
    max(started_at) as last_used_at,
    histogram(floor((epoch_ns(started_at) - $1::bigint)::double / ($2::bigint - $1::bigint)
        * $3::bigint)::bigint) filter (is_use) as trend
from entry
group by kind, name
having use_count > 0
order by kind, use_count desc, name
