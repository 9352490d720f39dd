-- A session and those that it started, the session itself first. $1 session id
with recursive family (session_id, depth) as (
    select session_id, 0 from session where session_id = $1::varchar
    union
    select s.session_id, f.depth + 1
    from session s join family f on s.parent_session_id = f.session_id
    where f.depth < 100
)
select session_id
from session
where session_id in (select session_id from family)
order by session_id <> $1::varchar, started_at, session_id
