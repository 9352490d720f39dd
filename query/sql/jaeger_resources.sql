-- The resources of a trace. $1 trace id
select resource_id, attributes::varchar as attributes
from resource
where resource_id in (select resource_id from span where trace_id = $1::varchar)
