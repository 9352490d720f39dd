-- $1 hashes in hex separated by U+001F
select payload_id, size
from payload
where hash in (select unhex(unnest(string_split($1::varchar, chr(31)))))
order by payload_id
