-- Sessions that have not ended, and of which the last act lies in one of two periods.
-- $1 from (Unix ns), $2 before (Unix ns); $3 from (Unix ns), $4 before (Unix ns)
select session_id from session
where not ended and (
    (last_at >= make_timestamp_ns($1::bigint) and last_at < make_timestamp_ns($2::bigint))
    or (last_at >= make_timestamp_ns($3::bigint) and last_at < make_timestamp_ns($4::bigint))
)
