-- Metric data points.
create or replace view metrics as
select
    time, session_id, name, value, unit, kind, attributes, service_name,
    lower(hex(point_id)) as point_id
from metric;
