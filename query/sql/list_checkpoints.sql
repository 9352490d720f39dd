-- The named moments of a session and its child sessions, in order. $1 session id
with recursive family (session_id) as (
    select $1::varchar
    union
    select s.session_id from session s join family f on s.parent_session_id = f.session_id
)
select session_id, name, trace_id, span_id, time, author, created_at
from checkpoints
where session_id in (select session_id from family)
order by time, name
