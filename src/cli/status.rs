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
    let rows = [
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
        ("waiting to be loaded", size(&ingest["queued_bytes"])),
    ];
    let headings = [
        Heading::text("Spanreel"),
        Heading::number(&text(&stats["version"])),
    ];
    let rows = rows
        .into_iter()
        .map(|(name, value)| vec![name.to_owned(), value])
        .collect();
    output::print(&output::table(&headings, rows))
}
