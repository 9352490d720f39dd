-- title: Tools that fail
-- description: Failure rate of each tool, and its most frequent error.
-- parameter since timestamp = 30d: From then on: a time, or an age as 7d
-- parameter limit integer = 50: Rows at most
select
    tool_name,
    mcp_server,
    count(*) as calls,
    count(*) filter (where status = 'error' or success is false) as failed,
    round(100.0 * failed / calls, 1) as failed_percent,
    mode(coalesce(error_message, error_type)) as most_frequent_error
from tool_calls
where started_at >= $since
group by tool_name, mcp_server
having failed > 0
order by failed desc, tool_name
limit $limit
