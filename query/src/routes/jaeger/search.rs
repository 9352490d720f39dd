//! What Jaeger's clients ask for, as they write it.

use std::collections::BTreeMap;

use serde::Deserialize;
use store::Value;
use utoipa::IntoParams;

use crate::rows::text_param;
use crate::time::comparable_ns;

const DEFAULT_LIMIT: i64 = 100;
/// As Jaeger's own interface offers.
const MAX_LIMIT: i64 = 1500;
const DAY_MS: i64 = 86_400_000;

/// Which spans.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub(crate) struct OperationQuery {
    /// Has to be given.
    pub(super) service: Option<String>,
    /// `internal`, `client`, `server`, …
    #[serde(rename = "spanKind")]
    pub(super) span_kind: Option<String>,
}

/// Which traces. Numbers come as texts, as Jaeger's clients leave empty what they do not ask for.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub(crate) struct TraceQuery {
    /// Has to be given unless `traceID` is.
    service: Option<String>,
    /// Name of a span.
    operation: Option<String>,
    /// JSON object of tags and their values as texts: `{"error":"true"}`.
    tags: Option<String>,
    /// `key:value`
    tag: Vec<String>,
    /// Microseconds since the Unix epoch; when absent, `lookback` before now, else no bound.
    start: Option<String>,
    /// Microseconds since the Unix epoch.
    end: Option<String>,
    /// `1h`, `2d`; `custom` stands for `start` and `end`.
    lookback: Option<String>,
    /// `1.2s`, `100ms`, `500us`
    #[serde(rename = "minDuration")]
    min_duration: Option<String>,
    #[serde(rename = "maxDuration")]
    max_duration: Option<String>,
    /// Most traces: 100 when absent, at most 1,500.
    limit: Option<String>,
    /// Just these traces.
    #[serde(rename = "traceID")]
    trace_id: Vec<String>,
}

fn given(text: Option<&String>) -> Option<&str> {
    text.map(String::as_str).filter(|text| !text.is_empty())
}

impl TraceQuery {
    /// The traces that are named, when some are.
    pub(super) fn trace_ids(&self) -> Result<Option<Vec<String>>, String> {
        if self.trace_id.is_empty() {
            return Ok(None);
        }
        if self.trace_id.len() > MAX_LIMIT as usize {
            return Err(format!("at most {MAX_LIMIT} 'traceID' at a time"));
        }
        let ids = self.trace_id.iter().map(|id| trace_id(id));
        ids.collect::<Result<_, _>>().map(Some)
    }

    /// The parameters of `jaeger_find_traces.sql`.
    pub(super) fn params(&self, now_ns: i64) -> Result<Vec<Value>, String> {
        let service =
            given(self.service.as_ref()).ok_or("parameter 'service' is required".to_owned())?;
        let int = |value: Option<i64>| value.map_or(Value::Null, Value::Int);
        let micros = |name: &str, text: Option<&String>| {
            let parse = |text: &str| {
                let micros: i64 = text
                    .parse()
                    .map_err(|_| format!("unable to parse param '{name}': `{text}`"))?;
                Ok::<_, String>(comparable_ns(micros.saturating_mul(1000)))
            };
            given(text).map(parse).transpose()
        };
        let length = |name: &str, text: Option<&String>| {
            let parse = |text| {
                duration_ns(text).ok_or_else(|| {
                    format!("unable to parse param '{name}': `{text}` is no duration like 1.2s")
                })
            };
            given(text).map(parse).transpose()
        };
        let lookback = given(self.lookback.as_ref())
            .filter(|text| *text != "custom")
            .and_then(duration_ns);
        let start = micros("start", self.start.as_ref())?
            .or_else(|| lookback.map(|back| comparable_ns(now_ns.saturating_sub(back))));
        let end = micros("end", self.end.as_ref())?;
        let shortest = length("minDuration", self.min_duration.as_ref())?;
        let longest = length("maxDuration", self.max_duration.as_ref())?;
        if let (Some(shortest), Some(longest)) = (shortest, longest)
            && longest < shortest
        {
            return Err("'maxDuration' should be greater than 'minDuration'".to_owned());
        }
        let limit = match given(self.limit.as_ref()) {
            None => DEFAULT_LIMIT,
            Some(text) => text
                .parse::<i64>()
                .map_err(|_| format!("unable to parse param 'limit': `{text}`"))?
                .clamp(1, MAX_LIMIT),
        };
        Ok(vec![
            text_param(Some(service)),
            text_param(given(self.operation.as_ref())),
            int(start),
            int(end),
            int(shortest),
            int(longest),
            text_param(self.tags()?.as_deref()),
            Value::Int(limit),
        ])
    }

    /// The tags as `[{"key": …, "value": …}]`.
    fn tags(&self) -> Result<Option<String>, String> {
        let mut tags: BTreeMap<String, String> = BTreeMap::new();
        if let Some(json) = given(self.tags.as_ref()) {
            tags = serde_json::from_str(json).map_err(|error| {
                format!("malformed 'tags' parameter, it is a JSON object of texts: {error}")
            })?;
        }
        for tag in self.tag.iter().filter(|tag| !tag.is_empty()) {
            let (key, value) = tag
                .split_once(':')
                .ok_or_else(|| format!("malformed 'tag' parameter, expecting key:value: {tag}"))?;
            tags.insert(key.to_owned(), value.to_owned());
        }
        if let Some(key) = tags.keys().find(|key| key.contains(['"', '\\', '\0'])) {
            return Err(format!(
                "a tag's key cannot hold quotes or backslashes: {key}"
            ));
        }
        let listed: Vec<_> = tags
            .iter()
            .map(|(key, value)| serde_json::json!({"key": key, "value": value}))
            .collect();
        Ok((!listed.is_empty()).then(|| serde_json::Value::from(listed).to_string()))
    }
}

/// Which calls.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub(crate) struct DependencyQuery {
    /// Up to this time, milliseconds since the Unix epoch; now when absent.
    #[serde(rename = "endTs")]
    end_ts: Option<String>,
    /// Milliseconds before `endTs`; a day when absent.
    lookback: Option<String>,
    /// Only calls of or by this service.
    pub(super) service: Option<String>,
}

impl DependencyQuery {
    /// From and up to, Unix nanoseconds.
    pub(super) fn range(&self, now_ns: i64) -> Result<(i64, i64), String> {
        let millis = |name: &str, text: Option<&String>| {
            let parse = |text: &str| {
                text.parse::<i64>()
                    .map_err(|_| format!("unable to parse param '{name}': `{text}`"))
            };
            given(text).map(parse).transpose()
        };
        let end = millis("endTs", self.end_ts.as_ref())?
            .map_or(now_ns, |end| end.saturating_mul(1_000_000));
        let lookback = millis("lookback", self.lookback.as_ref())?.unwrap_or(DAY_MS);
        let start = end.saturating_sub(lookback.saturating_mul(1_000_000));
        Ok((comparable_ns(start), comparable_ns(end)))
    }
}

/// A trace's id as it is stored: Jaeger leaves leading zeros out.
pub(super) fn trace_id(text: &str) -> Result<String, String> {
    let is_hex = text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if text.is_empty() || text.len() > 32 || !is_hex {
        let shown: String = text.chars().take(64).collect();
        return Err(format!(
            "cannot parse trace ID `{shown}`: it is up to 32 hex digits"
        ));
    }
    Ok(format!("{:0>32}", text.to_lowercase()))
}

/// `1h30m`, `1.5s`, `100ms` in nanoseconds.
fn duration_ns(text: &str) -> Option<i64> {
    let mut rest = text.trim();
    let mut total = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let end = rest
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(rest.len());
        let unit_ns = match &rest[..end] {
            "ns" => 1.0,
            "us" | "µs" | "μs" => 1e3,
            "ms" => 1e6,
            "s" => 1e9,
            "m" => 60e9,
            "h" => 3600e9,
            "d" => 86_400e9,
            _ => return None,
        };
        total += number * unit_ns;
        rest = &rest[end..];
    }
    (!text.trim().is_empty()).then_some(total as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_durations() {
        for (text, ns) in [
            ("1.2s", Some(1_200_000_000)),
            ("100ms", Some(100_000_000)),
            ("500us", Some(500_000)),
            ("2µs", Some(2_000)),
            ("1h30m", Some(5_400_000_000_000)),
            ("2d", Some(172_800_000_000_000)),
            ("", None),
            ("5", None),
            ("s", None),
            ("1x", None),
        ] {
            assert_eq!(duration_ns(text), ns, "{text}");
        }
    }

    #[test]
    fn reads_searches() {
        let query: TraceQuery = serde_html_form::from_str(
            "service=a&operation=&tags=%7B%22error%22%3A%22true%22%7D&tag=http.method:GET&limit=20&lookback=1h&start=&minDuration=1ms",
        )
        .unwrap();
        let params = query.params(3_600_000_000_001).unwrap();
        assert_eq!(params[1], Value::Null);
        assert_eq!(params[2], Value::Int(1));
        assert_eq!(params[4], Value::Int(1_000_000));
        assert_eq!(
            params[6],
            text_param(Some(
                r#"[{"key":"error","value":"true"},{"key":"http.method","value":"GET"}]"#
            ))
        );
        assert_eq!(params[7], Value::Int(20));
        let refused = |query: &str| {
            let query: TraceQuery = serde_html_form::from_str(query).unwrap();
            query.params(0).unwrap_err()
        };
        assert!(refused("").contains("'service' is required"));
        assert!(refused("service=a&tags=x").contains("malformed 'tags'"));
        assert!(refused("service=a&start=x").contains("'start'"));
        assert!(refused("service=a&minDuration=2s&maxDuration=1s").contains("greater"));
        assert_eq!(trace_id("ABC").unwrap().len(), 32);
        assert!(trace_id("xyz").is_err());
    }
}
