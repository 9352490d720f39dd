//! Values of the store as JSON and CSV.

use std::fmt::Write;

use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};
use store::Value;

use crate::time::rfc3339;

/// Writes a value as JSON: times as RFC 3339, bytes as hex, integers beyond 64 bits as text.
pub(crate) struct AsJson<'a>(pub(crate) &'a Value);

impl Serialize for AsJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Null => serializer.serialize_none(),
            Value::Bool(value) => serializer.serialize_bool(*value),
            Value::Int(value) => serializer.serialize_i64(*value),
            Value::BigInt(text) => serializer.serialize_str(text),
            // JSON has no words for these.
            Value::Double(value) if value.is_nan() => serializer.serialize_str("NaN"),
            Value::Double(value) if value.is_infinite() => {
                serializer.serialize_str(if *value > 0.0 {
                    "Infinity"
                } else {
                    "-Infinity"
                })
            }
            Value::Double(value) => serializer.serialize_f64(*value),
            Value::Text(text) => serializer.serialize_str(text),
            Value::Bytes(bytes) => serializer.serialize_str(&hex::encode(bytes)),
            Value::Timestamp(ns) => serializer.serialize_str(&rfc3339(*ns)),
            Value::List(items) => {
                let mut list = serializer.serialize_seq(Some(items.len()))?;
                for item in items {
                    list.serialize_element(&AsJson(item))?;
                }
                list.end()
            }
            Value::Object(fields) => {
                let mut map = serializer.serialize_map(Some(fields.len()))?;
                for (name, value) in fields {
                    map.serialize_entry(name, &AsJson(value))?;
                }
                map.end()
            }
        }
    }
}

/// Writes a value as one CSV field (RFC 4180); null is an empty field, an empty text is `""`.
pub(crate) fn write_csv(out: &mut String, value: &Value) {
    match value {
        Value::Null => {}
        Value::Text(text) => write_csv_text(out, text),
        Value::Bool(value) => {
            let _ = write!(out, "{value}");
        }
        Value::Int(value) => {
            let _ = write!(out, "{value}");
        }
        Value::Double(value) => {
            let _ = write!(out, "{value}");
        }
        Value::BigInt(text) => out.push_str(text),
        Value::Timestamp(ns) => out.push_str(&rfc3339(*ns)),
        Value::Bytes(bytes) => out.push_str(&hex::encode(bytes)),
        Value::List(_) | Value::Object(_) => {
            let json = serde_json::to_string(&AsJson(value)).unwrap_or_default();
            write_csv_text(out, &json);
        }
    }
}

/// Writes a text as one CSV field.
pub(crate) fn write_csv_text(out: &mut String, text: &str) {
    if !text.is_empty() && !text.contains([',', '"', '\n', '\r']) {
        out.push_str(text);
        return;
    }
    out.push('"');
    out.push_str(&text.replace('"', "\"\""));
    out.push('"');
}

/// A JSON parameter of user SQL as a value.
pub(crate) fn from_json(json: &serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(value) => Value::Bool(*value),
        serde_json::Value::Number(number) => number
            .as_i64()
            .map(Value::Int)
            .or_else(|| number.as_f64().map(Value::Double))
            .unwrap_or(Value::Null),
        serde_json::Value::String(text) => Value::Text(text.as_str().into()),
        serde_json::Value::Array(items) => Value::List(items.iter().map(from_json).collect()),
        serde_json::Value::Object(_) => Value::Text(json.to_string().into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_json_and_csv() {
        let cases = [
            (Value::Null, "null", ""),
            (
                Value::Int(i64::MIN),
                "-9223372036854775808",
                "-9223372036854775808",
            ),
            (
                Value::BigInt("99999999999999999999".into()),
                "\"99999999999999999999\"",
                "99999999999999999999",
            ),
            (Value::Double(f64::NAN), "\"NaN\"", "NaN"),
            (Value::Double(0.5), "0.5", "0.5"),
            (
                Value::Text("a\"b,\n".into()),
                "\"a\\\"b,\\n\"",
                "\"a\"\"b,\n\"",
            ),
            (Value::Text("".into()), "\"\"", "\"\""),
            (Value::Bytes(vec![1, 255]), "\"01ff\"", "01ff"),
            (
                Value::Timestamp(0),
                "\"1970-01-01T00:00:00.000000000Z\"",
                "1970-01-01T00:00:00.000000000Z",
            ),
            (
                Value::List(vec![Value::Int(1), Value::Null]),
                "[1,null]",
                "\"[1,null]\"",
            ),
            (
                Value::Object(vec![("a".into(), Value::Bool(true))]),
                "{\"a\":true}",
                "\"{\"\"a\"\":true}\"",
            ),
        ];
        for (value, json, csv) in cases {
            assert_eq!(serde_json::to_string(&AsJson(&value)).unwrap(), json);
            let mut out = String::new();
            write_csv(&mut out, &value);
            assert_eq!(out, csv);
        }
    }
}
