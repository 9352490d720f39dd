-- $1 session id, $2 annotation id
select annotation_id, session_id, trace_id, span_id, turn, verdict, comment, author, created_at
from annotations
where session_id = $1::varchar and annotation_id = $2::varchar
