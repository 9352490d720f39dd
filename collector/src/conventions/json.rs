//! JSON as it is stored: values with their types kept, and the canonical form behind `call_hash`.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use proto::Hashing;

use super::payload::Bag;
use super::value::{Attributes, Value};

/// Attributes as a JSON object; large texts by address.
pub(super) fn object(attributes: &Attributes) -> String {
    let length = |value: &Value| match value {
        Value::Text(text) => text.len(),
        _ => 0,
    };
    let texts = attributes
        .iter()
        .map(|(key, value)| key.len() + length(value));
    // The rest is quotes, numbers, and here and there an escape.
    let length = texts.sum::<usize>() + attributes.len() * 16;
    let mut out = String::with_capacity(64 + length + length / 16);
    write_object(attributes, None, &mut out);
    out
}

/// Appends `value`. With a bag, large texts are written in full; without one, by address.
pub(super) fn write_value(value: &Value, full: Option<&Bag>, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Text(text) => write_string(text, out),
        Value::Large(address) => match full {
            Some(bag) => write_string(bag.text(address), out),
            None => {
                let _ = write!(
                    out,
                    r#"{{"$payload":{{"hash":"{}","size_bytes":{}}}}}"#,
                    address.hex(),
                    address.size_bytes
                );
            }
        },
        Value::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Value::Int(int) => {
            let _ = write!(out, "{int}");
        }
        Value::Double(double) => write_double(*double, out),
        Value::Bytes(bytes) => {
            let _ = write!(out, r#"{{"$bytes":"{}"}}"#, STANDARD.encode(bytes));
        }
        Value::List(values) => {
            out.push('[');
            for (at, value) in values.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write_value(value, full, out);
            }
            out.push(']');
        }
        Value::Map(map) => write_object(map, full, out),
    }
}

fn write_object(map: &Attributes, full: Option<&Bag>, out: &mut String) {
    out.push('{');
    for (at, (key, value)) in map.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        write_string(key, out);
        out.push(':');
        write_value(value, full, out);
    }
    out.push('}');
}

/// Appends a JSON string.
pub(super) fn write_string(text: &str, out: &mut String) {
    let is_plain = |byte: u8| byte >= b' ' && byte != b'"' && byte != b'\\';
    if text.bytes().all(is_plain) {
        out.reserve(text.len() + 2);
        out.push('"');
        out.push_str(text);
        out.push('"');
        return;
    }
    // Writing a str to a string cannot fail; an empty string would still be valid JSON.
    match serde_json::to_string(text) {
        Ok(json) => out.push_str(&json),
        Err(_) => out.push_str("\"\""),
    }
}

fn write_double(double: f64, out: &mut String) {
    if double.is_nan() {
        out.push_str("\"NaN\"");
    } else if double.is_infinite() {
        out.push_str(if double > 0.0 {
            "\"Infinity\""
        } else {
            "\"-Infinity\""
        });
    } else {
        // serde_json writes the shortest text that reads back to the same double, `1.0` for one.
        match serde_json::to_string(&double) {
            Ok(json) => out.push_str(&json),
            Err(_) => out.push_str("null"),
        }
    }
}

/// Parses a text that looks like a JSON object or array, mending what emitters get wrong in it. A
/// text that was cut is refused.
pub(super) fn parse_nested(text: &str) -> Option<serde_json::Value> {
    super::parse::whole(text).map(|parsed| parsed.json)
}

/// Identity of a call: 16 hex digits over the tool's name and its arguments, with object keys in
/// order and without the writer's spacing.
pub(super) fn call_hash(hashing: Hashing, tool: &str, arguments: &str) -> String {
    let mut canonical = String::with_capacity(arguments.len());
    match parse_nested(arguments) {
        Some(json) => write_canonical(&json, &mut canonical),
        None => canonical.push_str(arguments.trim()),
    }
    hash16(hashing, &[tool, &canonical])
}

/// 16 hex digits over texts, each with its end marked.
pub(super) fn hash16(hashing: Hashing, texts: &[&str]) -> String {
    let mut hasher = hashing.hasher();
    for text in texts {
        hasher.update(&(text.len() as u64).to_le_bytes());
        hasher.update(text.as_bytes());
    }
    hex::encode(&hasher.finalize().as_bytes()[..8])
}

/// Appends a JSON value with object keys sorted.
pub(super) fn write_canonical(json: &serde_json::Value, out: &mut String) {
    match json {
        serde_json::Value::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort_unstable();
            out.push('{');
            for (at, key) in keys.into_iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write_string(key, out);
                out.push(':');
                write_canonical(&map[key], out);
            }
            out.push('}');
        }
        serde_json::Value::Array(values) => {
            out.push('[');
            for (at, value) in values.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write_canonical(value, out);
            }
            out.push(']');
        }
        scalar => {
            let _ = write!(out, "{scalar}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_types_and_odd_values() {
        let mut bag = Bag::default();
        let large = bag.add("x".repeat(3000));
        let attributes = vec![
            ("int".to_owned(), Value::Int(9_007_199_254_740_993)),
            ("whole".to_owned(), Value::Double(1.0)),
            ("nan".to_owned(), Value::Double(f64::NAN)),
            ("inf".to_owned(), Value::Double(f64::NEG_INFINITY)),
            ("none".to_owned(), Value::Null),
            ("bytes".to_owned(), Value::Bytes(vec![0, 255])),
            (
                "nested".to_owned(),
                Value::List(vec![Value::Large(large), Value::Text("a\0b".into())]),
            ),
        ];
        assert_eq!(
            object(&attributes),
            format!(
                r#"{{"int":9007199254740993,"whole":1.0,"nan":"NaN","inf":"-Infinity","none":null,"bytes":{{"$bytes":"AP8="}},"nested":[{{"$payload":{{"hash":"{}","size_bytes":3000}}}},"a\u0000b"]}}"#,
                large.hex()
            )
        );
    }

    #[test]
    fn call_hash_ignores_spacing_and_key_order_but_not_values() {
        let plain = Hashing::default();
        let one = call_hash(plain, "Bash", r#"{"command":"ls","timeout":5}"#);
        assert_eq!(
            one,
            call_hash(plain, "Bash", r#"{ "timeout": 5, "command": "ls" }"#)
        );
        assert_ne!(
            one,
            call_hash(plain, "Bash", r#"{"command":"ls","timeout":6}"#)
        );
        assert_ne!(
            one,
            call_hash(plain, "Shell", r#"{"command":"ls","timeout":5}"#)
        );
        assert_eq!(one.len(), 16);
    }
}
