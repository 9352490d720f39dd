-- $1 row numbers separated by U+001F
select lower(hex(hash)) as hash, payload_text(payload_id) as text
from payload
where payload_id in (select unnest(string_split($1::varchar, chr(31)))::bigint)
order by payload_id
