-- title: Biggest payloads
-- description: The largest inputs and outputs.
-- parameter since timestamp = 30d: From then on: a time, or an age as 7d
-- parameter limit integer = 50: Rows at most
select session_id, trace_id, span_id, operation, coalesce(tool_name, model, name) as what,
    input_size, output_size, input_hash, output_hash
from spans
where counted and started_at >= $since and (input_size is not null or output_size is not null)
order by greatest(coalesce(input_size, 0), coalesce(output_size, 0)) desc, span_id
limit $limit
