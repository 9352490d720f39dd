//! Deletion, told by nothing but the rows that are gone.

use std::time::{Duration, Instant};

use super::{State, index};
use crate::instance::lock;
use crate::{Config, Notice, Store};

fn open(folder: &std::path::Path) -> Store {
    Store::open(Config {
        data_dir: folder.to_owned(),
        memory_limit_bytes: 256 << 20,
        reader_count: 2,
        encryption: None,
    })
    .unwrap()
}

fn change(store: &Store, sql: &str) {
    let change = |core: &mut crate::writer::Core| core.connection.execute_batch(sql);
    store.change(change).unwrap();
    store.tell(Notice::of_removal(Vec::new()));
}

/// An act with one text, all under one number.
fn add(store: &Store, number: i64, text: &str) {
    change(
        store,
        &format!(
            "insert into piece values ({number}, unhex('{number:032x}'), {}, 0, '{text}'::blob); \
             insert into payload values ({number}, {number}, unhex('{number:064x}'), {}, [{number}]); \
             insert into span (act_id, trace_id, span_id, session_id, name, started_at, input_id, \
             plumbing, part_of_parent) values ({number}, 't', '{number}', 's', 'chat', \
             make_timestamp_ns({number}), {number}, false, false);",
            text.len(),
            text.len()
        ),
    );
}

fn remove(store: &Store, number: i64) {
    change(
        store,
        &format!(
            "delete from piece where piece_id = {number}; \
             delete from payload where payload_id = {number}; \
             delete from span where act_id = {number};"
        ),
    );
}

fn found(store: &Store, question: &str) -> usize {
    let sql = format!("from search('{question}')");
    store.read(&sql, &[]).unwrap().rows.len()
}

/// Waits until the index holds exactly the units of these pieces and acts.
fn settle(store: &Store, keys: &[i64]) {
    let since = Instant::now();
    loop {
        let indexed = match &*lock(&store.shared.search.state) {
            State::Open(snapshot) => index::all_keys(&snapshot.searcher).unwrap(),
            _ => Vec::new(),
        };
        if indexed == keys {
            return;
        }
        let elapsed = since.elapsed();
        assert!(
            elapsed < Duration::from_secs(20),
            "{indexed:?}, not {keys:?}"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn what_is_deleted_leaves_the_index() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    for (number, text) in [(1, "alpha one"), (2, "alpha two"), (3, "alpha three")] {
        add(&store, number, text);
    }
    settle(&store, &[-3, -2, -1, 1, 2, 3]);
    assert_eq!(found(&store, "alpha"), 3);

    // In the midst of what there is: not found at once, and soon not in the index either.
    remove(&store, 2);
    assert_eq!(found(&store, "alpha"), 2);
    settle(&store, &[-3, -1, 1, 3]);

    // What came last, and then more, by numbers of its own or the same ones.
    remove(&store, 3);
    settle(&store, &[-1, 1]);
    add(&store, 3, "alpha once more");
    settle(&store, &[-3, -1, 1, 3]);
    assert_eq!(found(&store, "once"), 1);
    assert_eq!(found(&store, "three"), 0);
    store.close();

    // While nobody looked, and with the numbers given again.
    let store = open(folder.path());
    remove(&store, 3);
    store.close();
    let store = open(folder.path());
    add(&store, 3, "alpha for good");
    settle(&store, &[-3, -1, 1, 3]);
    assert_eq!(found(&store, "good"), 1);
    assert_eq!(found(&store, "once"), 0);
    store.close();
}

fn unit(key: i64, text: &str) -> super::units::Unit {
    super::units::Unit {
        key,
        same: key,
        text: text.to_owned(),
    }
}

#[test]
fn small_segments_become_one_and_what_they_were_leaves_the_disk() {
    const COMMITS: i64 = 8;
    let folder = tempfile::tempdir().unwrap();
    let (mut words, _) = index::Words::open(Some(folder.path())).unwrap();
    for key in 1..=COMMITS {
        words.add(&unit(key, &format!("text {key}"))).unwrap();
        words.commit(&index::Position::start()).unwrap();
    }
    assert!(words.settle(&|| false).unwrap());
    drop(words);
    let segments: std::collections::HashSet<String> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .filter(|name| !name.ends_with(".json") && !name.starts_with('.'))
        .filter_map(|name| Some(name.split_once('.')?.0.to_owned()))
        .collect();
    assert_eq!(segments.len(), 1, "{segments:?}");
    let (words, _) = index::Words::open(Some(folder.path())).unwrap();
    let keys = index::all_keys(&words.searcher()).unwrap();
    assert_eq!(keys, (1..=COMMITS).collect::<Vec<_>>());
}

#[test]
fn a_stop_does_not_wait_until_deleted_words_have_left_the_disk() {
    let folder = tempfile::tempdir().unwrap();
    let position = index::Position::start();
    let holds = || {
        let mut holds = false;
        for file in std::fs::read_dir(folder.path()).unwrap() {
            let bytes = std::fs::read(file.unwrap().path()).unwrap();
            holds |= bytes.windows(9).any(|word| word == b"unrelated");
        }
        holds
    };
    let (mut words, _) = index::Words::open(Some(folder.path())).unwrap();
    for (key, text) in [(1, "one to stay"), (2, "unrelated to go")] {
        words.add(&unit(key, text)).unwrap();
    }
    words.commit(&position).unwrap();
    words.remove(&[2], &position).unwrap();
    assert_eq!(index::all_keys(&words.searcher()).unwrap(), [1]);
    // Whoever stops leaves them, and who starts finds them.
    words.sweep(&|| true).unwrap();
    drop(words);
    let (mut words, _) = index::Words::open(Some(folder.path())).unwrap();
    words.sweep(&|| false).unwrap();
    assert!(!words.is_stale().unwrap());
    assert_eq!(index::all_keys(&words.searcher()).unwrap(), [1]);
    assert!(!holds(), "a deleted word is on disk");
}
