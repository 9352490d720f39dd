//! `spanreel demo`: plays invented agent runs into a server through real OTLP/gRPC, as a stream over
//! time, children before parents as exporters do.

mod claude_code;
mod deploy;
mod genai;
mod otlp;
mod research;
mod support;

use std::io::Write as _;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use proto::otlp::collector::logs::v1::logs_service_client::LogsServiceClient;
use proto::otlp::collector::trace::v1::trace_service_client::TraceServiceClient;
use tonic::Code;

use self::otlp::{Batch, Clock, Emitter, Ids, Millis};
use super::output;
use super::progress::Progress;
use crate::args::{CredentialArgs, DemoArgs};
use crate::client::{self, Authorized};
use crate::failure::Failure;

/// How long `--fast` takes.
const FAST: Duration = Duration::from_secs(3);
/// How often the emitters are asked what they have to send.
const TICK: Duration = Duration::from_millis(200);

/// One of the runs: what it is, its session, and what it sends.
struct Session {
    what: &'static str,
    session_id: String,
    emitter: Emitter,
}

/// Sends all of them, then says what was sent.
pub(super) async fn run(args: DemoArgs) -> Result<(), Failure> {
    let mut sender = Sender::connect(&args.endpoint, &args.credentials).await?;
    let length = Duration::from_millis(end_of(&sessions(Clock { origin_ns: 0 })));
    let speed = if args.fast {
        length.as_secs_f64() / FAST.as_secs_f64()
    } else {
        args.speed
    };

    // Sent faster than it happened, the run happened just now: it began that much earlier.
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .context("the clock is before 1970")?;
    let head_start = length.mul_f64((1.0 - 1.0 / speed).max(0.0));
    let origin_ns =
        u64::try_from((now - head_start).as_nanos()).context("the clock is beyond 2554")?;
    let mut sessions = sessions(Clock { origin_ns });

    let mut out = output::stdout();
    output::written(writeln!(
        out,
        "Sending {} sessions to {} in {:.0} seconds:",
        sessions.len(),
        args.endpoint,
        length.as_secs_f64() / speed
    ))?;
    for session in &sessions {
        output::written(writeln!(out, "  {}  {}", session.session_id, session.what))?;
    }
    output::written(out.flush())?;

    let end = end_of(&sessions);
    let began = Instant::now();
    let progress = Progress::bar(end / 1_000, "seconds of the run");
    let mut ticks = tokio::time::interval(TICK);
    loop {
        ticks.tick().await;
        let now = (began.elapsed().as_secs_f64() * speed * 1_000.0) as Millis;
        for session in &mut sessions {
            sender.send(session.emitter.take_due(now)).await?;
        }
        progress.set_position(now.min(end) / 1_000);
        if now >= end {
            break;
        }
    }
    drop(progress);
    output::written(writeln!(
        out,
        "Sent {} spans and {} log records in {} requests; {} rejected. See them with `spanreel sessions`, `spanreel loops`, or in the UI.",
        sender.spans, sender.log_records, sender.requests, sender.rejected
    ))
}

fn sessions(clock: Clock) -> Vec<Session> {
    let mut ids = Ids::new();
    vec![
        claude_code::session(clock, &mut ids),
        support::session(clock, &mut ids),
        deploy::session(clock, &mut ids),
        research::session(clock, &mut ids),
    ]
}

/// When the last of them has sent everything.
fn end_of(sessions: &[Session]) -> Millis {
    sessions
        .iter()
        .map(|session| session.emitter.last_batch())
        .max()
        .unwrap_or(0)
}

/// The exporter: two OTLP services on one connection, and what went through them.
struct Sender {
    traces: TraceServiceClient<Authorized>,
    logs: LogsServiceClient<Authorized>,
    requests: usize,
    spans: usize,
    log_records: usize,
    rejected: i64,
}

impl Sender {
    async fn connect(endpoint: &str, credentials: &CredentialArgs) -> Result<Self, Failure> {
        let channel = client::grpc(endpoint, credentials, Duration::from_secs(5)).await?;
        let channel = channel.ok_or_else(|| {
            Failure::Unavailable(format!(
                "no server answers at {endpoint}: start one with `spanreel` in another terminal, or name its OTLP/gRPC address with --endpoint"
            ))
        })?;
        Ok(Self {
            traces: TraceServiceClient::new(channel.clone()),
            logs: LogsServiceClient::new(channel),
            requests: 0,
            spans: 0,
            log_records: 0,
            rejected: 0,
        })
    }

    async fn send(&mut self, batch: Batch) -> Result<(), Failure> {
        if let Some(request) = batch.traces {
            self.spans += request
                .resource_spans
                .iter()
                .flat_map(|r| &r.scope_spans)
                .map(|s| s.spans.len())
                .sum::<usize>();
            let client = &self.traces;
            let reply = retried(async || client.clone().export(request.clone()).await).await?;
            self.rejected += reply
                .into_inner()
                .partial_success
                .map_or(0, |p| p.rejected_spans);
            self.requests += 1;
        }
        if let Some(request) = batch.logs {
            self.log_records += request
                .resource_logs
                .iter()
                .flat_map(|r| &r.scope_logs)
                .map(|s| s.log_records.len())
                .sum::<usize>();
            let client = &self.logs;
            let reply = retried(async || client.clone().export(request.clone()).await).await?;
            self.rejected += reply
                .into_inner()
                .partial_success
                .map_or(0, |p| p.rejected_log_records);
            self.requests += 1;
        }
        Ok(())
    }
}

/// Tries again when the server says that it may be tried again, for some seconds.
async fn retried<T>(export: impl AsyncFn() -> Result<T, tonic::Status>) -> Result<T, Failure> {
    for wait_ms in [100, 300, 1_000, 3_000] {
        match export().await {
            Ok(reply) => return Ok(reply),
            Err(status) if matches!(status.code(), Code::Unavailable | Code::ResourceExhausted) => {
                tokio::time::sleep(Duration::from_millis(wait_ms)).await;
            }
            Err(status) => return Err(refused(&status)),
        }
    }
    export().await.map_err(|status| refused(&status))
}

fn refused(status: &tonic::Status) -> Failure {
    Failure::Unavailable(format!(
        "the server did not take the demo: {} ({:?})",
        status.message(),
        status.code()
    ))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proto::otlp::trace::v1::Span;

    use super::*;

    fn spans(session: &mut Session) -> Vec<Span> {
        let batch = session.emitter.take_due(Millis::MAX / 2);
        let groups = batch
            .traces
            .into_iter()
            .flat_map(|request| request.resource_spans);
        groups
            .flat_map(|group| group.scope_spans)
            .flat_map(|group| group.spans)
            .collect()
    }

    #[test]
    fn takes_about_a_minute() {
        let end = end_of(&sessions(Clock { origin_ns: 0 }));
        assert!((60_000..=90_000).contains(&end), "{end} ms");
    }

    #[test]
    fn every_parent_is_sent_and_lasts_as_long_as_its_children() {
        for mut session in sessions(Clock { origin_ns: 0 }) {
            let spans = spans(&mut session);
            let ids: HashSet<&[u8]> = spans.iter().map(|span| span.span_id.as_slice()).collect();
            assert_eq!(ids.len(), spans.len(), "{}: an id twice", session.what);
            for span in &spans {
                assert!(span.start_time_unix_nano <= span.end_time_unix_nano);
                let Some(parent) = spans.iter().find(|p| p.span_id == span.parent_span_id) else {
                    assert!(
                        span.parent_span_id.is_empty(),
                        "{} has no parent",
                        span.name
                    );
                    continue;
                };
                assert!(
                    parent.start_time_unix_nano <= span.start_time_unix_nano,
                    "{}",
                    span.name
                );
                assert!(
                    parent.end_time_unix_nano >= span.end_time_unix_nano,
                    "{}",
                    span.name
                );
            }
        }
    }

    #[test]
    fn the_research_run_is_long() {
        let count = spans(&mut sessions(Clock { origin_ns: 0 })[3]).len();
        assert!((380..=460).contains(&count), "{count} spans");
    }

    #[test]
    fn every_run_has_ids_of_its_own() {
        let mut seen = HashSet::new();
        for _ in 0..2 {
            for mut session in sessions(Clock { origin_ns: 0 }) {
                assert!(seen.insert(session.session_id.clone().into_bytes()));
                for span in spans(&mut session) {
                    assert!(seen.insert(span.span_id));
                }
            }
        }
    }
}
