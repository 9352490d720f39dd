-- The structure of one trace, in order of start. Read by position, as session_tree.sql.
-- $1 trace id
select
    trace_id, span_id, coalesce(parent_span_id, reported_parent_id) as parent,
    epoch_ns(started_at) as start_ns, case when ended_at is null then -1 else duration_ns end,
    operation, name, detail, status,
    (case when duplicate_of is not null then 2 else 0 end
        + case when truncated_upstream is not null then 4 else 0 end
        + case when origin = 'log' then 8 else 0 end
        + case when plumbing or part_of_parent then 16 else 0 end
        + case when input_hash is not null then 32 else 0 end
        + case when output_hash is not null then 64 else 0 end
        + case when starts_subagent then 128 else 0 end)::integer as flags,
    coalesce(turn, 0) as turn, coalesce(agent_name, agent_id) as agent, model, tool_name,
    mcp_server, decision, session_id, input_tokens, output_tokens, cost_usd, call_hash
from span
where trace_id = $1::varchar
order by started_at, act_id
