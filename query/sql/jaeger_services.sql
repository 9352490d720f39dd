-- Names of the services that sent spans.
select distinct coalesce(nullif(service_name, ''), harness, 'unknown') as service
from span
order by service
