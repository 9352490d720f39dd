//! One alert, as documents and as words.

use serde::Serialize;

use crate::encode::percent_encoded;
use crate::model::{Finding, SessionRow};
use crate::time::{now_ns, rfc3339};

/// What is told. Texts of the run are apart: they go along only where a target asks for them.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Alert {
    /// Name of the rule.
    pub(crate) rule: String,
    pub(crate) at: String,
    /// Sent by hand to see whether it arrives.
    pub(crate) test: bool,
    /// Kind of the finding, or `session`.
    pub(crate) kind: String,
    pub(crate) severity: String,
    pub(crate) confidence: Option<String>,
    pub(crate) repeat_count: Option<i64>,
    pub(crate) wasted_ns: Option<i64>,
    pub(crate) wasted_tokens: Option<i64>,
    pub(crate) wasted_cost_usd: Option<f64>,
    /// Which limit or status of a session it is about.
    pub(crate) condition: Option<String>,
    pub(crate) finding_id: Option<String>,
    pub(crate) session_id: String,
    pub(crate) harness: Option<String>,
    pub(crate) status: Option<String>,
    pub(crate) cost_usd: Option<f64>,
    pub(crate) duration_ns: Option<i64>,
    /// Where the session is shown.
    pub(crate) link: String,
    #[serde(flatten)]
    pub(crate) texts: Option<Texts>,
}

/// What holds words of prompts, calls and results.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Texts {
    pub(crate) project: Option<String>,
    pub(crate) session_title: Option<String>,
    pub(crate) title: Option<String>,
    pub(crate) explanation: Option<String>,
}

impl Alert {
    /// Of a finding; the session may be unknown.
    pub(crate) fn of_finding(
        rule: &str,
        finding: &Finding,
        session: Option<&SessionRow>,
        base: &str,
    ) -> Self {
        Self {
            kind: finding.kind.clone(),
            severity: finding.severity.clone(),
            confidence: Some(finding.confidence.clone()),
            repeat_count: Some(finding.repeat_count),
            wasted_ns: Some(finding.wasted_ns),
            wasted_tokens: Some(finding.wasted_tokens),
            wasted_cost_usd: finding.wasted_cost_usd,
            finding_id: Some(finding.finding_id.clone()),
            texts: Some(Texts {
                project: session.and_then(|session| session.project.clone()),
                session_title: session.and_then(|session| session.title.clone()),
                title: Some(finding.title.clone()),
                explanation: Some(finding.explanation.clone()),
            }),
            ..Self::plain(rule, &finding.session_id, session, base)
        }
    }

    /// Of a session that meets a condition, `cost above $5`.
    pub(crate) fn of_session(
        rule: &str,
        session: &SessionRow,
        condition: String,
        base: &str,
    ) -> Self {
        Self {
            kind: "session".to_owned(),
            severity: match session.status.as_str() {
                "error" | "killed" => "error",
                _ => "warning",
            }
            .to_owned(),
            condition: Some(condition),
            texts: Some(Texts {
                project: session.project.clone(),
                session_title: session.title.clone(),
                title: None,
                explanation: None,
            }),
            ..Self::plain(rule, &session.session_id, Some(session), base)
        }
    }

    /// One that is sent by hand.
    pub(crate) fn test(base: &str) -> Self {
        Self {
            test: true,
            kind: "test".to_owned(),
            severity: "info".to_owned(),
            condition: Some("a test".to_owned()),
            ..Self::plain("test", "", None, base)
        }
    }

    fn plain(rule: &str, session_id: &str, session: Option<&SessionRow>, base: &str) -> Self {
        Self {
            rule: rule.to_owned(),
            at: rfc3339(now_ns()),
            test: false,
            kind: String::new(),
            severity: String::new(),
            confidence: None,
            repeat_count: None,
            wasted_ns: None,
            wasted_tokens: None,
            wasted_cost_usd: None,
            condition: None,
            finding_id: None,
            session_id: session_id.to_owned(),
            harness: session.and_then(|session| session.harness.clone()),
            status: session.map(|session| session.status.clone()),
            cost_usd: session.and_then(|session| session.cost_usd),
            duration_ns: session.map(|session| session.duration_ns),
            link: match session_id {
                "" => base.to_owned(),
                id => format!("{base}/replay/{}", percent_encoded(id)),
            },
            texts: None,
        }
    }

    /// Without the texts of the run.
    pub(crate) fn without_texts(&self) -> Self {
        Self {
            texts: None,
            ..self.clone()
        }
    }

    /// What is said, on one line.
    pub(crate) fn headline(&self) -> String {
        if self.test {
            return "Spanreel: this is a test alert.".to_owned();
        }
        let harness = self.harness.as_deref().unwrap_or("a run");
        match &self.condition {
            Some(condition) => format!("Spanreel: {harness}: {condition}."),
            None => {
                let times = match self.repeat_count {
                    Some(times) if times > 1 => format!(", {times} times"),
                    _ => String::new(),
                };
                format!(
                    "Spanreel: {harness}: {} ({}, {}){times}.",
                    self.kind.replace('_', " "),
                    self.severity,
                    self.confidence.as_deref().unwrap_or("certain")
                )
            }
        }
    }

    /// What is said beneath.
    pub(crate) fn detail(&self) -> String {
        let texts = self.texts.as_ref();
        let said = [
            texts.and_then(|texts| texts.session_title.clone()),
            texts.and_then(|texts| texts.explanation.clone()),
        ];
        let mut lines: Vec<String> = said.into_iter().flatten().collect();
        if !self.session_id.is_empty() {
            lines.push(format!("Session {}", self.session_id));
        }
        lines.join("\n")
    }

    /// The body of an incoming webhook as Slack and its likes take it.
    pub(crate) fn slack(&self) -> serde_json::Value {
        let mut text = escaped(&self.headline());
        let detail = self.detail();
        if !detail.is_empty() {
            text.push('\n');
            text.push_str(&escaped(&detail));
        }
        text.push('\n');
        text.push_str(&escaped(&self.link));
        serde_json::json!({ "text": text })
    }
}

/// The three characters that have a meaning in Slack's texts; without them a payload can mention nobody
/// and forge no link.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_the_run_stay_out_and_cannot_mention_anybody() {
        let mut alert = Alert::test("http://127.0.0.1:7771");
        alert.test = false;
        alert.condition = None;
        alert.kind = "loop".to_owned();
        alert.session_id = "a/b <!channel>".to_owned();
        alert.texts = Some(Texts {
            project: None,
            session_title: Some("<!channel> secret".to_owned()),
            title: None,
            explanation: None,
        });
        let text = alert.slack()["text"].as_str().unwrap().to_owned();
        assert!(text.contains("&lt;!channel&gt; secret"), "{text}");
        let text = alert.without_texts().slack().to_string();
        assert!(!text.contains("secret") && !text.contains("<!"), "{text}");
    }
}
