-- title: Tokens and cost by project and user
-- description: Who used how much, and in which project.
-- parameter since timestamp = 30d: From then on: a time, or an age as 7d
select
    project,
    user_id,
    count(*) as sessions,
    sum(input_tokens)::bigint as input_tokens,
    sum(output_tokens)::bigint as output_tokens,
    sum(cost_usd) as cost_usd
from sessions
where started_at >= $since
group by project, user_id
order by cost_usd desc nulls last, input_tokens desc, project, user_id
