-- The tree of a session, parents before children.
create or replace macro session_tree(id) as table (
    with recursive member as materialized (
        select act_id, trace_id, span_id, parent_span_id, turn, operation, name, tool_name, model,
            agent_name, started_at, duration_ns, status, detail, duplicate_of, plumbing,
            part_of_parent
        from span
        where session_id = id
    ),
    tree as (
        select m.*, 0 as depth, [epoch_ns(m.started_at), m.act_id] as path
        from member m
        where m.parent_span_id is null
            or not exists (
                from member p
                where p.span_id = m.parent_span_id and p.trace_id = m.trace_id
            )
        union all
        select m.*, t.depth + 1, t.path || [epoch_ns(m.started_at), m.act_id]
        from tree t
        join member m on m.parent_span_id = t.span_id and m.trace_id = t.trace_id
        where t.depth < 200
    )
    select depth, trace_id, span_id, parent_span_id, turn, operation, name, tool_name, model,
        agent_name, started_at, duration_ns, status, detail, duplicate_of,
        duplicate_of is null and not part_of_parent and not plumbing as counted
    from tree
    order by path
);

-- The loops found in a session.
create or replace macro loops(id) as table (
    from findings where session_id = id and kind = 'loop' order by detected_at
);

-- What was said and done in a session, in order.
create or replace macro transcript(id) as table (
    select turn, time, span_id, role, kind, name, text
    from (
        select turn, started_at as time, 0 as place, 0::bigint as act_id, null as span_id,
            'user' as role, 'prompt' as kind, null as name, payload_text(prompt_id) as text
        from turn where session_id = id and prompt_id is not null
        union all
        select turn, coalesce(ended_at, started_at), 1, act_id, span_id,
            'assistant', 'message', model, payload_text(output_id)
        from span
        where session_id = id and operation = 'model' and output_id is not null
            and duplicate_of is null and not part_of_parent and not plumbing
        union all
        select turn, started_at, 2, act_id, span_id,
            'assistant', 'tool_call', tool_name, payload_text(input_id)
        from span
        where session_id = id and operation = 'tool'
            and duplicate_of is null and not part_of_parent and not plumbing
        union all
        select turn, coalesce(ended_at, started_at), 3, act_id, span_id,
            'tool', 'tool_result', tool_name, payload_text(output_id)
        from span
        where session_id = id and operation = 'tool' and output_id is not null
            and duplicate_of is null and not part_of_parent and not plumbing
    )
    order by turn, time, place, act_id
);
