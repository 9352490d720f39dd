//! Bringing alerts to their targets: one queue and one thread for each, which tries again for a while.

use std::io::{self, Read as _, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender, TrySendError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio_util::sync::CancellationToken;
use utoipa::ToSchema;

use super::message::Alert;
use super::settings::{Place, Target};
use crate::outbound;
use crate::time::{now_ns, rfc3339};

/// Alerts that wait for one target; more are dropped, and the log says so.
const QUEUE: usize = 256;
/// Pauses between the attempts for one alert.
const PAUSES: [Duration; 5] = [
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(5),
    Duration::from_secs(15),
    Duration::from_secs(60),
];
/// How often it is looked whether a command has ended.
const POLL: Duration = Duration::from_millis(10);
/// Bytes of a failing command's last words that are told.
const LAST_WORDS_BYTES: u64 = 400;

/// How deliveries to a target went since the start.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
pub(crate) struct Health {
    pub(crate) delivered: u64,
    /// Given up after every attempt, or dropped because too many waited.
    pub(crate) failed: u64,
    pub(crate) last_error: Option<String>,
    /// Time of the last delivery.
    pub(crate) last_at: Option<String>,
}

/// An alert on its way, and what is to be remembered once it has arrived.
pub(crate) struct Parcel {
    pub(crate) alert: Alert,
    pub(crate) key: String,
    pub(crate) rank: u8,
}

/// The queues of all targets.
pub(crate) struct Outbox {
    targets: Vec<Queue>,
    /// Targets to which something is being brought now.
    busy_count: Arc<AtomicUsize>,
}

struct Queue {
    target: Target,
    parcels: SyncSender<Parcel>,
    health: Arc<Mutex<Health>>,
}

impl Outbox {
    /// Starts a thread for each target. `arrived` is told key and rank of what has been delivered.
    pub(crate) fn start(
        targets: &[Target],
        arrived: &tokio::sync::mpsc::UnboundedSender<(String, u8)>,
        shutdown: &CancellationToken,
    ) -> Self {
        let busy_count = Arc::new(AtomicUsize::new(0));
        let targets = targets.iter().map(|target| {
            let (parcels, waiting) = mpsc::sync_channel(QUEUE);
            let health = Arc::new(Mutex::new(Health::default()));
            let worker = Worker {
                target: target.clone(),
                health: Arc::clone(&health),
                arrived: arrived.clone(),
                shutdown: shutdown.clone(),
                busy_count: Arc::clone(&busy_count),
            };
            let started = thread::Builder::new()
                .name("alerts".to_owned())
                .spawn(move || worker.run(&waiting));
            if let Err(error) = started {
                tracing::error!(%error, target.name, "a target gets no alerts: no thread for it");
            }
            Queue {
                target: target.clone(),
                parcels,
                health,
            }
        });
        Self {
            targets: targets.collect(),
            busy_count,
        }
    }

    /// Whether something is being brought to a target now. Once the server stops nothing more is begun.
    pub(crate) fn is_busy(&self) -> bool {
        self.busy_count.load(Ordering::SeqCst) > 0
    }

    /// Hands an alert to a target's queue, without waiting.
    pub(crate) fn send(&self, target: &str, parcel: Parcel) {
        let Some(queue) = self
            .targets
            .iter()
            .find(|queue| queue.target.name == target)
        else {
            return;
        };
        if let Err(TrySendError::Full(_)) = queue.parcels.try_send(parcel) {
            let mut health = queue.health.lock().unwrap_or_else(PoisonError::into_inner);
            health.failed += 1;
            health.last_error = Some("too many alerts waited".to_owned());
            tracing::warn!(target.name = target, "an alert is dropped: too many wait");
        }
    }

    /// Targets, each with how its deliveries went.
    pub(crate) fn health(&self) -> Vec<(Target, Health)> {
        self.targets
            .iter()
            .map(|queue| {
                let health = queue.health.lock().unwrap_or_else(PoisonError::into_inner);
                (queue.target.clone(), health.clone())
            })
            .collect()
    }
}

struct Worker {
    target: Target,
    health: Arc<Mutex<Health>>,
    arrived: tokio::sync::mpsc::UnboundedSender<(String, u8)>,
    shutdown: CancellationToken,
    busy_count: Arc<AtomicUsize>,
}

impl Worker {
    fn run(&self, waiting: &Receiver<Parcel>) {
        while let Ok(parcel) = waiting.recv() {
            // Busy first: whoever stops the server either sees that, or is seen here.
            self.busy_count.fetch_add(1, Ordering::SeqCst);
            if !self.shutdown.is_cancelled() {
                self.deliver(parcel);
            }
            self.busy_count.fetch_sub(1, Ordering::SeqCst);
        }
    }

    fn deliver(&self, parcel: Parcel) {
        let outcome = self.try_for_a_while(&parcel.alert);
        let mut health = self.health.lock().unwrap_or_else(PoisonError::into_inner);
        match outcome {
            Ok(()) => {
                health.delivered += 1;
                health.last_at = Some(rfc3339(now_ns()));
                health.last_error = None;
                // Nobody remembers any more when a stopping server did not wait so long.
                let _ = self.arrived.send((parcel.key, parcel.rank));
            }
            Err(error) => {
                tracing::warn!(
                    target.name = self.target.name,
                    error,
                    "an alert is not delivered"
                );
                health.failed += 1;
                health.last_error = Some(error);
            }
        }
    }

    fn try_for_a_while(&self, alert: &Alert) -> Result<(), String> {
        let mut pauses = PAUSES.iter();
        loop {
            let error = match deliver_once(&self.target, alert) {
                Ok(()) => return Ok(()),
                Err(Failed::ForGood(error)) => return Err(error),
                Err(Failed::ForNow(error)) => error,
            };
            let Some(pause) = pauses.next() else {
                return Err(error);
            };
            tracing::info!(
                target.name = self.target.name,
                error,
                "an alert is tried again"
            );
            let until = Instant::now() + *pause;
            while Instant::now() < until {
                if self.shutdown.is_cancelled() {
                    return Err("the recorder stops".to_owned());
                }
                thread::sleep(POLL * 5);
            }
        }
    }
}

/// Why an alert did not arrive.
pub(crate) enum Failed {
    /// Trying again will not help.
    ForGood(String),
    ForNow(String),
}

impl Failed {
    pub(crate) fn words(self) -> String {
        match self {
            Self::ForGood(words) | Self::ForNow(words) => words,
        }
    }
}

/// Tries once to bring an alert to a target; blocks until it is there or the target's time is over.
pub(crate) fn deliver_once(target: &Target, alert: &Alert) -> Result<(), Failed> {
    let alert = match target.include_text {
        true => alert.clone(),
        false => alert.without_texts(),
    };
    match &target.place {
        Place::Webhook { url, is_slack } => {
            let url = url.get().map_err(Failed::ForGood)?;
            let body = match is_slack {
                true => alert.slack(),
                false => document(&alert),
            };
            let answer =
                outbound::post_json(&url, &[], &body, target.timeout).map_err(Failed::ForNow)?;
            match answer.status {
                _ if answer.is_success() => Ok(()),
                status @ (408 | 425 | 429 | 500..) => Err(Failed::ForNow(format!(
                    "it answered {status} {}",
                    answer.summary()
                ))),
                status => Err(Failed::ForGood(format!(
                    "it answered {status} {}",
                    answer.summary()
                ))),
            }
        }
        Place::Command(command) => {
            let [program, arguments @ ..] = command.as_slice() else {
                return Err(Failed::ForGood("there is no command".to_owned()));
            };
            let mut process = Command::new(program);
            process.args(arguments);
            run(process, &document(&alert).to_string(), target.timeout)
        }
        Place::Desktop => {
            let process = notifier(&alert.headline(), &alert.detail()).ok_or_else(|| {
                Failed::ForGood("this system has no desktop notifications".to_owned())
            })?;
            run(process, "", target.timeout)
        }
    }
}

fn document(alert: &Alert) -> serde_json::Value {
    serde_json::to_value(alert).unwrap_or_default()
}

/// The desktop's own command: notify-send of the freedesktop systems, osascript of macOS. The texts are
/// arguments of their own and nothing interprets them as a script.
fn notifier(title: &str, body: &str) -> Option<Command> {
    if cfg!(target_os = "macos") {
        let mut command = Command::new("osascript");
        for line in [
            "on run argv",
            "display notification (item 2 of argv) with title (item 1 of argv)",
            "end run",
        ] {
            command.args(["-e", line]);
        }
        command.args([title, body]);
        return Some(command);
    }
    if cfg!(unix) {
        let mut command = Command::new("notify-send");
        // Its body is markup.
        let body = body
            .replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;");
        command.args(["--app-name=Spanreel", "--", title, &body]);
        return Some(command);
    }
    None
}

/// Runs a command with a text on standard input, for a limited time.
fn run(mut command: Command, input: &str, timeout: Duration) -> Result<(), Failed> {
    let name = command.get_program().to_string_lossy().into_owned();
    let spawned = command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = spawned.map_err(|error| {
        Failed::ForGood(match error.kind() {
            io::ErrorKind::NotFound => format!("there is no program {name:?}"),
            _ => format!("{name} does not start: {error}"),
        })
    })?;
    let (input, stdin) = (input.to_owned(), child.stdin.take());
    // A command may end without reading, or read nothing while it runs.
    let writer = thread::spawn(move || {
        if let Some(mut stdin) = stdin {
            let _ = stdin.write_all(input.as_bytes());
        }
    });
    let last_words = child.stderr.take().map(|stderr| {
        thread::spawn(move || {
            let mut text = Vec::new();
            let mut stderr = stderr;
            let _ = stderr
                .by_ref()
                .take(LAST_WORDS_BYTES)
                .read_to_end(&mut text);
            let _ = io::copy(&mut stderr, &mut io::sink());
            String::from_utf8_lossy(&text).trim().replace('\n', " ")
        })
    });
    let ended = wait(&mut child, timeout);
    match ended {
        Ok(Some(status)) if status.success() => {
            let _ = writer.join();
            Ok(())
        }
        Ok(Some(status)) => {
            let words = last_words.and_then(|thread| thread.join().ok());
            Err(Failed::ForNow(format!(
                "{name} ended with {status} {}",
                words.unwrap_or_default()
            )))
        }
        Ok(None) => Err(Failed::ForNow(format!(
            "{name} had not ended after {} s and was killed",
            timeout.as_secs_f64()
        ))),
        Err(error) => Err(Failed::ForNow(format!("{name}: {error}"))),
    }
}

/// Waits for a command; kills it when its time is over (`None`).
fn wait(child: &mut Child, timeout: Duration) -> io::Result<Option<std::process::ExitStatus>> {
    let until = Instant::now() + timeout;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() >= until {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        thread::sleep(POLL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(place: Place, timeout: Duration) -> Target {
        Target {
            name: "t".to_owned(),
            place,
            include_text: false,
            timeout,
        }
    }

    fn command(words: &[&str]) -> Place {
        Place::Command(words.iter().map(|word| (*word).to_owned()).collect())
    }

    #[test]
    fn a_command_gets_the_document_and_its_failures_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("alert.json");
        let file = file.to_str().unwrap();
        let alert = Alert::test("http://127.0.0.1:7771");
        let place = command(&["tee", file]);
        assert!(deliver_once(&target(place, Duration::from_secs(10)), &alert).is_ok());
        let document: serde_json::Value =
            serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
        assert_eq!(document["test"], true);
        for (words, timeout_s, said) in [
            (
                &["no-such-program-anywhere"][..],
                10.0,
                "there is no program",
            ),
            (&["sh", "-c", "echo broken >&2; exit 3"], 10.0, "broken"),
            (&["sleep", "20"], 0.1, "was killed"),
        ] {
            let target = target(command(words), Duration::from_secs_f64(timeout_s));
            let failed = deliver_once(&target, &alert).err().unwrap().words();
            assert!(failed.contains(said), "{words:?}: {failed}");
        }
    }
}
