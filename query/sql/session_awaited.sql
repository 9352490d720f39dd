-- Whether something is still to come of a session: it has not ended, and its last act calls for another.
-- $1 session id
select not ended and silent_status = 'killed' as is_awaited
from session where session_id = $1::varchar
