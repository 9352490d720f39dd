-- $1 session ids separated by U+001F, in the order in which they are wanted
select s.*
from sessions s
where s.session_id in (select unnest(string_split($1::varchar, chr(31))))
order by list_position(string_split($1::varchar, chr(31)), s.session_id)
