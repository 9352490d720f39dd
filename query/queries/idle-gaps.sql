-- title: Longest idle gaps
-- description: Where nothing ran: time between the end of what came before and the next act.
-- parameter session text = null: Only this session
-- parameter since timestamp = 30d: From then on: a time, or an age as 7d
-- parameter limit integer = 50: Rows at most
with act as (
    select session_id, trace_id, span_id, started_at, coalesce(tool_name, model, name) as what,
        max(coalesce(ended_at, started_at)) over (
            partition by session_id order by started_at, operation, name, detail, act_id
            rows between unbounded preceding and 1 preceding) as quiet_since
    from spans
    where counted and operation in ('model', 'tool', 'mcp', 'hook')
        and started_at >= $since and ($session is null or session_id = $session)
)
select session_id, quiet_since, (epoch_ns(started_at) - epoch_ns(quiet_since)) / 1e9 as idle_s,
    what as next_act, trace_id, span_id
from act
where started_at > quiet_since
order by idle_s desc, span_id
limit $limit
