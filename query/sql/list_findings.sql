-- Newest first. Each filter is off when its parameter is null.
-- $1 row limit, $2 session ids separated by U+001F, $3 kind, $4 trace id and $5 span id of a span
-- that the finding is about, $6 severity, $7 confidence
select
    f.finding_id, f.session_id, f.kind, f.severity, f.confidence, f.detector, f.title,
    f.explanation, f.trace_ids, f.span_ids, f.repeat_count, f.wasted_ns, f.wasted_tokens,
    f.wasted_cost_usd, f.detected_at, f.updated_at, f.open, s.title as session_title
from finding f
left join session s on s.session_id = f.session_id
where ($2::varchar is null or list_contains(string_split($2::varchar, chr(31)), f.session_id))
    and ($3::varchar is null or f.kind = $3::varchar)
    and ($6::varchar is null or f.severity = $6::varchar)
    and ($7::varchar is null or f.confidence = $7::varchar)
    and ($5::varchar is null or (list_contains(f.span_ids, $5::varchar)
        and list_contains(f.trace_ids, $4::varchar)))
order by f.updated_at desc, f.finding_id
limit $1::bigint
