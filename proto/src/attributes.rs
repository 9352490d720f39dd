//! Attributes of records that Spanreel writes itself.

use crate::otlp::common::v1::any_value::Value;
use crate::otlp::common::v1::{AnyValue, ArrayValue, KeyValue};

/// Attributes in the order in which they are added.
#[derive(Debug, Clone, Default)]
pub struct Attributes(Vec<KeyValue>);

impl Attributes {
    /// No attributes yet.
    pub fn new() -> Self {
        Self::default()
    }

    fn with(mut self, key: &str, value: Value) -> Self {
        self.0.push(KeyValue {
            key: key.to_owned(),
            value: Some(AnyValue { value: Some(value) }),
            ..KeyValue::default()
        });
        self
    }

    /// Adds a text.
    #[must_use]
    pub fn text(self, key: &str, value: impl Into<String>) -> Self {
        self.with(key, Value::StringValue(value.into()))
    }

    /// Adds a text that may be absent; nothing is added for an absent or empty one.
    #[must_use]
    pub fn text_if(self, key: &str, value: Option<impl Into<String>>) -> Self {
        match value.map(Into::into) {
            Some(text) if !text.is_empty() => self.text(key, text),
            _ => self,
        }
    }

    /// Adds a whole number; one beyond 64 bits becomes the largest that fits.
    #[must_use]
    pub fn int(self, key: &str, value: impl TryInto<i64>) -> Self {
        self.with(key, Value::IntValue(value.try_into().unwrap_or(i64::MAX)))
    }

    /// Adds a whole number that may be absent.
    #[must_use]
    pub fn int_if(self, key: &str, value: Option<i64>) -> Self {
        match value {
            Some(int) => self.int(key, int),
            None => self,
        }
    }

    /// Adds a number.
    #[must_use]
    pub fn double(self, key: &str, value: f64) -> Self {
        self.with(key, Value::DoubleValue(value))
    }

    /// Adds a truth value.
    #[must_use]
    pub fn flag(self, key: &str, value: bool) -> Self {
        self.with(key, Value::BoolValue(value))
    }

    /// Adds a list of one text.
    #[must_use]
    pub fn texts(self, key: &str, value: &str) -> Self {
        let value = AnyValue {
            value: Some(Value::StringValue(value.to_owned())),
        };
        self.with(
            key,
            Value::ArrayValue(ArrayValue {
                values: vec![value],
            }),
        )
    }

    /// Adds other attributes behind these.
    #[must_use]
    pub fn and(mut self, more: Attributes) -> Self {
        self.0.extend(more.0);
        self
    }

    /// As they go into a message.
    pub fn into_wire(self) -> Vec<KeyValue> {
        self.0
    }
}
