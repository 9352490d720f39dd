//! The parts that all signals share: attributes and their values, resource, scope, ids and numbers.

use base64::Engine;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

use super::Result;
use super::reader::{Reader, Scalar};
use crate::otlp::common::v1::any_value::Value;
use crate::otlp::common::v1::{
    AnyValue, ArrayValue, EntityRef, InstrumentationScope, KeyValue, KeyValueList,
};
use crate::otlp::resource::v1::Resource;

/// Lists inside lists that are followed; what is deeper is kept as its JSON text.
const MAX_LISTS: usize = 24;

/// What an id that is no id decodes to: of no valid length, so that validation refuses it.
const NO_ID: [u8; 1] = [0];

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);
const BASE64_URL: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// An object of a known message, or nothing where the value is no object.
pub(super) fn message<T: Default>(
    r: &mut Reader<'_>,
    mut field: impl FnMut(&mut Reader<'_>, &str, &mut T) -> Result<()>,
) -> Result<Option<T>> {
    let mut message = T::default();
    let is_object = r.object(|r, key| field(r, key, &mut message))?;
    Ok(is_object.then_some(message))
}

pub(super) fn resource(r: &mut Reader<'_>) -> Result<Option<Resource>> {
    message(r, |r, key, resource: &mut Resource| {
        match key {
            "attributes" => resource.attributes = attributes(r)?,
            "droppedAttributesCount" | "dropped_attributes_count" => {
                resource.dropped_attributes_count = u32(r)?;
            }
            "entityRefs" | "entity_refs" => r.array(|r| {
                resource.entity_refs.extend(entity_ref(r)?);
                Ok(())
            })?,
            _ => r.skip()?,
        }
        Ok(())
    })
}

fn entity_ref(r: &mut Reader<'_>) -> Result<Option<EntityRef>> {
    message(r, |r, key, entity: &mut EntityRef| {
        match key {
            "schemaUrl" | "schema_url" => entity.schema_url = text(r)?,
            "type" => entity.r#type = text(r)?,
            "idKeys" | "id_keys" => r.array(|r| {
                entity.id_keys.push(text(r)?);
                Ok(())
            })?,
            "descriptionKeys" | "description_keys" => r.array(|r| {
                entity.description_keys.push(text(r)?);
                Ok(())
            })?,
            _ => r.skip()?,
        }
        Ok(())
    })
}

pub(super) fn scope(r: &mut Reader<'_>) -> Result<Option<InstrumentationScope>> {
    message(r, |r, key, scope: &mut InstrumentationScope| {
        match key {
            "name" => scope.name = text(r)?,
            "version" => scope.version = text(r)?,
            "attributes" => scope.attributes = attributes(r)?,
            "droppedAttributesCount" | "dropped_attributes_count" => {
                scope.dropped_attributes_count = u32(r)?;
            }
            _ => r.skip()?,
        }
        Ok(())
    })
}

/// Attributes: an array of `{key, value}`, or a plain object as hand-made senders write.
pub(super) fn attributes(r: &mut Reader<'_>) -> Result<Vec<KeyValue>> {
    nested_attributes(r, 0)
}

fn nested_attributes(r: &mut Reader<'_>, lists: usize) -> Result<Vec<KeyValue>> {
    let mut attributes = Vec::new();
    if r.peek()? == b'{' {
        r.object(|r, key| {
            attributes.push(KeyValue {
                key: key.to_owned(),
                value: any_value(r, lists)?,
                ..KeyValue::default()
            });
            Ok(())
        })?;
        return Ok(attributes);
    }
    r.array(|r| {
        let pair = message(r, |r, key, pair: &mut KeyValue| {
            match key {
                "key" => pair.key = text(r)?,
                "value" => pair.value = any_value(r, lists)?,
                _ => r.skip()?,
            }
            Ok(())
        })?;
        attributes.extend(pair);
        Ok(())
    })?;
    Ok(attributes)
}

/// The body of a log record.
pub(super) fn body(r: &mut Reader<'_>) -> Result<Option<AnyValue>> {
    any_value(r, 0)
}

/// A value in its type wrapper (`{"intValue": 1}`), without any (`1`), or nothing (`null`).
fn any_value(r: &mut Reader<'_>, lists: usize) -> Result<Option<AnyValue>> {
    let value = match r.peek()? {
        b'{' => {
            let mut value = None;
            r.object(|r, key| {
                // The last member that says something wins, as in protobuf.
                value = typed_value(r, key, lists)?.or(value.take());
                Ok(())
            })?;
            value
        }
        b'[' => array_value(r, lists)?,
        _ => match r.scalar()? {
            Scalar::Null => return Ok(None),
            Scalar::Bool(bool) => Some(Value::BoolValue(bool)),
            Scalar::Number(digits) => Some(number_value(digits)),
            Scalar::Text(text) | Scalar::Composite(text) => {
                Some(Value::StringValue(text.into_owned()))
            }
        },
    };
    Ok(Some(AnyValue { value }))
}

fn typed_value(r: &mut Reader<'_>, key: &str, lists: usize) -> Result<Option<Value>> {
    Ok(match key {
        "stringValue" | "string_value" => match r.scalar()? {
            Scalar::Null => None,
            other => Some(Value::StringValue(as_text(other))),
        },
        "boolValue" | "bool_value" => match r.scalar()? {
            Scalar::Null => None,
            Scalar::Bool(bool) => Some(Value::BoolValue(bool)),
            Scalar::Text(text) if text == "true" => Some(Value::BoolValue(true)),
            Scalar::Text(text) if text == "false" => Some(Value::BoolValue(false)),
            other => Some(Value::StringValue(as_text(other))),
        },
        "intValue" | "int_value" => match r.scalar()? {
            Scalar::Null => None,
            Scalar::Number(digits) => Some(number_value(digits)),
            Scalar::Text(text) => Some(match text.trim().parse() {
                Ok(int) => Value::IntValue(int),
                Err(_) => Value::StringValue(text.into_owned()),
            }),
            other => Some(Value::StringValue(as_text(other))),
        },
        // JavaScript writes NaN and infinities as null: which of them it was is not known, so the
        // attribute stays without a value.
        "doubleValue" | "double_value" => match r.scalar()? {
            Scalar::Null => None,
            other => Some(match as_double(&other) {
                Some(double) => Value::DoubleValue(double),
                None => Value::StringValue(as_text(other)),
            }),
        },
        "bytesValue" | "bytes_value" => match r.scalar()? {
            Scalar::Null => None,
            other => {
                let text = as_text(other);
                Some(match from_base64(&text) {
                    Some(bytes) => Value::BytesValue(bytes),
                    None => Value::StringValue(text),
                })
            }
        },
        "arrayValue" | "array_value" => array_value(r, lists)?,
        "kvlistValue" | "kvlist_value" => list_value(r, lists, |r, lists| {
            Ok(Value::KvlistValue(KeyValueList {
                values: nested_attributes(r, lists)?,
            }))
        })?,
        _ => {
            r.skip()?;
            None
        }
    })
}

fn array_value(r: &mut Reader<'_>, lists: usize) -> Result<Option<Value>> {
    list_value(r, lists, |r, lists| {
        let mut values = Vec::new();
        r.array(|r| {
            values.push(any_value(r, lists)?.unwrap_or_default());
            Ok(())
        })?;
        Ok(Value::ArrayValue(ArrayValue { values }))
    })
}

/// `{"values": …}` or the bare list, unless it is nested too deep to follow.
fn list_value(
    r: &mut Reader<'_>,
    lists: usize,
    list: impl Fn(&mut Reader<'_>, usize) -> Result<Value>,
) -> Result<Option<Value>> {
    if lists >= MAX_LISTS {
        return Ok(match r.scalar()? {
            Scalar::Null => None,
            other => Some(Value::StringValue(as_text(other))),
        });
    }
    if r.peek()? != b'{' {
        return match r.peek()? {
            b'[' => list(r, lists + 1).map(Some),
            _ => r.skip().map(|()| None),
        };
    }
    let mut value = None;
    r.object(|r, key| {
        match key {
            "values" => value = Some(list(r, lists + 1)?),
            _ => r.skip()?,
        }
        Ok(())
    })?;
    // `{"arrayValue": {}}` is an empty list, which `list` makes of any text that is none.
    match value {
        Some(value) => Ok(Some(value)),
        None => list(&mut Reader::new(b"null"), lists + 1).map(Some),
    }
}

/// A number as the closest OTLP type: integers that fit as integers, all else as doubles.
fn number_value(digits: &str) -> Value {
    if let Ok(int) = digits.parse() {
        return Value::IntValue(int);
    }
    match digits.parse::<f64>() {
        Ok(double) if is_exact_int(double) => Value::IntValue(double as i64),
        Ok(double) => Value::DoubleValue(double),
        Err(_) => Value::StringValue(digits.to_owned()),
    }
}

fn is_exact_int(double: f64) -> bool {
    const LIMIT: f64 = 9_007_199_254_740_992.0;
    double.fract() == 0.0 && double.abs() <= LIMIT
}

fn as_text(scalar: Scalar<'_>) -> String {
    match scalar {
        Scalar::Null => String::new(),
        Scalar::Bool(bool) => bool.to_string(),
        Scalar::Number(digits) => digits.to_owned(),
        Scalar::Text(text) | Scalar::Composite(text) => text.into_owned(),
    }
}

fn as_double(scalar: &Scalar<'_>) -> Option<f64> {
    match scalar {
        // Rust reads `NaN`, `Infinity` and `-Infinity` as JSON senders write them.
        Scalar::Number(digits) => digits.parse().ok(),
        Scalar::Text(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// A string; numbers and booleans as their text, anything absent or composite as empty.
pub(super) fn text(r: &mut Reader<'_>) -> Result<String> {
    Ok(match r.scalar()? {
        Scalar::Composite(_) => String::new(),
        other => as_text(other),
    })
}

/// A double field; absent, null and unreadable are `None`.
pub(super) fn double(r: &mut Reader<'_>) -> Result<Option<f64>> {
    Ok(as_double(&r.scalar()?))
}

/// An integer in any spelling, kept in its range: `None` where there is none.
fn integer(r: &mut Reader<'_>) -> Result<Option<i128>> {
    let scalar = r.scalar()?;
    let text = match &scalar {
        Scalar::Number(digits) => digits,
        Scalar::Text(text) => text.trim(),
        _ => return Ok(None),
    };
    Ok(text.parse().ok().or_else(|| {
        let double: f64 = text.parse().ok()?;
        (!double.is_nan()).then_some(double as i128)
    }))
}

/// A 64-bit unsigned field: times and counts. Out of range is the nearest, unreadable is 0.
pub(super) fn u64(r: &mut Reader<'_>) -> Result<u64> {
    let integer = integer(r)?.unwrap_or(0);
    Ok(u64::try_from(integer.max(0)).unwrap_or(u64::MAX))
}

pub(super) fn u32(r: &mut Reader<'_>) -> Result<u32> {
    Ok(u32::try_from(u64(r)?).unwrap_or(u32::MAX))
}

/// A 64-bit signed field; `None` where it is absent, null or unreadable.
pub(super) fn i64(r: &mut Reader<'_>) -> Result<Option<i64>> {
    let clamp = |integer: i128| integer.clamp(i64::MIN.into(), i64::MAX.into());
    Ok(integer(r)?.and_then(|integer| i64::try_from(clamp(integer)).ok()))
}

pub(super) fn i32(r: &mut Reader<'_>) -> Result<i32> {
    let clamp = |int: i64| int.clamp(i32::MIN.into(), i32::MAX.into());
    Ok(i64(r)?.map_or(0, |int| i32::try_from(clamp(int)).unwrap_or(0)))
}

pub(super) fn bool(r: &mut Reader<'_>) -> Result<bool> {
    Ok(match r.scalar()? {
        Scalar::Bool(bool) => bool,
        Scalar::Text(text) => text == "true",
        Scalar::Number(digits) => digits != "0",
        _ => false,
    })
}

/// An enum by number or by name, with or without the type's prefix, in any case.
pub(super) fn enumeration(
    r: &mut Reader<'_>,
    prefix: &str,
    by_name: impl Fn(&str) -> Option<i32>,
) -> Result<i32> {
    let scalar = r.scalar()?;
    let text = match &scalar {
        Scalar::Number(digits) => digits,
        Scalar::Text(text) => text.trim(),
        _ => return Ok(0),
    };
    if let Ok(number) = text.parse::<f64>() {
        return Ok(number as i32);
    }
    let name = text.to_ascii_uppercase();
    let number = by_name(&name).or_else(|| by_name(&format!("{prefix}_{name}")));
    Ok(number.unwrap_or(0))
}

/// An id of `length` bytes in hex of any case, or in base64; empty and null are empty.
pub(super) fn id(r: &mut Reader<'_>, length: usize) -> Result<Vec<u8>> {
    let Scalar::Text(text) = r.scalar()? else {
        return Ok(Vec::new());
    };
    let text = text.trim();
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let hex = hex::decode(text).ok();
    if let Some(bytes) = hex.as_ref().filter(|bytes| bytes.len() == length) {
        return Ok(bytes.clone());
    }
    let base64 = from_base64(text).filter(|bytes| bytes.len() == length);
    Ok(base64.or(hex).unwrap_or_else(|| NO_ID.to_vec()))
}

fn from_base64(text: &str) -> Option<Vec<u8>> {
    let text = text.trim();
    BASE64
        .decode(text)
        .or_else(|_| BASE64_URL.decode(text))
        .ok()
}
