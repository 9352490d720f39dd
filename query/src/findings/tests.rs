//! Sessions as scripts, one act a word, and the findings that they must give.
//!
//! `t:A=x` a tool call of A with result x · `t:A!m` failed with message m · `t:A` without result ·
//! `t:A...` still running · `d:A` denied tool call · `m` model request (`m:in>out` with input and
//! output, `m!:in>` failed, `m#n` asking for a tool in n tokens) · `h` hook · `h:A` hook that denies
//! A · `p` policy (`p?:A` that asks a person for A) ·
//! `g!` guardrail that tripped · `g:loop` the harness stops a repeated call · `a` a subagent that has not ended · `turn` the next turn ·
//! `wait:s` seconds pass · `m@n` a request with n input tokens · `m|r` one that stopped for reason r ·
//! `c:…` an answer with code · `s:…` one with prose · a prefix `sub/` names another agent.
//! After them `ended`: the session is over · `silent:s` it is not, and nothing came for s seconds ·
//! `earlier:n,n,…` tokens of the sessions before it.
//! `+` stands for a space, and `\n` for the end of a line, in arguments, results, errors and answers.

use std::sync::Arc;

use proto::agent::{Decision, Operation};
use proto::id::{SpanId, TraceId};
use store::{ActKey, FindingRow};

use super::session::{Session, detect, detect_with};
use super::{Act, ActRow, Content, Ending, Figure, History, Settings};

fn arc(text: &str) -> Arc<str> {
    Arc::from(text)
}

pub(crate) fn acts(script: &str) -> Vec<Act> {
    let mut turn = 1;
    let mut waited_ns = 0;
    let mut acts: Vec<Act> = Vec::new();
    for (at, word) in script.split_whitespace().enumerate() {
        let (agent, word) = word
            .split_once('/')
            .filter(|(agent, _)| agent.chars().all(char::is_alphanumeric))
            .unwrap_or(("", word));
        if let Some(seconds) = word.strip_prefix("wait:") {
            waited_ns += seconds.parse::<i64>().unwrap() * 1_000_000_000;
            continue;
        }
        if word == "ended" || word.starts_with("silent:") || word.starts_with("earlier:") {
            continue;
        }
        let start_ns = at as i64 * 1_000_000_000 + waited_ns;
        let spoken = word.replace('+', " ").replace("\\n", "\n");
        let (mut input, mut output) = (None, None);
        let mut act = ActRow {
            act_id: at as i64 + 1,
            key: ActKey {
                trace_id: TraceId([7; 16]),
                span_id: SpanId((at as u64 + 1).to_be_bytes()),
            },
            parent: None,
            operation: Operation::Tool,
            name: arc("act"),
            agent: arc(agent),
            turn,
            start_ns,
            end_ns: Some(start_ns + 500_000_000),
            is_error: false,
            error: None,
            model: None,
            tool_name: None,
            tool_call_id: None,
            mcp_server: None,
            hook_name: None,
            hook_event: None,
            decision: None,
            decision_source: None,
            tokens: 0,
            input_tokens: None,
            output_tokens: None,
            cost_usd: None,
            finish_reason: None,
            input_hash: None,
            output_hash: None,
            call_hash: None,
            detail: None,
        };
        let (kind, rest) = word.split_at(1);
        match kind {
            "t" if word == "turn" => {
                turn += 1;
                act.turn = turn;
                act.operation = Operation::Turn;
            }
            "t" => {
                let rest = rest.trim_start_matches(':');
                let call = match rest.split_once(['=', '!']) {
                    Some((call, result)) if rest.contains('!') => {
                        act.is_error = true;
                        act.error = Some(arc(&result.replace('+', " ")));
                        call
                    }
                    Some((call, result)) => {
                        act.output_hash = Some(Arc::from(result.as_bytes()));
                        output = Some(result.replace('+', " "));
                        call
                    }
                    None => rest,
                };
                let running = call.strip_suffix("...");
                if running.is_some() {
                    act.end_ns = None;
                }
                let call = running.unwrap_or(call);
                tool(&mut act, call);
                let json = call
                    .split_once('(')
                    .filter(|(_, rest)| rest.starts_with('{'));
                let written = json.map_or(call, |(_, rest)| rest.trim_end_matches(')'));
                input = Some(written.replace('+', " "));
            }
            "d" => {
                tool(&mut act, rest.trim_start_matches(':'));
                act.decision = Some(Decision::Deny);
                act.decision_source = Some(arc("hook"));
            }
            "m" => {
                act.operation = Operation::Model;
                act.model = Some(arc("big"));
                act.tokens = 1000;
                act.input_tokens = Some(900 + 50 * at as i64);
                act.output_tokens = Some(20);
                act.is_error = rest.starts_with('!');
                if let Some((input, output)) = rest.trim_start_matches(['!', ':']).split_once('>') {
                    act.input_hash = (!input.is_empty()).then(|| Arc::from(input.as_bytes()));
                    act.output_hash = (!output.is_empty()).then(|| Arc::from(output.as_bytes()));
                }
                if let Some(tokens) = rest.strip_prefix('@') {
                    act.input_tokens = tokens.parse().ok();
                }
                if let Some(reason) = rest.strip_prefix('|') {
                    act.finish_reason = Some(arc(reason));
                }
                if let Some(tokens) = rest.strip_prefix('#') {
                    act.finish_reason = Some(arc("tool_use"));
                    act.output_tokens = tokens.parse().ok();
                }
            }
            "h" => {
                act.operation = Operation::Hook;
                act.hook_name = Some(arc("guard.sh"));
                act.hook_event = Some(arc("PreToolUse"));
                if let Some(tool) = rest.strip_prefix(':') {
                    act.tool_name = Some(arc(tool));
                    act.decision = Some(Decision::Deny);
                }
            }
            "p" => {
                act.operation = Operation::Policy;
                if let Some(tool) = rest.strip_prefix("?:") {
                    act.tool_name = Some(arc(tool));
                    act.decision = Some(Decision::Ask);
                }
            }
            "g" => {
                act.operation = Operation::Guardrail;
                act.is_error = rest == "!";
                act.name = arc("no_secrets");
                if rest == ":loop" {
                    act.name = arc("loop_detected");
                    act.hook_name = Some(arc("loop_detected"));
                    act.detail = Some(arc("consecutive_identical_tool_calls"));
                }
            }
            "c" | "s" => {
                act.operation = Operation::Model;
                act.output_hash = Some(Arc::from(word.as_bytes()));
                let text = spoken.split_once(':').unwrap().1.to_owned();
                output = Some(match kind {
                    "c" => format!("Next:\n```\n{text}\n```\n"),
                    _ => text,
                });
            }
            "a" => {
                act.operation = Operation::Agent;
                act.end_ns = None;
            }
            _ => panic!("unknown word {word}"),
        }
        let content = Content::of(act.operation, input.as_deref(), output.as_deref());
        acts.push(Act { row: act, content });
    }
    acts
}

/// `Bash(ls)`: the tool, and what makes its arguments.
fn tool(act: &mut ActRow, call: &str) {
    let name = call.split('(').next().unwrap_or(call);
    act.tool_name = Some(arc(name));
    let weak = call.strip_prefix("size:");
    act.call_hash = Some(match weak {
        Some(call) => arc(&format!("size:{call}")),
        None => arc(call),
    });
    let inside = call
        .split_once('(')
        .map_or(call, |(_, inside)| inside.trim_end_matches(')'));
    act.detail = Some(arc(&inside.replace('+', " ")));
}

/// What the words after the acts say of the session.
pub(crate) fn ending(script: &str, acts: &[Act]) -> Ending {
    let value = |name: &str| {
        script
            .split_whitespace()
            .find_map(|word| word.strip_prefix(name))
    };
    let last_ns = acts
        .iter()
        .filter_map(|act| act.end_ns.or(Some(act.start_ns)))
        .max();
    let history = value("earlier:").map(|earlier| {
        let mut tokens: Vec<f64> = earlier.split(',').map(|n| n.parse().unwrap()).collect();
        let median = median(&mut tokens);
        let mut far: Vec<f64> = tokens.iter().map(|n| (n - median).abs()).collect();
        History {
            session_count: tokens.len(),
            tokens: Some(Figure {
                own: acts.iter().map(|act| act.tokens as f64).sum(),
                median,
                mad: self::median(&mut far),
            }),
            ..History::default()
        }
    });
    Ending {
        ended: script.split_whitespace().any(|word| word == "ended"),
        is_silent: false,
        awaited_at_ns: value("silent:")
            .and_then(|seconds| Some(last_ns? + seconds.parse::<i64>().unwrap() * 1_000_000_000)),
        history,
    }
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() % 2 {
        0 => f64::midpoint(values[middle - 1], values[middle]),
        _ => values[middle],
    }
}

fn found(script: &str) -> Vec<FindingRow> {
    let acts = acts(script);
    detect_with("s", &acts, ending(script, &acts))
}

/// `detector confidence xN`, in order, separated by `; `.
fn summary(script: &str) -> String {
    let lines: Vec<String> = found(script)
        .iter()
        .map(|f| {
            let detector = f.detector.split('/').next().unwrap();
            format!("{detector} {} x{}", f.confidence, f.repeat_count)
        })
        .collect();
    lines.join("; ")
}

fn or_nothing(findings: &str) -> &str {
    if findings.is_empty() {
        "nothing"
    } else {
        findings
    }
}

/// Each line of the table is `what :: script => findings`.
#[test]
#[expect(
    clippy::print_stdout,
    reason = "the table is to be read with --nocapture"
)]
fn every_scripted_session_gives_its_findings() {
    let mut count = 0;
    let mut wrong = Vec::new();
    for line in include_str!("sessions.txt").lines() {
        let Some((what, rest)) = line.split_once(" :: ") else {
            assert!(
                line.is_empty() || line.starts_with('#'),
                "no session: {line}"
            );
            continue;
        };
        let (script, expected) = rest.split_once("=>").unwrap();
        count += 1;
        let said = summary(script.trim());
        println!(
            "{what:<52} must give {:<40} {}",
            or_nothing(expected.trim()),
            if said == expected.trim() {
                "right"
            } else {
                "WRONG"
            }
        );
        if said != expected.trim() {
            wrong.push(format!(
                "{what}: {script}\n  expected {expected}\n  found    {said}"
            ));
        }
    }
    println!("{} of {count} right", count - wrong.len());
    assert!(count >= 60, "{count} sessions");
    assert!(
        wrong.is_empty(),
        "{} of {count}:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn growing_sessions_say_at_each_act_what_a_fresh_look_says() {
    for line in include_str!("sessions.txt").lines() {
        let Some((what, rest)) = line.split_once(" :: ") else {
            continue;
        };
        let all = acts(rest.split_once("=>").unwrap().0.trim());
        let mut growing = Session::new(&Arc::from("s"), &Settings::default());
        for (at, act) in all.iter().enumerate() {
            growing.push(act.clone());
            let ending = Ending {
                ended: at % 2 == 0,
                ..Ending::default()
            };
            assert_eq!(
                growing.findings(ending),
                detect("s", &all[..=at], ending.ended),
                "{what}, act {at}"
            );
        }
    }
}

#[test]
fn batch_work_with_the_same_answer_is_no_loop() {
    let mut acts = acts("m:i>yes m:j>yes m:k>yes m:l>yes");
    for act in &mut acts {
        act.row.input_tokens = Some(100);
    }
    assert!(detect("s", &acts, false).is_empty());
}

#[test]
fn says_what_happened_next() {
    for (script, ended, then, severity) in [
        ("d:rm", false, "has done nothing since", "warning"),
        ("d:rm", true, "did nothing after it", "warning"),
        ("d:rm m", false, "went on without a further call", "warning"),
        ("d:rm m t:ls", false, "then called ls (ls)", "warning"),
        (
            "d:rm m t:rm=x",
            false,
            "then tried the same call again",
            "error",
        ),
        ("d:rm m d:rm", false, "was blocked 2 times", "error"),
    ] {
        let found = detect("s", &acts(script), ended);
        assert!(
            found[0].explanation.contains(then),
            "{script}: {}",
            found[0].explanation
        );
        assert_eq!(found[0].severity, severity, "{script}");
    }
    let text = &found("d:rm h:rm")[0].explanation;
    assert!(
        text.starts_with("The hook guard.sh blocked rm (rm)."),
        "{text}"
    );
}

#[test]
fn grows_in_place_and_gives_the_same_answer_live_and_again() {
    let script = "m t:A=x m t:A=x m t:A=x m t:A=x m t:B";
    let all = acts(script);
    let mut ids = std::collections::BTreeSet::new();
    let mut last = Vec::new();
    for upto in 0..=all.len() {
        last = detect("s", &all[..upto], false);
        ids.extend(last.iter().map(|finding| finding.finding_id.clone()));
    }
    assert_eq!(ids.len(), 1);
    assert_eq!(last, detect("s", &all, false));
    assert_eq!((last[0].repeat_count, last[0].open), (4, false));
    let growing = detect("s", &all[..8], false);
    assert_eq!((growing[0].repeat_count, growing[0].open), (4, true));
    assert!(!detect("s", &all[..8], true)[0].open);
    assert_ne!(
        detect("other", &all, false)[0].finding_id,
        last[0].finding_id
    );
}

#[test]
fn counts_the_waste_of_the_repeats() {
    let found = found("m t:A!boom m t:A!boom m t:A!boom m");
    // Two calls and the two requests that asked for them, half a second each.
    assert_eq!(
        (found[0].wasted_ns, found[0].wasted_tokens),
        (2_000_000_000, 2000)
    );
    assert_eq!(found[0].spans.len(), 3);
    assert_eq!(
        found[0].explanation,
        "The agent called A 3 times in a row with the same arguments (A). Each time with the same \
         result: it failed with \"boom\". The repeats took 2.0 s and 2,000 tokens. \
         Since 1970-01-01 00:00:01 UTC."
    );
    assert_eq!(found[0].title, "A called 3 times with the same arguments");
}
