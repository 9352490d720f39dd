use super::*;
use crate::{Batch, TraceRow, Value};

fn batch(journal_position: u64) -> Batch {
    Batch {
        traces: vec![TraceRow {
            trace_id: proto::id::TraceId([journal_position as u8; 16]),
            session_id: Arc::from("s"),
            min_ns: 1,
            max_ns: 2,
        }],
        journal_position,
        ..Batch::default()
    }
}

/// Makes the engine give up, as its bugs and a full memory do.
fn break_engine(store: &Store) {
    let instance = store.shared.instance().unwrap();
    let connection = instance.connect().unwrap();
    let error = connection
        .execute_batch(
            "create or replace table broken (v variant); \
             insert into broken \
             select ('{\"a\":1,\"a\":{\"b\":' || i || '}}')::json::variant from range(200000) t(i); \
             checkpoint;",
        )
        .unwrap_err();
    assert!(crate::error::is_fatal(&error), "{error}");
}

#[test]
fn a_damaged_block_costs_one_opening() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config {
        data_dir: folder.path().to_owned(),
        memory_limit_bytes: 256 << 20,
        reader_count: 2,
        encryption: None,
    };
    let change = |store: &Store, sql: &str| {
        let run = |core: &mut Core| core.connection.execute_batch(sql);
        store.change(run).unwrap();
    };
    let store = Store::open(config.clone()).unwrap();
    change(
        &store,
        "insert into piece select i, unhex(md5(i::varchar)), 2880, 0, \
         repeat(md5((-i)::varchar), 90)::blob from range(1, 400) t(i)",
    );
    store.shared.checkpoint().unwrap();
    let sql = "select block_id from pragma_storage_info('piece') \
               where column_name = 'data' and block_id >= 0 order by count desc limit 1";
    let block: i64 = lock(&store.shared.core)
        .as_ref()
        .unwrap()
        .connection
        .query_row(sql, [], |row| row.get(0))
        .unwrap();
    store.close();
    let path = folder.path().join(FILE_NAME);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[12_288 + block as usize * 262_144 + 4_000] ^= 1;
    std::fs::write(&path, bytes).unwrap();

    let store = Store::open(config.clone()).unwrap();
    let fold = || {
        let mut core = lock(&store.shared.core);
        let core = core.as_mut().unwrap();
        core.last_commit = std::time::Instant::now().checked_sub(Duration::from_secs(400));
        store.shared.fold_when_idle(core);
        store.shared.log_limit.can_fold()
    };
    // While somebody reads, as the search index may just now, the engine leaves the block alone.
    let is_met = (400..800).any(|number| {
        let sql = format!("insert into piece values ({number}, '', 1, 0, 'a')");
        change(&store, &sql);
        std::thread::sleep(Duration::from_millis(20));
        !fold()
    });
    assert!(is_met);
    // From here on the engine does not try by itself either.
    let setting = || {
        let sql = "select current_setting('wal_autocheckpoint')";
        store.read(sql, &[]).unwrap().rows
    };
    let without = setting();
    assert!(format!("{without:?}").contains("TiB"), "{without:?}");
    let mut writer = store.writer().unwrap();
    for number in 1..4 {
        writer.commit(batch(number)).unwrap();
    }
    assert_eq!(store.recovery_count(), 1);
    drop(writer);
    store.close();
    let store = Store::open(config).unwrap();
    let count = store.read("select count(*) from trace", &[]).unwrap();
    assert_eq!(count.rows, [[Value::Int(3)]]);
}

#[test]
fn store_serves_again_after_the_engine_gave_up() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(Config {
        data_dir: folder.path().to_owned(),
        memory_limit_bytes: 256 << 20,
        reader_count: 2,
        encryption: None,
    })
    .unwrap();
    let mut writer = store.writer().unwrap();
    writer.commit(batch(1)).unwrap();
    let count = || {
        store
            .read("select count(*) from trace", &[])
            .map(|table| table.rows)
    };

    break_engine(&store);
    assert_eq!(count().unwrap(), [[Value::Int(1)]]);

    break_engine(&store);
    let failed = writer.commit_ref(&batch(2)).unwrap_err();
    assert!(failed.is_fatal(), "{failed:?}");
    writer.commit(batch(2)).unwrap();
    assert_eq!(writer.journal_position(), 2);
    assert_eq!(count().unwrap(), [[Value::Int(2)]]);
}
