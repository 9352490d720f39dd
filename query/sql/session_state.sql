-- $1 session id
select ended, status from session where session_id = $1::varchar
