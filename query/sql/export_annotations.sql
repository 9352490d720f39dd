-- $1 session ids separated by U+001F
select *
from annotations
where session_id in (select unnest(string_split($1::varchar, chr(31))))
order by created_at, annotation_id
