-- $1 row numbers separated by U+001F
select act_id, payload_text(coalesce(input_id, prompt_id)) as input, payload_text(output_id) as output
from span
where act_id in (select unnest(string_split($1::varchar, chr(31)))::bigint)
