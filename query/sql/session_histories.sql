-- What sessions that have ended took, and the middle and the spread of what earlier sessions of the same
-- harness and project took: the latest 50 that have ended. One that is silent for long enough has. Time is
-- that of the turns, without the pauses between. Sessions without a model request are not compared.
-- $1 session ids separated by U+001F, $2 the time (Unix ns) that the last act of a silent one lies before
with own as (
    select session_id, harness, project, parent_session_id is null as is_root
    from session
    where session_id in (select unnest(string_split($1::varchar, chr(31))))
),
alike as (
    select
        s.session_id, s.started_at, s.harness, s.project, s.parent_session_id is null as is_root,
        (coalesce(s.input_tokens, 0) + coalesce(s.output_tokens, 0))::double as tokens, s.cost_usd
    from session s
    semi join own o on s.harness = o.harness and s.project is not distinct from o.project
        and (s.parent_session_id is null) = o.is_root
    where (s.ended or s.last_at < make_timestamp_ns($2::bigint)) and s.model_request_count > 0
),
took as (
    select a.*, t.duration_ns
    from alike a
    left join (
        select t.session_id, sum(t.duration_ns)::double as duration_ns
        from turn t
        semi join alike a on a.session_id = t.session_id
        group by t.session_id
    ) t on t.session_id = a.session_id
)
select * from (
    select
        session_id, count(*) over earlier as session_count,
        duration_ns, median(duration_ns) over earlier as duration_median,
        mad(duration_ns) over earlier as duration_mad,
        tokens, median(tokens) over earlier as tokens_median, mad(tokens) over earlier as tokens_mad,
        cost_usd, median(cost_usd) over earlier as cost_median, mad(cost_usd) over earlier as cost_mad
    from took
    window earlier as (
        partition by harness, project, is_root order by started_at, session_id
        rows between 50 preceding and 1 preceding
    )
)
where session_id in (select session_id from own)
