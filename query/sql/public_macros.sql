-- The public table macros and their parameters.
select function_name as name, parameters, comment
from duckdb_functions()
where function_type = 'table_macro' and not internal and schema_name = 'main'
order by function_name
