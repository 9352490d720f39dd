-- Filtered sessions by the quarter of an hour in which they started: every time zone's midnight
-- falls on one.
select
    (epoch_ns(started_at) // 900000000000)::bigint as quarter,
    count(*) as session_count,
    sum(input_tokens + output_tokens)::bigint as tokens,
    sum(cost_usd) as cost_usd
from filtered
where started_at is not null
group by 1
order by 1
