-- The counted acts of sessions that detectors look at, in order of start. Read by position.
-- $1 session ids separated by U+001F, $2 and $3 the least and the greatest row number of an act
select
    trace_id, span_id, parent_span_id, operation, name,
    coalesce(agent_id, agent_name, '') as agent, coalesce(turn, 0) as turn,
    epoch_ns(started_at) as start_ns, epoch_ns(ended_at) as end_ns,
    status = 'error' or success is false as is_error,
    coalesce(error_message, error_type, nullif(status_message, '')) as error,
    model, tool_name, tool_call_id, mcp_server, hook_name, hook_event, decision, decision_source,
    input_tokens, output_tokens, cost_usd, finish_reason, input_hash, output_hash, call_hash, detail,
    session_id, act_id
from span
where act_id between $2::bigint and $3::bigint
    and session_id in (select unnest(string_split($1::varchar, chr(31))))
    and duplicate_of is null and not part_of_parent and not plumbing
    and (
        operation in ('turn', 'agent', 'model', 'tool', 'hook', 'policy', 'skill', 'guardrail')
        or decision = 'deny'
    )
order by session_id, started_at, trace_id, span_id
