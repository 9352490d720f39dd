-- The sessions that pass the filters: beginning of every query over sessions. A filter is off when
-- its parameter is null. Lists are lower case, their items separated by U+001F; a session passes a
-- list when one of its items fits.
-- $1 free text in lower case
-- $2 status, $3 harness, $4 agents, $5 host, $6 project, $7 models, $8 tools, $9 MCP servers,
-- $10 finding kinds (`any` for whichever), $11 tags
-- $12 least and $13 most cost, $14 least and $15 most duration (ns)
-- $16 and $17 start: from, and before (Unix ns)
-- $18 parent session id
-- $19 whether sessions with a parent are wanted too
-- $20 session ids
with kinds as (
    select session_id, list(distinct kind order by kind) as finding_kinds
    from finding
    group by session_id
),
-- A child whose parent never arrived stands on its own.
child as (
    select c.session_id
    from session c
    join session p on p.session_id = c.parent_session_id
),
-- Read twice by the list: once for the order, once for the rows of a page.
filtered as not materialized (
    select
        s.session_id, s.parent_session_id, s.harness, s.title, s.host, s.project, s.user_id,
        s.started_at, s.ended_at, s.duration_ns, s.status, s.inferred,
        s.turn_count, s.span_count, s.model_request_count, s.tool_call_count, s.error_count,
        s.denied_count, s.subagent_count,
        s.input_tokens, s.output_tokens, s.cache_read_tokens, s.cache_write_tokens,
        s.reasoning_tokens, s.cost_usd, s.models, s.tools, s.tags, s.finding_count,
        k.finding_kinds, s.payload_bytes, epoch_ns(s.last_at) as last_ns
    from sessions s
    left join kinds k on k.session_id = s.session_id
    where ($1::varchar is null or contains(
            lower(concat_ws(' ', s.title, s.session_id, s.harness, s.host, s.project,
                array_to_string(s.models, ' '), array_to_string(s.tools, ' '),
                array_to_string(s.tags, ' '))),
            $1::varchar))
        and ($2::varchar is null or list_contains(string_split($2::varchar, chr(31)), s.status))
        and ($3::varchar is null
            or list_contains(string_split($3::varchar, chr(31)), lower(s.harness)))
        and ($4::varchar is null or s.session_id in (
            select session_id from span
            where $4::varchar is not null
                and list_contains(string_split($4::varchar, chr(31)), lower(agent_name))))
        and ($5::varchar is null
            or list_contains(string_split($5::varchar, chr(31)), lower(s.host)))
        and ($6::varchar is null
            or list_contains(string_split($6::varchar, chr(31)), lower(s.project)))
        and ($7::varchar is null or list_has_any(string_split($7::varchar, chr(31)),
            string_split(lower(array_to_string(s.models, chr(31))), chr(31))))
        and ($8::varchar is null or list_has_any(string_split($8::varchar, chr(31)),
            string_split(lower(array_to_string(s.tools, chr(31))), chr(31))))
        and ($9::varchar is null or s.session_id in (
            select session_id from span
            where $9::varchar is not null
                and list_contains(string_split($9::varchar, chr(31)), lower(mcp_server))))
        and ($10::varchar is null
            or list_has_any(string_split($10::varchar, chr(31)), k.finding_kinds)
            or (list_contains(string_split($10::varchar, chr(31)), 'any')
                and len(k.finding_kinds) > 0))
        and ($11::varchar is null or list_has_any(string_split($11::varchar, chr(31)),
            string_split(lower(array_to_string(s.tags, chr(31))), chr(31))))
        and ($12::double is null or s.cost_usd >= $12::double)
        and ($13::double is null or s.cost_usd <= $13::double)
        and ($14::bigint is null or s.duration_ns >= $14::bigint)
        and ($15::bigint is null or s.duration_ns <= $15::bigint)
        and ($16::bigint is null or s.started_at >= make_timestamp_ns($16::bigint))
        and ($17::bigint is null or s.started_at < make_timestamp_ns($17::bigint))
        and ($18::varchar is null or s.parent_session_id = $18::varchar)
        and ($19::boolean or $18::varchar is not null
            or s.session_id not in (select session_id from child))
        and ($20::varchar is null
            or list_contains(string_split($20::varchar, chr(31)), s.session_id))
)
