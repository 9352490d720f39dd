//! What is redacted: `privacy.json` in the data folder.

use std::collections::BTreeMap;

use regex::bytes::{Regex, RegexBuilder};
use serde_json::Value;

use super::assign::Strictness;
use super::scan::all_kinds;

const MOST_PATTERNS: usize = 100;
/// Bytes that a compiled pattern may take.
const PATTERN_BYTES: usize = 1 << 20;
const LONGEST_NAME: usize = 40;
const KEYS: &str = "redact, detectors, patterns, allow";

/// How much is redacted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mode {
    /// Nothing.
    #[default]
    Off,
    /// What opens something: keys, tokens, passwords.
    Secrets,
    /// Secrets, every value of a secret-looking name, and what names a person.
    Strict,
}

impl Mode {
    pub const ALL: [Self; 3] = [Self::Off, Self::Secrets, Self::Strict];

    /// The word for it in settings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Secrets => "secrets",
            Self::Strict => "strict",
        }
    }

    /// The mode of a word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.as_str() == word)
    }
}

/// What is redacted, as the user set it; nothing without a file.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    mode: Mode,
    detectors: BTreeMap<&'static str, bool>,
    patterns: Vec<(String, Regex)>,
    allowed: Vec<Regex>,
}

/// What is wrong with a settings file.
#[derive(Debug, thiserror::Error, PartialEq)]
#[error("{0}")]
pub struct SettingsError(String);

impl SettingsError {
    pub(super) fn of_patterns(reason: String) -> Self {
        Self(format!(
            "the patterns cannot be compiled together: {reason}"
        ))
    }
}

fn wrong<T>(what: impl Into<String>) -> Result<T, SettingsError> {
    Err(SettingsError(what.into()))
}

impl Settings {
    /// Name of the file within the data folder.
    pub const FILE: &'static str = "privacy.json";

    /// Reads `{"redact": "secrets", "detectors": {"email": true}, "patterns": {"ticket":
    /// "TICKET-[0-9]+"}, "allow": ["^sk-test-"]}`; docs/privacy.md describes it.
    ///
    /// # Errors
    /// When it is no such JSON object, or names a mode or detector that does not exist, or an
    /// expression cannot work.
    pub fn parse(text: &str) -> Result<Self, SettingsError> {
        let json: Value = match serde_json::from_str(text) {
            Ok(json) => json,
            Err(error) => return wrong(format!("not JSON: {error}")),
        };
        let Some(fields) = json.as_object() else {
            return wrong(format!("expected an object with {KEYS}"));
        };
        let mut settings = Self::default();
        for (key, value) in fields {
            match key.as_str() {
                "redact" => {
                    let mode = value.as_str().and_then(Mode::parse);
                    match mode {
                        Some(mode) => settings.mode = mode,
                        None => {
                            return wrong("redact: expected \"off\", \"secrets\" or \"strict\"");
                        }
                    }
                }
                "detectors" => settings.detectors = detectors(value)?,
                "patterns" => settings.patterns = patterns(value)?,
                "allow" => settings.allowed = allowed(value)?,
                _ => return wrong(format!("there is no setting {key:?}; there are {KEYS}")),
            }
        }
        Ok(settings)
    }

    /// The same with another mode.
    #[must_use]
    pub fn with_mode(self, mode: Mode) -> Self {
        Self { mode, ..self }
    }

    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Whether a built-in kind is looked for: as its own switch says, or else as the mode does.
    pub(super) fn looks_for(&self, kind: &str) -> bool {
        let by_mode = || {
            let is_personal = all_kinds().any(|(known, is_personal)| known == kind && is_personal);
            !is_personal || self.mode == Mode::Strict
        };
        self.detectors.get(kind).copied().unwrap_or_else(by_mode)
    }

    pub(super) fn strictness(&self) -> Strictness {
        match self.mode {
            Mode::Strict => Strictness::EveryValue,
            Mode::Off | Mode::Secrets => Strictness::LooksSecret,
        }
    }

    pub(super) fn patterns(&self) -> impl Iterator<Item = (&str, &Regex)> {
        self.patterns
            .iter()
            .map(|(name, regex)| (name.as_str(), regex))
    }

    pub(super) fn allowed(&self) -> &[Regex] {
        &self.allowed
    }
}

fn detectors(value: &Value) -> Result<BTreeMap<&'static str, bool>, SettingsError> {
    let Some(switches) = value.as_object() else {
        return wrong("detectors: expected an object such as {\"email\": false}");
    };
    let mut detectors = BTreeMap::new();
    for (name, value) in switches {
        let Some((kind, _)) = all_kinds().find(|(kind, _)| kind == name) else {
            let known: Vec<&str> = all_kinds().map(|(kind, _)| kind).collect();
            return wrong(format!(
                "detectors: there is no detector {name:?}; there are {}",
                known.join(", ")
            ));
        };
        let Some(is_on) = value.as_bool() else {
            return wrong(format!("detectors.{name}: expected true or false"));
        };
        detectors.insert(kind, is_on);
    }
    Ok(detectors)
}

fn patterns(value: &Value) -> Result<Vec<(String, Regex)>, SettingsError> {
    let Some(fields) = value.as_object() else {
        return wrong("patterns: expected an object such as {\"ticket\": \"TICKET-[0-9]+\"}");
    };
    if fields.len() > MOST_PATTERNS {
        return wrong("patterns: there are more than 100");
    }
    fields
        .iter()
        .map(|(name, value)| {
            let at = format!("patterns.{name}");
            let is_name = (1..=LONGEST_NAME).contains(&name.len())
                && name
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
            if !is_name {
                return wrong(format!(
                    "{at}: a name is up to 40 of a-z, 0-9 and _, since it stands in marks"
                ));
            }
            if all_kinds().any(|(kind, _)| kind == name) {
                return wrong(format!(
                    "{at}: a detector of that name is built in; choose another"
                ));
            }
            Ok((name.clone(), regex(&at, value)?))
        })
        .collect()
}

fn allowed(value: &Value) -> Result<Vec<Regex>, SettingsError> {
    let Some(items) = value.as_array() else {
        return wrong("allow: expected a list of regular expressions");
    };
    if items.len() > MOST_PATTERNS {
        return wrong("allow: there are more than 100");
    }
    let numbered = items.iter().enumerate();
    numbered
        .map(|(number, item)| regex(&format!("allow[{number}]"), item))
        .collect()
}

fn regex(at: &str, value: &Value) -> Result<Regex, SettingsError> {
    let Some(pattern) = value.as_str() else {
        return wrong(format!("{at}: expected a regular expression as text"));
    };
    let compiled = RegexBuilder::new(pattern).size_limit(PATTERN_BYTES).build();
    match compiled {
        Ok(regex) if regex.is_match(b"") => wrong(format!(
            "{at}: it matches the empty text, which is everywhere; ask for one character at least"
        )),
        Ok(regex) => Ok(regex),
        Err(_) => wrong(format!(
            "{at}: not a regular expression; in JSON each backslash is written twice, as in \"\\\\d+\""
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_is_wrong() {
        for (text, wrong) in [
            ("[", "not JSON"),
            ("[]", "expected an object with redact"),
            (
                r#"{"mode": "strict"}"#,
                "there is no setting \"mode\"; there are redact",
            ),
            (r#"{"redact": true}"#, "redact: expected \"off\""),
            (
                r#"{"detectors": {"mail": true}}"#,
                "there is no detector \"mail\"",
            ),
            (
                r#"{"detectors": {"email": 1}}"#,
                "detectors.email: expected true or false",
            ),
            (
                r#"{"patterns": {"a": "("}}"#,
                "patterns.a: not a regular expression",
            ),
            (
                r#"{"patterns": {"a": "x*"}}"#,
                "patterns.a: it matches the empty text",
            ),
            (r#"{"patterns": {"A b": "x"}}"#, "a name is up to 40"),
            (r#"{"patterns": {"jwt": "x"}}"#, "built in; choose another"),
            (
                r#"{"allow": ["x", 1]}"#,
                "allow[1]: expected a regular expression",
            ),
        ] {
            let error = Settings::parse(text).unwrap_err().to_string();
            assert!(error.contains(wrong), "{text}: {error}");
        }
        let settings = Settings::parse(
            r#"{"redact": "secrets", "detectors": {"email": true, "jwt": false}, "patterns": {"t": "T-\\d+"}}"#,
        );
        let settings = settings.unwrap();
        assert_eq!(settings.mode(), Mode::Secrets);
        assert!(settings.looks_for("email") && !settings.looks_for("jwt"));
        assert!(settings.looks_for("github_token") && !settings.looks_for("iban"));
        assert!(settings.with_mode(Mode::Strict).looks_for("iban"));
    }
}
