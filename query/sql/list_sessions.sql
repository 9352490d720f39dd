-- Sessions, newest activity first. Each filter is off when its parameter is null.
-- $1 row limit
-- $2, $3 cursor: last activity (Unix ns) and session id of the last row seen
-- $4 free text in lower case
-- $5 status, $6 harness, $7 finding kind (`any` for whichever)
-- $8 parent session id
-- $9 whether sessions with a parent are wanted too
-- $10 session ids, separated by U+001F
with kinds as (
    select session_id, list(distinct kind order by kind) as finding_kinds
    from finding
    group by session_id
)
select
    s.session_id, b.parent_session_id, s.harness, s.title, s.host, s.project, s.user_id,
    s.started_at, s.ended_at, s.duration_ns, s.status, b.inferred,
    s.turn_count, s.span_count, s.model_request_count, s.tool_call_count, s.error_count,
    s.denied_count, s.subagent_count,
    s.input_tokens, s.output_tokens, s.cache_read_tokens, s.cache_write_tokens,
    s.reasoning_tokens, s.cost_usd, s.models, s.tools, s.tags, s.finding_count,
    k.finding_kinds, s.payload_bytes, epoch_ns(b.last_at) as last_ns
from sessions s
join session b on b.session_id = s.session_id
left join kinds k on k.session_id = s.session_id
where ($2::bigint is null or (epoch_ns(b.last_at), s.session_id) < ($2::bigint, $3::varchar))
    and ($4::varchar is null or contains(
        lower(concat_ws(' ', s.title, s.session_id, s.harness, s.project,
            array_to_string(s.models, ' '), array_to_string(s.tools, ' '))),
        $4::varchar))
    and ($5::varchar is null or s.status = $5::varchar)
    and ($6::varchar is null or s.harness = $6::varchar)
    and ($7::varchar is null or list_contains(k.finding_kinds, $7::varchar)
        or ($7::varchar = 'any' and len(k.finding_kinds) > 0))
    and ($8::varchar is null or b.parent_session_id = $8::varchar)
    -- A child whose parent never arrived stands on its own.
    and ($9::boolean or $8::varchar is not null or b.parent_session_id is null
        or b.parent_session_id not in (select session_id from session))
    and ($10::varchar is null or list_contains(string_split($10::varchar, chr(31)), s.session_id))
order by b.last_at desc, s.session_id desc
limit $1::bigint
