-- $1 session ids separated by U+001F
select * exclude (attributes), attributes::varchar as attributes
from metrics
where session_id in (select unnest(string_split($1::varchar, chr(31))))
order by time, name, point_id
