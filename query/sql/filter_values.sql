-- The values that sessions can be filtered by, most frequent first. $1 most values per field
with pair as (
    select 'harness' as field, harness as value, session_id from session
    union all
    select 'host', host, session_id from session
    union all
    select 'project', project, session_id from session
    union all
    select 'status', status, session_id from sessions
    union all
    select 'model', unnest(models), session_id from session
    union all
    select 'tool', unnest(tools), session_id from session
    union all
    select 'tag', tag, session_id from tag
    union all
    select 'finding', kind, session_id from finding
    union all
    select 'agent', agent_name, session_id from span where agent_name is not null
    union all
    select 'mcp', mcp_server, session_id from span where mcp_server is not null
)
select field, value, count(distinct session_id) as session_count
from pair
where value <> ''
group by field, value
qualify row_number() over (partition by field order by session_count desc, value) <= $1::bigint
order by field, session_count desc, value
