//! With a key nothing that a run said is on disk in clear, and everything reads as without one.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use proto::agent::PayloadRef;
use store::{
    AnnotationRow, Batch, Config, DamageKind, ENCRYPTION_FILE, EncryptionKey, Error, Store, Writer,
    restore, verify_folder,
};
use tempfile::TempDir;

use crate::fixture::{T0, config, demo, finding, full_state, lines, payload, query};

const MEMORY: u64 = 256 << 20;
/// Words that stand in texts of [`run`] alone, of each kind of place.
const SAID: [&str; 8] = [
    "Please fix the build",
    "You are careful",
    "[all] Error 2",
    "Title of a full act",
    "not on Fridays",
    "body 1",
    "same call gave the same",
    "looked in the wrong file",
];

fn sealed(folder: &TempDir, key: &EncryptionKey) -> Config {
    Config {
        encryption: Some(key.clone()),
        ..config(folder)
    }
}

/// The texts of a batch by the addresses that a store gives them.
fn addressed(mut batch: Batch, store: &Store) -> Batch {
    let mut addresses: HashMap<[u8; 32], PayloadRef> = HashMap::new();
    for payload in &mut batch.payloads {
        let address = store.hashing().address(&payload.bytes);
        addresses.insert(payload.address.hash, address);
        payload.address = address;
    }
    let change = |address: &mut Option<PayloadRef>| {
        if let Some(address) = address
            && let Some(new) = addresses.get(&address.hash)
        {
            *address = *new;
        }
    };
    for (_, state) in &mut batch.new_acts {
        change(&mut state.facts.prompt);
        change(&mut state.facts.input);
        change(&mut state.facts.output);
    }
    for turn in &mut batch.turns {
        change(&mut turn.prompt);
        change(&mut turn.response);
    }
    batch
}

/// A run with something in every place that texts can be.
fn run(store: &Store, writer: &mut Writer) {
    let mut batch = demo(writer);
    let (mut act, mut state) = full_state(writer);
    state.facts.title = Some("Title of a full act".into());
    act.attributes = r#"{"said":"an attribute says so"}"#.to_owned();
    batch.new_acts.push((act, state));
    let long: String = (0..100_000).map(|n| format!("{n} ")).collect();
    let long = payload(long);
    batch.new_acts[0].1.facts.output = Some(long.address);
    batch.payloads.push(long);
    writer.commit(addressed(batch, store)).unwrap();
    store.write_findings(&[finding("f1", 3)]).unwrap();
    store
        .write_annotation(&AnnotationRow {
            annotation_id: "a1".to_owned(),
            session_id: "s1".to_owned(),
            trace_id: None,
            span_id: None,
            turn: Some(1),
            verdict: Some("wrong".to_owned()),
            comment: Some("looked in the wrong file".to_owned()),
            author: None,
            created_ns: T0,
        })
        .unwrap();
}

/// What is asked of both stores. Hashes differ, and so does what is made of them.
const QUESTIONS: [&str; 9] = [
    "select * exclude (input_hash, output_hash) from spans order by act_id",
    "select session_id, title, status from sessions order by all",
    "select * exclude (body_hash) from events order by time",
    "select * exclude (content_hash) from messages order by all",
    "select title, explanation, repeat_count from findings",
    "select comment from annotations",
    "from session_tree('s1')",
    "from transcript('s1')",
    "select name from spans where (attributes ->> 'a.b') = 'c' and (resource ->> 'service.name') = 'demo'",
];

/// Files of a folder that hold a text.
fn holding(folder: &Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(holding(&path, text));
        } else if fs::read(&path)
            .unwrap()
            .windows(text.len())
            .any(|some| some == text.as_bytes())
        {
            found.push(path.display().to_string());
        }
    }
    found
}

fn refused(config: Config) -> Error {
    match Store::open(config) {
        Ok(_) => panic!("it opens"),
        Err(error) => error,
    }
}

fn change(folder: &TempDir, sql: &str) {
    let path = folder.path().join("spanreel.duckdb");
    let connection = duckdb::Connection::open(path).unwrap();
    connection.execute_batch(sql).unwrap();
}

fn filled() -> (TempDir, EncryptionKey) {
    let folder = tempfile::tempdir().unwrap();
    let key = EncryptionKey::draw().unwrap();
    let store = Store::open(sealed(&folder, &key)).unwrap();
    let mut writer = store.writer().unwrap();
    run(&store, &mut writer);
    drop(writer);
    store.close();
    (folder, key)
}

#[test]
fn everything_reads_as_without_a_key_and_nothing_is_in_clear() {
    let (plain_folder, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let key = EncryptionKey::draw().unwrap();
    let plain = Store::open(config(&plain_folder)).unwrap();
    let store = Store::open(sealed(&folder, &key)).unwrap();
    for store in [&plain, &store] {
        let mut writer = store.writer().unwrap();
        run(store, &mut writer);
    }
    for again in [false, true] {
        let reopened = again.then(|| {
            store.clone().close();
            Store::open(sealed(&folder, &key)).unwrap()
        });
        let store = reopened.as_ref().unwrap_or(&store);
        for question in QUESTIONS {
            let answer = query(store, question);
            assert!(!answer.is_empty(), "{question}");
            assert_eq!(answer, query(&plain, question), "{question}");
        }
        let hashes = |store: &Store| {
            query(
                store,
                "select input_hash from spans where input_hash is not null order by act_id",
            )
        };
        assert_ne!(hashes(store), hashes(&plain));
        for hash in hashes(store) {
            let bytes: [u8; 32] = hex_bytes(&hash);
            let slice = store.payload(&bytes, None).unwrap();
            if let Some(slice) = slice {
                assert_eq!(store.hashing().hash(&slice.bytes), bytes);
            }
        }
        let mut writer = store.writer().unwrap();
        let acts = writer.load_acts(&[], &["s1".into()]).unwrap();
        let mut other = plain.writer().unwrap();
        let expected = other.load_acts(&[], &["s1".into()]).unwrap();
        assert_eq!(acts.len(), expected.len());
        for (act, expected) in acts.iter().zip(&expected) {
            assert_eq!(act.state.facts.detail, expected.state.facts.detail);
            assert_eq!(act.state.facts.title, expected.state.facts.title);
            assert_eq!(act.state.status_message, expected.state.status_message);
        }
        let found = store.verify().unwrap();
        assert_eq!(found.damage, []);
        assert!(found.value_count > 20, "{found:?}");
    }
    plain.close();
    for text in SAID {
        assert_eq!(holding(folder.path(), text), [""; 0], "{text}");
    }
    // And the search sees what there is to see.
    assert!(!holding(plain_folder.path(), SAID[3]).is_empty());
    assert!(!holding(plain_folder.path(), SAID[7]).is_empty());
}

fn hex_bytes(hex: &str) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap();
    }
    bytes
}

#[test]
fn the_search_index_is_in_memory_and_nothing_is_spilled() {
    let (folder, key) = filled();
    let store = Store::open(sealed(&folder, &key)).unwrap();
    let since = Instant::now();
    while query(&store, "select name from search('careful')").is_empty()
        || store.search_state().unwrap().waiting_act_count > 0
    {
        assert!(since.elapsed() < Duration::from_secs(30));
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(store.search_state().unwrap().index_bytes > 0);
    // What large queries put aside is in memory, readable by nobody else, and gone with the store.
    let aside = query(&store, "select current_setting('temp_directory')").remove(0);
    if !aside.is_empty() {
        assert!(aside.starts_with("/dev/shm/spanreel-"), "{aside}");
        let rows = "select count(*) from (select *, row_number() over (order by hash(i), t) as n \
                    from (select i, repeat(i::varchar, 40) as t from range(1500000) r(i))) where n > 0";
        assert_eq!(query(&store, rows), ["1500000"]);
    }
    assert!(!folder.path().join("search").exists());
    store.close();
    assert!(!folder.path().join("tmp").exists());
    assert!(aside.is_empty() || !Path::new(&aside).exists());
}

#[test]
fn only_the_key_of_the_folder_opens_it() {
    let (folder, key) = filled();
    let error = refused(config(&folder));
    assert!(matches!(&error, Error::NoEncryptionKey { key_id, .. } if *key_id == key.id()));
    assert!(
        error.to_string().contains("--encryption-key-file"),
        "{error}"
    );
    let other = EncryptionKey::draw().unwrap();
    let error = refused(sealed(&folder, &other));
    assert!(matches!(&error, Error::OtherEncryptionKey { given, .. } if *given == other.id()));
    for key in [None, Some(&other)] {
        assert!(verify_folder(folder.path(), MEMORY, key).is_err());
    }
    assert!(
        verify_folder(folder.path(), MEMORY, Some(&key))
            .unwrap()
            .is_healthy()
    );

    // Without the file that tells the key, nothing is taken for a folder without one.
    let file = folder.path().join(ENCRYPTION_FILE);
    let text = fs::read(&file).unwrap();
    fs::remove_file(&file).unwrap();
    let error = refused(config(&folder));
    assert!(error.to_string().contains(ENCRYPTION_FILE), "{error}");
    assert!(matches!(
        refused(sealed(&folder, &key)),
        Error::NotEncrypted { .. }
    ));
    fs::write(&file, text).unwrap();
    Store::open(sealed(&folder, &key)).unwrap().close();

    let plain = tempfile::tempdir().unwrap();
    Store::open(config(&plain)).unwrap().close();
    let error = refused(sealed(&plain, &key));
    assert!(matches!(error, Error::NotEncrypted { .. }));
    assert!(error.to_string().contains("begun without a key"), "{error}");
    Store::open(config(&plain)).unwrap().close();
}

#[test]
fn changed_bytes_of_a_text_are_found_and_told() {
    let (folder, key) = filled();
    change(
        &folder,
        "update sealed_piece set data = data[:-2] || '\\x00'::blob \
         where piece_id = (select pieces[2] from payload where len(pieces) > 3)",
    );
    let found = verify_folder(folder.path(), MEMORY, Some(&key)).unwrap();
    let kinds: Vec<_> = found.damage.iter().map(|damage| damage.kind).collect();
    assert_eq!(kinds, [DamageKind::Piece, DamageKind::Payload]);
    assert!(
        found.damage[0].message.contains("changed on disk"),
        "{found:?}"
    );
    let store = Store::open(sealed(&folder, &key)).unwrap();
    let hash = found.damage[1].payload_hash.as_ref().unwrap();
    let error = store.payload(&hex_bytes(hash), None).unwrap_err();
    assert!(matches!(error, Error::Damaged(_)), "{error}");
    store.close();
}

#[test]
fn pieces_that_change_places_are_refused() {
    let (folder, key) = filled();
    change(
        &folder,
        "create temp table two as select piece_id, data, raw_size, codec, row_number() over () as n \
         from sealed_piece where piece_id in \
             (select unnest(pieces[1:2]) from payload where len(pieces) > 3); \
         update sealed_piece set data = o.data, raw_size = o.raw_size, codec = o.codec \
         from two t join two o on o.n <> t.n where sealed_piece.piece_id = t.piece_id;",
    );
    let found = verify_folder(folder.path(), MEMORY, Some(&key)).unwrap();
    let pieces = found
        .damage
        .iter()
        .filter(|damage| damage.kind == DamageKind::Piece);
    assert_eq!(pieces.count(), 2, "{found:#?}");
}

#[test]
fn values_of_rows_that_change_places_are_named_and_fail_the_query() {
    let (folder, key) = filled();
    change(
        &folder,
        "update sealed_span set detail = (select title from sealed_span where title is not null limit 1) \
         where detail is not null and tool_call_id = 'c1'; \
         update sealed_session set title = (select title from sealed_session where session_id = 's2') \
         where session_id = 's1'",
    );
    let found = verify_folder(folder.path(), MEMORY, Some(&key)).unwrap();
    let kinds: Vec<_> = found.damage.iter().map(|damage| damage.kind).collect();
    assert_eq!(kinds, [DamageKind::Value, DamageKind::Value], "{found:#?}");
    assert_eq!(found.damage[0].acts.len(), 1);
    assert_eq!(found.damage[0].session_ids, ["s1"]);
    let store = Store::open(sealed(&folder, &key)).unwrap();
    let error = store.read("select title from sessions", &[]).unwrap_err();
    assert!(error.is_damaged_block(), "{error}");
    assert!(
        format!("{:?}", error).contains("spanreel verify"),
        "{error:?}"
    );
    // What does not come by it answers.
    let rows = store.read("select session_id from sessions order by all", &[]);
    assert_eq!(lines(&rows.unwrap()).len(), 2);
    store.close();
}

#[test]
fn deleting_compacting_and_copying_work_on_a_sealed_store() {
    let (folder, key) = filled();
    let store = Store::open(sealed(&folder, &key)).unwrap();
    store.compact().unwrap();
    assert_eq!(store.verify().unwrap().damage, []);
    let copies = tempfile::tempdir().unwrap();
    let (backup, restored) = (copies.path().join("backup"), copies.path().join("restored"));
    let mut no_journal = |_: &Path| Ok(());
    store.backup(&backup, "0", T0, &mut no_journal).unwrap();
    let deletion = store.delete_sessions(&["s1".to_owned()], T0).unwrap();
    assert!(deletion.span_count > 3 && deletion.piece_count > 0);
    store.compact().unwrap();
    assert_eq!(store.verify().unwrap().damage, []);
    assert_eq!(query(&store, "select session_id from sessions"), ["s2"]);
    assert_eq!(query(&store, "select comment from annotations"), [""; 0]);
    store.close();

    restore(&backup, &restored).unwrap();
    for text in SAID {
        assert_eq!(holding(&restored, text), [""; 0], "{text}");
    }
    let settings = Config {
        data_dir: restored,
        ..sealed(&folder, &key)
    };
    assert!(matches!(
        refused(Config {
            encryption: None,
            ..settings.clone()
        }),
        Error::NoEncryptionKey { .. }
    ));
    let store = Store::open(settings).unwrap();
    assert_eq!(
        query(&store, "select session_id from sessions order by all"),
        ["s1", "s2"]
    );
    assert_eq!(
        query(&store, "select prompt from turns"),
        ["Please fix the build"]
    );
    store.close();
}
