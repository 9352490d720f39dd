-- How much was replaced in the records of a session before they were stored, by kind. Spans and log
-- records count, each once: acts that were made of a log record carry its attributes, too.
create or replace view redactions as
with record as (
    select session_id, attributes
    from span
    where origin = 'span' and contains(attributes::varchar, '"spanreel.redacted.')
    union all
    select coalesce(e.session_id, t.session_id), e.attributes
    from event e
    left join trace t on t.trace_id = e.trace_id
    where e.is_log and contains(e.attributes::varchar, '"spanreel.redacted.')
),
noted as (
    select session_id, attributes, unnest(json_keys(attributes)) as key
    from record
)
select
    session_id,
    substr(key, 19) as kind,
    sum(try_cast(attributes ->> ('$."' || key || '"') as bigint))::bigint as passage_count
from noted
where starts_with(key, 'spanreel.redacted.')
group by all;
