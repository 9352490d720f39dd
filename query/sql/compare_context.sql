-- What a session's first model request that shows it was told as its system prompt. $1 session id,
-- $2 characters of the text
with first_request as (
    select trace_id, span_id
    from messages
    where session_id = $1::varchar and direction = 'system'
    order by started_at, trace_id, span_id
    limit 1
),
context as (
    select string_agg(m.content, chr(10) order by m.position, m.part) as content
    from messages m
    join first_request f on f.trace_id = m.trace_id and f.span_id = m.span_id
    where m.session_id = $1::varchar and m.direction = 'system'
)
select left(content, $2::bigint) as content, strlen(content) as size
from context
where content is not null
