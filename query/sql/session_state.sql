-- Where sessions are: over, silent for so long that they count as over, and whether something is still to
-- come of one that has not ended, because its last act calls for another.
-- $1 session ids separated by U+001F, $2 the time (Unix ns) that the last act of a silent one lies before
select
    session_id,
    ended or (is_silent and silent_status <> 'killed') as ended,
    not ended and is_silent as is_silent,
    not ended and silent_status = 'killed' as is_awaited
from (
    select session_id, ended, silent_status, last_at < make_timestamp_ns($2::bigint) as is_silent
    from session
    where session_id in (select unnest(string_split($1::varchar, chr(31))))
)
