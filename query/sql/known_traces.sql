-- Which traces there are. $1 trace ids, separated by U+001F
select distinct trace_id
from span
where list_contains(string_split($1::varchar, chr(31)), trace_id)
