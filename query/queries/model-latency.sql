-- title: Model latency
-- description: Percentiles of the time a model took, and output tokens a second.
-- parameter since timestamp = 30d: From then on: a time, or an age as 7d
select
    model,
    provider,
    count(*) as requests,
    quantile_cont(duration_ns, 0.5) / 1e9 as p50_s,
    quantile_cont(duration_ns, 0.9) / 1e9 as p90_s,
    quantile_cont(duration_ns, 0.99) / 1e9 as p99_s,
    max(duration_ns) / 1e9 as longest_s,
    sum(output_tokens) / nullif(sum(duration_ns) / 1e9, 0) as output_tokens_per_s
from model_requests
where started_at >= $since and duration_ns is not null
group by model, provider
order by requests desc, model
