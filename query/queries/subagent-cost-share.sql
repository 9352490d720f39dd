-- title: Cost share of subagents
-- description: Of each session, what its subagents used: in its own spans and in sessions that it started.
-- parameter since timestamp = 30d: From then on: a time, or an age as 7d
-- parameter limit integer = 50: Rows at most
with recursive below as (
    select trace_id, span_id from spans where starts_subagent and started_at >= $since
    union
    select c.trace_id, c.span_id
    from spans c
    join below b on c.trace_id = b.trace_id and c.parent_span_id = b.span_id
),
request as (
    select
        coalesce(s.parent_session_id, r.session_id) as session_id,
        s.parent_session_id is not null or b.span_id is not null as by_subagent,
        coalesce(r.input_tokens, 0) + coalesce(r.output_tokens, 0) as tokens,
        r.cost_usd
    from model_requests r
    join sessions s on s.session_id = r.session_id
    left join below b on b.trace_id = r.trace_id and b.span_id = r.span_id
    where r.started_at >= $since
)
select
    session_id,
    count(*) as requests,
    count(*) filter (where by_subagent) as subagent_requests,
    coalesce(sum(tokens) filter (where by_subagent), 0)::bigint as subagent_tokens,
    round(100.0 * subagent_tokens / nullif(sum(tokens), 0), 1) as subagent_token_percent,
    sum(cost_usd) filter (where by_subagent) as subagent_cost_usd,
    sum(cost_usd) as cost_usd
from request
group by session_id
having subagent_requests > 0
order by subagent_tokens desc, session_id
limit $limit
