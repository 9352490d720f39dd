-- Queries that the user saved, by name. $1 one name, off when null
select name, title, description, parameters, sql, updated_at
from saved_query
where $1::varchar is null or name = $1::varchar
order by name
