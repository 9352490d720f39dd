//! Which detectors run, and their thresholds: `detectors.json` in the data folder.

use std::collections::HashMap;

use serde_json::Value;

use super::{RULES, Rule};

/// On and off, and thresholds, as the user set them; everything else is as documented.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    off: Vec<&'static str>,
    values: HashMap<(&'static str, &'static str), f64>,
}

/// What is wrong with a settings file.
#[derive(Debug, thiserror::Error, PartialEq)]
#[error("{0}")]
pub struct SettingsError(String);

impl Settings {
    /// Name of the file within the data folder.
    pub const FILE: &'static str = "detectors.json";

    /// Reads `{"exact_repeat": {"enabled": true, "min_repeats": 3}, …}`.
    ///
    /// # Errors
    /// When it is no such JSON object, or names a detector or threshold that does not exist.
    pub fn parse(text: &str) -> Result<Self, SettingsError> {
        let wrong = |what: String| Err(SettingsError(what));
        let json: Value = match serde_json::from_str(text) {
            Ok(json) => json,
            Err(error) => return wrong(format!("not JSON: {error}")),
        };
        let Some(detectors) = json.as_object() else {
            return wrong("expected an object with the names of detectors".to_owned());
        };
        let mut settings = Self::default();
        for (name, values) in detectors {
            let Some(rule) = RULES.iter().find(|rule| rule.name == name) else {
                let known: Vec<&str> = RULES.iter().map(|rule| rule.name).collect();
                return wrong(format!(
                    "there is no detector {name:?}; there are {}",
                    known.join(", ")
                ));
            };
            let Some(values) = values.as_object() else {
                return wrong(format!(
                    "{name}: expected an object such as {{\"enabled\": false}}"
                ));
            };
            for (key, value) in values {
                settings.set(rule, key, value)?;
            }
        }
        Ok(settings)
    }

    fn set(&mut self, rule: &Rule, key: &str, value: &Value) -> Result<(), SettingsError> {
        let name = rule.name;
        if key == "enabled" {
            match value.as_bool() {
                Some(true) => self.off.retain(|off| *off != name),
                Some(false) => self.off.push(name),
                None => {
                    return Err(SettingsError(format!(
                        "{name}.enabled: expected true or false"
                    )));
                }
            }
            return Ok(());
        }
        let Some((threshold, _)) = rule.thresholds.iter().find(|(known, _)| *known == key) else {
            let known: Vec<&str> = rule.thresholds.iter().map(|(known, _)| *known).collect();
            return Err(SettingsError(format!(
                "{name} has no threshold {key:?}; it has enabled, {}",
                known.join(", ")
            )));
        };
        match value.as_f64() {
            Some(number) if number >= 0.0 => {
                self.values.insert((name, threshold), number);
                Ok(())
            }
            _ => Err(SettingsError(format!(
                "{name}.{key}: expected a number of 0 or more"
            ))),
        }
    }

    /// Whether a detector runs.
    pub(crate) fn is_on(&self, rule: &Rule) -> bool {
        !self.off.contains(&rule.name)
    }

    /// What a detector goes by.
    pub(crate) fn thresholds(&self, rule: &Rule) -> Thresholds {
        Thresholds(
            rule.thresholds
                .iter()
                .map(|(key, default)| {
                    let set = self.values.get(&(rule.name, *key));
                    (*key, set.copied().unwrap_or(*default))
                })
                .collect(),
        )
    }
}

/// The thresholds of one detector.
pub(crate) struct Thresholds(Vec<(&'static str, f64)>);

impl Thresholds {
    /// A threshold; one that the rule does not list is never reached.
    pub(crate) fn get(&self, key: &str) -> f64 {
        let found = self.0.iter().find(|(known, _)| *known == key);
        debug_assert!(found.is_some(), "no threshold {key}");
        found.map_or(f64::INFINITY, |(_, value)| *value)
    }

    /// A threshold that counts something.
    pub(crate) fn count(&self, key: &str) -> usize {
        self.get(key) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_is_wrong() {
        for (text, wrong) in [
            ("[", "not JSON"),
            ("[]", "expected an object"),
            (r#"{"cylce": {}}"#, "there is no detector \"cylce\""),
            (r#"{"cycle": {"min": 3}}"#, "cycle has no threshold \"min\""),
            (r#"{"cycle": {"enabled": 1}}"#, "expected true or false"),
            (r#"{"cycle": {"min_rounds": -1}}"#, "expected a number"),
        ] {
            let error = Settings::parse(text).unwrap_err().to_string();
            assert!(error.contains(wrong), "{text}: {error}");
        }
        let rule = RULES.iter().find(|rule| rule.name == "cycle").unwrap();
        let settings = Settings::parse(r#"{"cycle": {"min_rounds": 4}}"#).unwrap();
        assert_eq!(settings.thresholds(rule).count("min_rounds"), 4);
        assert!(settings.is_on(rule));
        assert!(
            !Settings::parse(r#"{"cycle": {"enabled": false}}"#)
                .unwrap()
                .is_on(rule)
        );
    }
}
