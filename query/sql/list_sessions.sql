-- A page of the filtered sessions.
-- $21 row limit, $22 what to sort by, $23 1 for largest first, -1 for smallest first
-- $24, $25 cursor: sort key and session id of the last row seen
, page as (
    select session_id,
        case $22::varchar
            when 'started' then epoch_ns(started_at)
            when 'duration' then duration_ns
            when 'turns' then turn_count
            when 'tokens' then input_tokens + output_tokens
            when 'cost' then (coalesce(cost_usd, -1) * 1e9)::bigint
            when 'errors' then error_count
            when 'findings' then finding_count
            else last_ns
        end * $23::bigint as sort_key
    from filtered
    where $24::bigint is null or (sort_key, session_id) < ($24::bigint, $25::varchar)
    order by sort_key desc, session_id desc
    limit $21::bigint
)
select f.*, p.sort_key
from page p
join filtered f on f.session_id = p.session_id
order by p.sort_key desc, p.session_id desc
