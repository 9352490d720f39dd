-- Names that people gave to moments and acts of a session.
create or replace view checkpoints as
select session_id, name, trace_id, span_id, time, author, created_at
from checkpoint;

-- Sessions that were deleted and are kept out.
create or replace view deleted_sessions as
select session_id, deleted_at, span_count, reason
from deleted where kind = 'session';
