//! `/guard`: whether a call that a harness is about to make is one that it has just repeated or been
//! denied.

use std::sync::Arc;

use axum::Json;
use proto::agent::Operation;
use proto::id::{SpanId, TraceId};
use serde::Serialize;
use serde_json::Value;
use store::{ActKey, FindingRow};
use utoipa::ToSchema;

use crate::error::{ApiError, ErrorBody};
use crate::extract::ApiJson;
use crate::findings::{self, Act, ActRow, Content, Ending, Session};
use crate::reach::Reading;
use crate::tools::Asked;

/// What a hook is to answer its harness.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(crate) struct GuardAnswer {
    /// The call is to be refused.
    denied: bool,
    /// What the agent is told.
    reason: Option<String>,
    /// The finding that it goes by.
    finding_id: Option<String>,
}

/// Says whether a call of a tool is to be refused: it goes on with a certain loop of its session that is
/// still open, or tries again, the same way or another, what was denied in the same turn.
///
/// The body is the document that the harness writes to its hooks before a call: `session_id`,
/// `tool_name`, `tool_input`. A call of a session that is not known is not refused.
#[utoipa::path(post, path = "/guard", tag = "findings", request_body = Object,
    responses((status = 200, body = GuardAnswer),
        (status = 400, description = "No such document", body = ErrorBody)))]
pub(crate) async fn guard(
    Reading(state): Reading,
    ApiJson(document): ApiJson<Value>,
) -> Result<Json<GuardAnswer>, ApiError> {
    let text = |names: &[&str]| {
        names
            .iter()
            .find_map(|name| document.get(*name)?.as_str())
            .map(str::to_owned)
    };
    let session_id = text(&["session_id", "sessionId", "conversation_id"]);
    let tool_name = text(&["tool_name", "toolName", "tool"]);
    let (Some(session_id), Some(tool_name)) = (session_id, tool_name) else {
        return Err(ApiError::bad_request(
            "expected the document of a hook before a tool call: an object with `session_id`, `tool_name` and `tool_input`",
        ));
    };
    let input = ["tool_input", "toolArgs", "input"]
        .iter()
        .find_map(|name| document.get(*name));
    let asked = Asked::new(&tool_name, input.unwrap_or(&Value::Null));
    let settings = Arc::clone(&state.config.detectors);
    let answer = state
        .blocking(move |store| {
            let id = Arc::from(session_id);
            let (session, _) = findings::read_session(store, &settings, &id)?;
            // Whatever its records say, a run that is about to make a call has not ended.
            let findings = session.findings(Ending::default());
            Ok(judge(&session, &findings, &asked))
        })
        .await?;
    Ok(Json(answer))
}

fn judge(session: &Session, findings: &[FindingRow], asked: &Asked) -> GuardAnswer {
    let acts = session.acts();
    let turn = acts.iter().map(|act| act.turn).max().unwrap_or(0);
    let is_asked_again = |finding: &FindingRow| {
        let told = acts
            .iter()
            .filter(|act| finding.spans.contains(&act.key) && act.turn == turn);
        match finding.kind.as_str() {
            "loop" => {
                finding.open
                    && finding.confidence == "certain"
                    && told
                        .filter(|act| act.is_tool())
                        .any(|act| asked.is_call_of(act))
            }
            "blocked" => {
                let call = about_to_be_made(asked, turn);
                told.filter(|act| act.is_denied())
                    .any(|act| asked.is_call_of(act) || findings::evades(act, &call))
            }
            _ => false,
        }
    };
    let Some(finding) = findings.iter().find(|finding| is_asked_again(finding)) else {
        return GuardAnswer::default();
    };
    let advice = match finding.kind.as_str() {
        "loop" => {
            "Do not make this call again: it will give the same result. Say what is in the way, and try something else or ask."
        }
        _ => {
            "Do not try this again, nor another way to the same thing, unless the user asks for it. Say that it was denied, and go on with something else or ask."
        }
    };
    GuardAnswer {
        denied: true,
        reason: Some(format!("{} {advice}", finding.explanation)),
        finding_id: Some(finding.finding_id.clone()),
    }
}

/// The call as an act that has not begun.
fn about_to_be_made(asked: &Asked, turn: i64) -> Act {
    Act {
        row: ActRow {
            act_id: i64::MAX,
            key: ActKey {
                trace_id: TraceId::default(),
                span_id: SpanId::default(),
            },
            parent: None,
            operation: Operation::Tool,
            name: Arc::from(asked.tool_name.as_str()),
            agent: Arc::from(""),
            turn,
            start_ns: i64::MAX,
            end_ns: None,
            is_error: false,
            error: None,
            model: None,
            tool_name: Some(Arc::from(asked.tool_name.as_str())),
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
            detail: Some(Arc::from(asked.line())),
        },
        content: Content::default(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::findings::Settings;
    use crate::findings::tests::acts;

    #[test]
    fn refuses_what_was_repeated_or_denied_and_nothing_else() {
        for (script, tool, command, denied) in [
            (
                "t:Bash(make)!no t:Bash(make)!no t:Bash(make)!no t:Bash(make)!no",
                "Bash",
                "make",
                true,
            ),
            (
                "t:Bash(make)!no t:Bash(make)!no t:Bash(make)!no t:Bash(make)!no",
                "Bash",
                "make clean",
                false,
            ),
            (
                "t:Bash(make)!no t:Bash(make)!no t:Bash(make)!no",
                "Bash",
                "make",
                false,
            ),
            (
                "t:Bash(make)!no t:Bash(make)!no t:Bash(make)!no t:Bash(make)!no turn",
                "Bash",
                "make",
                false,
            ),
            ("d:Bash(rm+-rf+build) m", "Bash", "rm -rf build", true),
            ("d:Bash(rm+-rf+build) m", "Bash", "find build -delete", true),
            ("d:Bash(rm+-rf+build) m", "Bash", "ls build", false),
            ("d:Bash(rm+-rf+build) m turn", "Bash", "rm -rf build", false),
        ] {
            let mut session = Session::new(&Arc::from("s"), &Settings::default());
            for act in acts(script) {
                session.push(act);
            }
            let asked = Asked::new(tool, &json!({"command": command}));
            let findings = session.findings(Ending::default());
            let answer = judge(&session, &findings, &asked);
            assert_eq!(answer.denied, denied, "{script} / {command}: {answer:?}");
        }
    }
}
