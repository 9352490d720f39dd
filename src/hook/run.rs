//! `spanreel hook`: one fire from standard input to the recorder or the spool.

use std::io::{IsTerminal as _, Write as _};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use collector::redact::{self, Mode, Redactor};
use proto::Request;
use proto::hook::Fire;
use proto::id::{SpanId, TraceId};

use super::send::{Recorder, Sent};
use super::spool::Spool;
use super::wrap::{self, Finished};
use crate::args::{HookArgs, data_folder};
use crate::client;
use crate::encryption;
use crate::settings;

/// How long the recorder may take to say that it has a fire on disk.
const ANSWER: Duration = Duration::from_millis(200);
/// How long after a fire older ones may be delivered.
const CATCH_UP: Duration = Duration::from_millis(20);
/// How long a harness may take to write the document.
const DOCUMENT: Duration = Duration::from_secs(2);

/// Records a fire. What goes wrong on the way is said on standard error and is no failure: the exit
/// code is 0, or that of the hook command.
pub fn run(args: &HookArgs) -> ExitCode {
    let time_ns = now_ns();
    if std::io::stdin().is_terminal() {
        say("a harness runs this with a document on standard input; `spanreel setup` shows how");
        return ExitCode::SUCCESS;
    }
    let (document, ran, exit_code) = if args.command.is_empty() {
        (wrap::read_input(DOCUMENT), None, 0)
    } else {
        let program = args.command.first();
        let program = program.map(|program| program.to_string_lossy());
        match wrap::wrap(&args.command, DOCUMENT) {
            Ok(Finished {
                ran,
                exit_code,
                document,
            }) => (document, Some(ran), exit_code),
            Err(error) => {
                let program = program.unwrap_or_default();
                say(&format!("cannot run the hook command {program}: {error}"));
                // As a shell says that there is no such command.
                return ExitCode::from(127);
            }
        }
    };
    if args.command.is_empty() && args.harness == "cursor" {
        // Cursor takes no answer for an error.
        let _ = writeln!(std::io::stdout(), "{{}}");
    }
    let fire = Fire {
        harness: args.harness.clone(),
        event: args.event.clone(),
        id: format!("{time_ns}-{}", std::process::id()),
        time_ns,
        place: place(std::env::var("TRACEPARENT").ok().as_deref()),
        document: String::from_utf8_lossy(&document).into_owned(),
        ran,
    };
    if let Err(error) = hand_over(args, fire) {
        say(&format!("a hook fire is lost: {error:#}"));
    }
    ExitCode::from(exit_code)
}

fn hand_over(args: &HookArgs, fire: Fire) -> anyhow::Result<()> {
    let (time_ns, id) = (fire.time_ns, fire.id.clone());
    let request = fire.into_request();
    let encoded = prost::Message::encode_to_vec(&request);
    let folder =
        data_folder(args.data.as_deref()).map_err(|failure| anyhow::anyhow!("{failure}"))?;
    let key = encryption::key(&args.encryption, &folder)
        .map_err(|failure| anyhow::anyhow!("{failure}"))?;
    let spool = Spool::of(&folder, key.as_ref())?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let client = client::http(&args.credentials).map_err(|failure| anyhow::anyhow!("{failure}"))?;
    let recorder = Recorder::at(&args.endpoint, client, ANSWER)?;
    let sent = runtime.block_on(async {
        let sent = recorder.send(encoded).await;
        if sent == Sent::Taken {
            // What cannot be read now is read by the next one.
            let _ = recorder
                .deliver(&spool, Some(Instant::now() + CATCH_UP))
                .await;
        }
        sent
    });
    match sent {
        Sent::Taken => Ok(()),
        Sent::Later => {
            if key.is_none() && store::encryption_of(&folder)?.is_some() {
                anyhow::bail!(
                    "no recorder answers, and the data folder is encrypted: SPANREEL_ENCRYPTION_KEY_FILE \
                     names the key with which fires wait there"
                );
            }
            let request = redacted(args, &folder, Request::Logs(request))?;
            Ok(spool.add(time_ns, &id, &request.encode())?)
        }
        Sent::Refused => anyhow::bail!("{} does not take it", args.endpoint),
    }
}

/// The request without what the recorder would redact, since it waits on disk.
fn redacted(args: &HookArgs, folder: &Path, mut request: Request) -> anyhow::Result<Request> {
    let settings =
        settings::redaction(folder, args.redact).map_err(|failure| anyhow::anyhow!("{failure}"))?;
    if settings.mode() != Mode::Off {
        std::fs::create_dir_all(folder)?;
        let redactor = Redactor::new(&settings, redact::load_or_draw_key(folder)?)?;
        if let Some(redactor) = redactor {
            redactor.redact(&mut request);
        }
    }
    Ok(request)
}

/// Trace and span of a W3C `traceparent`.
fn place(traceparent: Option<&str>) -> Option<(TraceId, SpanId)> {
    let mut parts = traceparent?.split('-');
    let (_version, trace_id, span_id) = (parts.next()?, parts.next()?, parts.next()?);
    let trace_id: TraceId = trace_id.parse().ok()?;
    let span_id: SpanId = span_id.parse().ok()?;
    (trace_id != TraceId::default() && span_id != SpanId::default()).then_some((trace_id, span_id))
}

fn now_ns() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    })
}

fn say(message: &str) {
    let _ = writeln!(std::io::stderr(), "spanreel hook: {message}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_trace_parents() {
        let (trace_id, span_id) = place(Some(
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ))
        .unwrap();
        assert_eq!(trace_id.hex(), "0af7651916cd43dd8448eb211c80319c");
        assert_eq!(span_id.hex(), "b7ad6b7169203331");
        for bad in [
            "",
            "00-zz-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        ] {
            assert_eq!(place(Some(bad)), None, "{bad}");
        }
    }
}
