-- The prompts of a session's first turns. $1 session id, $2 turns, $3 characters of each text
select turn, left(prompt, $3::bigint) as prompt, strlen(prompt) as size
from turns
where session_id = $1::varchar
order by turn
limit $2::bigint
