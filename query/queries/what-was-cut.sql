-- title: What senders cut
-- description: What is missing of recordings, how often, and the switch that prevents it.
select harness, gap, remedy, sum(act_count)::bigint as acts, count(distinct session_id) as sessions
from capture_gaps
group by harness, gap, remedy
order by acts desc, gap
