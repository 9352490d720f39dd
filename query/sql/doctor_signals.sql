-- Log records and metric points by the harness whose service sent them.
with service as (
    select service_name, mode(harness) as harness
    from span
    where harness is not null and service_name <> ''
    group by 1
),
signal as (
    select service_name, 'logs' as signal, count(*) as record_count, max(time) as last_at
    from event
    where is_log and scope_name is distinct from 'spanreel.hook'
    group by 1
    union all
    select service_name, 'metrics', count(*), max(time)
    from metric
    group by 1
)
select coalesce(service.harness, signal.service_name) as harness, signal,
    sum(record_count)::bigint as record_count, max(signal.last_at) as last_at
from signal
left join service on service.service_name = signal.service_name
group by 1, 2
order by 1, 2
