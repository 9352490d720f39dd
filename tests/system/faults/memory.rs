//! More at once than memory is meant for.

use std::collections::BTreeMap;
use std::fs;

use prost::Message as _;
use proto::otlp::collector::trace::v1::trace_service_client::TraceServiceClient;
use tonic_types::StatusExt as _;

use super::load::{self, Load};
use super::{metric, row};
use crate::program::{Server, data_folder, wait};

const SENDERS: u64 = 48;
const BODY_BYTES: usize = 24 << 20;
const MOST_RESIDENT_MIB: u64 = 1024;

#[test]
fn a_flood_of_huge_requests_is_refused_before_memory_grows() {
    let data = data_folder();
    let server = Server::start(data.path());
    let load = Load::start(&server, 1, 5_000);
    load.wait_for_more(5);
    let answers = wait(async {
        let mut answers: BTreeMap<String, u64> = BTreeMap::new();
        let mut sending = tokio::task::JoinSet::new();
        for number in 0..SENDERS {
            let (grpc, http) = (server.grpc.clone(), server.http.clone());
            sending.spawn(async move {
                // Batches that the load does not reach, so that they stay apart.
                let request = load::request(1_000_000 + number, BODY_BYTES);
                if number % 2 == 0 {
                    by_grpc(grpc, request).await
                } else {
                    by_http(&http, request.encode_to_vec()).await
                }
            });
        }
        while let Some(answer) = sending.join_next().await {
            *answers.entry(answer.expect("no panic")).or_default() += 1;
        }
        answers
    });
    let told_to_retry =
        |answer: &str| answer.contains("RetryInfo") || answer.contains("Retry-After");
    let taken = |answer: &str| answer.starts_with("200") || answer.starts_with("OK");
    let refused: u64 = answers
        .iter()
        .filter(|(answer, _)| told_to_retry(answer))
        .map(|(_, count)| count)
        .sum();
    assert!(refused > 0, "{answers:?}");
    // Who sends on for long after the answer has left may find the connection closed.
    let hung_up = |answer: &str| answer == "connection closed";
    for answer in answers.keys() {
        let is_known = told_to_retry(answer) || taken(answer) || hung_up(answer);
        assert!(is_known, "{answers:?}");
    }
    let limit = metric(&server, "spanreel_ingest_queue_limit_bytes ");
    let sent = load.finish();
    let after = sent.check(&server);
    let most_mib = most_resident_mib(server.pid());
    assert!(
        most_mib.is_none_or(|mib| mib < MOST_RESIDENT_MIB),
        "{most_mib:?}"
    );
    let answers: Vec<String> = answers
        .iter()
        .map(|(answer, count)| format!("{answer} (×{count})"))
        .collect();
    row(
        "48 requests of 24 MiB at once",
        format!(
            "{}; small ones beside them {}",
            answers.join(", "),
            sent.answers()
        ),
        format!(
            "budget {} MiB, most memory ever held {} MiB; {after}",
            limit / 1048576.0,
            most_mib.unwrap_or_default()
        ),
    );
}

async fn by_grpc(url: String, request: load::Request) -> String {
    let client = TraceServiceClient::connect(url)
        .await
        .expect("a connection");
    match client
        .max_encoding_message_size(1 << 30)
        .export(request)
        .await
    {
        Ok(_) => "OK by gRPC".to_owned(),
        Err(status) => {
            let retry = status
                .get_details_retry_info()
                .and_then(|info| info.retry_delay);
            match retry {
                Some(delay) => format!("{:?} with RetryInfo {} s", status.code(), delay.as_secs()),
                None => format!("{status:?}"),
            }
        }
    }
}

async fn by_http(url: &str, body: Vec<u8>) -> String {
    let sent = reqwest::Client::new()
        .post(format!("{url}/v1/traces"))
        .header("content-type", "application/x-protobuf")
        .body(body)
        .send()
        .await;
    load::describe(sent.as_ref())
}

/// Linux keeps the peak of each process.
fn most_resident_mib(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(kib >> 10)
}
