use std::sync::Arc;

use proto::agent::{Operation, PayloadRef, ToolCallAsked, ToolResultSeen};
use proto::id::TraceId;
use store::{ActState, Batch, Store};

use crate::fixture::{self, config, demo, open, query};

#[test]
fn stored_run_is_read_through_the_views() {
    let (_folder, store, mut writer) = open();
    let batch = demo(&mut writer);
    let committed = writer.commit(batch).unwrap();
    assert_eq!(committed.span_count, 6);
    assert_eq!(committed.event_count, 2);
    assert_eq!(
        query(
            &store,
            "select operation, seq, tool_name, input, left(output, 10) from spans \
             where session_id = 's1' and operation <> 'model' order by seq",
        ),
        [
            "turn|1|null|null|null",
            r#"tool|3|Bash|{"command":"make"}|make: *** "#,
            "tool|4|Bash|null|null",
            "hook|5|null|null|null",
        ]
    );
}

/// The light halves of a connected group, as they are read back.
fn loaded(writer: &mut store::Writer, traces: &[TraceId], sessions: &[&str]) -> Vec<ActState> {
    let sessions: Vec<Arc<str>> = sessions.iter().map(|id| Arc::from(*id)).collect();
    let acts = writer.load_acts(traces, &sessions).unwrap();
    acts.into_iter().map(|loaded| loaded.state).collect()
}

#[test]
fn what_a_request_shows_of_tool_calls_is_read_back() {
    let (_folder, _store, mut writer) = open();
    let (mut act, state) = fixture::act(&mut writer, 1, 1, Operation::Model, "a");
    act.tool_calls_asked = vec![
        ToolCallAsked {
            tool_call_id: Some("call-1".into()),
            tool_name: "Bash".into(),
            mcp_server: None,
            input: Some(PayloadRef::of(b"ls")),
            call_hash: Some("0123456789abcdef".into()),
            detail: Some("ls".into()),
        },
        ToolCallAsked {
            tool_call_id: None,
            tool_name: "lookup".into(),
            mcp_server: Some("inventory".into()),
            input: None,
            call_hash: None,
            detail: None,
        },
    ];
    act.tool_results_seen = vec![ToolResultSeen {
        tool_call_id: "call-0".into(),
        output: PayloadRef::of(b"done"),
        is_error: Some(false),
        error: None,
    }];
    let shown = (act.tool_calls_asked.clone(), act.tool_results_seen.clone());
    let other = fixture::act(&mut writer, 1, 2, Operation::Tool, "a");
    writer
        .commit(Batch {
            new_acts: vec![(act, state), other],
            ..Batch::default()
        })
        .unwrap();
    let acts = writer.load_acts(&[fixture::trace_id(1)], &[]).unwrap();
    assert_eq!(
        (acts[0].calls_asked.clone(), acts[0].results_seen.clone()),
        shown
    );
    assert_eq!(
        (acts[1].calls_asked.len(), acts[1].results_seen.len()),
        (0, 0)
    );
}

#[test]
fn a_session_is_found_by_every_id_that_ties_it() {
    let (_folder, _store, mut writer) = open();
    let mut child = fixture::act(&mut writer, 1, 1, Operation::Model, "child");
    child.1.facts.parent_session_id = Some("parent".into());
    let parent = fixture::act(&mut writer, 2, 2, Operation::Model, "parent");
    let states = [child.1.clone(), parent.1.clone()];
    for act in [child, parent] {
        writer
            .commit(Batch {
                new_acts: vec![act],
                ..Batch::default()
            })
            .unwrap();
    }
    assert_eq!(loaded(&mut writer, &[], &["parent"]), states);
    assert_eq!(loaded(&mut writer, &[fixture::trace_id(1)], &[]), states);
}

#[test]
fn light_half_is_read_back_exactly() {
    let (_folder, _store, mut writer) = open();
    let full = fixture::full_state(&mut writer);
    let plain = fixture::act(&mut writer, 9, 10, Operation::Model, "other");
    let mut states = vec![full.1.clone(), plain.1.clone()];
    writer
        .commit(Batch {
            new_acts: vec![full, plain],
            ..Batch::default()
        })
        .unwrap();
    assert_eq!(loaded(&mut writer, &[fixture::trace_id(9)], &[]), states);
    let facts = std::mem::take(&mut states[0].facts);
    states[0].facts = std::mem::replace(&mut states[1].facts, facts);
    states[1].derived.turn = 9;
    writer
        .commit(Batch {
            changed_acts: states.clone(),
            ..Batch::default()
        })
        .unwrap();
    assert_eq!(loaded(&mut writer, &[], &["other"]), states);
    assert_eq!(loaded(&mut writer, &[fixture::trace_id(77)], &["no"]), []);
}

#[test]
fn hostile_attributes_fail_no_query() {
    let (_folder, store, mut writer) = open();
    let deep = format!("{}1{}", "[".repeat(5_000), "]".repeat(5_000));
    let texts = [
        r#"{"a":"\ud800 alone"}"#,
        r#"{"a":"\u0000"}"#,
        r#"{"a":1e999}"#,
        r#"{"a":123456789012345678901234567890}"#,
        r#"{"a":1,"a":2}"#,
        "{\"a\":\"raw \u{0} and \u{7f}\"}",
        "not json",
        "{\"a\":}",
        "",
        "null",
        &deep,
    ];
    let mut acts = Vec::new();
    for (n, text) in texts.iter().enumerate() {
        let mut act = fixture::act(&mut writer, 1, n as u64, Operation::Model, "s1");
        act.0.attributes = (*text).to_owned();
        act.0.links = (*text).to_owned();
        act.0.resource = (*text).into();
        let payload = fixture::payload(text);
        act.1.facts.input = Some(payload.address);
        acts.push((act, payload));
    }
    let (new_acts, payloads) = acts.into_iter().unzip();
    writer
        .commit(Batch {
            new_acts,
            payloads,
            ..Batch::default()
        })
        .unwrap();
    query(
        &store,
        "select attributes -> 'a', attributes ->> '$.a', json_type(attributes), \
         json_type(resource), json_extract_string(links, '$[0].trace_id'), attributes::varchar \
         from spans",
    );
    query(
        &store,
        "select json_keys(attributes) from spans where json_type(attributes) = 'OBJECT'",
    );
    assert_eq!(
        query(
            &store,
            "select attributes ->> '$.\"$invalid\"' from spans where seq = 7"
        ),
        ["not json"]
    );
    assert_eq!(
        query(&store, "select count(*), count(content) from messages"),
        ["11|11"]
    );
}

#[test]
fn group_is_loaded_across_sessions_and_traces() {
    let (_folder, _store, mut writer) = open();
    let place = [(1, "a"), (1, "b"), (2, "b"), (3, "c"), (3, "c"), (4, "d")];
    let acts = place.iter().enumerate().map(|(n, (trace, session))| {
        fixture::act(&mut writer, *trace, n as u64, Operation::Tool, session)
    });
    let new_acts: Vec<_> = acts.collect();
    let states: Vec<_> = new_acts.iter().map(|(_, state)| state.clone()).collect();
    writer
        .commit(Batch {
            new_acts,
            ..Batch::default()
        })
        .unwrap();
    assert_eq!(
        loaded(&mut writer, &[fixture::trace_id(2)], &[]),
        states[..3]
    );
    assert_eq!(loaded(&mut writer, &[], &["a"]), states[..3]);
    assert_eq!(loaded(&mut writer, &[], &["c", "x"]), states[3..5]);
    // An act that moves takes its session into the group.
    let mut moved = states[5].clone();
    moved.derived.session_id = "c".into();
    writer
        .commit(Batch {
            changed_acts: vec![moved],
            ..Batch::default()
        })
        .unwrap();
    assert_eq!(
        writer
            .load_acts(&[fixture::trace_id(3)], &[])
            .unwrap()
            .len(),
        3
    );
}

#[test]
fn repeated_records_are_left_out() {
    let (_folder, store, mut writer) = open();
    let events = |ids: &[u8]| ids.iter().map(|id| fixture::event(*id, None)).collect();
    let first = writer
        .commit(Batch {
            events: events(&[1, 2, 2, 3]),
            metrics: vec![fixture::metric(1), fixture::metric(1)],
            ..Batch::default()
        })
        .unwrap();
    assert_eq!(
        (
            first.event_count,
            first.duplicate_event_count,
            first.metric_count
        ),
        (3, 1, 1)
    );
    let second = writer
        .commit(Batch {
            events: events(&[3, 4]),
            metrics: vec![fixture::metric(1), fixture::metric(2)],
            ..Batch::default()
        })
        .unwrap();
    assert_eq!(
        (
            second.event_count,
            second.duplicate_event_count,
            second.metric_count
        ),
        (1, 1, 1)
    );
    assert_eq!(
        query(
            &store,
            "select count(*), count(distinct event_id) from events"
        ),
        ["4|4"]
    );
}

#[test]
fn sessions_and_turns_are_replaced_whole() {
    let (_folder, store, mut writer) = open();
    let batch = demo(&mut writer);
    writer.commit(batch).unwrap();
    store.write_findings(&[fixture::finding("f1", 3)]).unwrap();
    let mut ended = fixture::session("s2");
    ended.ended = true;
    ended.status = "ok";
    writer
        .commit(Batch {
            sessions: vec![ended],
            removed_sessions: vec!["s1".into()],
            ..Batch::default()
        })
        .unwrap();
    assert_eq!(
        query(
            &store,
            "select session_id, status, ended_at is null, finding_count, len(models) from sessions"
        ),
        ["s2|ok|false|0|2"]
    );
    assert_eq!(query(&store, "select count(*) from turns"), ["0"]);
    assert_eq!(query(&store, "select count(*) from findings"), ["0"]);
}

#[test]
fn a_silent_session_counts_as_ended_as_its_last_acts_tell() {
    let (_folder, store, mut writer) = open();
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    let session = |id, silent_ns| store::SessionRow {
        last_ns: now.as_nanos() as i64 - silent_ns,
        ..fixture::session(id)
    };
    let live = session("live", store::SILENT_NS - 60_000_000_000);
    let silent = session("silent", store::SILENT_NS + 1);
    writer
        .commit(Batch {
            sessions: vec![silent, live],
            ..Batch::default()
        })
        .unwrap();
    assert_eq!(
        query(&store, "select session_id, status from sessions order by 1"),
        ["live|running", "silent|killed"]
    );
}

/// A session, its turn and its trace, all of which end at a time.
fn ending_at(id: &str, trace: TraceId, end_ns: i64) -> Batch {
    Batch {
        sessions: vec![store::SessionRow {
            last_ns: end_ns,
            ..fixture::session(id)
        }],
        turns: vec![store::TurnRow {
            session_id: id.into(),
            turn: 1,
            started_ns: end_ns,
            ..store::TurnRow::default()
        }],
        traces: vec![store::TraceRow {
            trace_id: trace,
            session_id: id.into(),
            min_ns: 0,
            max_ns: end_ns,
        }],
        ..Batch::default()
    }
}

#[test]
fn rows_are_replaced_whichever_way_their_times_move() {
    let (folder, store, mut writer) = open();
    // The same halves the other way round: both are remembered by the same number.
    let mut turned = fixture::trace_id(1);
    turned.0.rotate_left(8);
    let times = [1_000, 5, 9_000_000_000_000, i64::MAX, 7, i64::MIN, 0];
    for time in times {
        writer
            .commit(ending_at("s1", fixture::trace_id(1), time))
            .unwrap();
        writer.commit(ending_at("s2", turned, time / 2)).unwrap();
    }
    let rows = [
        "select count(*), count(distinct session_id) from session",
        "select count(*), count(distinct session_id) from turn",
        "select count(*), count(distinct trace_id) from trace",
    ];
    for sql in rows {
        assert_eq!(query(&store, sql), ["2|2"], "{sql}");
    }
    drop(writer);
    store.close();
    // What is remembered is read from the rows.
    let store = Store::open(config(&folder)).unwrap();
    let mut writer = store.writer().unwrap();
    for time in times {
        writer
            .commit(ending_at("s1", fixture::trace_id(1), time))
            .unwrap();
        writer.commit(ending_at("s2", turned, time / 3)).unwrap();
    }
    for sql in rows {
        assert_eq!(query(&store, sql), ["2|2"], "{sql}");
    }
}
