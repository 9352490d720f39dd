//! Opening, refusing, closing, opening again.

use std::time::{Duration, Instant};

use store::{Batch, Error, Store};

use crate::fixture::{self, config, demo, open, query};

#[test]
fn everything_is_there_after_opening_again() {
    let (folder, store, mut writer) = open();
    let batch = demo(&mut writer);
    writer.commit(batch).unwrap();
    let next = writer.next_act_id();
    drop(writer);
    let clone = store.clone();
    store.close();
    assert!(matches!(clone.read("select 1", &[]), Err(Error::Closed)));
    assert!(matches!(clone.writer(), Err(Error::Closed)));

    let store = Store::open(config(&folder)).unwrap();
    let mut writer = store.writer().unwrap();
    assert_eq!(writer.journal_position(), 100);
    assert_eq!(writer.next_act_id(), next);
    assert_eq!(
        query(&store, "select count(*) from spans where input is not null"),
        ["2"]
    );
    let again = demo(&mut writer);
    let committed = writer
        .commit(Batch {
            new_acts: Vec::new(),
            ..again
        })
        .unwrap();
    assert_eq!(
        (committed.event_count, committed.duplicate_event_count),
        (0, 2)
    );
    assert_eq!(committed.metric_count, 0);
    let counts = store.counts().unwrap();
    assert_eq!((counts.payload_count, counts.session_count), (5, 2));
    assert_eq!(query(&store, "select count(*) from turns"), ["1"]);
}

#[test]
fn dropping_every_handle_releases_the_folder() {
    let (folder, store, mut writer) = open();
    let batch = demo(&mut writer);
    writer.commit(batch).unwrap();
    // Leaves connections with the functions.
    query(&store, "select input, output, seq from spans");
    drop(writer);
    drop(store);
    // A thread of the store that is at work holds it until its step is done.
    let until = Instant::now() + Duration::from_secs(20);
    let store = loop {
        match Store::open(config(&folder)) {
            Err(Error::Locked { .. }) if Instant::now() < until => {
                std::thread::sleep(Duration::from_millis(20));
            }
            opened => break opened.unwrap(),
        }
    };
    assert_eq!(query(&store, "select count(*) from spans"), ["6"]);
}

#[test]
fn folder_in_use_is_refused() {
    let (folder, store, _writer) = open();
    let error = Store::open(config(&folder)).err().unwrap();
    assert!(matches!(error, Error::Locked { .. }));
    let message = error.to_string();
    assert!(message.contains("in use by this process"), "{message}");
    drop(_writer);
    store.close();
    Store::open(config(&folder)).unwrap();
}

#[test]
fn newer_schema_is_refused() {
    let (folder, store, writer) = open();
    drop(writer);
    store.close();
    let path = folder.path().join("spanreel.duckdb");
    let connection = duckdb::Connection::open(&path).unwrap();
    connection
        .execute_batch("insert into schema_version values (99)")
        .unwrap();
    drop(connection);
    let error = Store::open(config(&folder)).err().unwrap();
    assert!(
        matches!(error, Error::NewerSchema { found: 99, .. }),
        "{error}"
    );
    // The refusal holds nothing.
    let connection = duckdb::Connection::open(&path).unwrap();
    connection
        .execute_batch("delete from schema_version where version = 99")
        .unwrap();
    drop(connection);
    Store::open(config(&folder)).unwrap();
}

#[test]
fn second_writer_is_refused() {
    let (_folder, store, writer) = open();
    assert!(matches!(store.writer(), Err(Error::WriterTaken)));
    drop(writer);
    store.writer().unwrap();
}

#[test]
fn closing_stops_running_queries() {
    let (folder, store, writer) = open();
    let reader = store.clone();
    let query = std::thread::spawn(move || {
        reader
            .read("select count(*) from range(10000000000) a", &[])
            .is_err()
    });
    std::thread::sleep(Duration::from_millis(100));
    drop(writer);
    store.close();
    assert!(query.join().unwrap());
    Store::open(config(&folder)).unwrap();
}

#[test]
fn database_is_locked_down() {
    let (_folder, store, _writer) = open();
    for sql in [
        "select * from read_text('/etc/hostname')",
        "copy (select 1) to '/tmp/out.csv'",
        "install httpfs",
        "set enable_external_access = true",
        "set memory_limit = '1GB'",
        "attach '/tmp/other.duckdb'",
    ] {
        assert!(store.read(sql, &[]).is_err(), "{sql}");
    }
    let version = query(
        &store,
        "select tags['storage_version'] from duckdb_databases() where not internal",
    );
    assert!(version[0].starts_with("v1.5"), "{version:?}");
}

#[test]
fn subscribers_hear_of_commits_and_findings() {
    let (_folder, store, mut writer) = open();
    let mut notices = store.subscribe();
    let batch = demo(&mut writer);
    writer.commit(batch).unwrap();
    for repeat_count in [3, 5] {
        let findings = [fixture::finding("f1", repeat_count)];
        store.announce_findings(&findings);
        store.write_findings(&findings).unwrap();
    }
    let heard = notices.try_recv().unwrap();
    let store::Notice::Committed {
        sessions,
        span_count,
        event_count,
        ..
    } = &*heard
    else {
        panic!("{heard:?}");
    };
    assert_eq!(
        sessions
            .iter()
            .map(|changed| (&*changed.session_id, &*changed.act_ids))
            .collect::<Vec<_>>(),
        [("s1", &[1, 2, 3, 4, 5][..]), ("s2", &[6][..])]
    );
    assert_eq!((*span_count, *event_count), (6, 2));
    for repeat_count in [3, 5] {
        let heard = notices.try_recv().unwrap();
        let store::Notice::Findings(findings) = &*heard else {
            panic!("{heard:?}");
        };
        assert_eq!(findings[0].repeat_count, repeat_count);
        let heard = notices.try_recv().unwrap();
        let store::Notice::FindingsStored(session_ids) = &*heard else {
            panic!("{heard:?}");
        };
        assert_eq!(&*session_ids[0], "s1");
    }
    assert_eq!(
        query(
            &store,
            "select finding_id, repeat_count, epoch_ns(detected_at), first_span_id from findings"
        ),
        [format!(
            "f1|5|{}|{}",
            fixture::T0 + 3,
            fixture::span_id(3).hex()
        )]
    );
    assert_eq!(
        query(
            &store,
            "select finding_count from sessions order by session_id"
        ),
        ["1", "0"]
    );
}
