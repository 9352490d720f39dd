-- Sessions that findings may still change of, after a restart.
select session_id from session where not ended
union
select session_id from finding where open
