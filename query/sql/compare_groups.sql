-- The sessions of groups that are compared, in figures: one row for each group. A session that used
-- several models, or has several tags, belongs to the group of each.
-- $1 what to group by (`harness`, `version`, `model`, `tag`), $2 and $3 the values
with member as (
    select
        unnest(case $1::varchar
            when 'harness' then [harness]
            when 'version' then [harness_version, harness || ' ' || harness_version]
            when 'model' then models
            when 'tag' then tags
            else []
        end) as value,
        *
    from sessions
    where parent_session_id is null
),
wanted as (
    select * from member where value = $2::varchar or value = $3::varchar
),
kinds as (
    select w.value, f.kind, count(distinct f.session_id) as session_count, count(*) as finding_count
    from wanted w
    join findings f on f.session_id = w.session_id
    group by w.value, f.kind
)
select
    w.value,
    count(*) as session_count,
    count(*) filter (status = 'ok') as ok_count,
    count(*) filter (status = 'error') as error_count,
    count(*) filter (status = 'interrupted') as interrupted_count,
    count(*) filter (status = 'killed') as killed_count,
    count(*) filter (status = 'running') as running_count,
    count(cost_usd) as cost_known_count,
    [min(cost_usd), quantile_cont(cost_usd, 0.5), quantile_cont(cost_usd, 0.9), max(cost_usd)] as cost_usd,
    [min(turn_count), quantile_cont(turn_count, 0.5), quantile_cont(turn_count, 0.9), max(turn_count)]::double[] as turn_count,
    [min(model_request_count), quantile_cont(model_request_count, 0.5), quantile_cont(model_request_count, 0.9), max(model_request_count)]::double[] as model_request_count,
    [min(tool_call_count), quantile_cont(tool_call_count, 0.5), quantile_cont(tool_call_count, 0.9), max(tool_call_count)]::double[] as tool_call_count,
    [min(error_count), quantile_cont(error_count, 0.5), quantile_cont(error_count, 0.9), max(error_count)]::double[] as failed_count,
    [min(input_tokens + output_tokens), quantile_cont(input_tokens + output_tokens, 0.5), quantile_cont(input_tokens + output_tokens, 0.9), max(input_tokens + output_tokens)]::double[] as token_count,
    [min(duration_ns), quantile_cont(duration_ns, 0.5), quantile_cont(duration_ns, 0.9), max(duration_ns)]::double[] as duration_ns,
    [min(finding_count), quantile_cont(finding_count, 0.5), quantile_cont(finding_count, 0.9), max(finding_count)]::double[] as finding_count,
    (select list(k.kind order by k.session_count desc, k.kind) from kinds k where k.value = w.value) as kinds,
    (select list(k.session_count order by k.session_count desc, k.kind) from kinds k where k.value = w.value) as kind_sessions,
    (select list(k.finding_count order by k.session_count desc, k.kind) from kinds k where k.value = w.value) as kind_findings
from wanted w
group by w.value
