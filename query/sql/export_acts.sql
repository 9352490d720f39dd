-- Acts without their texts, with what people say of them. $1 row numbers separated by U+001F
with wanted as (
    select unnest(string_split($1::varchar, chr(31)))::bigint as act_id
)
select
    s.* exclude (input, output, seq, attributes, resource, links),
    s.attributes::varchar as attributes,
    s.resource::varchar as resource,
    s.links::varchar as links,
    a.verdict,
    a.comment
from spans s
left join (
    select trace_id, span_id,
        string_agg(verdict, ', ' order by created_at) as verdict,
        string_agg(comment, chr(10) order by created_at) as comment
    from annotation
    group by trace_id, span_id
) a on a.trace_id = s.trace_id and a.span_id = s.span_id
where s.act_id in (select act_id from wanted)
    and s.act_id between (select min(act_id) from wanted) and (select max(act_id) from wanted)
order by s.started_at, s.act_id
