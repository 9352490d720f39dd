//! Attribute values as they came, with large texts moved into the bag.

use std::borrow::Cow;

use proto::agent::PayloadRef;
use proto::otlp::common::v1::{AnyValue, KeyValue, any_value};

use super::json;
use super::payload::{Bag, INLINE_MAX};

/// One attribute value or body. `Large` is a string that went into the bag.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Null,
    Text(String),
    Large(PayloadRef),
    Bool(bool),
    Int(i64),
    Double(f64),
    Bytes(Vec<u8>),
    List(Vec<Value>),
    Map(Attributes),
}

/// Attributes in the order they came; of equal keys the last one counts.
pub(super) type Attributes = Vec<(String, Value)>;

impl Value {
    /// Converts a wire value; strings are moved. A number stands for a text that was lifted.
    pub(super) fn from_wire(value: Option<AnyValue>, bag: &mut Bag) -> Self {
        match value.and_then(|value| value.value) {
            None => Value::Null,
            Some(any_value::Value::StringValue(text)) => Value::from_text(text, bag),
            Some(any_value::Value::BoolValue(flag)) => Value::Bool(flag),
            Some(any_value::Value::IntValue(int)) => Value::Int(int),
            Some(any_value::Value::DoubleValue(double)) => Value::Double(double),
            Some(any_value::Value::BytesValue(bytes)) => Value::Bytes(bytes),
            Some(any_value::Value::ArrayValue(list)) => Value::List(
                list.values
                    .into_iter()
                    .map(|value| Value::from_wire(Some(value), bag))
                    .collect(),
            ),
            Some(any_value::Value::KvlistValue(map)) => Value::Map(attributes(map.values, bag)),
            Some(any_value::Value::StringValueStrindex(number)) => usize::try_from(number)
                .ok()
                .and_then(|number| bag.lifted().get(number))
                .map_or(Value::Null, |address| Value::Large(*address)),
        }
    }

    /// A text; a large one goes into the bag.
    pub(super) fn from_text(text: String, bag: &mut Bag) -> Self {
        if text.len() > INLINE_MAX {
            Value::Large(bag.add(text))
        } else {
            Value::Text(text)
        }
    }

    /// The text of a string value.
    pub(super) fn text<'a>(&'a self, bag: &'a Bag) -> Option<&'a str> {
        match self {
            Value::Text(text) => Some(text),
            Value::Large(address) => Some(bag.text(address)),
            _ => None,
        }
    }

    /// Any value as text: a string as it is, anything else as JSON with its texts in full.
    pub(super) fn content<'a>(&'a self, bag: &'a Bag) -> Cow<'a, str> {
        match self.text(bag) {
            Some(text) => Cow::Borrowed(text),
            None => {
                let mut out = String::new();
                json::write_value(self, Some(bag), &mut out);
                Cow::Owned(out)
            }
        }
    }

    /// A scalar as a short text: ids are sometimes sent as numbers.
    pub(super) fn scalar<'a>(&'a self, bag: &'a Bag) -> Option<Cow<'a, str>> {
        match self {
            Value::Int(int) => Some(Cow::Owned(int.to_string())),
            Value::Double(double) => Some(Cow::Owned(double.to_string())),
            Value::Bool(flag) => Some(Cow::Borrowed(if *flag { "true" } else { "false" })),
            other => other.text(bag).map(Cow::Borrowed),
        }
    }

    /// An integer, also from a whole double or a numeric string.
    pub(super) fn int(&self) -> Option<i64> {
        match self {
            Value::Int(int) => Some(*int),
            Value::Double(double) => whole(*double),
            Value::Text(text) => {
                let text = text.trim();
                text.parse().ok().or_else(|| whole(text.parse().ok()?))
            }
            _ => None,
        }
    }

    /// A finite number, also from a numeric string.
    pub(super) fn double(&self) -> Option<f64> {
        let double = match self {
            Value::Int(int) => *int as f64,
            Value::Double(double) => *double,
            Value::Text(text) => text.trim().parse().ok()?,
            _ => return None,
        };
        double.is_finite().then_some(double)
    }

    /// A truth value, also from the words emitters use for success and failure.
    pub(super) fn flag(&self) -> Option<bool> {
        match self {
            Value::Bool(flag) => Some(*flag),
            Value::Int(int) => Some(*int != 0),
            Value::Text(text) => match text.trim().to_ascii_lowercase().as_str() {
                "true" | "1" | "yes" | "ok" | "success" | "succeeded" | "completed" => Some(true),
                "false" | "0" | "no" | "error" | "failure" | "failed" => Some(false),
                _ => None,
            },
            _ => None,
        }
    }
}

fn whole(double: f64) -> Option<i64> {
    (double.is_finite() && double.fract() == 0.0 && double.abs() < 9.0e18).then_some(double as i64)
}

/// Converts wire attributes; of equal keys the last one is kept.
pub(super) fn attributes(wire: Vec<KeyValue>, bag: &mut Bag) -> Attributes {
    let mut all: Attributes = wire
        .into_iter()
        .map(|pair| (pair.key, Value::from_wire(pair.value, bag)))
        .collect();
    drop_repeated(&mut all);
    all
}

/// Keys that are compared one with the other, which costs less than a set of them.
const FEW: usize = 24;

fn drop_repeated(all: &mut Attributes) {
    if all.len() <= FEW {
        let is_repeated = |at: usize| all[at + 1..].iter().any(|(key, _)| *key == all[at].0);
        if !(0..all.len()).any(is_repeated) {
            return;
        }
    }
    let mut seen = std::collections::HashSet::with_capacity(all.len());
    let repeated: Vec<usize> = (0..all.len())
        .rev()
        .filter(|at| !seen.insert(all[*at].0.as_str()))
        .collect();
    for at in repeated {
        all.remove(at);
    }
}

/// The value of `key`.
pub(super) fn get<'a>(attributes: &'a Attributes, key: &str) -> Option<&'a Value> {
    attributes
        .iter()
        .find(|(name, _)| name == key)
        .map(|(_, value)| value)
}

/// The text of `key`, when it is a string and not empty.
pub(super) fn text<'a>(attributes: &'a Attributes, key: &str, bag: &'a Bag) -> Option<&'a str> {
    get(attributes, key)?
        .text(bag)
        .filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coerces_what_emitters_send_as_strings() {
        assert_eq!(Value::Text("12".into()).int(), Some(12));
        assert_eq!(Value::Double(12.0).int(), Some(12));
        assert_eq!(Value::Double(12.5).int(), None);
        assert_eq!(Value::Double(f64::NAN).int(), None);
        assert_eq!(Value::Text("false".into()).flag(), Some(false));
        assert_eq!(Value::Text("0.5".into()).double(), Some(0.5));
        assert_eq!(Value::Text("nan".into()).double(), None);
    }

    #[test]
    fn last_of_equal_keys_counts() {
        let mut all = vec![
            ("a".to_owned(), Value::Int(1)),
            ("b".to_owned(), Value::Int(2)),
            ("a".to_owned(), Value::Int(3)),
        ];
        drop_repeated(&mut all);
        assert_eq!(get(&all, "a"), Some(&Value::Int(3)));
        assert_eq!(all.len(), 2);
    }
}
