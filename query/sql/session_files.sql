-- The files that the tool calls of a session name in their arguments, most used first.
-- $1 session id, $2 largest arguments that are read, in bytes, $3 most files
with calls as (
    select
        tool_name, status = 'error' or success is false as failed, started_at,
        payload_text(case when input_size <= $2::bigint then input_id end) as arguments
    from span
    where session_id = $1::varchar and operation = 'tool'
        and duplicate_of is null and not plumbing and not part_of_parent
),
named as (
    select tool_name, failed, started_at, coalesce(
        arguments ->> '$.file_path', arguments ->> '$.filePath', arguments ->> '$.absolute_path',
        arguments ->> '$.notebook_path', arguments ->> '$.path') as path
    from calls
    where json_valid(arguments)
)
select
    path, count(*) as calls, count(*) filter (failed) as failed,
    list(distinct tool_name order by tool_name) filter (tool_name is not null) as tools
from named
where path <> ''
group by path
order by calls desc, max(started_at) desc, path
limit $3::bigint
