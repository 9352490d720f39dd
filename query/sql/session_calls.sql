-- The counted tool calls of a session and its child sessions that some ids name.
-- $1 session id, $2 tool call ids separated by U+001F
with recursive family (session_id) as (
    select $1::varchar
    union
    select s.session_id from session s join family f on s.parent_session_id = f.session_id
)
select tool_call_id, trace_id, span_id, output_id is not null as has_output
from span
where session_id in (select session_id from family)
    and operation in ('tool', 'mcp', 'skill')
    and duplicate_of is null and not plumbing and not part_of_parent
    and tool_call_id in (select unnest(string_split($2::varchar, chr(31))))
