//! What is to be told to whom: `alerts.json` in the data folder.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use crate::outbound;

/// Rules and targets as the user set them; none without a file.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    pub(crate) rules: Vec<Rule>,
    pub(crate) targets: Vec<Target>,
}

/// What is wrong with a settings file.
#[derive(Debug, thiserror::Error, PartialEq)]
#[error("{0}")]
pub struct SettingsError(String);

/// What is told, and to whom.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rule {
    pub(crate) name: String,
    pub(crate) subject: Subject,
    /// Only sessions of these harnesses; any when empty.
    pub(crate) harness: Vec<String>,
    /// Only sessions of projects that contain one of these texts; any when empty.
    pub(crate) project: Vec<String>,
    /// Names of targets.
    pub(crate) to: Vec<String>,
}

/// What a rule looks at.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Subject {
    Findings {
        /// Any when empty.
        kinds: Vec<String>,
        /// Rank of `info`, `warning`, `error`.
        min_severity: u8,
        certain_only: bool,
    },
    /// Any of what is set has to hold.
    Sessions {
        status: Vec<String>,
        over_cost_usd: Option<f64>,
        over_duration_s: Option<f64>,
    },
}

/// Where alerts go.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Target {
    pub(crate) name: String,
    pub(crate) place: Place,
    /// Texts of the run (titles, explanations with command lines) go along.
    pub(crate) include_text: bool,
    pub(crate) timeout: Duration,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Place {
    Webhook {
        url: Url,
        is_slack: bool,
    },
    /// Program and arguments; run without a shell.
    Command(Vec<String>),
    Desktop,
}

/// An address, or the environment variable that holds it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Url {
    Given(String),
    Variable(String),
}

impl Url {
    /// The address, if it is there.
    pub(crate) fn get(&self) -> Result<String, String> {
        match self {
            Self::Given(url) => Ok(url.clone()),
            Self::Variable(name) => match std::env::var(name) {
                Ok(url) if outbound::shown(&url).is_some() => Ok(url),
                Ok(_) => Err(format!(
                    "the environment variable {name} holds no http or https address"
                )),
                Err(_) => Err(format!("the environment variable {name} is not set")),
            },
        }
    }
}

/// The order of severities.
pub(crate) fn rank(severity: &str) -> u8 {
    match severity {
        "error" => 3,
        "warning" => 2,
        _ => 1,
    }
}

const STATUSES: [&str; 5] = ["running", "ok", "error", "interrupted", "killed"];
const DEFAULT_TIMEOUT_S: f64 = 10.0;
const MAX_TIMEOUT_S: f64 = 300.0;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    rules: Vec<RuleEntry>,
    targets: BTreeMap<String, TargetEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleEntry {
    name: String,
    kinds: Option<Vec<String>>,
    min_severity: Option<String>,
    confidence: Option<String>,
    #[serde(default)]
    status: Vec<String>,
    over_cost_usd: Option<f64>,
    over_duration_s: Option<f64>,
    #[serde(default)]
    harness: Vec<String>,
    #[serde(default)]
    project: Vec<String>,
    to: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TargetEntry {
    webhook: Option<String>,
    webhook_env: Option<String>,
    #[serde(default)]
    format: Option<String>,
    command: Option<Vec<String>>,
    desktop: Option<bool>,
    #[serde(default)]
    include_text: bool,
    timeout_s: Option<f64>,
}

impl Settings {
    /// Name of the file within the data folder.
    pub const FILE: &'static str = "alerts.json";

    /// Reads the file's text; docs/alerts.md describes it.
    ///
    /// # Errors
    /// When it is not such JSON, or a rule or target cannot work.
    pub fn parse(text: &str) -> Result<Self, SettingsError> {
        let file: File =
            serde_json::from_str(text).map_err(|error| SettingsError(error.to_string()))?;
        let targets = file
            .targets
            .into_iter()
            .map(|(name, entry)| target(name, entry))
            .collect::<Result<Vec<_>, _>>()?;
        let rules = file
            .rules
            .into_iter()
            .map(|entry| rule(entry, &targets))
            .collect::<Result<Vec<_>, _>>()?;
        for (at, rule) in rules.iter().enumerate() {
            if rules[..at].iter().any(|other| other.name == rule.name) {
                return Err(SettingsError(format!(
                    "two rules are called {:?}",
                    rule.name
                )));
            }
        }
        Ok(Self { rules, targets })
    }
}

fn rule(entry: RuleEntry, targets: &[Target]) -> Result<Rule, SettingsError> {
    let name = entry.name;
    let wrong = |what: String| Err(SettingsError(format!("rule {name:?}: {what}")));
    let of_findings =
        entry.kinds.is_some() || entry.min_severity.is_some() || entry.confidence.is_some();
    let of_sessions = !entry.status.is_empty()
        || entry.over_cost_usd.is_some()
        || entry.over_duration_s.is_some();
    let subject = match (of_findings, of_sessions) {
        (true, false) => Subject::Findings {
            min_severity: match entry.min_severity.as_deref() {
                None => rank("info"),
                Some(severity @ ("info" | "warning" | "error")) => rank(severity),
                Some(other) => {
                    return wrong(format!(
                        "min_severity {other:?} is not info, warning or error"
                    ));
                }
            },
            certain_only: match entry.confidence.as_deref() {
                None | Some("likely") => false,
                Some("certain") => true,
                Some(other) => {
                    return wrong(format!("confidence {other:?} is not certain or likely"));
                }
            },
            kinds: entry.kinds.unwrap_or_default(),
        },
        (false, true) => {
            if let Some(status) = entry
                .status
                .iter()
                .find(|s| !STATUSES.contains(&s.as_str()))
            {
                return wrong(format!(
                    "there is no status {status:?}; there are {}",
                    STATUSES.join(", ")
                ));
            }
            Subject::Sessions {
                status: entry.status,
                over_cost_usd: entry.over_cost_usd,
                over_duration_s: entry.over_duration_s,
            }
        }
        (true, true) => {
            return wrong(
                "it names findings (kinds, min_severity, confidence) and sessions (status, over_cost_usd, over_duration_s); make two rules of it".to_owned(),
            );
        }
        (false, false) => {
            return wrong(
                "it names nothing to look for: kinds, min_severity or confidence of findings, or status, over_cost_usd or over_duration_s of sessions".to_owned(),
            );
        }
    };
    if entry.to.is_empty() {
        return wrong("`to` names no target".to_owned());
    }
    if let Some(missing) = entry
        .to
        .iter()
        .find(|to| targets.iter().all(|target| target.name != **to))
    {
        return wrong(format!("there is no target {missing:?}"));
    }
    Ok(Rule {
        name,
        subject,
        harness: entry.harness,
        project: entry.project,
        to: entry.to,
    })
}

fn target(name: String, entry: TargetEntry) -> Result<Target, SettingsError> {
    let wrong = |what: &str| Err(SettingsError(format!("target {name:?}: {what}")));
    let is_slack = match entry.format.as_deref() {
        None | Some("slack") => true,
        Some("json") => false,
        Some(_) => return wrong("format is slack or json"),
    };
    let desktop = entry.desktop == Some(true);
    let place = match (entry.webhook, entry.webhook_env, entry.command, desktop) {
        (Some(url), None, None, false) if outbound::shown(&url).is_none() => {
            return wrong("webhook is no http or https address");
        }
        (Some(url), None, None, false) => Place::Webhook {
            url: Url::Given(url),
            is_slack,
        },
        (None, Some(variable), None, false) => Place::Webhook {
            url: Url::Variable(variable),
            is_slack,
        },
        (None, None, Some(command), false) if command.is_empty() => {
            return wrong("command is a list with the program and its arguments");
        }
        (None, None, Some(command), false) => Place::Command(command),
        (None, None, None, true) => Place::Desktop,
        _ => return wrong("give one of webhook, webhook_env, command, or \"desktop\": true"),
    };
    let seconds = entry.timeout_s.unwrap_or(DEFAULT_TIMEOUT_S);
    if !(seconds > 0.0 && seconds <= MAX_TIMEOUT_S) {
        return wrong("timeout_s is a number above 0 and up to 300");
    }
    Ok(Target {
        name,
        place,
        include_text: entry.include_text,
        timeout: Duration::from_secs_f64(seconds),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_is_wrong() {
        let target = r#""targets": {"t": {"desktop": true}}"#;
        for (text, wrong) in [
            ("[", "EOF"),
            (r#"{"rules": []}"#, "missing field `targets`"),
            (
                &format!(r#"{{"rules": [{{"name": "a", "to": ["t"]}}], {target}}}"#),
                "nothing to look for",
            ),
            (
                &format!(
                    r#"{{"rules": [{{"name": "a", "kinds": [], "status": ["ok"], "to": ["t"]}}], {target}}}"#
                ),
                "make two rules",
            ),
            (
                &format!(r#"{{"rules": [{{"name": "a", "kinds": [], "to": ["u"]}}], {target}}}"#),
                "no target \"u\"",
            ),
            (
                &format!(
                    r#"{{"rules": [{{"name": "a", "status": ["dead"], "to": ["t"]}}], {target}}}"#
                ),
                "no status \"dead\"",
            ),
            (
                &format!(
                    r#"{{"rules": [{{"name": "a", "kind": "loop", "to": ["t"]}}], {target}}}"#
                ),
                "unknown field `kind`",
            ),
            (r#"{"rules": [], "targets": {"t": {}}}"#, "give one of"),
            (
                r#"{"rules": [], "targets": {"t": {"webhook": "hooks.example"}}}"#,
                "no http or https",
            ),
            (
                r#"{"rules": [], "targets": {"t": {"desktop": true, "timeout_s": 0}}}"#,
                "timeout_s",
            ),
        ] {
            let error = Settings::parse(text).unwrap_err().to_string();
            assert!(error.contains(wrong), "{text}: {error}");
        }
    }
}
