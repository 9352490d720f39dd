//! `spanreel stats`.

use serde_json::Value;

use super::answer::text;
use super::format;
use super::output::{self, Heading};
use super::source::Api;
use crate::args::StatsArgs;
use crate::failure::Failure;

pub(super) async fn stats(args: StatsArgs) -> Result<(), Failure> {
    let api = Api::open(&args.source).await?;
    let answer = api.get("/stats", &[]).await;
    api.close().await?;
    let stats = answer?;
    if args.json {
        return output::print_json(&stats);
    }
    let count = |value: &Value| value.as_u64().unwrap_or_default().to_string();
    let size = |value: &Value| format::bytes(value.as_u64().unwrap_or_default());
    let ingest = &stats["ingest"];
    let health = match stats["health"]["reason"].as_str() {
        None => "ready".to_owned(),
        Some(reason) => format!("not ready: {reason}"),
    };
    let mut rows = vec![
        ("state", health),
        ("sessions", count(&stats["session_count"])),
        ("spans", count(&stats["span_count"])),
        ("events and log records", count(&stats["event_count"])),
        ("metric points", count(&stats["metric_count"])),
        ("payloads, as sent", size(&stats["payload_bytes"])),
        ("on disk", size(&stats["stored_bytes"])),
        ("OTLP/gRPC", text(&stats["otlp"]["grpc"])),
        ("OTLP/HTTP", text(&stats["otlp"]["http"])),
        ("prices of", text(&stats["prices"]["date"])),
        ("running since", text(&stats["started_at"])),
        ("requests since then", count(&ingest["requests"])),
        ("spans since then", count(&ingest["spans"])),
        ("log records since then", count(&ingest["log_records"])),
        ("rejected since then", count(&ingest["rejected"])),
        ("sent twice since then", count(&ingest["duplicates"])),
        ("in memory, of at most", {
            let queued = size(&ingest["queued_bytes"]);
            format!("{queued}, {}", size(&ingest["queue_limit_bytes"]))
        }),
        ("oldest not queryable", seconds(&ingest["lag_seconds"])),
        ("journal", size(&ingest["journal_bytes"])),
        ("group stored in", seconds(&ingest["group_mean_seconds"])),
        ("memory", size(&stats["process"]["resident_bytes"])),
        ("disk left", size(&stats["folder"]["free_bytes"])),
    ];
    let detectors = &stats["findings"];
    rows.push(("sessions to look at", count(&detectors["waiting_sessions"])));
    let search = &stats["search"];
    rows.push(("texts to index", size(&search["waiting_bytes"])));
    let per_second = &ingest["per_second"];
    rows.push(("requests a second", rate(&per_second["requests"])));
    rows.push(("spans a second", rate(&per_second["spans"])));
    let mut by_name: Vec<(String, String)> = Vec::new();
    for refused in ingest["refusals"].as_array().into_iter().flatten() {
        let name = format!("refused: {}", text(&refused["reason"]).replace('_', " "));
        by_name.push((name, count(&refused["count"])));
    }
    for redacted in ingest["redactions"].as_array().into_iter().flatten() {
        let name = format!("redacted: {}", text(&redacted["kind"]).replace('_', " "));
        by_name.push((name, count(&redacted["count"])));
    }
    let headings = [
        Heading::text("Spanreel"),
        Heading::number(&text(&stats["version"])),
    ];
    let rows = rows
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .chain(by_name)
        .map(|(name, value)| vec![name, value])
        .collect();
    output::print(&output::table(&headings, rows))
}

fn seconds(value: &Value) -> String {
    value
        .as_f64()
        .map_or_else(|| "-".to_owned(), |seconds| format!("{seconds:.3} s"))
}

fn rate(value: &Value) -> String {
    format!("{:.1}", value.as_f64().unwrap_or_default())
}
