-- Private tables. Users read the views of store/views, which are the SQL contract (docs/sql.md).
-- No primary keys and no indexes: they cost inserts 8 to 11 times and everything is scanned by zone.
-- Hashes are kept as they are: looking for repetition in random bytes costs time at every checkpoint.

create table span (
    act_id bigint not null, -- rises in order of arrival
    trace_id varchar not null,
    span_id varchar not null,
    -- The light half: everything below, down to `detail`, is read back for joining and may change.
    reported_parent_id varchar, -- the parent as the record states it
    parent_span_id varchar, -- the parent in the tree
    session_id varchar,
    session_inferred boolean,
    turn integer,
    duplicate_of_trace_id varchar,
    duplicate_of varchar,
    origin varchar,
    operation varchar,
    plumbing boolean,
    part_of_parent boolean,
    name varchar,
    started_at timestamp_ns,
    ended_at timestamp_ns,
    duration_ns bigint,
    status varchar,
    status_message varchar,
    harness varchar,
    harness_version varchar,
    record_session_id varchar, -- session id that this very record carries
    resource_session_id varchar,
    parent_session_id varchar,
    child_session_id varchar,
    turn_key varchar,
    prompt_id bigint,
    prompt_hash blob using compression uncompressed,
    prompt_size bigint,
    title varchar,
    agent_name varchar,
    agent_id varchar,
    parent_agent_id varchar,
    starts_subagent boolean,
    model varchar,
    provider varchar,
    request_id varchar,
    join_key varchar,
    tool_name varchar,
    tool_call_id varchar,
    mcp_server varchar,
    skill_name varchar,
    hook_event varchar,
    hook_name varchar,
    decision varchar,
    decision_source varchar,
    decision_reason varchar,
    input_tokens bigint,
    output_tokens bigint,
    cache_read_tokens bigint,
    cache_write_tokens bigint,
    reasoning_tokens bigint,
    cost_usd double,
    cost_source varchar,
    attempt_count bigint,
    finish_reason varchar,
    error_type varchar,
    error_message varchar,
    success boolean,
    exit_code bigint,
    user_id varchar,
    host varchar,
    project varchar,
    branch varchar,
    input_id bigint, -- payload.payload_id, so that text is found without a search by hash
    input_hash blob using compression uncompressed,
    input_size bigint,
    output_id bigint,
    output_hash blob using compression uncompressed,
    output_size bigint,
    output_source varchar,
    call_hash varchar,
    truncated_upstream varchar,
    detail varchar,
    reported json, -- where the record itself differs: {status, …, facts: {…}}, null = it says nothing
    -- The heavy half: written once.
    kind varchar,
    -- Half of what the engine's own choice takes, in half the time; a value comes back 1 ms later.
    attributes json using compression zstd,
    resource_id bigint,
    links json,
    scope_name varchar,
    scope_version varchar,
    service_name varchar,
    trace_state varchar,
    dropped_attributes_count bigint,
    received_id bigint, -- with `record`: the received record that tells of the act
    record integer
);

-- What model requests show of tool calls, by the request that shows it: calls that its answer asks
-- for, and results of earlier calls that it resends.
create table call_asked (
    act_id bigint not null,
    position integer not null,
    tool_call_id varchar,
    tool_name varchar,
    mcp_server varchar,
    input_hash blob using compression uncompressed,
    input_size bigint,
    call_hash varchar,
    detail varchar
);

create table result_seen (
    act_id bigint not null,
    tool_call_id varchar,
    output_hash blob using compression uncompressed,
    output_size bigint,
    is_error boolean,
    error varchar
);

create table resource (
    resource_id bigint not null,
    attributes json
);

create table event (
    event_id blob not null,
    time timestamp_ns,
    session_id varchar, -- that the record itself carries
    trace_id varchar,
    span_id varchar,
    is_log boolean,
    name varchar,
    severity varchar,
    body varchar,
    body_id bigint,
    body_hash blob using compression uncompressed,
    body_size bigint,
    attributes json using compression zstd,
    service_name varchar,
    scope_name varchar,
    received_id bigint,
    record integer
);

create table metric (
    point_id blob not null,
    time timestamp_ns,
    session_id varchar,
    name varchar,
    value double,
    unit varchar,
    kind varchar,
    attributes json,
    service_name varchar,
    received_id bigint,
    record integer
);

-- The records that rows were made of, as they were received, for exports. Large texts stand in them as
-- numbers; `texts` has their payloads. Of each entry, the head (resource and scope) first: its number
-- in the request, its size, how many of the texts are its own.
create table received (
    received_id bigint not null, -- place in the journal: requests in order of arrival
    part integer not null,
    signal utinyint not null, -- 1 traces, 2 logs, 3 metrics
    numbers bigint[] not null,
    sizes bigint[] not null,
    text_counts bigint[] not null,
    texts bigint[] not null,
    raw_size bigint not null,
    codec utinyint not null, -- as of `piece`
    data blob using compression uncompressed
);

create table session (
    session_id varchar not null,
    parent_session_id varchar,
    inferred boolean,
    harness varchar,
    harness_version varchar,
    title varchar,
    host varchar,
    project varchar,
    projects varchar[], -- all that its acts name: a token that is limited has to be for each of them
    branch varchar,
    user_id varchar,
    started_at timestamp_ns,
    last_at timestamp_ns,
    duration_ns bigint,
    ended boolean,
    status varchar,
    silent_status varchar, -- what `running` turns into when nothing more comes
    turn_count bigint,
    span_count bigint,
    model_request_count bigint,
    tool_call_count bigint,
    error_count bigint,
    denied_count bigint,
    subagent_count bigint,
    input_tokens bigint,
    output_tokens bigint,
    cache_read_tokens bigint,
    cache_write_tokens bigint,
    reasoning_tokens bigint,
    cost_usd double,
    models varchar[],
    tools varchar[],
    payload_bytes bigint
);

create table turn (
    session_id varchar not null,
    turn integer not null,
    prompt_id bigint,
    prompt_hash blob using compression uncompressed,
    prompt_size bigint,
    response_id bigint,
    response_hash blob using compression uncompressed,
    response_size bigint,
    started_at timestamp_ns,
    duration_ns bigint,
    span_count bigint,
    model_request_count bigint,
    tool_call_count bigint,
    error_count bigint,
    denied_count bigint,
    input_tokens bigint,
    output_tokens bigint,
    cost_usd double
);

create table trace (
    trace_id varchar not null,
    session_id varchar,
    min_at timestamp_ns,
    max_at timestamp_ns
);

create table finding (
    finding_id varchar not null,
    session_id varchar,
    kind varchar,
    severity varchar,
    confidence varchar,
    detector varchar,
    title varchar,
    explanation varchar,
    trace_ids varchar[], -- of each span, in the order of span_ids
    span_ids varchar[],
    repeat_count bigint,
    wasted_ns bigint,
    wasted_tokens bigint,
    wasted_cost_usd double,
    detected_at timestamp_ns,
    updated_at timestamp_ns,
    open boolean
);

create table annotation (
    annotation_id varchar not null,
    session_id varchar not null,
    trace_id varchar,
    span_id varchar,
    turn integer,
    verdict varchar, -- good, wrong
    comment varchar,
    author varchar,
    created_at timestamp_ns
);

create table saved_query (
    name varchar not null,
    title varchar,
    description varchar,
    parameters varchar, -- JSON list
    sql varchar,
    updated_at timestamp_ns
);

create table tag (
    session_id varchar not null,
    tag varchar not null,
    created_at timestamp_ns
);

-- A moment of a session, or an act, that somebody gave a name. One of a name per session.
create table checkpoint (
    session_id varchar not null,
    name varchar not null,
    trace_id varchar,
    span_id varchar,
    time timestamp_ns,
    author varchar,
    created_at timestamp_ns
);

-- What was deleted, so that a record that comes late or again does not bring it back.
create table deleted (
    kind varchar not null, -- session; alias: another id that its records name it by; trace
    id varchar not null,
    session_id varchar not null,
    deleted_at timestamp_ns,
    span_count bigint, -- of a session
    reason varchar -- of a session: the rule of retention that took it, null = somebody deleted it
);

-- What people said of how long a session is kept; it goes before the rules.
create table retention (
    session_id varchar not null,
    expires_at timestamp_ns, -- null = it is kept until somebody deletes it
    created_at timestamp_ns
);

-- Times that the log of changes was folded into the file beside a reader, since it was folded with nobody
-- reading: the engine needs a commit between the reader's beginning and the folding.
create table fold (
    folded_at timestamp
);

-- A text that spans, events or turns refer to: the pieces in order give its bytes.
create table payload (
    payload_id bigint not null,
    hash_key bigint not null, -- first 8 bytes of the hash: numbers are searched faster than blobs
    hash blob not null using compression uncompressed, -- BLAKE3 of the bytes
    size bigint not null,
    pieces bigint[] not null
);

-- At most 64 KiB raw each, so that a vector of 2,048 fits in memory. Compressed by the store,
-- because the engine's own compression makes a point read decode all rows before it.
create table piece (
    piece_id bigint not null,
    hash blob not null using compression uncompressed, -- first 16 bytes of the BLAKE3 of the raw bytes
    raw_size bigint not null,
    codec utinyint not null, -- 0 as is, 1 zstd
    data blob using compression uncompressed
);

create table view_version (
    hash varchar not null -- of the definitions of all views that this file holds
);

create table state (
    name varchar not null, -- journal_position; looked_at: acts up to this row were looked at for findings
    value bigint not null
);

insert into state values ('journal_position', 0), ('looked_at', 0);
