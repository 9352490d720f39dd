-- title: Cache hit ratio
-- description: Share of input tokens that came from the cache, by harness and model.
-- parameter since timestamp = 30d: From then on: a time, or an age as 7d
select
    harness,
    model,
    count(*) as requests,
    sum(input_tokens)::bigint as input_tokens,
    sum(cache_read_tokens)::bigint as cache_read_tokens,
    sum(cache_write_tokens)::bigint as cache_write_tokens,
    round(100.0 * sum(cache_read_tokens) / nullif(sum(input_tokens), 0), 1) as hit_percent
from model_requests
where started_at >= $since
group by harness, model
order by input_tokens desc nulls last, harness, model
