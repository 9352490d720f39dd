-- Texts of sessions' counted acts that detectors compare, in part: what a tool was given and gave, what
-- a model answered, what a turn or a subagent was asked. Read by position.
-- $1 session ids separated by U+001F, $2 for each of them the start (Unix ns) from which on, separated
-- alike, $3 size from which on a text is left out, $4 characters of each text
with wanted as (
    select
        unnest(string_split($1::varchar, chr(31))) as wanted_id,
        unnest(string_split($2::varchar, chr(31)))::bigint as from_ns
)
select
    trace_id, span_id,
    left(payload_text(case
        when operation in ('tool', 'turn', 'agent') and input_size < $3::bigint then input_id
    end), $4::bigint) as input,
    left(payload_text(case when output_size < $3::bigint then output_id end), $4::bigint) as output
from span
join wanted on wanted_id = session_id
where started_at >= make_timestamp_ns(from_ns)
    and duplicate_of is null and not part_of_parent and not plumbing
    and operation in ('tool', 'model', 'turn', 'agent')
    and (input_id is not null or output_id is not null)
