//! A damaged block of the database, and a damaged end of the journal: what is lost, what is not, and what
//! everybody is told.

use std::fs::OpenOptions;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::program::{Server, data_folder, post};
use crate::upkeep::{fill, on_folder, printed, request, send, verified};

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

/// The newest journal segment that holds a record.
fn segment(folder: &Path) -> PathBuf {
    let mut segments: Vec<PathBuf> = std::fs::read_dir(folder.join("journal"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.metadata().unwrap().len() > 64)
        .collect();
    segments.sort();
    segments.pop().expect("a segment")
}

/// Damages one byte in the block that holds a text, and gives the block's place in the file.
fn damage_a_text(folder: &Path) -> u64 {
    let path = folder.join("spanreel.duckdb");
    let connection = duckdb::Connection::open(&path).unwrap();
    let blocks = |table: &str, condition: &str| -> Vec<i64> {
        let sql = format!(
            "select distinct block_id from pragma_storage_info('{table}') \
             where block_id >= 0 and {condition} order by block_id"
        );
        let mut statement = connection.prepare(&sql).unwrap();
        let rows = statement.query_map([], |row| row.get(0)).unwrap();
        rows.map(Result::unwrap).collect()
    };
    // Small columns share blocks, also with the tables that a start reads.
    let mut statement = connection
        .prepare("select table_name from duckdb_tables()")
        .unwrap();
    let tables = statement.query_map([], |row| row.get::<_, String>(0));
    let tables: Vec<String> = tables.unwrap().map(Result::unwrap).collect();
    let shared: Vec<i64> = tables
        .iter()
        .flat_map(|table| match table.as_str() {
            "piece" => blocks(table, "column_name <> 'data'"),
            _ => blocks(table, "true"),
        })
        .collect();
    let texts = blocks("piece", "column_name = 'data'");
    let block = texts.into_iter().find(|block| !shared.contains(block));
    let block = block.expect("a block of texts alone");
    drop(statement);
    drop(connection);
    let offset = 12_288 + block as u64 * 262_144;
    flip(&path, offset + 4_000);
    offset
}

#[test]
fn a_damaged_block_is_told_and_the_rest_goes_on() {
    let folder = data_folder();
    let server = Server::start(folder.path());
    fill(&server, "s1", 160);
    server.stop();
    let offset = damage_a_text(folder.path());

    let (code, report) = verified(folder.path());
    assert_eq!(code, Some(1));
    let of_kind = |kind: &str| -> Vec<&Value> {
        let damage = report["damage"].as_array().unwrap();
        damage.iter().filter(|one| one["kind"] == kind).collect()
    };
    assert_eq!(of_kind("block")[0]["offset"], json!(offset));
    assert_eq!(of_kind("block")[0]["file"], "spanreel.duckdb");
    assert!(!of_kind("payload").is_empty());
    assert_eq!(of_kind("payload")[0]["session_ids"], json!(["s1"]));
    let said = printed(&on_folder(&["verify"], folder.path()));
    println!("{}", said.lines().take(4).collect::<Vec<_>>().join("\n"));
    assert!(said.contains("spanreel restore"), "{said}");

    // It starts, takes and answers what does not lie there.
    let server = Server::start(folder.path());
    send(&server, &request("s2", 0, "sent after the damage"));
    server.wait_for(
        "select count(*) from spans where session_id = 's2'",
        &json!(1),
    );
    assert_eq!(server.value("select count(*) from spans"), json!(161));

    // What lies there is refused with what to do.
    let hash = of_kind("payload")[0]["payload_hash"].as_str().unwrap();
    let (status, body) = server.get_bytes(&format!("/api/v1/payloads/{hash}"));
    let error: Value = serde_json::from_slice(&body).unwrap();
    println!("GET /payloads: {status} {error}");
    assert_eq!((status, &error["error"]["code"]), (500, &json!("damaged")));
    let message = error["error"]["message"].as_str().unwrap();
    assert!(
        message.contains("spanreel verify") && message.contains("restore"),
        "{message}"
    );
    let output = server.command(&["sql", "select sum(len(input)) from spans"]);
    println!("sql: {}", printed(&output));
    assert!(!output.status.success());
    assert!(
        printed(&output).contains("spanreel verify"),
        "{}",
        printed(&output)
    );
    assert_eq!(server.command(&["verify"]).status.code(), Some(1));
    // A backup of what cannot be read is a copy of the damage, and verifying it says so.
    server.stop();
}

#[test]
fn a_database_that_cannot_be_opened_says_what_to_do() {
    let folder = data_folder();
    let server = Server::start(folder.path());
    fill(&server, "s1", 3);
    server.stop();
    let path = folder.path().join("spanreel.duckdb");
    flip(&path, 4096 + 100);
    flip(&path, 8192 + 100);
    let output = on_folder(
        &[
            "serve",
            "--ui",
            "127.0.0.1:0",
            "--otlp-grpc",
            "127.0.0.1:0",
            "--otlp-http",
            "127.0.0.1:0",
        ],
        folder.path(),
    );
    let said = printed(&output);
    println!("{said}");
    assert_eq!(output.status.code(), Some(69));
    assert!(
        said.contains("spanreel verify") && said.contains("spanreel restore"),
        "{said}"
    );
    assert!(!said.contains("panicked"), "{said}");
    let (code, report) = verified(folder.path());
    assert_eq!(code, Some(1));
    assert!(report["damage_count"].as_u64() >= Some(3), "{report:#}");
}

#[test]
fn a_damaged_end_of_the_journal_costs_that_record_only() {
    let folder = data_folder();
    let server = Server::start(folder.path());
    fill(&server, "s1", 20);
    // A clean stop leaves no journal.
    server.kill();

    // An end that a crash cut off: nobody was told that it is there.
    let journal = segment(folder.path());
    let whole = std::fs::read(&journal).unwrap();
    std::fs::write(&journal, &whole[..whole.len() - 10]).unwrap();
    let (code, report) = verified(folder.path());
    assert_eq!(code, Some(0), "{report:#}");
    let note = report["notes"][0].as_str().unwrap();
    println!("{note}");
    assert!(note.contains("never acknowledged"), "{note}");

    // A byte that turned: it was acknowledged.
    std::fs::write(&journal, &whole).unwrap();
    flip(&journal, whole.len() as u64 - 10);
    let (code, report) = verified(folder.path());
    println!("{:#}", report["damage"]);
    assert_eq!(code, Some(1));
    let damage = &report["damage"][0];
    assert_eq!(damage["kind"], "journal");
    let name = journal.file_name().unwrap().to_str().unwrap();
    assert_eq!(damage["file"], json!(format!("journal/{name}")));
    assert!(damage["offset"].as_u64().unwrap() < whole.len() as u64);

    // The start cuts it off and goes on; what is in the database is there, what is sent is taken.
    let server = Server::start(folder.path());
    let url = format!("{}/v1/traces", server.http);
    let body = request("s2", 0, "sent after the damage").to_string();
    let (status, _) = post(&url, "application/json", body.into_bytes()).unwrap();
    assert_eq!(status, 200);
    server.wait_for(
        "select count(*) from spans where session_id = 's2'",
        &json!(1),
    );
    assert_eq!(
        server.value("select count(*) from spans where session_id = 's1'"),
        json!(20)
    );
    server.stop();
    assert_eq!(verified(folder.path()).0, Some(0));
}
