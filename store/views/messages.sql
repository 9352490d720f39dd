-- One row per part of a message of a counted model request. The list is read without contents;
-- a content is fetched for the rows that are left.
create or replace view messages as
select
    m.session_id,
    m.trace_id,
    m.span_id,
    m.started_at,
    m.entry.direction as direction,
    m.entry.position as position,
    m.entry.part as part,
    m.entry.role as role,
    m.entry.part_type as part_type,
    message_content(m.payload_id, m.entry.ordinal) as content,
    m.entry.tool_call_id as tool_call_id,
    m.entry.name as name,
    m.entry.content_hash as content_hash
from (
    select session_id, trace_id, span_id, started_at, input_id as payload_id,
        unnest(message_index(input_id, 'input')) as entry
    from span
    where operation = 'model' and input_id is not null
        and duplicate_of is null and not part_of_parent and not plumbing
    union all
    select session_id, trace_id, span_id, started_at, output_id as payload_id,
        unnest(message_index(output_id, 'output')) as entry
    from span
    where operation = 'model' and output_id is not null
        and duplicate_of is null and not part_of_parent and not plumbing
) m;
