//! Everything is read again, and what is damaged is named.

use std::fs::OpenOptions;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use store::{Damage, DamageKind, Store, Verification, verify_folder};
use tempfile::TempDir;

use crate::fixture::{config, demo, open, payload};

const MEMORY: u64 = 256 << 20;

/// The demo, with a text of many pieces.
fn filled() -> (TempDir, Store) {
    let (folder, store, mut writer) = open();
    let mut batch = demo(&mut writer);
    let long: String = (0..200_000).map(|n| format!("{n} ")).collect();
    let long = payload(long);
    batch.new_acts[0].1.facts.output = Some(long.address);
    batch.payloads.push(long);
    writer.commit(batch).unwrap();
    drop(writer);
    (folder, store)
}

fn kinds(found: &Verification) -> Vec<DamageKind> {
    found.damage.iter().map(|damage| damage.kind).collect()
}

fn change(folder: &TempDir, sql: &str) {
    let path = folder.path().join("spanreel.duckdb");
    let connection = duckdb::Connection::open(path).unwrap();
    connection.execute_batch(sql).unwrap();
}

/// Flips the bits of one byte.
fn flip(path: &Path, offset: u64) {
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(path)
        .unwrap();
    let mut byte = [0];
    file.seek(SeekFrom::Start(offset)).unwrap();
    file.read_exact(&mut byte).unwrap();
    file.seek(SeekFrom::Start(offset)).unwrap();
    file.write_all(&[!byte[0]]).unwrap();
}

/// Where the blocks of one column lie.
fn blocks(folder: &TempDir, table: &str, column: &str) -> Vec<u64> {
    let path = folder.path().join("spanreel.duckdb");
    let connection = duckdb::Connection::open(path).unwrap();
    let sql = format!(
        "select distinct block_id from pragma_storage_info('{table}') \
         where column_name = '{column}' and block_id >= 0 order by all"
    );
    let mut statement = connection.prepare(&sql).unwrap();
    let blocks = statement.query_map([], |row| row.get::<_, i64>(0)).unwrap();
    blocks
        .map(|block| 12_288 + block.unwrap() as u64 * 262_144)
        .collect()
}

fn one(found: &Verification, kind: DamageKind) -> &Damage {
    let mut of_kind = found.damage.iter().filter(|damage| damage.kind == kind);
    let first = of_kind.next().unwrap_or_else(|| panic!("{found:#?}"));
    assert_eq!(of_kind.next(), None);
    first
}

#[test]
fn what_was_written_is_healthy_open_and_closed() {
    let (folder, store) = filled();
    let open = store.verify().unwrap();
    assert_eq!(open.damage, []);
    assert!(open.is_healthy());
    assert!(open.piece_count > 20 && open.reference_count > 30);
    assert_eq!(open.payload_count, store.counts().unwrap().payload_count);
    assert_eq!(open.payload_bytes, store.counts().unwrap().payload_bytes);
    assert_eq!(open.journal_position, 100);
    store.close();
    let closed = verify_folder(folder.path(), MEMORY, None).unwrap();
    // What the log of changes held has been folded into the file.
    assert!(closed.block_count > 3);
    assert_eq!(
        closed,
        Verification {
            block_count: closed.block_count,
            ..open
        }
    );
}

#[test]
fn a_piece_with_other_bytes_is_named_with_its_payload_and_acts() {
    let (folder, store) = filled();
    store.close();
    change(
        &folder,
        "update piece set codec = 0, data = repeat('x', raw_size::int)::blob \
         where piece_id = (select pieces[3] from payload where len(pieces) > 5)",
    );
    let found = verify_folder(folder.path(), MEMORY, None).unwrap();
    assert_eq!(kinds(&found), [DamageKind::Piece, DamageKind::Payload]);
    let damage = one(&found, DamageKind::Payload);
    assert!(
        damage
            .message
            .contains("has other bytes than its hash says")
    );
    assert_eq!(damage.payload_hash.as_ref().unwrap().len(), 64);
    assert_eq!(
        (damage.acts.len(), &*damage.session_ids),
        (1, &["s1".to_owned()][..])
    );
    // A server that has it open says the same.
    let store = Store::open(config(&folder)).unwrap();
    assert_eq!(store.verify().unwrap().damage, found.damage);
}

#[test]
fn a_damaged_block_is_named_with_what_lies_in_it() {
    let (folder, store) = filled();
    store.close();
    let path = folder.path().join("spanreel.duckdb");
    let sound = std::fs::read(&path).unwrap();

    let offset = blocks(&folder, "piece", "data")[0];
    flip(&path, offset + 1000);
    let found = verify_folder(folder.path(), MEMORY, None).unwrap();
    let block = one(&found, DamageKind::Block);
    assert_eq!(block.offset, Some(offset));
    assert_eq!(block.file.as_deref(), Some("spanreel.duckdb"));
    assert!(block.message.contains("rows of piece"), "{}", block.message);
    let payloads = found
        .damage
        .iter()
        .filter(|d| d.kind == DamageKind::Payload);
    assert!(payloads.clone().count() > 0);
    assert!(
        payloads.clone().any(|d| d.session_ids == ["s1"]),
        "{found:#?}"
    );

    std::fs::write(&path, &sound).unwrap();
    let offset = blocks(&folder, "span", "attributes")[0];
    flip(&path, offset + 8);
    let found = verify_folder(folder.path(), MEMORY, None).unwrap();
    assert_eq!(one(&found, DamageKind::Block).offset, Some(offset));

    // Both of the headers that take turns: nothing can be opened, and it is said why.
    std::fs::write(&path, &sound).unwrap();
    flip(&path, 4096 + 100);
    flip(&path, 8192 + 100);
    let found = verify_folder(folder.path(), MEMORY, None).unwrap();
    let database = one(&found, DamageKind::Database);
    assert!(
        database.message.contains("cannot be opened"),
        "{}",
        database.message
    );
    assert_eq!(found.damage_count, 3);

    std::fs::write(&path, &sound).unwrap();
    assert!(
        verify_folder(folder.path(), MEMORY, None)
            .unwrap()
            .is_healthy()
    );
}

#[test]
fn references_that_lead_nowhere_are_named() {
    let (folder, store) = filled();
    store.close();
    change(
        &folder,
        "delete from payload where payload_id = (select max(output_id) from span); \
         delete from resource; \
         insert into turn (session_id, turn) values ('nobody', 1);",
    );
    let found = verify_folder(folder.path(), MEMORY, None).unwrap();
    let told: Vec<&str> = found.damage.iter().map(|d| &*d.message).collect();
    for words in [
        "an act names a text that is not there, 1 times: its output",
        "an act names its resource that is not there",
        "a turn names its session that is not there, 1 times: turn 1",
    ] {
        assert!(
            told.iter().any(|message| message.contains(words)),
            "{told:#?}"
        );
    }
}

#[test]
fn a_damaged_search_index_is_named() {
    let (folder, store) = filled();
    while store.search_state().unwrap().waiting_bytes > 0 {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    store.close();
    let mut files: Vec<_> = std::fs::read_dir(folder.path().join("search"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "term"))
        .collect();
    flip(&files.pop().unwrap(), 0);
    let found = verify_folder(folder.path(), MEMORY, None).unwrap();
    assert_eq!(kinds(&found), [DamageKind::SearchIndex]);
    assert!(
        found.damage[0]
            .message
            .contains("made anew at the next start")
    );
}

#[test]
fn a_folder_without_a_database_or_in_use_is_refused() {
    let empty = tempfile::tempdir().unwrap();
    let error = verify_folder(empty.path(), MEMORY, None).unwrap_err();
    assert!(matches!(error, store::Error::Folder { .. }), "{error:?}");
}
