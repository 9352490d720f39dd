-- What the counted acts of a session and its child sessions were given and said, in order of start.
-- Texts are put together for the acts of the page only.
-- $1 session id, $2 acts as `trace id:span id` separated by U+001F (null for all),
-- $3 acts to skip, $4 most acts, $5 largest text that is read, in bytes
with recursive family (session_id) as (
    select $1::varchar
    union
    select s.session_id from session s join family f on s.parent_session_id = f.session_id
),
acts as (
    select
        act_id, trace_id, span_id, session_id, coalesce(turn, 0) as turn, operation, name,
        started_at, status, error_message, tool_name, tool_call_id, mcp_server, decision,
        coalesce(input_id, prompt_id) as input_id, coalesce(input_hash, prompt_hash) as input_hash,
        coalesce(input_size, prompt_size) as input_size, output_id, output_hash, output_size,
        case when operation = 'model' then lag(input_id ignore nulls) over before end
            as previous_id,
        case when operation = 'model' then lag(input_size ignore nulls) over before end
            as previous_size
    from span
    where session_id in (select session_id from family)
        and duplicate_of is null and not plumbing and not part_of_parent
        and operation not in ('session', 'internal', 'embedding')
    window before as (
        partition by session_id, operation, coalesce(agent_id, agent_name)
        order by started_at, act_id)
),
page as (
    select *, count(*) over () as total
    from acts
    where $2::varchar is null
        or trace_id || ':' || span_id in (select unnest(string_split($2::varchar, chr(31))))
    order by started_at, act_id
    limit $4::bigint offset $3::bigint
)
select
    * exclude (act_id),
    payload_text(case when input_size <= $5::bigint then input_id end) as input,
    payload_text(case when output_size <= $5::bigint then output_id end) as output,
    payload_text(case when input_size <= $5::bigint and previous_size <= $5::bigint
        then previous_id end) as previous
from page
order by started_at, page.act_id
