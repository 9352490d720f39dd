-- title: Costliest turns
-- description: Prompts by what they caused: requests, calls, tokens, cost, time.
-- parameter since timestamp = 30d: From then on: a time, or an age as 7d
-- parameter limit integer = 50: Rows at most
select
    session_id,
    turn,
    left(prompt, 200) as prompt,
    model_request_count,
    tool_call_count,
    input_tokens + output_tokens as tokens,
    cost_usd,
    duration_ns / 1e9 as seconds
from turns
where started_at >= $since
order by cost_usd desc nulls last, tokens desc, session_id, turn
limit $limit
