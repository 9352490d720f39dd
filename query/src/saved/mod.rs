//! Saved queries: questions with names and parameters, those that come with Spanreel and the user's.

mod bind;
mod shipped;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use utoipa::ToSchema;

pub(crate) use bind::{bind, named};
pub(crate) use shipped::shipped;

use crate::time::{parse_when, rfc3339};

/// Longest name.
const MAX_NAME: usize = 64;
/// Longest title and description, in bytes.
const MAX_WORDS: usize = 2_000;
const MAX_SQL_BYTES: usize = 256 << 10;
const MAX_PARAMETERS: usize = 32;

/// What a parameter takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ParameterType {
    Text,
    Integer,
    Number,
    Boolean,
    /// RFC 3339, `2026-11-21`, or an age before now as `7d`, `12h`, `30m`.
    Timestamp,
}

impl ParameterType {
    fn sql_type(self) -> &'static str {
        match self {
            Self::Text => "varchar",
            Self::Integer => "bigint",
            Self::Number => "double",
            Self::Boolean => "boolean",
            Self::Timestamp => "timestamp_ns",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        serde_json::from_value(word.into()).ok()
    }
}

/// A parameter of a saved query; `$name` in its SQL.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Parameter {
    pub(crate) name: String,
    #[serde(rename = "type")]
    pub(crate) kind: ParameterType,
    /// The value when none is given, which may be null.
    #[serde(default)]
    pub(crate) default: Json,
    /// There is no default: a value has to be given.
    #[serde(default)]
    pub(crate) required: bool,
    #[serde(default)]
    pub(crate) description: String,
}

/// A question with a name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub(crate) struct SavedQuery {
    /// Lower-case letters, digits, `-` and `_`.
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) title: String,
    #[serde(default)]
    pub(crate) description: String,
    #[serde(default)]
    pub(crate) parameters: Vec<Parameter>,
    /// One SELECT, with `$name` for each parameter.
    pub(crate) sql: String,
}

impl SavedQuery {
    /// Whether name, texts and parameters are in order; the SQL itself the engine checks.
    ///
    /// # Errors
    /// What is wrong, in words for the user.
    pub(crate) fn check(&self) -> Result<(), String> {
        if !is_name(&self.name, '-') || self.name.len() > MAX_NAME {
            return Err(format!(
                "`name` has 1 to {MAX_NAME} lower-case letters, digits, `-` and `_`, as in slow-tools"
            ));
        }
        if self.title.len() + self.description.len() > MAX_WORDS {
            return Err(format!(
                "`title` and `description` exceed {MAX_WORDS} bytes"
            ));
        }
        if self.sql.len() > MAX_SQL_BYTES {
            return Err(format!("`sql` is longer than {MAX_SQL_BYTES} bytes"));
        }
        if self.parameters.len() > MAX_PARAMETERS {
            return Err(format!("more than {MAX_PARAMETERS} parameters"));
        }
        for (n, parameter) in self.parameters.iter().enumerate() {
            let name = &parameter.name;
            if !is_name(name, '_') {
                return Err(format!(
                    "the parameter `{name}` needs a name of lower-case letters, digits and `_`"
                ));
            }
            if self.parameters[..n].iter().any(|other| other.name == *name) {
                return Err(format!("there are two parameters `{name}`"));
            }
            if !parameter.required {
                parameter.value(&parameter.default, 0)?;
            }
        }
        let used = named(&self.sql);
        if let Some(name) = used.iter().find(|name| self.parameter(name).is_none()) {
            return Err(format!("`${name}` stands in the SQL but is no parameter"));
        }
        let is_unused = |parameter: &&Parameter| !used.contains(&parameter.name);
        if let Some(parameter) = self.parameters.iter().find(is_unused) {
            return Err(format!(
                "the parameter `{0}` is not used: write ${0} in the SQL",
                parameter.name
            ));
        }
        Ok(())
    }

    pub(crate) fn parameter(&self, name: &str) -> Option<&Parameter> {
        self.parameters
            .iter()
            .find(|parameter| parameter.name == name)
    }

    /// The SQL with `$1` … for the parameters, and their values: those given, else the defaults.
    ///
    /// # Errors
    /// Which value is missing, unknown or of the wrong type, in words for the user.
    pub(crate) fn prepare(
        &self,
        given: &serde_json::Map<String, Json>,
        now_ns: i64,
    ) -> Result<(String, Vec<Json>), String> {
        if let Some(name) = given.keys().find(|name| self.parameter(name).is_none()) {
            let names: Vec<&str> = self.parameters.iter().map(|p| p.name.as_str()).collect();
            return Err(match names.is_empty() {
                true => format!("`{}` takes no parameters, so no `{name}`", self.name),
                false => format!(
                    "`{}` has no parameter `{name}`; it takes {}",
                    self.name,
                    names.join(", ")
                ),
            });
        }
        let mut values = Vec::new();
        for parameter in &self.parameters {
            let value = match given.get(&parameter.name) {
                Some(value) => value,
                None if parameter.required => {
                    return Err(format!(
                        "`{}` needs the parameter `{}`: {}",
                        self.name, parameter.name, parameter.description
                    ));
                }
                None => &parameter.default,
            };
            values.push(parameter.value(value, now_ns)?);
        }
        Ok((bind(&self.sql, &self.parameters), values))
    }
}

impl Parameter {
    /// A value as SQL takes it. A text stands for whatever it spells, as the command line gives it.
    fn value(&self, value: &Json, now_ns: i64) -> Result<Json, String> {
        let text = value.as_str().map(str::trim);
        let fitting = match (self.kind, value) {
            (_, Json::Null) => Some(Json::Null),
            (ParameterType::Text, Json::String(text)) => Some(text.as_str().into()),
            (ParameterType::Integer, value) => value
                .as_i64()
                .or_else(|| text?.parse().ok())
                .map(Json::from),
            (ParameterType::Number, value) => value
                .as_f64()
                .or_else(|| text?.parse().ok().filter(|n: &f64| n.is_finite()))
                .map(Json::from),
            (ParameterType::Boolean, value) => value
                .as_bool()
                .or_else(|| text?.parse().ok())
                .map(Json::from),
            (ParameterType::Timestamp, _) => text
                .and_then(|text| parse_when(text, now_ns))
                .map(|ns| rfc3339(ns).trim_end_matches('Z').into()),
            (ParameterType::Text, _) => None,
        };
        fitting.ok_or_else(|| {
            let wanted = match self.kind {
                ParameterType::Text => "a text",
                ParameterType::Integer => "a whole number",
                ParameterType::Number => "a number",
                ParameterType::Boolean => "true or false",
                ParameterType::Timestamp => {
                    "a time as 2026-11-21 or 2026-11-21T10:00:00Z, or an age as 7d"
                }
            };
            format!("the parameter `{}` is {wanted}", self.name)
        })
    }
}

/// A letter, then letters, digits, `_` and one more character.
fn is_name(name: &str, also: char) -> bool {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == also;
    name.starts_with(|c: char| c.is_ascii_lowercase()) && name.chars().all(fits)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn query() -> SavedQuery {
        let parameter = |name: &str, kind, default: Json, required| Parameter {
            name: name.to_owned(),
            kind,
            default,
            required,
            description: "what it is".to_owned(),
        };
        SavedQuery {
            name: "slow".to_owned(),
            title: String::new(),
            description: String::new(),
            parameters: vec![
                parameter("tool", ParameterType::Text, Json::Null, true),
                parameter(
                    "since",
                    ParameterType::Timestamp,
                    json!("1970-01-02"),
                    false,
                ),
                parameter("limit", ParameterType::Integer, json!(5), false),
            ],
            sql: "select '$no', $tool, $since limit $limit".to_owned(),
        }
    }

    #[test]
    fn values_come_in_order_and_by_type() {
        let given = json!({"tool": "Bash", "limit": "7"});
        let (sql, values) = query().prepare(given.as_object().unwrap(), 0).unwrap();
        assert_eq!(
            sql,
            "select '$no', $1::varchar, $2::timestamp_ns limit $3::bigint"
        );
        assert_eq!(
            values,
            [
                json!("Bash"),
                json!("1970-01-02T00:00:00.000000000"),
                json!(7)
            ]
        );
    }

    #[test]
    fn says_what_is_wrong_with_values() {
        for (given, words) in [
            (json!({}), "needs the parameter `tool`: what it is"),
            (json!({"tool": "a", "x": 1}), "it takes tool, since, limit"),
            (json!({"tool": 1}), "`tool` is a text"),
            (json!({"tool": "a", "limit": 1.5}), "a whole number"),
            (json!({"tool": "a", "since": "soon"}), "or an age as 7d"),
        ] {
            let error = query().prepare(given.as_object().unwrap(), 0).unwrap_err();
            assert!(error.contains(words), "{error}");
        }
    }

    #[test]
    fn says_what_is_wrong_with_a_query() {
        assert_eq!(query().check(), Ok(()));
        let wrong = |change: &dyn Fn(&mut SavedQuery)| {
            let mut query = query();
            change(&mut query);
            query.check().unwrap_err()
        };
        assert!(wrong(&|q| q.name = "Slow tools".into()).contains("`name`"));
        assert!(wrong(&|q| q.name.clear()).contains("`name`"));
        assert!(wrong(&|q| q.sql.push_str(" $more")).contains("`$more` stands"));
        assert!(wrong(&|q| q.sql = "select $tool, $since".into()).contains("`limit` is not used"));
        assert!(wrong(&|q| q.parameters[1].name = "tool".into()).contains("two parameters"));
        assert!(wrong(&|q| q.parameters[2].default = json!("x")).contains("whole number"));
    }
}
