-- Names and kinds of the spans of a service. $1 service, $2 kind of span or null for any
select distinct name, lower(kind) as kind
from span
where coalesce(nullif(service_name, ''), harness, 'unknown') = $1::varchar
    and ($2::varchar is null or lower(kind) = $2::varchar)
order by name, kind
