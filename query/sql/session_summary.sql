-- Totals of the filtered sessions.
select
    count(*) as session_count,
    count(*) filter (status = 'running') as running_count,
    coalesce(sum(turn_count), 0)::bigint as turn_count,
    coalesce(sum(model_request_count), 0)::bigint as model_request_count,
    coalesce(sum(tool_call_count), 0)::bigint as tool_call_count,
    coalesce(sum(error_count), 0)::bigint as error_count,
    coalesce(sum(denied_count), 0)::bigint as denied_count,
    coalesce(sum(finding_count), 0)::bigint as finding_count,
    count(*) filter (finding_count > 0) as found_session_count,
    coalesce(sum(input_tokens), 0)::bigint as input_tokens,
    coalesce(sum(output_tokens), 0)::bigint as output_tokens,
    coalesce(sum(cache_read_tokens), 0)::bigint as cache_read_tokens,
    sum(cost_usd) as cost_usd,
    count(cost_usd) as priced_session_count,
    avg(duration_ns)::bigint as average_duration_ns
from filtered
