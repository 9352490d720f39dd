-- title: Sessions like this one
-- description: Other sessions by how many of their tools they share with one, and whether harness and project are the same.
-- parameter session text: The session to compare with
-- parameter limit integer = 20: Rows at most
with chosen as (
    select * from sessions where session_id = $session
)
select
    s.session_id,
    s.title,
    s.harness,
    s.project,
    s.status,
    s.tool_call_count,
    round(coalesce(len(list_intersect(s.tools, c.tools))
        / nullif(len(list_distinct(list_concat(s.tools, c.tools))), 0), 0), 2) as shared_tools,
    s.harness is not distinct from c.harness as same_harness,
    s.project is not distinct from c.project as same_project
from sessions s, chosen c
where s.session_id <> c.session_id
order by shared_tools desc, same_project desc, same_harness desc, s.started_at desc, s.session_id
limit $limit
