-- $1 session id
select
    turn, prompt, response, started_at, duration_ns, model_request_count, tool_call_count,
    error_count, input_tokens, output_tokens, cost_usd
from turns
where session_id = $1::varchar
order by turn
