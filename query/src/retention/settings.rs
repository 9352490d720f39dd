//! How long recordings are kept: `retention.json` in the data folder.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use store::RetentionRules;

use crate::time::age_ns;

/// Rules as the user set them; without a file everything is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    pub(crate) rules: RetentionRules,
    pub(crate) every: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            rules: RetentionRules::default(),
            every: DEFAULT_EVERY,
        }
    }
}

/// What is wrong with a settings file.
#[derive(Debug, thiserror::Error, PartialEq)]
#[error("{0}")]
pub struct SettingsError(String);

const DEFAULT_EVERY: Duration = Duration::from_secs(600);
const SHORTEST_EVERY: Duration = Duration::from_secs(1);
const FOR_EVER: &str = "forever";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    max_age: Option<String>,
    max_size: Option<String>,
    #[serde(default)]
    tags: BTreeMap<String, String>,
    every: Option<String>,
}

impl Settings {
    /// Name of the file within the data folder.
    pub const FILE: &'static str = "retention.json";

    /// Reads the file's text; docs/retention.md describes it.
    ///
    /// # Errors
    /// When it is not such JSON, or a time or size cannot be understood.
    pub fn parse(text: &str) -> Result<Self, SettingsError> {
        let file: File =
            serde_json::from_str(text).map_err(|error| SettingsError(error.to_string()))?;
        let max_age_ns = file.max_age.map(|age| duration("max_age", &age));
        let max_size_bytes = file.max_size.map(|size| bytes(&size));
        let tags = file.tags.into_iter().map(|(tag, age)| {
            if tag.trim().is_empty() {
                return Err(SettingsError("tags: a tag has a name".to_owned()));
            }
            let age_ns = match age.as_str() {
                FOR_EVER => None,
                age => Some(duration(&format!("tags.{tag}"), age)?),
            };
            Ok((tag, age_ns))
        });
        let every = match file.every {
            None => DEFAULT_EVERY,
            Some(text) => Duration::from_nanos(duration("every", &text)? as u64),
        };
        if every < SHORTEST_EVERY {
            return Err(SettingsError("every: at least 1s".to_owned()));
        }
        Ok(Self {
            rules: RetentionRules {
                tags: tags.collect::<Result<_, _>>()?,
                max_age_ns: max_age_ns.transpose()?,
                max_size_bytes: max_size_bytes.transpose()?,
            },
            every,
        })
    }
}

fn duration(name: &str, text: &str) -> Result<i64, SettingsError> {
    age_ns(text).filter(|ns| *ns > 0).ok_or_else(|| {
        let also = match name.starts_with("tags.") {
            true => ", or \"forever\"",
            false => "",
        };
        SettingsError(format!(
            "{name}: {text:?} is no time; give a number and a unit, as in \"12h\", \"90d\" or \"8w\"{also}"
        ))
    })
}

fn bytes(text: &str) -> Result<u64, SettingsError> {
    let wrong = || {
        SettingsError(format!(
            "max_size: {text:?} is no size; give a number and a unit, as in \"500MB\" or \"20GB\""
        ))
    };
    let trimmed = text.trim();
    let end = trimmed
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .ok_or_else(wrong)?;
    let (number, unit) = trimmed.split_at(end);
    let number: f64 = number.parse().map_err(|_| wrong())?;
    let unit = match unit.trim() {
        "MB" => 1e6,
        "GB" => 1e9,
        "TB" => 1e12,
        "MiB" => f64::from(1 << 20),
        "GiB" => f64::from(1 << 30),
        "TiB" => 1024.0 * f64::from(1 << 30),
        _ => return Err(wrong()),
    };
    match number * unit {
        size if (1e6..1e18).contains(&size) => Ok(size as u64),
        _ => Err(SettingsError(format!(
            "max_size: {text:?} is below 1 MB or beyond any disk"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_NS: i64 = 86_400_000_000_000;

    #[test]
    fn reads_rules() {
        let text = r#"{"max_age": "90d", "max_size": "1.5GB", "every": "1h",
            "tags": {"scratch": "7d", "release": "forever"}}"#;
        let settings = Settings::parse(text).unwrap();
        assert_eq!(settings.every, Duration::from_secs(3600));
        let tag = |name: &str, age_ns| (name.to_owned(), age_ns);
        assert_eq!(
            settings.rules,
            RetentionRules {
                max_age_ns: Some(90 * DAY_NS),
                max_size_bytes: Some(1_500_000_000),
                tags: vec![tag("release", None), tag("scratch", Some(7 * DAY_NS))],
            }
        );
        assert_eq!(
            Settings::parse("{}").unwrap().rules,
            RetentionRules::default()
        );
    }

    #[test]
    fn says_what_is_wrong() {
        for (text, wrong) in [
            ("[]", "expected struct File"),
            (r#"{"max_agee": "7d"}"#, "unknown field `max_agee`"),
            (r#"{"max_age": 7}"#, "expected a string"),
            (r#"{"max_age": "7"}"#, "max_age: \"7\" is no time"),
            (r#"{"max_age": "0d"}"#, "is no time"),
            (r#"{"max_age": "2026-01-01"}"#, "is no time"),
            (r#"{"tags": {"x": "long"}}"#, "tags.x: \"long\" is no time"),
            (r#"{"tags": {"x": "long"}}"#, "or \"forever\""),
            (r#"{"max_size": "20"}"#, "max_size: \"20\" is no size"),
            (r#"{"max_size": "20 apples"}"#, "is no size"),
            (r#"{"max_size": "1e9GB"}"#, "is no size"),
            (r#"{"max_size": "0MB"}"#, "below 1 MB"),
            (r#"{"every": "1ms"}"#, "every: \"1ms\" is no time"),
        ] {
            let error = Settings::parse(text).unwrap_err().to_string();
            assert!(error.contains(wrong), "{text}: {error}");
        }
    }
}
