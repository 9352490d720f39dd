-- Where sessions are: over, how they stand, and whether something is still to come of one that has not
-- ended, because its last act calls for another.
-- $1 session ids separated by U+001F
select session_id, ended, status, not ended and silent_status = 'killed' as is_awaited
from session
where session_id in (select unnest(string_split($1::varchar, chr(31))))
