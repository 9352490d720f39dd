-- Beginnings of what two acts were given. $1 trace and $2 span id of the one, $3 and $4 of the other,
-- $5 characters of each text
select trace_id, span_id, left(payload_text(input_id), $5::bigint) as input, input_size
from span
where (trace_id = $1::varchar and span_id = $2::varchar)
    or (trace_id = $3::varchar and span_id = $4::varchar)
