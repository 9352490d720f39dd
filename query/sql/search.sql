-- Acts that a full-text question finds, latest first.
-- $1 question; $2 operations, $3 tools, $4 sessions, $5 harnesses, separated by U+001F (lower case
-- but for sessions), off when null; $6 from and $7 before (Unix ns); $8 row limit; $9 start and
-- $10 `act_id` of the last row of the page before
with hit as materialized (
    select
        s.act_id, s.trace_id, s.span_id, s.session_id, s.turn, s.operation, s.name, s.detail,
        s.tool_name, s.mcp_server, s.model, s.agent_name, s.started_at, s.duration_ns,
        s.status = 'error' or s.success is false as failed, s.decision,
        h.part, h.passage_count, h.number, h.payload_id,
        lower(hex(case h.part when 'prompt' then s.prompt_hash when 'input' then s.input_hash
            when 'output' then s.output_hash end)) as payload_hash
    from search_hits($1::varchar) h
    join span s on s.act_id = h.act_id
    where ($2::varchar is null or list_contains(string_split($2::varchar, chr(31)), s.operation))
        and ($3::varchar is null
            or list_contains(string_split($3::varchar, chr(31)), lower(s.tool_name)))
        and ($4::varchar is null
            or list_contains(string_split($4::varchar, chr(31)), s.session_id))
        and ($5::varchar is null or s.session_id in (
            select session_id from session
            where list_contains(string_split($5::varchar, chr(31)), lower(harness))))
        and ($6::bigint is null or s.started_at >= make_timestamp_ns($6::bigint))
        and ($7::bigint is null or s.started_at < make_timestamp_ns($7::bigint))
),
page as (
    select * from hit
    where $9::bigint is null
        or (epoch_ns(started_at), act_id) < ($9::bigint, $10::bigint)
    order by started_at desc, act_id desc
    limit $8::bigint
)
select p.*, s.title as session_title, s.harness, (select count(*) from hit) as total
from page p
left join session s on s.session_id = p.session_id
order by p.started_at desc, p.act_id desc
