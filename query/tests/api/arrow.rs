//! Arrow over HTTP: what a reader of the stream sees, and how a cut is told.

use std::io::Cursor;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Int64Type, SchemaRef, TimeUnit};
use arrow::ipc::reader::StreamReader;
use serde_json::{Value as Json, json};

use crate::fixture::{Server, demo};

const ARROW: &str = "application/vnd.apache.arrow.stream";

async fn ask(server: &Server, body: &Json) -> reqwest::Response {
    let request = server
        .http
        .post(server.url("/api/v1/sql"))
        .header("accept", ARROW);
    request.json(body).send().await.unwrap()
}

async fn read(server: &Server, body: &Json) -> (SchemaRef, Vec<RecordBatch>) {
    let response = ask(server, body).await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], ARROW);
    let bytes = response.bytes().await.unwrap();
    let reader = StreamReader::try_new(Cursor::new(bytes), None).unwrap();
    let schema = reader.schema();
    (schema, reader.map(Result::unwrap).collect())
}

#[tokio::test]
async fn types_and_values_arrive_as_they_are() {
    let mut server = Server::start().await;
    let batch = demo(&mut server.writer);
    server.commit(batch);
    let (schema, batches) = read(
        &server,
        &json!({"sql": "select started_at, models, cost_usd, null::bigint as nothing, ? as given \
                        from sessions order by session_id", "params": ["é"]}),
    )
    .await;
    assert_eq!(
        *schema.field(0).data_type(),
        DataType::Timestamp(TimeUnit::Nanosecond, None)
    );
    let told = |at: usize| schema.field(at).metadata()["spanreel.sql_type"].clone();
    assert_eq!(told(0), "TIMESTAMP_NS");
    assert_eq!(told(1), "VARCHAR[]");
    assert_eq!(batches.len(), 1);
    let row = &batches[0];
    assert_eq!(row.num_rows(), 3);
    let models = row.column(1).as_list::<i32>().value(0);
    assert_eq!(models.as_string::<i32>().value(0), "m1");
    assert!(row.column(3).is_null(0));
    assert_eq!(row.column(4).as_string::<i32>().value(2), "é");

    let (schema, _) = read(
        &server,
        &json!({"sql": "select attributes from spans limit 1"}),
    )
    .await;
    assert_eq!(*schema.field(0).data_type(), DataType::Utf8);
    assert_eq!(schema.field(0).metadata()["spanreel.sql_type"], "JSON");
    let (schema, batches) = read(&server, &json!({"sql": "show tables"})).await;
    assert_eq!(schema.field(0).name(), "name");
    assert!(batches[0].num_rows() > 8);
    server.stop().await;
}

#[tokio::test]
async fn a_large_result_comes_in_batches_and_a_cut_one_says_so() {
    let server = Server::start().await;
    let (_, batches) = read(
        &server,
        &json!({"sql": "select range as n from range(300000)", "max_rows": 250_000}),
    )
    .await;
    let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
    assert_eq!(rows, 250_000);
    assert!(batches.len() > 50);
    let last = batches.last().unwrap().column(0);
    let last = last.as_primitive::<Int64Type>();
    assert_eq!(last.value(last.len() - 1), 249_999);

    for (max_rows, truncated) in [(9, "true"), (10, "false")] {
        let query = json!({"sql": "from range(10)", "max_rows": max_rows});
        let answer = raw(&server, &query).await;
        assert!(
            answer.contains(&format!("x-max-rows: {max_rows}\r\n")),
            "{answer}"
        );
        assert!(
            answer.ends_with(&format!("0\r\nx-truncated: {truncated}\r\n\r\n")),
            "{answer}"
        );
    }
    server.stop().await;
}

/// The whole answer with its trailers, which HTTP libraries drop.
async fn raw(server: &Server, query: &Json) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let body = query.to_string();
    let request = format!(
        "POST /api/v1/sql HTTP/1.1\r\nhost: localhost\r\naccept: {ARROW}\r\nte: trailers\r\n\
         content-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    let mut stream = tokio::net::TcpStream::connect(server.address)
        .await
        .unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn refusals_stay_json_and_late_failures_break_off() {
    let server = Server::start().await;
    let response = ask(&server, &json!({"sql": "delete from spans"})).await;
    assert_eq!(response.status(), 400);
    let body: Json = response.json().await.unwrap();
    assert_eq!(body["error"]["code"], "sql_rejected");

    let late =
        "select case when range < 100000 then 1 else error('late')::int end from range(200000)";
    let response = ask(&server, &json!({"sql": late, "max_rows": 1_000_000})).await;
    let status = response.status();
    assert!(status == 400 || response.bytes().await.is_err(), "{status}");

    // Who goes away stops the query, so that its place is free for others.
    for _ in 0..6 {
        let endless = json!({"sql": "select count(*) from range(1000000) a, range(1000000) b"});
        let request = ask(&server, &endless);
        let patience = std::time::Duration::from_millis(300);
        assert!(tokio::time::timeout(patience, request).await.is_err());
    }
    let (_, batches) = read(&server, &json!({"sql": "select 1"})).await;
    assert_eq!(batches[0].num_rows(), 1);
    server.stop().await;
}
