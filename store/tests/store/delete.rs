//! Deleted sessions are gone from every table, what others hold stays, and nothing comes back by
//! itself.

use proto::Signal;
use proto::agent::{Operation, Payload, Received, ReceivedRecord, RecordRef};
use store::{AnnotationRow, Batch, CheckpointRow, Store, Writer};

use crate::fixture::{T0, act, demo, finding, open, payload, query, session, trace_id};

/// The demo with the records that it was made of, and a session `other` that shares a text with it.
fn batch(writer: &mut Writer) -> Batch {
    let mut batch = demo(writer);
    batch.sessions[1].parent_session_id = Some("s1".into());
    let mut other = act(writer, 7, 70, Operation::Tool, "other");
    let shared = payload("make: *** [all] Error 2");
    let own = payload("only the other session says this");
    other.1.facts.output = Some(shared.address);
    other.1.facts.input = Some(own.address);
    batch.new_acts.push(other);
    batch.payloads.push(own.clone());
    batch.sessions.push(session("other"));
    batch.traces.push(store::TraceRow {
        trace_id: trace_id(7),
        session_id: "other".into(),
        min_ns: T0,
        max_ns: T0 + 1,
    });
    let record = |number: i32| RecordRef {
        request_id: 5,
        number,
    };
    let mut records = Vec::new();
    for (number, (act, state)) in (0..).zip(&mut batch.new_acts) {
        act.record = Some(record(number));
        records.push(ReceivedRecord {
            number,
            bytes: format!("record of {}", state.derived.session_id).into_bytes(),
            texts: state.facts.output.into_iter().collect(),
        });
    }
    batch.received = vec![Received {
        request_id: 5,
        signal: Signal::Traces,
        head: ReceivedRecord {
            bytes: b"head".to_vec(),
            ..ReceivedRecord::default()
        },
        records,
    }];
    batch
}

fn filled() -> (tempfile::TempDir, Store, Writer, Batch) {
    let (folder, store, mut writer) = open();
    let batch = batch(&mut writer);
    writer.commit_ref(&batch).unwrap();
    store.write_findings(&[finding("f1", 3)]).unwrap();
    store
        .write_annotation(&AnnotationRow {
            annotation_id: "a1".to_owned(),
            session_id: "s1".to_owned(),
            trace_id: None,
            span_id: None,
            turn: None,
            verdict: Some("good".to_owned()),
            comment: None,
            author: None,
            created_ns: T0,
        })
        .unwrap();
    store
        .change_tags("s1", &["keep".to_owned()], &[], T0)
        .unwrap();
    store
        .write_checkpoint(&CheckpointRow {
            session_id: "s1".to_owned(),
            name: "before".to_owned(),
            trace_id: None,
            span_id: None,
            time_ns: T0,
            author: None,
            created_ns: T0,
        })
        .unwrap();
    (folder, store, writer, batch)
}

/// Rows of each table that tells of sessions.
fn counts(store: &Store) -> Vec<String> {
    query(
        store,
        "select * from (
            select 'span' t, count(*) n from span union all select 'event', count(*) from event
            union all select 'metric', count(*) from metric union all select 'turn', count(*) from turn
            union all select 'session', count(*) from session
            union all select 'trace', count(*) from trace
            union all select 'finding', count(*) from finding
            union all select 'annotation', count(*) from annotation
            union all select 'tag', count(*) from tag
            union all select 'checkpoint', count(*) from checkpoint
            union all select 'payload', count(*) from payload
            union all select 'piece', count(*) from piece
        ) order by t",
    )
}

fn texts(store: &Store, payloads: &[Payload]) -> Vec<bool> {
    let is_there = |one: &Payload| store.payload(&one.address.hash, None).unwrap().is_some();
    payloads.iter().map(is_there).collect()
}

#[test]
fn nothing_of_a_deleted_session_is_left() {
    let (_folder, store, _writer, batch) = filled();
    let deletion = store.delete_sessions(&["s1".to_owned()], T0).unwrap();
    assert_eq!(
        deletion.session_ids,
        ["s1", "s2"],
        "with the session it started"
    );
    assert_eq!((deletion.span_count, deletion.event_count), (6, 2));
    assert_eq!(deletion.payload_count, 4);
    assert_eq!(
        counts(&store),
        [
            "annotation|0",
            "checkpoint|0",
            "event|0",
            "finding|0",
            "metric|0",
            "payload|2",
            "piece|2",
            "session|1",
            "span|1",
            "tag|0",
            "trace|1",
            "turn|0",
        ]
    );
    // prompt, input, output, arguments; the shared result; the other's own.
    assert_eq!(
        texts(&store, &batch.payloads),
        [false, false, false, false, true, true]
    );
    assert_eq!(
        query(
            &store,
            "select session_id, span_count from deleted_sessions order by 1"
        ),
        ["s1|0", "s2|0"]
    );
}

#[test]
fn records_of_others_stay_in_the_parts_they_shared() {
    let (_folder, store, _writer, _) = filled();
    let other = ["other".to_owned()];
    let refs = store.records_of(&other).unwrap();
    let read = |store: &Store| {
        let mut found = Vec::new();
        store
            .received(&refs, &mut |group| {
                let texts = group.records.iter().map(|record| {
                    let bytes = String::from_utf8(record.bytes.clone()).unwrap();
                    (record.number, bytes, record.texts.clone())
                });
                found.extend(texts);
                true
            })
            .unwrap();
        found
    };
    let expected = [(
        6,
        "record of other".to_owned(),
        vec!["make: *** [all] Error 2".to_owned()],
    )];
    assert_eq!(read(&store), expected);
    assert_eq!(store.records_of(&["s1".to_owned()]).unwrap().len(), 5);
    store.delete_sessions(&["s1".to_owned()], T0).unwrap();
    assert_eq!(read(&store), expected);
    assert_eq!(
        query(&store, "select len(numbers) from received"),
        ["2"],
        "the head and the one record that is left"
    );
}

#[test]
fn a_deleted_session_comes_back_only_when_it_is_allowed() {
    let (_folder, store, mut writer, batch) = filled();
    store.delete_sessions(&["s1".to_owned()], T0).unwrap();
    let after = counts(&store);
    let again = |writer: &mut Writer| {
        let mut batch = batch.clone();
        batch.sessions.retain(|row| &*row.session_id != "other");
        batch.traces.retain(|row| &*row.session_id != "other");
        batch
            .new_acts
            .retain(|(_, state)| &*state.derived.session_id != "other");
        for (_, state) in &mut batch.new_acts {
            state.act_id = writer.next_act_id();
        }
        batch
    };
    // What was worked out before the deletion, and is committed behind it.
    let late = again(&mut writer);
    writer.commit(late).unwrap();
    assert_eq!(counts(&store), after);
    // What arrives behind it.
    let mut late = again(&mut writer);
    let mut acts: Vec<proto::agent::Act> = std::mem::take(&mut late.new_acts)
        .into_iter()
        .map(|(act, state)| proto::agent::Act {
            facts: state.facts,
            ..act
        })
        .collect();
    writer.leave_out_deleted(&mut acts, &mut late);
    assert!(acts.is_empty() && late.events.is_empty() && late.received.is_empty());
    // A finding that was on its way.
    store.write_findings(&[finding("f2", 1)]).unwrap();
    assert_eq!(counts(&store), after);

    assert!(store.allow_session_again("s1").unwrap());
    assert!(store.allow_session_again("s2").unwrap());
    assert!(!store.allow_session_again("s1").unwrap());
    let back = again(&mut writer);
    writer.commit(back).unwrap();
    assert_eq!(query(&store, "select count(*) from span"), ["7"]);
    assert_eq!(texts(&store, &batch.payloads), [true; 6]);
}

#[test]
fn a_deletion_survives_a_restart_and_unknown_ids_change_nothing() {
    let (folder, store, writer, _) = filled();
    let before = counts(&store);
    let none = store.delete_sessions(&["nobody".to_owned()], T0).unwrap();
    assert_eq!(none, store::Deletion::default());
    assert_eq!(counts(&store), before);
    store.delete_sessions(&["s1".to_owned()], T0).unwrap();
    let after = counts(&store);
    drop(writer);
    store.close();
    let store = Store::open(crate::fixture::config(&folder)).unwrap();
    assert_eq!(counts(&store), after);
    let mut writer = store.writer().unwrap();
    let late = demo(&mut writer);
    writer.commit(late).unwrap();
    assert_eq!(counts(&store), after);
}

#[test]
fn records_packed_ahead_are_stored_as_those_that_are_not() {
    let read = |prepare: &dyn Fn(&mut Batch)| {
        let (_folder, store, mut writer) = open();
        let mut batch = batch(&mut writer);
        // As many as fill several parts.
        let record = batch.received[0].records[6].clone();
        for number in 7..200 {
            let mut act = act(
                &mut writer,
                7,
                100 + number as u64,
                Operation::Tool,
                "other",
            );
            act.0.record = Some(RecordRef {
                request_id: 5,
                number,
            });
            batch.new_acts.push(act);
            batch.received[0].records.push(ReceivedRecord {
                number,
                bytes: format!("record {number} ").repeat(100).into_bytes(),
                ..record.clone()
            });
        }
        let mut packer = store::Packer::new(proto::Hashing::default()).unwrap();
        batch.packed_records = packer.pack_records(&batch.received);
        prepare(&mut batch);
        writer.commit(batch).unwrap();
        query(
            &store,
            "select part, len(numbers), raw_size, codec, md5(data::varchar) from received order by all",
        )
    };
    let ahead = read(&|_| {});
    assert_eq!(ahead.len(), 7, "{ahead:?}");
    assert_eq!(ahead, read(&|batch| batch.packed_records.clear()));
    // Where a record is left out, what was packed with it is not used.
    let leave_out = |batch: &mut Batch| {
        batch.received[0]
            .records
            .retain(|record| record.number != 50)
    };
    let without = read(&leave_out);
    assert_ne!(ahead, without);
    let packed_late = |batch: &mut Batch| {
        leave_out(batch);
        batch.packed_records.clear();
    };
    assert_eq!(without, read(&packed_late));
}
