-- What senders cut or left out in the newest sessions of each harness. $1 sessions
with chosen as (
    select session_id, harness
    from session
    where harness is not null
    qualify row_number() over (partition by harness order by last_at desc, session_id) <= $1::bigint
)
select c.harness, g.gap, g.remedy, sum(g.act_count)::bigint as act_count
from capture_gaps g
join chosen c on c.session_id = g.session_id
group by 1, 2, 3
order by c.harness, act_count desc, g.gap, g.remedy
limit 500
