-- Human marks.
create or replace view annotations as
select annotation_id, session_id, trace_id, span_id, turn, verdict, comment, author, created_at
from annotation;
