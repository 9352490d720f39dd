-- Every stored act, plumbing and duplicates included. Texts are put together only when asked for.
create or replace view spans as
select
    s.trace_id,
    s.span_id,
    s.parent_span_id,
    s.session_id,
    s.turn,
    span_seq(s.session_id, s.act_id) as seq,
    s.operation,
    s.name,
    s.kind,
    s.started_at,
    s.ended_at,
    s.duration_ns,
    s.status,
    s.status_message,
    s.error_type,
    s.error_message,
    s.agent_name,
    s.agent_id,
    s.parent_agent_id,
    s.starts_subagent,
    s.model,
    s.provider,
    s.request_id,
    s.tool_name,
    s.tool_call_id,
    s.mcp_server,
    s.skill_name,
    s.hook_event,
    s.hook_name,
    s.decision,
    s.decision_source,
    s.decision_reason,
    s.input_tokens,
    s.output_tokens,
    s.cache_read_tokens,
    s.cache_write_tokens,
    s.reasoning_tokens,
    s.cost_usd,
    s.cost_source,
    s.attempt_count,
    s.finish_reason,
    s.success,
    s.exit_code,
    payload_text(s.input_id) as input,
    payload_text(s.output_id) as output,
    lower(hex(s.input_hash)) as input_hash,
    lower(hex(s.output_hash)) as output_hash,
    s.input_size,
    s.output_size,
    s.output_source,
    s.call_hash,
    s.detail,
    s.duplicate_of,
    s.duplicate_of_trace_id,
    s.plumbing,
    s.part_of_parent,
    s.duplicate_of is null and not s.part_of_parent and not s.plumbing as counted,
    s.origin,
    s.harness,
    s.harness_version,
    s.host,
    s.project,
    s.branch,
    s.user_id,
    s.service_name,
    s.scope_name,
    s.scope_version,
    s.trace_state,
    s.reported_parent_id,
    s.session_inferred,
    s.truncated_upstream,
    s.dropped_attributes_count,
    s.links,
    s.attributes,
    resource_attributes(s.resource_id) as resource,
    s.act_id
from span s;

create or replace view tool_calls as
select * from spans where operation = 'tool' and counted;

create or replace view model_requests as
select * from spans where operation = 'model' and counted;

create or replace view hook_fires as
select * from spans where operation = 'hook' and counted;

create or replace view denials as
-- A hook that denied a tool call did what the call's own row says.
select * from spans
where decision = 'deny' and counted and not (operation = 'hook' and tool_call_id is not null);

-- What senders cut, dropped or left out of the acts of a session, and the switch that prevents it.
create or replace view capture_gaps as
select
    session_id,
    min(harness) as harness,
    regexp_replace(split_part(truncated_upstream, '; ', 1), '^[0-9]+ ', '') as gap,
    nullif(split_part(truncated_upstream, '; ', 2), '') as remedy,
    count(*) as act_count,
    sum(dropped_attributes_count)::bigint as dropped_attributes_count,
    arg_min(span_id, started_at) as first_span_id
from span
where truncated_upstream is not null
    and duplicate_of is null and not plumbing
group by session_id, gap, remedy;
