-- $1 session ids separated by U+001F
select session_id, turn, prompt, started_at
from turns
where session_id in (select unnest(string_split($1::varchar, chr(31)))) and turn > 0
order by started_at, session_id, turn
