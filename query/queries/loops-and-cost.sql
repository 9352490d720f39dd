-- title: Who looped, and what it cost
-- description: Loops by what they wasted, with the session and the first span.
-- parameter since timestamp = 30d: From then on: a time, or an age as 7d
-- parameter limit integer = 50: Rows at most
select
    f.session_id,
    s.title as session,
    s.harness,
    f.title as loop,
    f.confidence,
    f.repeat_count,
    f.wasted_ns / 1e9 as wasted_s,
    f.wasted_tokens,
    f.wasted_cost_usd,
    f.trace_ids[1] as trace_id,
    f.first_span_id as span_id
from findings f
join sessions s on s.session_id = f.session_id
where f.kind = 'loop' and s.started_at >= $since
order by f.wasted_cost_usd desc nulls last, f.wasted_tokens desc, f.wasted_ns desc, f.finding_id
limit $limit
