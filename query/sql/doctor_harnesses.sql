-- What arrived of each harness in its newest sessions, and how much of it lacks what. $1 sessions
with chosen as (
    select session_id, harness, inferred
    from session
    where harness is not null
    qualify row_number() over (partition by harness order by last_at desc, session_id) <= $1::bigint
),
act as (
    select s.*, c.harness as session_harness, c.inferred,
        s.duplicate_of is null and not s.part_of_parent and not s.plumbing as counted
    from span s
    join chosen c on c.session_id = s.session_id
)
select
    session_harness as harness,
    count(distinct session_id) as session_count,
    count(distinct session_id) filter (inferred) as inferred_session_count,
    max(started_at) as last_at,
    count(*) filter (origin = 'span') as span_count,
    count(*) filter (origin = 'log') as log_act_count,
    count(*) filter (origin = 'hook') as hook_act_count,
    count(*) filter (origin = 'transcript') as transcript_act_count,
    count(*) filter (counted and operation = 'turn') as turn_count,
    count(*) filter (counted and operation = 'turn' and prompt_hash is null) as turns_without_prompt,
    count(*) filter (counted and operation = 'model') as model_request_count,
    count(*) filter (counted and operation = 'model' and input_hash is null) as requests_without_input,
    count(*) filter (counted and operation = 'model' and output_hash is null
        and status <> 'error') as requests_without_output,
    count(*) filter (counted and operation = 'model' and input_tokens is null
        and status <> 'error') as requests_without_tokens,
    count(*) filter (counted and operation = 'model' and cost_usd is null and input_tokens > 0
        and status <> 'error') as requests_without_cost,
    count(*) filter (counted and operation = 'tool') as tool_call_count,
    count(*) filter (counted and operation = 'tool' and input_hash is null) as calls_without_input,
    count(*) filter (counted and operation = 'tool' and output_hash is null
        and decision is distinct from 'deny' and ended_at is not null) as calls_without_output,
    count(*) filter (counted and operation = 'hook') as hook_fire_count,
    coalesce(sum(dropped_attributes_count), 0)::bigint as dropped_attribute_count
from act
group by 1
order by last_at desc, harness
