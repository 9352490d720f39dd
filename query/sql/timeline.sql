-- Usage, cost, latency and errors in equal steps of time; steps without any act are absent.
-- $1 start and $2 end (Unix ns), $3 length of a step (ns)
-- $4 harnesses, $5 projects and $6 models (lower case, separated by U+001F), off when null
with chosen as (
    select session_id, parent_session_id, started_at
    from session
    where ($4::varchar is null
            or list_contains(string_split($4::varchar, chr(31)), lower(harness)))
        and ($5::varchar is null
            or list_contains(string_split($5::varchar, chr(31)), lower(project)))
        and ($6::varchar is null or list_has_any(string_split($6::varchar, chr(31)),
            string_split(lower(array_to_string(models, chr(31))), chr(31))))
),
started as (
    select ((epoch_ns(started_at) - $1::bigint) // $3::bigint)::bigint as step,
        count(*) as session_count
    from chosen
    where parent_session_id is null and started_at >= make_timestamp_ns($1::bigint)
        and started_at < make_timestamp_ns($2::bigint)
    group by 1
),
act as (
    select ((epoch_ns(started_at) - $1::bigint) // $3::bigint)::bigint as step,
        operation, duration_ns,
        -- A hook that denied a tool call did what the call's own row says.
        decision = 'deny' and not (operation = 'hook' and tool_call_id is not null) as denied,
        status = 'error' or success is false as failed,
        input_tokens, output_tokens, cache_read_tokens, cost_usd
    from span
    where started_at >= make_timestamp_ns($1::bigint)
        and started_at < make_timestamp_ns($2::bigint)
        and duplicate_of is null and not part_of_parent and not plumbing
        and (($4::varchar is null and $5::varchar is null and $6::varchar is null)
            or session_id in (select session_id from chosen))
        and ($6::varchar is null or operation <> 'model'
            or list_contains(string_split($6::varchar, chr(31)), lower(model)))
),
done as (
    select
        step,
        count(*) filter (operation = 'model') as model_request_count,
        count(*) filter (operation = 'tool') as tool_call_count,
        count(*) filter (failed) as error_count,
        count(*) filter (denied) as denied_count,
        coalesce(sum(input_tokens) filter (operation = 'model'), 0)::bigint as input_tokens,
        coalesce(sum(output_tokens) filter (operation = 'model'), 0)::bigint as output_tokens,
        coalesce(sum(cache_read_tokens) filter (operation = 'model'), 0)::bigint
            as cache_read_tokens,
        sum(cost_usd) filter (operation = 'model') as cost_usd,
        (quantile_cont(duration_ns, 0.5) filter (operation = 'model'))::bigint as model_p50_ns,
        (quantile_cont(duration_ns, 0.95) filter (operation = 'model'))::bigint as model_p95_ns,
        (quantile_cont(duration_ns, 0.5) filter (operation = 'tool'))::bigint as tool_p50_ns,
        (quantile_cont(duration_ns, 0.95) filter (operation = 'tool'))::bigint as tool_p95_ns
    from act
    group by step
)
select coalesce(d.step, t.step) as step, coalesce(t.session_count, 0) as session_count,
    d.* exclude (step)
from done d
full join started t on t.step = d.step
order by 1
