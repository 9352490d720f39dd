//! The document that a harness hands to a hook, in the words that all harnesses share. They spell the
//! same fields `like_this` and `likeThis`, and the same events `PreToolUse`, `preToolUse`, `BeforeTool`.

use serde_json::Value;

/// What an event is about, for as many as say more than that a hook ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The user has sent a prompt.
    Prompt,
    /// A command that the user has typed becomes a prompt.
    Expansion,
    /// A tool call is about to run.
    BeforeTool,
    /// A tool call has run.
    AfterTool,
    /// A tool call has failed.
    ToolFailed,
    /// A tool call was refused.
    Denied,
    /// A tool call needs a permission.
    Permission,
    SubagentStart,
    SubagentStop,
    Other,
}

/// The kind of an event, in any harness's spelling.
pub(super) fn kind(event: &str) -> Kind {
    match event.to_ascii_lowercase().as_str() {
        "userpromptsubmit" | "userpromptsubmitted" | "beforeagent" | "beforesubmitprompt" => {
            Kind::Prompt
        }
        "userpromptexpansion" => Kind::Expansion,
        "pretooluse" | "beforetool" => Kind::BeforeTool,
        "posttooluse" | "aftertool" => Kind::AfterTool,
        "posttoolusefailure" => Kind::ToolFailed,
        "permissiondenied" => Kind::Denied,
        "permissionrequest" => Kind::Permission,
        "subagentstart" => Kind::SubagentStart,
        "subagentstop" => Kind::SubagentStop,
        _ => Kind::Other,
    }
}

/// A hook's document; empty where it was no JSON object.
pub(super) struct Document(Value);

impl Document {
    pub(super) fn parse(text: &str) -> Self {
        Self(super::super::json::parse_nested(text).unwrap_or_default())
    }

    /// The first of `keys` that holds something.
    fn get(&self, keys: &[&str]) -> Option<&Value> {
        keys.iter()
            .filter_map(|key| self.0.get(key))
            .find(|value| !value.is_null())
    }

    fn text(&self, keys: &[&str]) -> Option<&str> {
        keys.iter()
            .filter_map(|key| self.0.get(key)?.as_str())
            .find(|text| !text.is_empty())
    }

    pub(super) fn session_id(&self) -> Option<&str> {
        self.text(&["session_id", "sessionId", "conversation_id"])
    }

    pub(super) fn turn_key(&self) -> Option<&str> {
        self.text(&["prompt_id", "turn_id", "generation_id"])
    }

    pub(super) fn agent_id(&self) -> Option<&str> {
        self.text(&["agent_id", "agentId"])
    }

    pub(super) fn agent_name(&self) -> Option<&str> {
        self.text(&["agent_type", "agent_name", "agentName"])
    }

    pub(super) fn model(&self) -> Option<&str> {
        self.text(&["model"])
    }

    pub(super) fn harness_version(&self) -> Option<&str> {
        self.text(&["cursor_version"])
    }

    pub(super) fn user(&self) -> Option<&str> {
        self.text(&["user_email"])
    }

    pub(super) fn folder(&self) -> Option<&str> {
        self.text(&["cwd"])
            .or_else(|| self.0.get("workspace_roots")?.get(0)?.as_str())
    }

    pub(super) fn prompt(&self) -> Option<&str> {
        self.text(&["prompt"])
    }

    /// The command that is expanded.
    pub(super) fn command(&self) -> Option<&str> {
        self.text(&["command_name"])
    }

    pub(super) fn tool_name(&self) -> Option<&str> {
        self.text(&["tool_name", "toolName"])
    }

    pub(super) fn tool_call_id(&self) -> Option<&str> {
        self.text(&["tool_use_id", "toolUseId"])
    }

    pub(super) fn tool_input(&self) -> Option<String> {
        self.get(&["tool_input", "toolArgs"]).map(as_text)
    }

    /// The result of a tool call: its text where the document has it in an envelope.
    pub(super) fn tool_output(&self) -> Option<String> {
        let result = self.get(&["tool_response", "tool_result", "toolResult", "tool_output"])?;
        let text = ["textResultForLlm", "text_result_for_llm"]
            .iter()
            .find_map(|key| result.get(key)?.as_str());
        Some(text.map_or_else(|| as_text(result), str::to_owned))
    }

    /// Whether a result says of itself how it went.
    pub(super) fn tool_succeeded(&self) -> Option<bool> {
        let result = self.get(&["tool_response", "tool_result", "toolResult"])?;
        if let Some(kind) = ["resultType", "result_type"]
            .iter()
            .find_map(|key| result.get(key)?.as_str())
        {
            return Some(kind == "success");
        }
        result
            .get("error")
            .filter(|error| !error.is_null())
            .map(|_| false)
    }

    pub(super) fn error(&self) -> Option<String> {
        self.get(&["error", "error_message", "errorMessage"])
            .map(|error| match error.get("message").and_then(Value::as_str) {
                Some(message) => message.to_owned(),
                None => as_text(error),
            })
    }

    /// Why a call failed or was refused, in one word.
    pub(super) fn failure_type(&self) -> Option<&str> {
        self.text(&["failure_type", "error_type"])
    }

    pub(super) fn reason(&self) -> Option<&str> {
        self.text(&["reason"])
    }

    /// How long the tool took.
    pub(super) fn duration_ms(&self) -> Option<f64> {
        self.get(&["duration_ms", "duration"])
            .and_then(Value::as_f64)
            .filter(|millis| millis.is_finite() && *millis >= 0.0)
    }
}

/// A text as it is, anything else as JSON.
fn as_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// What a hook decided, and why.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Verdict {
    /// The hook's own word (`deny`, `block`, `ask` …).
    pub(super) word: Option<String>,
    pub(super) reason: Option<String>,
}

/// Reads what a hook command answered: JSON on standard output, or exit code 2 with the reason on
/// standard error.
pub(super) fn verdict(stdout: &str, stderr: &str, exit_code: Option<i64>) -> Verdict {
    let reason_of = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    if exit_code == Some(2) {
        return Verdict {
            word: Some("block".to_owned()),
            reason: reason_of(stderr),
        };
    }
    let Some(answer) = super::super::json::parse_nested(stdout) else {
        return Verdict::default();
    };
    let specific = answer.get("hookSpecificOutput").unwrap_or(&Value::Null);
    let behavior = specific.get("decision").unwrap_or(&Value::Null);
    // Where a word stands, and where the reason for it.
    let places: [(&Value, &str, &[&str]); 6] = [
        (
            specific,
            "permissionDecision",
            &["permissionDecisionReason"],
        ),
        (behavior, "behavior", &["message"]),
        (&answer, "permissionDecision", &["permissionDecisionReason"]),
        (&answer, "permission", &["agent_message", "user_message"]),
        (&answer, "behavior", &["message"]),
        (&answer, "decision", &["reason"]),
    ];
    let said = |value: &Value, keys: &[&str]| {
        let text = keys.iter().find_map(|key| value.get(key)?.as_str());
        text.and_then(reason_of)
    };
    for (value, key, reasons) in places {
        if let Some(word) = value.get(key).and_then(Value::as_str) {
            return Verdict {
                word: Some(word.to_owned()),
                reason: said(value, reasons).or_else(|| said(&answer, &["reason"])),
            };
        }
    }
    if answer.get("continue").and_then(Value::as_bool) == Some(false) {
        return Verdict {
            word: Some("block".to_owned()),
            reason: said(&answer, &["stopReason", "reason", "user_message"]),
        };
    }
    Verdict::default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts_in_the_words_of_every_harness() {
        let read = |stdout: &str| {
            let found = verdict(stdout, "ignored", Some(0));
            (
                found.word.unwrap_or_default(),
                found.reason.unwrap_or_default(),
            )
        };
        let cases = [
            (
                r#"{"hookSpecificOutput":{"hookEventName":"PreToolUse","permissionDecision":"deny","permissionDecisionReason":"no rm"}}"#,
                ("deny", "no rm"),
            ),
            (
                r#"{"hookSpecificOutput":{"decision":{"behavior":"allow"}}}"#,
                ("allow", ""),
            ),
            (
                r#"{"decision":"block","reason":"tests fail"}"#,
                ("block", "tests fail"),
            ),
            (
                r#"{"continue":false,"stopReason":"budget"}"#,
                ("block", "budget"),
            ),
            (
                r#"{"permission":"ask","user_message":"sure?"}"#,
                ("ask", "sure?"),
            ),
            (
                r#"{"permissionDecision":"deny","permissionDecisionReason":"policy"}"#,
                ("deny", "policy"),
            ),
            (r#"{"continue":true,"suppressOutput":true}"#, ("", "")),
            ("plain text for the model", ("", "")),
            ("{broken", ("", "")),
            ("", ("", "")),
        ];
        for (stdout, (word, reason)) in cases {
            assert_eq!(
                read(stdout),
                (word.to_owned(), reason.to_owned()),
                "{stdout}"
            );
        }
        assert_eq!(
            verdict(r#"{"decision":"allow"}"#, "blocked: rm\n", Some(2)),
            Verdict {
                word: Some("block".to_owned()),
                reason: Some("blocked: rm".to_owned()),
            }
        );
    }

    #[test]
    fn fields_in_both_spellings() {
        let document = Document::parse(
            r#"{"sessionId":"s","cwd":"/w","toolName":"bash","toolArgs":"{\"command\":\"ls\"}","toolResult":{"resultType":"failure","textResultForLlm":"boom"}}"#,
        );
        assert_eq!(document.session_id(), Some("s"));
        assert_eq!(
            document.tool_input().as_deref(),
            Some(r#"{"command":"ls"}"#)
        );
        assert_eq!(document.tool_output().as_deref(), Some("boom"));
        assert_eq!(document.tool_succeeded(), Some(false));
        let document = Document::parse(
            r#"{"conversation_id":"c","workspace_roots":["/a","/b"],"tool_input":{"b":1,"a":2},"tool_output":"x"}"#,
        );
        assert_eq!(document.folder(), Some("/a"));
        assert_eq!(document.tool_input().as_deref(), Some(r#"{"b":1,"a":2}"#));
        assert_eq!(document.tool_output().as_deref(), Some("x"));
        assert_eq!(Document::parse("not json").session_id(), None);
    }
}
