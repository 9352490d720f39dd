-- Where sessions stand, by their rows.
-- $1 session ids separated by U+001F
select
    session_id, ended, not ended and silent_status = 'killed' as is_awaited,
    coalesce(epoch_ns(last_at), 0) as last_ns
from session
where session_id in (select unnest(string_split($1::varchar, chr(31))))
