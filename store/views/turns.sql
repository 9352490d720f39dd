-- One row per user prompt and all it caused.
create or replace view turns as
select
    session_id,
    turn,
    payload_text(prompt_id) as prompt,
    payload_text(response_id) as response,
    lower(hex(prompt_hash)) as prompt_hash,
    lower(hex(response_hash)) as response_hash,
    started_at,
    duration_ns,
    span_count,
    model_request_count,
    tool_call_count,
    error_count,
    denied_count,
    input_tokens,
    output_tokens,
    cost_usd
from turn;
