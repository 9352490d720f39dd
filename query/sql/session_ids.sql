-- Every session, oldest first. $1 session id, or null for all
select session_id from session
where $1::varchar is null or session_id = $1::varchar
order by started_at, session_id
