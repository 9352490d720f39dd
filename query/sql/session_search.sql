-- Acts of a session and its child sessions whose own texts hold some words. The input of a model
-- request is left out: it repeats what other acts say.
-- $1 session id, $2 words in lower case, $3 most acts, $4 largest text that is read, in bytes
with recursive family (session_id) as (
    select $1::varchar
    union
    select s.session_id from session s join family f on s.parent_session_id = f.session_id
)
select trace_id, span_id
from span
where session_id in (select session_id from family)
    and duplicate_of is null and not plumbing and not part_of_parent
    and (contains(lower(payload_text(
            case when operation <> 'model' and input_size <= $4::bigint then input_id end)),
            $2::varchar)
        or contains(lower(payload_text(case when output_size <= $4::bigint then output_id end)),
            $2::varchar)
        or contains(lower(payload_text(case when prompt_size <= $4::bigint then prompt_id end)),
            $2::varchar)
        or contains(lower(error_message), $2::varchar))
limit $3::bigint
