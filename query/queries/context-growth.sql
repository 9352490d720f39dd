-- title: Context growth per turn
-- description: Largest request of each turn, and how much it grew since the turn before.
-- parameter session text: The session
select
    turn,
    count(*) as requests,
    max(input_tokens) as largest_input_tokens,
    largest_input_tokens - lag(largest_input_tokens) over (order by turn) as growth,
    max(input_size) as largest_input_bytes,
    sum(output_tokens)::bigint as output_tokens
from model_requests
where session_id = $session
group by turn
order by turn
