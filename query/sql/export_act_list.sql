-- $1 session ids separated by U+001F, $2 only acts that count
select act_id, coalesce(input_size, 0) + coalesce(output_size, 0) as text_bytes
from span
where session_id in (select unnest(string_split($1::varchar, chr(31))))
    and (not $2::boolean or (duplicate_of is null and not part_of_parent and not plumbing))
order by started_at, act_id
