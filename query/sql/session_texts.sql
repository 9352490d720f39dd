-- Texts of acts that detectors compare, in part: what a tool was given and gave, what a model answered,
-- what a turn or a subagent was asked. Read by position.
-- $1 row numbers of the acts separated by U+001F, $2 and $3 the least and the greatest of them, $4 size from
-- which on a text is left out, $5 characters of each text
select
    trace_id, span_id,
    left(payload_text(case
        when operation in ('tool', 'turn', 'agent') and input_size < $4::bigint then input_id
    end), $5::bigint) as input,
    left(payload_text(case when output_size < $4::bigint then output_id end), $5::bigint) as output
from span
where act_id between $2::bigint and $3::bigint
    and act_id in (select unnest(string_split($1::varchar, chr(31)))::bigint)
