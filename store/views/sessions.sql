-- One row per agent session. One that says nothing for 15 minutes counts as ended, in the way that its
-- last acts tell.
create or replace view sessions as
select
    s.session_id,
    s.parent_session_id,
    s.harness,
    s.harness_version,
    s.title,
    s.host,
    s.project,
    s.branch,
    s.user_id,
    s.started_at,
    case when s.ended then s.last_at end as ended_at,
    s.last_at,
    s.duration_ns,
    case
        when s.status = 'running' and s.last_at < make_timestamp_ns((epoch_us(now()) - 900000000) * 1000)
            then s.silent_status
        else s.status
    end as status,
    s.turn_count,
    s.span_count,
    s.model_request_count,
    s.tool_call_count,
    s.error_count,
    s.denied_count,
    s.subagent_count,
    s.input_tokens,
    s.output_tokens,
    s.cache_read_tokens,
    s.cache_write_tokens,
    s.reasoning_tokens,
    s.cost_usd,
    s.models,
    s.tools,
    coalesce(t.tags, []) as tags,
    coalesce(f.finding_count, 0) as finding_count,
    s.payload_bytes,
    s.inferred
from session s
left join (
    select session_id, list(distinct tag order by tag) as tags from tag group by session_id
) t on t.session_id = s.session_id
left join (
    select session_id, count(*) as finding_count from finding group by session_id
) f on f.session_id = s.session_id;
