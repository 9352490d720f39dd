-- Acts that show a text which holds what is asked for, or are called so. Of a text that a session
-- shows again and again, as requests resend the conversation, the first act counts; of a record that
-- reports an act once more, the act. `code` holds the act and which of its texts it is: 0 prompt,
-- 1 input, 2 output, 3 event, 4 name.
create or replace macro search_hits(question) as table (
    with found as materialized (
        select unit.key as key, unit.same as same
        from (select unnest(search_units(question)) as unit)
    ),
    held as materialized (
        select payload_id, piece_id as key
        from (select payload_id, unnest(pieces) as piece_id from payload)
        where piece_id in (select key from found)
    ),
    reference as (
        select act_id * 8 as code, session_id, prompt_id as payload_id
        from span where prompt_id is not null
        union all
        select act_id * 8 + 1, session_id, input_id from span where input_id is not null
        union all
        select act_id * 8 + 2, session_id, output_id from span where output_id is not null
        union all
        select s.act_id * 8 + 3, s.session_id, e.body_id
        from event e
        join span s on s.trace_id = e.trace_id and s.span_id = e.span_id
        where e.body_id is not null
    ),
    shown as (
        select r.code, r.session_id, h.key
        from reference r join held h on h.payload_id = r.payload_id
        union all
        select act_id * 8 + 4, session_id, -act_id
        from span where -act_id in (select key from found)
    ),
    first_shown as (
        select min(s.code) as code, arg_min(s.key, s.code) as key
        from shown s join found f on f.key = s.key
        group by s.session_id, f.same
    ),
    told as (
        select coalesce(p.act_id, s.act_id) as act_id, f.code % 8 as part, abs(f.key) as number
        from first_shown f
        join span s on s.act_id = f.code // 8
        left join span p on p.trace_id = s.duplicate_of_trace_id and p.span_id = s.duplicate_of
    ),
    act as (
        -- The number of the piece, or of the act that has the name, below the part.
        select act_id, count(*) as passage_count, min(part * (1::bigint << 48) + number) as best
        from told group by act_id
    ),
    hit as (
        select act_id, passage_count, best >> 48 as part, best & ((1::bigint << 48) - 1) as number
        from act
    ),
    holder as (
        select key, min(payload_id) as payload_id from held group by key
    )
    select
        a.act_id,
        a.passage_count,
        list_extract(['prompt', 'input', 'output', 'event', 'name'], a.part + 1) as part,
        a.number,
        h.payload_id
    from (select *, case when part < 4 then number end as key from hit) a
    left join holder h on h.key = a.key
);

-- Full-text search: the acts, sooner or later joined with `spans` on trace_id and span_id.
create or replace macro search(question) as table (
    select s.session_id, s.turn, s.trace_id, s.span_id, s.operation, s.name, s.tool_name, s.model,
        s.started_at, s.status, h.part, h.passage_count
    from search_hits(question) h
    join span s on s.act_id = h.act_id
    order by s.started_at desc, s.act_id desc
);
