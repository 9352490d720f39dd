//! SQL of users against a real store: whatever it says, it reads the public relations or is refused.
//!
//! Checked behind every query that ran: the rows of a table that users cannot name are as they were, no
//! file came into the data folder, and the text of a file that lies there is not in the answer.

#![no_main]

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

use libfuzzer_sys::{Corpus, fuzz_target};
use store::{Batch, Cancel, Config, Store, TraceRow, UserSql, Value};

/// What no query may read. Put together, so that it stands in no input by itself.
const SECRET: [&str; 2] = ["planted-", "and-not-to-be-read"];
/// The seeds and the dictionary name this file, beside the database and in the folder of the process.
const SECRET_FILE: &str = "secret.txt";

struct Place {
    store: Store,
    folder: PathBuf,
    files: BTreeSet<String>,
}

fn open() -> Place {
    let folder = std::env::temp_dir().join(format!("spanreel-fuzz-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder of its own");
    std::fs::write(folder.join(SECRET_FILE), SECRET.concat()).expect("the planted file");
    std::env::set_current_dir(&folder).expect("the folder to work in");
    let store = Store::open(Config {
        data_dir: folder.clone(),
        memory_limit_bytes: 256 << 20,
        reader_count: 1,
        encryption: None,
    })
    .expect("an empty store");
    let row = TraceRow {
        trace_id: proto::id::TraceId([7; 16]),
        session_id: "s".into(),
        min_ns: 1,
        max_ns: 2,
    };
    let batch = Batch {
        traces: vec![row],
        journal_position: 1,
        ..Batch::default()
    };
    let mut writer = store.writer().expect("the one writer");
    writer.commit(batch).expect("one row");
    let mut place = Place {
        store,
        folder,
        files: BTreeSet::new(),
    };
    place.files = place.list();
    place
}

impl Place {
    /// The files of the data folder that the engine does not come and go with.
    fn list(&self) -> BTreeSet<String> {
        let entries = std::fs::read_dir(&self.folder).expect("the data folder");
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        names
            .filter(|name| !name.ends_with(".wal") && !name.starts_with("tmp"))
            .collect()
    }

    fn check(&self, sql: &str, answer: &[Vec<Value>]) {
        let secret = SECRET.concat();
        let told = answer.iter().flatten();
        let is_told = told
            .filter_map(|value| match value {
                Value::Text(text) => Some(text),
                _ => None,
            })
            .any(|text| text.contains(&secret));
        assert!(!is_told, "a file was read by: {sql}");
        let rows = self
            .store
            .read("select count(*) from trace", &[])
            .expect("the store still reads")
            .rows;
        assert_eq!(rows, [[Value::Int(1)]], "rows were changed by: {sql}");
        assert_eq!(self.list(), self.files, "files were made by: {sql}");
    }
}

fuzz_target!(|input: &[u8]| -> Corpus {
    static PLACE: OnceLock<Place> = OnceLock::new();
    let place = PLACE.get_or_init(open);
    let Ok(sql) = std::str::from_utf8(input) else {
        return Corpus::Reject;
    };
    let request = UserSql {
        sql: sql.to_owned(),
        params: vec![Value::Int(1)],
        max_rows: 100,
        max_bytes: 64 << 10,
        timeout: Duration::from_millis(500),
    };
    if let Ok(table) = place.store.user_sql(&request, &Cancel::default()) {
        place.check(sql, &table.rows);
    }
    Corpus::Keep
});
