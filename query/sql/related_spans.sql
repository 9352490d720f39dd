-- Spans that say more about one span. $1 trace id, $2 span id, $3 session id, $4 call hash,
-- $5 and $6 trace and span id that it is a duplicate of
select trace_id, span_id, name, operation, origin,
    case
        when span_id = $6::varchar and trace_id = $5::varchar then 'duplicate_of'
        when duplicate_of = $2::varchar and duplicate_of_trace_id = $1::varchar then 'duplicate'
        when parent_span_id = $2::varchar and session_id <> $3::varchar then 'child_session'
        when parent_span_id = $2::varchar then 'retry'
        else 'same_call'
    end as relation
from span
where (session_id = $3::varchar or trace_id = $1::varchar or trace_id = $5::varchar)
    and not (trace_id = $1::varchar and span_id = $2::varchar)
    and ((span_id = $6::varchar and trace_id = $5::varchar)
        or (duplicate_of = $2::varchar and duplicate_of_trace_id = $1::varchar)
        or (parent_span_id = $2::varchar and session_id <> $3::varchar)
        or (parent_span_id = $2::varchar and operation = 'model' and part_of_parent)
        or (call_hash = $4::varchar and duplicate_of is null and not part_of_parent))
order by started_at, act_id
limit 200
