-- $1 session ids separated by U+001F
select *
from checkpoints
where session_id in (select unnest(string_split($1::varchar, chr(31))))
order by time, name
