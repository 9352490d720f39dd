-- Acts of a session and its child sessions that a full-text question finds; of records that report
-- one act again, the act.
-- $1 session id, $2 question, $3 most acts
with recursive family (session_id) as (
    select $1::varchar
    union
    select s.session_id from session s join family f on s.parent_session_id = f.session_id
)
select s.trace_id, s.span_id
from search_hits($2::varchar) h
join span s on s.act_id = h.act_id
where s.session_id in (select session_id from family)
limit $3::bigint
