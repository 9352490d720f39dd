use super::*;
use crate::findings::tests::{acts, ending};
use crate::findings::{Ending, detect_with};

fn of(script: &str, status: &str) -> Verdict {
    let acts = acts(script);
    let ending = Ending {
        ended: status != "running",
        ..ending(script, &acts)
    };
    let findings = detect_with("s", &acts, ending);
    let outcome = Outcome {
        status,
        harness: Some("claude-code"),
        guard: "spanreel guard",
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
        (
            "t:A=x t:B!Max+turns+exceeded:+3",
            "error",
            "limit",
            "limit of its steps",
        ),
        (
            "t:B=y t:A!boom t:A!boom t:A!boom t:A!boom t:A!boom turn t:C=1 t:D!broken",
            "error",
            "tool_failure",
            "Before that, the agent called A 5 times",
        ),
        (
            "t:B=y t:A!boom t:A!boom t:A!boom t:A!boom t:A!boom t:X...",
            "killed",
            "interrupted",
            "without a word of its end: X (X) had not ended",
        ),
        (
            "m t:A=x silent:900",
            "running",
            "stall",
            "still going: After the call of A (A) the agent had to go on",
        ),
        (
            "m t:A=x wait:900 m:i>o",
            "ok",
            "stall",
            "in which nothing ran",
        ),
        (
            "m t:A=x silent:900",
            "killed",
            "interrupted",
            "the records stop after A (A)",
        ),
        (
            "t:A=x s:I+will+now+fix+the+checkout+test.",
            "ok",
            "unfinished",
            "no act followed",
        ),
        ("m@90000 t:A=x m@20000", "ok", "context", "90,000"),
        (
            "m m m:a>b m:c>d m:e>f m:g>h m:i>j m:k>l m:m>n earlier:900,1000,1100,1000,950,1050,1000,1000",
            "ok",
            "outlier",
            "times the usual",
        ),
        ("m t:fly!unknown+tool:+fly m", "ok", "tool_failure", "fly"),
        ("t:A=x m", "ok", "none", "Nothing shows"),
    ] {
        let verdict = of(script, status);
        assert_eq!(verdict.mode.word(), mode, "{script}: {}", verdict.sentence);
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
    assert!(pasted.contains("spanreel guard"), "{pasted}");
    let pasted = of("d:Bash(rm+-rf+build) m", "error")
        .remedy
        .configuration
        .unwrap();
    assert!(pasted.contains("Bash(rm:*)"), "{pasted}");
    let pasted = of("d:Bash(rm+-rf+build) t:Bash(rm+-rf+build)=ok m", "ok")
        .remedy
        .configuration
        .unwrap();
    assert!(pasted.contains("spanreel guard"), "{pasted}");
}
