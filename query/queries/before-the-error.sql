-- title: What ran before the error
-- description: The acts that came just before each act that failed.
-- parameter session text = null: Only this session
-- parameter since timestamp = 30d: From then on: a time, or an age as 7d
-- parameter acts integer = 5: Acts before each error
-- parameter errors integer = 20: Errors at most, latest first
with act as (
    select session_id, trace_id, span_id, started_at, operation, detail, error_message,
        coalesce(tool_name, model, name) as what, status = 'error' or success is false as failed,
        row_number() over (
            partition by session_id order by started_at, operation, name, detail, act_id) as place
    from spans
    where counted and operation in ('model', 'tool', 'mcp', 'hook', 'agent')
        and started_at >= $since and ($session is null or session_id = $session)
),
error as (
    select * from act where failed order by started_at desc, place desc limit $errors
)
select
    e.session_id,
    e.what as failed_act,
    e.span_id as failed_span_id,
    b.place - e.place as step,
    b.operation,
    b.what,
    b.detail,
    b.error_message,
    b.trace_id,
    b.span_id
from error e
join act b on b.session_id = e.session_id and b.place between e.place - $acts and e.place
order by e.started_at desc, e.place desc, b.place
