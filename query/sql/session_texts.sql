-- Texts of a session's counted tool calls and model requests that detectors compare, in part: what a
-- tool was given and gave, and what a model answered. Read by position.
-- $1 session id, $2 start (Unix ns) from which on, $3 size from which on a text is left out,
-- $4 characters of each text
select
    trace_id, span_id,
    left(payload_text(case
        when operation = 'tool' and input_size < $3::bigint then input_id
    end), $4::bigint) as input,
    left(payload_text(case when output_size < $3::bigint then output_id end), $4::bigint) as output
from span
where session_id = $1::varchar
    and started_at >= make_timestamp_ns($2::bigint)
    and duplicate_of is null and not part_of_parent and not plumbing
    and operation in ('tool', 'model')
    and (input_id is not null or output_id is not null)
