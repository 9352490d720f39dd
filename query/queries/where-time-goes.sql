-- title: Where the time goes
-- description: Time of models, tools, hooks and waiting for a decision, by session.
-- parameter since timestamp = 30d: From then on: a time, or an age as 7d
-- parameter limit integer = 50: Rows at most
select
    p.session_id,
    s.title,
    s.duration_ns / 1e9 as session_s,
    sum(p.duration_ns) filter (where p.operation = 'model') / 1e9 as model_s,
    sum(p.duration_ns) filter (where p.operation in ('tool', 'mcp')) / 1e9 as tool_s,
    sum(p.duration_ns) filter (where p.operation = 'hook') / 1e9 as hook_s,
    sum(p.duration_ns) filter (where p.operation = 'policy') / 1e9 as decision_s
from spans p
join sessions s on s.session_id = p.session_id
where p.counted and s.started_at >= $since
group by p.session_id, s.title, s.duration_ns
order by session_s desc, p.session_id
limit $limit
