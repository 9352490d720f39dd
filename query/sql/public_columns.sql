-- Columns of the public relations, in order.
select c.table_name as relation, c.column_name as name, c.data_type as type, c.comment,
    v.comment as relation_comment
from duckdb_columns() c
join duckdb_views() v on v.view_name = c.table_name and v.schema_name = c.schema_name
    and v.database_name = c.database_name
where not v.internal and c.schema_name = 'main'
order by c.table_name, c.column_index
