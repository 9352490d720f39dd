-- $1 session ids separated by U+001F
select session_id, ended, status
from session
where session_id in (select unnest(string_split($1::varchar, chr(31))))
