-- One span without its payload texts. $1 trace id, $2 span id
select
    s.trace_id, s.span_id, s.parent_span_id, s.reported_parent_id, s.session_id, s.turn,
    s.operation, s.name, s.kind, s.started_at, s.ended_at, s.duration_ns, s.status,
    s.status_message, s.error_type, s.error_message, s.exit_code, s.agent_name, s.agent_id, s.model, s.provider,
    s.tool_name, s.tool_call_id, s.mcp_server, s.skill_name, s.hook_event, s.hook_name,
    s.decision, s.decision_source, s.decision_reason, s.input_tokens, s.output_tokens,
    s.cache_read_tokens, s.cache_write_tokens, s.reasoning_tokens, s.cost_usd, s.finish_reason, s.call_hash,
    s.duplicate_of_trace_id, s.duplicate_of, s.origin, s.scope_name, s.scope_version,
    s.service_name, s.host, s.trace_state, s.dropped_attributes_count, s.truncated_upstream,
    s.request_id, s.input_hash, s.input_size, s.output_hash, s.output_size,
    s.attributes::varchar as attributes, s.links::varchar as links,
    r.attributes::varchar as resource
from span s
left join resource r on r.resource_id = s.resource_id
where s.trace_id = $1::varchar and s.span_id = $2::varchar
limit 1
