-- The turns of a session with the beginnings of what was asked and answered.
-- $1 session id, $2 characters of each text
select
    turn, epoch_ns(started_at) as start_ns, duration_ns, tool_call_count, error_count,
    left(payload_text(prompt_id), $2::bigint) as prompt, prompt_hash, prompt_size,
    left(payload_text(response_id), $2::bigint) as response, response_hash, response_size
from turn
where session_id = $1::varchar
order by turn
