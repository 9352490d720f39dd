-- $1 session ids separated by U+001F
select * exclude (prompt, response)
from turns
where session_id in (select unnest(string_split($1::varchar, chr(31))))
order by session_id, turn
