-- title: Cost by model and day
-- description: Requests, tokens and cost of each model, day by day (UTC).
-- parameter since timestamp = 30d: From then on: a time, or an age as 7d
select
    date_trunc('day', started_at)::date as day,
    model,
    count(*) as requests,
    sum(input_tokens)::bigint as input_tokens,
    sum(cache_read_tokens)::bigint as cache_read_tokens,
    sum(output_tokens)::bigint as output_tokens,
    sum(cost_usd) as cost_usd,
    count(*) filter (where cost_usd is null) as requests_without_cost
from model_requests
where started_at >= $since
group by day, model
order by day desc, cost_usd desc nulls last, model
