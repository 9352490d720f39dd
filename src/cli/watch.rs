//! `spanreel watch`: findings as they are made, for CI.

use std::collections::{HashMap, HashSet};
use std::process::ExitCode;
use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep_until};

use super::answer::{rows, text};
use super::live::Live;
use super::output;
use super::source::Api;
use crate::args::{EncryptionArgs, SourceArgs, WatchArgs};
use crate::failure::Failure;

/// A finding of `--fail-on` was made.
const FIRED: u8 = 1;
/// The time was over before the end that was waited for (EX_TEMPFAIL).
const NOT_ENDED: u8 = 75;
/// Findings of a session's last acts come this long after its end, at most.
const AFTER_THE_END: Duration = Duration::from_secs(3);
/// How long a server that went away is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) async fn watch(mut args: WatchArgs) -> Result<ExitCode, Failure> {
    let source = SourceArgs {
        url: Some(args.url.clone()),
        data: None,
        encryption: EncryptionArgs::default(),
        credentials: args.credentials.clone(),
    };
    let api = Api::open(&source).await?;
    if let Some(session) = &args.session {
        args.session = Some(api.coming_session_id(session).await?);
    }
    let until = args
        .timeout
        .map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let mut watch = Watch::new(args);
    loop {
        // The stream is opened before what is there is read, so that nothing falls between.
        let stream = connected(&api).await?;
        if watch.read_what_is_there(&api).await? {
            return Ok(ExitCode::from(FIRED));
        }
        match watch.follow(stream, until).await? {
            Outcome::Fired => return Ok(ExitCode::from(FIRED)),
            Outcome::Ended => return Ok(ExitCode::SUCCESS),
            Outcome::TimeIsOver if watch.args.until_end => return Ok(ExitCode::from(NOT_ENDED)),
            Outcome::TimeIsOver => return Ok(ExitCode::SUCCESS),
            Outcome::Broken => {}
        }
    }
}

/// The live stream, also of a server that is just starting again.
async fn connected(api: &Api) -> Result<Live, Failure> {
    let until = Instant::now() + PATIENCE;
    loop {
        match Live::open(api).await {
            Err(error) if Instant::now() >= until => return Err(error),
            Err(_) => tokio::time::sleep(Duration::from_millis(200)).await,
            stream => return stream,
        }
    }
}

enum Outcome {
    Fired,
    Ended,
    TimeIsOver,
    /// The stream broke off; the next one starts afresh.
    Broken,
}

struct Watch {
    args: WatchArgs,
    /// Findings that were printed, as they were then.
    printed: HashMap<String, (String, i64)>,
    /// Sessions that were active, and whether each has ended.
    ended: HashMap<String, bool>,
    /// When everything has ended, and late findings have had their time.
    over_at: Option<Instant>,
    /// Findings of before this command are none of its; unless a session was named.
    old: Option<HashSet<String>>,
}

impl Watch {
    fn new(args: WatchArgs) -> Self {
        Self {
            args,
            printed: HashMap::new(),
            ended: HashMap::new(),
            over_at: None,
            old: None,
        }
    }

    /// Reads the findings and the state of the session that is watched, or learns which findings are old.
    /// True when one of them is of `--fail-on`.
    async fn read_what_is_there(&mut self, api: &Api) -> Result<bool, Failure> {
        let parameters = [
            ("session_id", self.args.session.clone()),
            ("limit", Some("5000".to_owned())),
        ];
        let answer = api.get("/findings", &parameters).await?;
        let findings = rows(&answer["findings"]);
        if self.args.session.is_none() && self.old.is_none() {
            self.old = Some(findings.iter().map(|f| text(&f["finding_id"])).collect());
            return Ok(false);
        }
        if let Some(id) = self.args.session.clone() {
            let path = format!("/sessions/{}", super::source::percent_encoded(&id));
            // A session that is to come is none yet.
            if let Ok(answer) = api.get(&path, &[]).await {
                self.note_session(&answer["session"]);
            }
        }
        let mut fired = false;
        for finding in findings.iter().rev() {
            fired |= self.note_finding(finding)?;
        }
        Ok(fired)
    }

    async fn follow(&mut self, mut live: Live, until: Option<Instant>) -> Result<Outcome, Failure> {
        loop {
            let next = [until, self.over_at].into_iter().flatten().min();
            tokio::select! {
                () = sleep_until(next.unwrap_or_else(Instant::now)), if next.is_some() => {
                    let is_over = self.over_at.is_some_and(|at| at <= Instant::now());
                    return Ok(if is_over { Outcome::Ended } else { Outcome::TimeIsOver });
                }
                event = live.next() => match event {
                    Ok((event, data)) => {
                        if let Some(outcome) = self.take(&event, &data)? {
                            return Ok(outcome);
                        }
                    }
                    Err(_) => return Ok(Outcome::Broken),
                }
            }
        }
    }

    /// One event of the stream.
    fn take(&mut self, event: &str, data: &Value) -> Result<Option<Outcome>, Failure> {
        match event {
            "finding" if self.note_finding(data)? => return Ok(Some(Outcome::Fired)),
            "session" => self.note_session(data),
            "commit" if data["resync"] == true => return Ok(Some(Outcome::Broken)),
            _ => {}
        }
        Ok(None)
    }

    /// Prints a finding that is new or has grown; true when it is of `--fail-on`.
    fn note_finding(&mut self, finding: &Value) -> Result<bool, Failure> {
        let id = text(&finding["finding_id"]);
        let is_wanted = self
            .args
            .session
            .as_deref()
            .is_none_or(|session| finding["session_id"] == session)
            && (!self.args.certain || finding["confidence"] == "certain")
            && self.old.as_ref().is_none_or(|old| !old.contains(&id));
        let seen = (
            text(&finding["severity"]),
            finding["repeat_count"].as_i64().unwrap_or_default(),
        );
        if !is_wanted || self.printed.get(&id) == Some(&seen) {
            return Ok(false);
        }
        self.printed.insert(id, seen);
        let line = match self.args.json {
            true => finding.to_string(),
            false => format!(
                "{} {} ({}, {}) {}",
                text(&finding["session_id"]),
                text(&finding["kind"]),
                text(&finding["severity"]),
                text(&finding["confidence"]),
                text(&finding["explanation"])
            ),
        };
        output::print(&output::visible(&line))?;
        let kind = text(&finding["kind"]);
        Ok(self
            .args
            .fail_on
            .iter()
            .any(|wanted| wanted == "any" || *wanted == kind))
    }

    fn note_session(&mut self, session: &Value) {
        let id = text(&session["session_id"]);
        let is_wanted = self
            .args
            .session
            .as_ref()
            .is_none_or(|wanted| *wanted == id);
        if !is_wanted || !self.args.until_end || id.is_empty() {
            return;
        }
        self.ended.insert(id, session["status"] != "running");
        let all = self.ended.values().all(|ended| *ended);
        self.over_at = all.then(|| Instant::now() + AFTER_THE_END);
    }
}
