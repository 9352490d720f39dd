-- Sessions that findings may still change of, after a restart: those that have not ended, those with an
-- open finding, and those that the last run did not get to.
select session_id from session where not ended
union
select session_id from finding where open
union
select distinct session_id from span
where trace_id in (
    select trace_id from span where act_id > (select max(value) from state where name = 'looked_at')
)
