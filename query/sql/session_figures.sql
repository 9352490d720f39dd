-- What two sessions are compared by, and a verdict goes by. $1 session id
select
    session_id, title, harness, harness_version, status, models, turn_count, model_request_count,
    tool_call_count, error_count, denied_count, input_tokens, output_tokens, cost_usd, duration_ns
from sessions
where session_id = $1::varchar
