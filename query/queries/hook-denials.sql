-- title: Refusals by policy
-- description: What was refused, by whom or which hook, and how often.
-- parameter since timestamp = 30d: From then on: a time, or an age as 7d
select
    decision_source,
    hook_name,
    coalesce(tool_name, hook_event, name) as refused,
    count(*) as refusals,
    count(distinct session_id) as sessions,
    mode(decision_reason) as most_frequent_reason,
    max(started_at) as last_at
from denials
where started_at >= $since
group by decision_source, hook_name, refused
order by refusals desc, refused
