-- $1 session ids separated by U+001F
select *
from findings
where session_id in (select unnest(string_split($1::varchar, chr(31))))
order by detected_at, finding_id
