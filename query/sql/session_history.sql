-- What a session took, and the middle and the spread of what earlier sessions of the same harness and
-- project took: the latest 50 that have ended. Time is that of the turns, without the pauses between.
-- $1 session id
with took as (
    select
        s.session_id, s.started_at, s.harness, s.project, s.parent_session_id is null as is_root,
        s.ended, s.model_request_count,
        t.duration_ns::double as duration_ns,
        (coalesce(s.input_tokens, 0) + coalesce(s.output_tokens, 0))::double as tokens, s.cost_usd
    from session s
    left join (select session_id, sum(duration_ns) as duration_ns from turn group by session_id) t
        on t.session_id = s.session_id
),
own as (
    select * from took where session_id = $1::varchar
),
earlier as (
    select t.*
    from took t
    join own o on t.harness = o.harness and t.project is not distinct from o.project
        and t.is_root = o.is_root
    where t.ended and t.model_request_count > 0
        and (t.started_at, t.session_id) < (o.started_at, o.session_id)
    order by t.started_at desc, t.session_id desc
    limit 50
)
select
    (select count(*) from earlier) as session_count,
    o.duration_ns, (select median(duration_ns) from earlier) as duration_median,
    (select mad(duration_ns) from earlier) as duration_mad,
    o.tokens, (select median(tokens) from earlier) as tokens_median,
    (select mad(tokens) from earlier) as tokens_mad,
    o.cost_usd, (select median(cost_usd) from earlier) as cost_median,
    (select mad(cost_usd) from earlier) as cost_mad
from own o
