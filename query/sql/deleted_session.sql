-- $1 session id
select session_id, deleted_at, span_count from deleted_sessions where session_id = $1::varchar
