-- title: Failure rates of MCP servers
-- description: Calls, failures and median time of each MCP server.
-- parameter since timestamp = 30d: From then on: a time, or an age as 7d
select
    mcp_server,
    count(*) as calls,
    count(*) filter (where status = 'error' or success is false) as failed,
    round(100.0 * failed / calls, 1) as failed_percent,
    quantile_cont(duration_ns, 0.5) / 1e6 as median_ms,
    list(distinct tool_name order by tool_name) as tools
from tool_calls
where mcp_server is not null and started_at >= $since
group by mcp_server
order by failed_percent desc, mcp_server
