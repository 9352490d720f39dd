//! Sessions as scripts, one act a word, and the findings that they must give.
//!
//! `t:A=x` a tool call of A with result x · `t:A!m` failed with message m · `t:A` without result ·
//! `t:A...` still running · `d:A` denied tool call · `m` model request (`m:in>out` with input and
//! output, `m!:in>` failed, `m#n` asking for a tool in n tokens) · `h` hook · `h:A` hook that denies
//! A · `p` policy ·
//! `g!` guardrail that tripped · `turn` the next turn · a prefix `sub/` names another agent.

use std::sync::Arc;

use proto::agent::{Decision, Operation};
use proto::id::{SpanId, TraceId};
use store::{ActKey, FindingRow};

use super::{ActRow, detect};

fn arc(text: &str) -> Arc<str> {
    Arc::from(text)
}

fn acts(script: &str) -> Vec<ActRow> {
    let mut turn = 1;
    let mut acts: Vec<ActRow> = Vec::new();
    for (at, word) in script.split_whitespace().enumerate() {
        let (agent, word) = word.split_once('/').unwrap_or(("", word));
        let start_ns = at as i64 * 1_000_000_000;
        let mut act = ActRow {
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
                        act.error = Some(arc(result));
                        call
                    }
                    Some((call, result)) => {
                        act.output_hash = Some(Arc::from(result.as_bytes()));
                        call
                    }
                    None => rest,
                };
                let running = call.strip_suffix("...");
                if running.is_some() {
                    act.end_ns = None;
                }
                tool(&mut act, running.unwrap_or(call));
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
            "p" => act.operation = Operation::Policy,
            "g" => {
                act.operation = Operation::Guardrail;
                act.name = arc("no_secrets");
                act.is_error = true;
            }
            _ => panic!("unknown word {word}"),
        }
        acts.push(act);
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
    act.detail = Some(arc(call));
}

fn found(script: &str) -> Vec<FindingRow> {
    detect("s", &acts(script), false)
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

#[test]
fn fires_and_stays_silent() {
    for (script, expected) in [
        // exact_repeat must fire.
        ("t:A=x t:A=x t:A=x", "exact_repeat certain x3"),
        ("m t:A=x m t:A=x m t:A=x m", "exact_repeat certain x3"),
        (
            "t:A!boom t:A!boom t:A!boom t:A!boom t:A!boom t:A!boom",
            "exact_repeat certain x6",
        ),
        ("t:A=x h p m t:A=x h p m t:A=x", "exact_repeat certain x3"),
        ("t:A=x t:A=y t:A=z", "exact_repeat likely x3"),
        ("t:A t:A t:A", "exact_repeat likely x3"),
        ("t:A!boom t:A!bang t:A!boom", "exact_repeat likely x3"),
        ("t:A=x t:A=x t:A...", "exact_repeat likely x3"),
        ("t:A=x t:A=x t:A=x t:A...", "exact_repeat certain x4"),
        ("t:size:A=x t:size:A=x t:size:A=x", "exact_repeat likely x3"),
        ("t:size:A!e t:size:A!e t:size:A!e", "exact_repeat likely x3"),
        (
            "sub/t:A=x t:B=y sub/t:A=x t:C=y sub/t:A=x",
            "exact_repeat certain x3",
        ),
        (
            "t:A=x t:A=x t:A=x t:B t:A=x t:A=x t:A=x",
            "exact_repeat certain x3; exact_repeat certain x3",
        ),
        // exact_repeat must not.
        ("t:A=x t:A=x", ""),
        ("t:size:A=x t:size:A=y t:size:A=z", ""),
        ("t:size:A t:size:A t:size:A", ""),
        ("t:A=x t:A=x t:B t:A=x", ""),
        ("t:poll(1)=x t:poll(2)=x t:poll(3)=x t:poll(4)=x", ""),
        ("t:page(1)=x m t:page(2)=y m t:page(3)=z", ""),
        ("t:A=x turn t:A=x turn t:A=x", ""),
        ("sub/t:A=x t:A=x sub/t:A=x t:A=x", ""),
        (
            "t:edit(1) t:test=fail t:edit(2) t:test=fail t:edit(3) t:test=ok",
            "",
        ),
        // cycle must fire.
        ("t:A=1 t:B=2 t:A=1 t:B=2 t:A=1 t:B=2", "cycle certain x3"),
        (
            "t:A=1 m t:B=2 m t:A=1 h t:B=2 m t:A=1 t:B=2 t:A=1",
            "cycle certain x3",
        ),
        ("t:A t:B t:C t:A t:B t:C t:A t:B t:C", "cycle likely x3"),
        (
            "t:X t:A=1 t:B=2 t:A=3 t:B=2 t:A=5 t:B=2 t:Y",
            "cycle likely x3",
        ),
        (
            "t:A=1 t:B!e t:A=1 t:B!e t:A=1 t:B!e t:A=1 t:B!e",
            "cycle certain x4",
        ),
        (
            "t:A=1 t:B=1 t:C=1 t:D=1 t:E=1 t:A=1 t:B=1 t:C=1 t:D=1 t:E=1 t:A=1 t:B=1 t:C=1 t:D=1 t:E=1",
            "cycle certain x3",
        ),
        // cycle must not.
        ("t:A t:B t:A t:B", ""),
        ("t:A t:B t:A t:B turn t:A t:B", ""),
        ("t:get(1) t:put(1) t:get(2) t:put(2) t:get(3) t:put(3)", ""),
        (
            "t:A=x t:A=x t:A=x t:A=x t:A=x t:A=x",
            "exact_repeat certain x6",
        ),
        // repeated_model_request must fire.
        ("m:i>a m:i>b m:i>c", "repeated_model_request certain x3"),
        ("m#40 m#40 m#40 m#40", "repeated_model_request likely x4"),
        ("m:i>a m:j>a m:k>a", "repeated_model_request certain x3"),
        ("t:A m#40 m#40 m#40 t:B", "repeated_model_request likely x3"),
        (
            "sub/m#40 m:x>y sub/m#40 sub/m#40",
            "repeated_model_request likely x3",
        ),
        // repeated_model_request must not.
        ("m#40 m#40", ""),
        ("m#40 t:A m#40 t:B m#40", ""),
        ("m#40 h m#40 h m#40", ""),
        ("m#40 turn m#40 turn m#40", ""),
        ("m#40 m#41 m#40", ""),
        ("m:a>1 m:b>2 m:c>3", ""),
        ("m!:i> m!:i> m:i>a", ""),
        ("m:a>1 m:b>2 m:c>1 m:d>2 m:e>1", ""),
        ("sub/m#40 m#40 sub/m#40 m#40", ""),
        // blocked.
        ("d:rm", "blocked certain x1"),
        ("d:rm m t:ls", "blocked certain x1"),
        (
            "d:rm m d:rm m d:rm",
            "exact_repeat certain x3; blocked certain x3",
        ),
        ("d:rm t:ls d:curl", "blocked certain x1; blocked certain x1"),
        ("d:rm h:rm", "blocked certain x1"),
        ("h:rm", "blocked certain x1"),
        ("g!", "blocked certain x1"),
        ("t:A h p m", ""),
    ] {
        assert_eq!(summary(script), expected, "{script}");
    }
}

#[test]
fn batch_work_with_the_same_answer_is_no_loop() {
    let mut acts = acts("m:i>yes m:j>yes m:k>yes m:l>yes");
    for act in &mut acts {
        act.input_tokens = Some(100);
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
         result: it failed with \"boom\". The repeats took 2.0 s and 2,000 tokens."
    );
    assert_eq!(found[0].title, "A called 3 times with the same arguments");
}
