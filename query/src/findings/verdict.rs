//! Why a run failed, in words: from its findings, its errors and its end, by fixed rules.

use store::{ActKey, FindingRow};

use super::act::Act;
use super::draft::{Waste, grouped};
use super::text::one_line;

/// What went wrong in a run.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Verdict {
    /// `loop`, `blocked`, `model_failure`, `cut_off`, `interrupted`, `tool_failure`, `drift`, `none`.
    pub(crate) mode: &'static str,
    /// The whole in a sentence or two.
    pub(crate) sentence: String,
    /// What shows it, with the acts, in order of time.
    pub(crate) evidence: Vec<Evidence>,
    /// The last thing that went well before it went wrong.
    pub(crate) change: Option<Evidence>,
    /// What the waste of all findings cost.
    pub(crate) waste: Waste,
    pub(crate) remedy: Remedy,
}

/// A statement and the act that shows it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Evidence {
    pub(crate) text: String,
    pub(crate) span: ActKey,
}

/// What to do about it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Remedy {
    pub(crate) text: String,
    /// Where the configuration goes.
    pub(crate) file: Option<&'static str>,
    /// What to paste there.
    pub(crate) configuration: Option<String>,
}

/// How the run ended, as it is stored.
pub(crate) struct Outcome<'a> {
    /// `ok`, `error`, `interrupted`, `killed`, `running`.
    pub(crate) status: &'a str,
    pub(crate) harness: Option<&'a str>,
}

/// Failures that are told beside the cause, at most.
const MAX_EVIDENCE: usize = 8;

/// Works out why a run failed. `findings` are those of the same acts.
pub(crate) fn verdict(acts: &[Act], findings: &[FindingRow], outcome: &Outcome<'_>) -> Verdict {
    let end = match outcome.status {
        "ok" => "The run ended normally, but",
        "error" => "The run failed:",
        "interrupted" => "The run was cut short:",
        _ => "The run is still going:",
    };
    let cause = worst(findings);
    let (mode, what) = match cause {
        Some(finding) => (mode_of(finding), finding.explanation.clone()),
        None => match last_failure(acts, outcome) {
            Some((mode, text)) => (mode, text),
            None => return nothing_wrong(outcome),
        },
    };
    let mut chain = cause.map_or_else(Vec::new, |finding| of_finding(acts, finding));
    let others = findings
        .iter()
        .filter(|other| cause.is_none_or(|cause| cause.finding_id != other.finding_id))
        .filter_map(|other| {
            Some(Evidence {
                text: other.title.clone(),
                span: *other.spans.first()?,
            })
        });
    chain.extend(others);
    if let Some(failed) = acts.iter().rev().find(|act| act.is_error) {
        chain.push(Evidence {
            text: format!("The last failure: {}", failure(failed)),
            span: failed.key,
        });
    }
    chain.truncate(MAX_EVIDENCE);
    sort_by_time(acts, &mut chain);
    chain.dedup_by(|a, b| a == b);
    let waste = findings.iter().fold(Waste::default(), |sum, finding| {
        sum.plus(Waste {
            ns: finding.wasted_ns,
            tokens: finding.wasted_tokens,
            cost_usd: finding.wasted_cost_usd,
        })
    });
    Verdict {
        mode,
        sentence: format!("{end} {}", lower_first(&what)),
        evidence: chain,
        change: cause.and_then(|finding| change(acts, finding)),
        waste,
        remedy: remedy(mode, cause, acts, outcome),
    }
}

fn nothing_wrong(outcome: &Outcome<'_>) -> Verdict {
    let sentence = match outcome.status {
        "ok" => {
            "Nothing shows that this run failed: it ended normally, and no detector found anything."
        }
        "running" => {
            "Nothing shows that this run is failing: it is still going, and no detector has found anything."
        }
        _ => {
            "The run did not end well, but nothing that was recorded says why: no act failed, and no detector found anything."
        }
    };
    Verdict {
        mode: "none",
        sentence: sentence.to_owned(),
        evidence: Vec::new(),
        change: None,
        waste: Waste::default(),
        remedy: Remedy {
            text: "Nothing to do.".to_owned(),
            file: None,
            configuration: None,
        },
    }
}

/// The finding that explains most: by severity, then by kind, certainty and length.
fn worst(findings: &[FindingRow]) -> Option<&FindingRow> {
    findings
        .iter()
        .filter(|finding| finding.severity != "info")
        .max_by_key(|finding| {
            let severity = u8::from(finding.severity == "error");
            let kind = match finding.kind.as_str() {
                "retry_storm" => 5,
                "loop" => 4,
                "blocked" => 3,
                "premature_stop" => 2,
                "error_streak" => 1,
                _ => 0,
            };
            let sure = u8::from(finding.confidence == "certain");
            (
                severity,
                sure,
                kind,
                finding.repeat_count,
                &finding.finding_id,
            )
        })
}

fn mode_of(finding: &FindingRow) -> &'static str {
    match finding.kind.as_str() {
        "loop" => "loop",
        "blocked" => "blocked",
        "retry_storm" => "model_failure",
        "premature_stop" => "cut_off",
        "drift" => "drift",
        _ => "tool_failure",
    }
}

/// What the end of a run says where no detector found anything.
fn last_failure(acts: &[Act], outcome: &Outcome<'_>) -> Option<(&'static str, String)> {
    let last = acts
        .iter()
        .rev()
        .find(|act| act.is_model() || act.is_tool())?;
    if last.end_ns.is_none() && outcome.status != "running" {
        return Some((
            "interrupted",
            format!("{} had not ended when the records stop.", last.tool_words()),
        ));
    }
    if last.is_error {
        let mode = match last.is_model() {
            true => "model_failure",
            false => "tool_failure",
        };
        return Some((
            mode,
            format!("the last thing it did failed: {}", failure(last)),
        ));
    }
    if matches!(outcome.status, "interrupted" | "killed") {
        return Some((
            "interrupted",
            format!(
                "the records stop after {}, with no word of an end.",
                last.tool_words()
            ),
        ));
    }
    if outcome.status == "error" {
        let failed = acts.iter().rev().find(|act| act.is_error)?;
        return Some((
            "tool_failure",
            format!("its last failure was {}", failure(failed)),
        ));
    }
    None
}

fn failure(act: &Act) -> String {
    let what = match act.is_model() {
        true => format!(
            "a request to {}",
            act.model.as_deref().unwrap_or("the model")
        ),
        false => format!("{}{}", act.tool_words(), act.detail_words()),
    };
    match act.error.as_deref() {
        Some(error) => format!("{what} with \"{}\".", one_line(error)),
        None => format!("{what}."),
    }
}

/// First, second and last act of a finding.
fn of_finding(acts: &[Act], finding: &FindingRow) -> Vec<Evidence> {
    let count = finding.spans.len();
    let mut places = vec![0, 1, count.saturating_sub(1)];
    places.dedup();
    places
        .into_iter()
        .filter_map(|place| {
            let span = *finding.spans.get(place)?;
            let act = acts.iter().find(|act| act.key == span)?;
            let what = match act.is_model() {
                true => format!("request to {}", act.model.as_deref().unwrap_or("the model")),
                false => format!("{}{}", act.tool_words(), act.detail_words()),
            };
            let text = match count {
                1 => what,
                _ => format!("{} of {count}: {what}", grouped(place as i64 + 1)),
            };
            Some(Evidence { text, span })
        })
        .collect()
}

/// The last act of the same agent that succeeded before a finding began.
fn change(acts: &[Act], finding: &FindingRow) -> Option<Evidence> {
    let first = finding.spans.first()?;
    let at = acts.iter().position(|act| act.key == *first)?;
    let agent = &acts[at].agent;
    let before = || {
        acts[..at]
            .iter()
            .filter(|act| act.is_tool() && act.agent == *agent)
    };
    let last = before()
        .rev()
        .find(|act| !act.is_error && !act.is_denied())?;
    Some(Evidence {
        text: format!(
            "Up to then {} of {} tool calls had succeeded; the last that did was {}{}.",
            before()
                .filter(|act| !act.is_error && !act.is_denied())
                .count(),
            before().count(),
            last.tool_words(),
            last.detail_words()
        ),
        span: last.key,
    })
}

fn sort_by_time(acts: &[Act], chain: &mut [Evidence]) {
    chain.sort_by_key(|evidence| acts.iter().position(|act| act.key == evidence.span));
}

fn lower_first(text: &str) -> String {
    ["The ", "A ", "One ", "Within "]
        .iter()
        .find_map(|word| Some(word.to_lowercase() + text.strip_prefix(word)?))
        .unwrap_or_else(|| text.to_owned())
}

/// Asks Spanreel before each call whether the session is in a certain loop, and says so if it is.
const STOP_LOOPS: &str = r#"{
  "hooks": {
    "PreToolUse": [
      {
        "matcher": "*",
        "hooks": [
          {
            "type": "command",
            "command": "curl -fs \"http://127.0.0.1:7771/api/v1/findings?kind=loop&session_id=$(jq -r .session_id)\" | jq -e 'any(.findings[]; .open and .confidence == \"certain\")' >/dev/null && { echo 'You have repeated the same step several times with the same result. Stop, say what is in the way, and try something else or ask.' >&2; exit 2; } || exit 0"
          }
        ]
      }
    ]
  }
}"#;

fn remedy(mode: &str, cause: Option<&FindingRow>, acts: &[Act], outcome: &Outcome<'_>) -> Remedy {
    let is_claude_code = outcome.harness == Some("claude-code");
    let paste = |configuration: String| Remedy {
        text: String::new(),
        file: is_claude_code.then_some(".claude/settings.json"),
        configuration: is_claude_code.then_some(configuration),
    };
    let plain = |text: &str| Remedy {
        text: text.to_owned(),
        file: None,
        configuration: None,
    };
    match mode {
        "loop" => Remedy {
            text: "Give the agent a stop condition: after two equal results it must change its approach or ask. A hook before each tool call can enforce it.".to_owned(),
            ..paste(STOP_LOOPS.to_owned())
        },
        "blocked" => {
            let blocked = cause
                .and_then(|finding| finding.spans.first())
                .and_then(|span| acts.iter().find(|act| act.key == *span));
            Remedy {
                text: "Say in the task what is not allowed and what to do instead; or, if the act is wanted, have the harness ask a person in place of denying it.".to_owned(),
                ..paste(ask_first(blocked))
            }
        }
        "model_failure" => plain("The model's service refused or failed: check key, quota and context length, and let the harness wait longer between attempts."),
        "cut_off" => plain("Raise the limit of output tokens, or ask for the work in smaller parts."),
        "drift" => plain("Remind the agent of its goal: repeat the task and the plan's open steps before it answers, and accept an answer only when each step has a result."),
        "interrupted" => plain("The process was stopped or killed. Start it again; if it happens often, look at time limits and memory of the machine."),
        _ => plain("Look at the failing call first: the tool, its arguments or its environment are wrong, and the agent has no other way."),
    }
}

/// A rule that has a person asked before such a call.
fn ask_first(blocked: Option<&Act>) -> String {
    let rule = match blocked {
        Some(act) => {
            let tool = act.tool_name.as_deref().unwrap_or("Bash");
            let command = act.detail.as_deref().unwrap_or_default();
            let verb: Vec<&str> = command.split_whitespace().take(1).collect();
            match (tool, verb.as_slice()) {
                ("Bash", [verb]) => format!("Bash({verb}:*)"),
                _ => tool.to_owned(),
            }
        }
        None => "Bash".to_owned(),
    };
    let json = serde_json::json!({"permissions": {"ask": [rule]}});
    serde_json::to_string_pretty(&json).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::session::detect;
    use super::super::tests::acts;
    use super::*;

    fn of(script: &str, status: &str) -> Verdict {
        let acts = acts(script);
        let findings = detect("s", &acts, status != "running");
        let outcome = Outcome {
            status,
            harness: Some("claude-code"),
        };
        verdict(&acts, &findings, &outcome)
    }

    #[test]
    fn names_the_mode_and_the_evidence() {
        for (script, status, mode, words) in [
            (
                "t:B=y t:A!boom t:A!boom t:A!boom t:A!boom t:A!boom",
                "error",
                "loop",
                "called A 5 times",
            ),
            (
                "t:ls=x d:Bash(rm+-rf+build) m",
                "error",
                "blocked",
                "blocked Bash",
            ),
            (
                "m!:a> m!:b> m!:c> m!:d> m!:e>",
                "error",
                "model_failure",
                "5 requests",
            ),
            ("t:A=x m|max_tokens", "error", "cut_off", "max_tokens"),
            (
                "t:A=x t:B...",
                "interrupted",
                "interrupted",
                "had not ended",
            ),
            ("t:A=x t:B!broken", "error", "tool_failure", "broken"),
            ("t:A=x m", "ok", "none", "Nothing shows"),
        ] {
            let verdict = of(script, status);
            assert_eq!(verdict.mode, mode, "{script}: {}", verdict.sentence);
            assert!(
                verdict.sentence.contains(words),
                "{script}: {}",
                verdict.sentence
            );
        }
        let verdict = of(
            "t:B=y t:A!boom t:A!boom t:A!boom t:A!boom t:A!boom",
            "error",
        );
        assert!(verdict.change.unwrap().text.contains("1 of 1 tool calls"));
        let pasted = verdict.remedy.configuration.unwrap();
        serde_json::from_str::<serde_json::Value>(&pasted).unwrap();
        let pasted = of("d:Bash(rm+-rf+build) m", "error")
            .remedy
            .configuration
            .unwrap();
        assert!(pasted.contains("Bash(rm:*)"), "{pasted}");
    }
}
