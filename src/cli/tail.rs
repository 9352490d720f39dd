//! `spanreel tail`: what agents do, one line an act, as it arrives.

use std::time::Duration;

use serde_json::Value;

use super::answer::{rows, text};
use super::format::{self, duration, fitted, harmless_line, padded};
use super::live::{Ended, Live};
use super::output;
use super::source::{Api, Server};
use super::style::Paint;
use crate::args::TailArgs;
use crate::failure::Failure;
use crate::waterfall::without_name;

/// Acts of one page, the API's most.
const PAGE: usize = 1000;
/// How long to wait before a lost server is tried again.
const RETRY: Duration = Duration::from_secs(1);

pub(super) async fn run(args: TailArgs) -> Result<(), Failure> {
    let api = Api::open(&args.source).await?;
    let outcome = tokio::select! {
        outcome = follow(&api, &args) => outcome,
        // Ctrl-C is how following ends.
        _ = tokio::signal::ctrl_c() => Ok(()),
    };
    api.close().await?;
    outcome
}

async fn follow(server: &Server, args: &TailArgs) -> Result<(), Failure> {
    let mut tail = Tail::new(server, args).await?;
    // Subscribed before the first look, so that nothing falls between the two.
    let mut live = Some(Live::open(server).await?);
    if !tail.begin(args.lines as usize).await? || args.no_follow {
        return Ok(());
    }
    let mut is_lost = false;
    loop {
        let news = match &mut live {
            Some(live) => live.next_commit().await,
            None => Err(Ended),
        };
        if news.is_err() {
            if !is_lost {
                output::note("the server is gone; waiting for it to come back");
            }
            tokio::time::sleep(RETRY).await;
            live = Live::open(server).await.ok();
            is_lost = live.is_none();
            if is_lost {
                continue;
            }
        }
        if !tail.catch_up().await? {
            return Ok(());
        }
    }
}

/// What was printed so far, and what is wanted.
struct Tail<'a> {
    server: &'a Server,
    parameters: Vec<(&'static str, Option<String>)>,
    last_act: i64,
    is_json: bool,
    paint: Paint,
    width: Option<usize>,
}

impl<'a> Tail<'a> {
    async fn new(server: &'a Server, args: &TailArgs) -> Result<Self, Failure> {
        let mut parameters: Vec<(&str, Option<String>)> = Vec::new();
        if let Some(session) = &args.session {
            parameters.push(("session_id", Some(server.session_id(session).await?)));
        }
        parameters.extend(
            args.operation
                .iter()
                .map(|operation| ("operation", Some(operation.clone()))),
        );
        if args.errors {
            parameters.push(("trouble", Some("true".to_owned())));
        }
        Ok(Self {
            server,
            parameters,
            last_act: 0,
            is_json: args.json,
            paint: Paint::for_stdout(),
            width: output::terminal_width(),
        })
    }

    /// Prints the latest `count` acts. False when nobody reads any more.
    async fn begin(&mut self, count: usize) -> Result<bool, Failure> {
        // Whatever is filtered out has happened as well.
        let newest = self
            .server
            .get("/acts", &[("limit", Some("1".to_owned()))])
            .await?;
        self.last_act = rows(&newest["acts"]).first().map_or(0, act_id);
        if count == 0 {
            return Ok(true);
        }
        // What arrives meanwhile comes next.
        let before = Some((self.last_act + 1).to_string());
        let limits = [("limit", Some(count.to_string())), ("before", before)];
        let mut acts = self.page(&limits).await?;
        acts.reverse();
        self.print(&acts)
    }

    /// Prints what arrived since. False when nobody reads any more.
    async fn catch_up(&mut self) -> Result<bool, Failure> {
        let mut acts: Vec<Value> = Vec::new();
        loop {
            let before = acts.last().map(|act| act_id(act).to_string());
            let limits = [
                ("limit", Some(PAGE.to_string())),
                ("after", Some(self.last_act.to_string())),
                ("before", before),
            ];
            let page = match self.page(&limits).await {
                Ok(page) => page,
                // It went away in between; the next connection asks again.
                Err(Failure::Unavailable(_)) => return Ok(true),
                Err(failure) => return Err(failure),
            };
            let is_last = page.len() < PAGE;
            acts.extend(page);
            if is_last {
                break;
            }
        }
        acts.reverse();
        self.print(&acts)
    }

    async fn page(&self, limits: &[(&'static str, Option<String>)]) -> Result<Vec<Value>, Failure> {
        let parameters = [&self.parameters[..], limits].concat();
        let mut answer = self.server.get("/acts", &parameters).await?;
        Ok(match answer["acts"].take() {
            Value::Array(acts) => acts,
            _ => Vec::new(),
        })
    }

    fn print(&mut self, acts: &[Value]) -> Result<bool, Failure> {
        let mut lines = String::new();
        for act in acts {
            self.last_act = self.last_act.max(act_id(act));
            if self.is_json {
                lines.push_str(&output::escaped_json(&act.to_string()));
            } else {
                lines.push_str(&line(act, self.paint, self.width));
            }
            lines.push('\n');
        }
        output::print_at_once(&lines)
    }
}

fn act_id(act: &Value) -> i64 {
    act["act_id"].as_i64().unwrap_or_default()
}

/// One act on one line: when, whose, how it went, what it was.
pub(crate) fn line(act: &Value, paint: Paint, width: Option<usize>) -> String {
    let told = |name: &str| text(&act[name]);
    let started = told("started_at");
    let clock = harmless_line(started.get(11..19).unwrap_or_default());
    let session: String = told("session_id").chars().take(8).collect();
    let operation = told("operation");
    let is_denied = act["decision"] == "deny";
    let sign = match (
        is_denied,
        act["failed"] == true,
        act["duration_ns"].is_null(),
    ) {
        (true, ..) => paint.warning("⊘"),
        (_, true, _) => paint.error("✗"),
        (.., true) => "…".to_owned(),
        _ => paint.good("✓"),
    };
    let own = match operation.as_str() {
        "model" | "embedding" => told("model"),
        "tool" | "mcp" | "skill" => told("tool_name"),
        "agent" => told("agent_name"),
        _ => String::new(),
    };
    let name = if own.is_empty() { told("name") } else { own };
    let mut after = String::new();
    if let Some(ns) = act["duration_ns"].as_i64() {
        after.push_str(&format!("  {}", duration(ns)));
    }
    let count = |name: &str| act[name].as_i64().unwrap_or(-1);
    let tokens = format::tokens(count("input_tokens"), count("output_tokens"));
    if !tokens.is_empty() {
        after.push_str(&format!("  {tokens}"));
    }
    let error = told("error");
    let room = width.map_or(usize::MAX, |width| {
        width.saturating_sub(30 + format::width(&after))
    });
    let name = fitted(&name, room.max(8));
    let room = room.saturating_sub(format::width(&name) + 2);
    let rest = match error.is_empty() {
        true => without_name(&told("detail"), &name).to_owned(),
        false => error,
    };
    let rest = match rest.is_empty() || room < 4 {
        true => String::new(),
        false => format!("  {}", fitted(&rest, room)),
    };
    let rest = if act["failed"] == true {
        paint.error(rest)
    } else {
        paint.dim(rest)
    };
    format!(
        "{} {} {sign} {} {}{rest}{}",
        paint.dim(clock),
        padded(&harmless_line(&session), 8),
        paint.dim(padded(&fitted(&operation, 9), 9)),
        paint.operation(&operation, name),
        paint.dim(after)
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_act_is_one_harmless_line_of_the_terminals_width() {
        let act = json!({
            "act_id": 7, "session_id": "1f3a0c52-77aa", "operation": "tool", "name": "execute_tool Bash",
            "tool_name": "Bash", "detail": "printf '\u{1b}[2J'\nrm -rf build", "failed": true,
            "error": null, "decision": null, "started_at": "2026-11-21T01:06:41.683000000Z",
            "duration_ns": 2_100_000_000_i64, "input_tokens": null, "output_tokens": null
        });
        let text = line(&act, Paint::off(), Some(60));
        assert_eq!(
            text,
            "01:06:41 1f3a0c52 ✗ tool      Bash  printf '␛[2J'⏎rm…  2.1 s"
        );
        let all = line(&act, Paint::off(), None);
        assert!(all.contains("⏎rm -rf build"), "{all}");
    }
}
