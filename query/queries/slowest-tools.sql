-- title: Slowest tools
-- description: How long the calls of each tool took: median, 95th percentile, longest and all together.
-- parameter since timestamp = 30d: From then on: a time, or an age as 7d
-- parameter limit integer = 50: Rows at most
select
    tool_name,
    mcp_server,
    count(*) as calls,
    quantile_cont(duration_ns, 0.5) / 1e6 as median_ms,
    quantile_cont(duration_ns, 0.95) / 1e6 as p95_ms,
    max(duration_ns) / 1e6 as longest_ms,
    sum(duration_ns) / 1e9 as total_s
from tool_calls
where started_at >= $since and duration_ns is not null
group by tool_name, mcp_server
order by total_s desc, tool_name
limit $limit
