-- Loops, drift, blocked actions, error streaks, stalls.
create or replace view findings as
select
    finding_id,
    session_id,
    kind,
    severity,
    confidence,
    detector,
    title,
    explanation,
    span_ids[1] as first_span_id,
    span_ids[-1] as last_span_id,
    span_ids,
    trace_ids,
    repeat_count,
    wasted_ns,
    wasted_tokens,
    wasted_cost_usd,
    detected_at,
    updated_at,
    open
from finding;
