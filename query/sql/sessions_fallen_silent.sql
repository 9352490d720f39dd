-- Sessions that something is still to come of, and of which the last act lies between two times.
-- $1 from (Unix ns), $2 before (Unix ns)
select session_id from session
where not ended and silent_status = 'killed'
    and last_at >= make_timestamp_ns($1::bigint) and last_at < make_timestamp_ns($2::bigint)
