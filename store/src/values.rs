//! Between the engine's values and [`Value`].

use std::sync::Arc;

use duckdb::Statement;
use duckdb::arrow::array::{Array, AsArray, RecordBatch, TimestampNanosecondArray};
use duckdb::arrow::datatypes::{
    DataType, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    TimeUnit, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use duckdb::arrow::util::display::{ArrayFormatter, FormatOptions};
use duckdb::core::{LogicalTypeHandle, LogicalTypeId};
use duckdb::types::Value as Bound;

use crate::{Column, Value};

/// A parameter as the engine takes it.
pub(crate) fn bound(value: &Value) -> Bound {
    match value {
        Value::Null => Bound::Null,
        Value::Bool(value) => Bound::Boolean(*value),
        Value::Int(value) => Bound::BigInt(*value),
        Value::BigInt(text) => match text.parse() {
            Ok(value) => Bound::HugeInt(value),
            Err(_) => Bound::Text(text.clone()),
        },
        Value::Double(value) => Bound::Double(*value),
        Value::Text(text) => Bound::Text(text.to_string()),
        Value::Bytes(bytes) => Bound::Blob(bytes.clone()),
        // A bound timestamp keeps microseconds only; text is cast to what it is compared with.
        Value::Timestamp(ns) if ns % 1000 != 0 => {
            Bound::Text(formatted(&TimestampNanosecondArray::from(vec![*ns]), 0))
        }
        Value::Timestamp(ns) => Bound::Timestamp(duckdb::types::TimeUnit::Nanosecond, *ns),
        Value::List(_) | Value::Object(_) => Bound::Text(json(value).to_string()),
    }
}

/// Bytes as hex, times as nanoseconds.
fn json(value: &Value) -> serde_json::Value {
    use serde_json::Value as Json;
    match value {
        Value::Null => Json::Null,
        Value::Bool(value) => (*value).into(),
        Value::Int(value) | Value::Timestamp(value) => (*value).into(),
        Value::BigInt(text) => text.clone().into(),
        Value::Double(value) => (*value).into(),
        Value::Text(text) => (&**text).into(),
        Value::Bytes(bytes) => hex::encode(bytes).into(),
        Value::List(values) => values.iter().map(json).collect(),
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| (name.clone(), json(value)))
            .collect(),
    }
}

/// Names and SQL types of an executed statement's result.
pub(crate) fn columns(statement: &Statement<'_>) -> Vec<Column> {
    let names = statement.column_names();
    let column = |(index, name)| Column {
        name,
        sql_type: type_name(
            &statement.column_logical_type(index),
            &statement.column_type(index),
        ),
    };
    names.into_iter().enumerate().map(column).collect()
}

/// As the engine spells it. Only the Arrow type knows the length of an array.
fn type_name(of: &LogicalTypeHandle, arrow: &DataType) -> String {
    if let Some(alias) = of.get_alias() {
        return alias;
    }
    let child = |index: usize| {
        let inner = match arrow {
            DataType::List(inner) | DataType::LargeList(inner) => inner.data_type(),
            DataType::FixedSizeList(inner, _) => inner.data_type(),
            DataType::Struct(fields) => fields.get(index).map_or(arrow, |field| field.data_type()),
            DataType::Map(entries, _) => match entries.data_type() {
                DataType::Struct(fields) => {
                    fields.get(index).map_or(arrow, |field| field.data_type())
                }
                other => other,
            },
            other => other,
        };
        type_name(&of.child(index), inner)
    };
    let fields = |count: usize| {
        let fields = (0..count).map(|index| format!("{} {}", of.child_name(index), child(index)));
        fields.collect::<Vec<_>>().join(", ")
    };
    match of.id() {
        LogicalTypeId::Boolean => "BOOLEAN".to_owned(),
        LogicalTypeId::Tinyint => "TINYINT".to_owned(),
        LogicalTypeId::Smallint => "SMALLINT".to_owned(),
        LogicalTypeId::Integer => "INTEGER".to_owned(),
        LogicalTypeId::Bigint => "BIGINT".to_owned(),
        LogicalTypeId::UTinyint => "UTINYINT".to_owned(),
        LogicalTypeId::USmallint => "USMALLINT".to_owned(),
        LogicalTypeId::UInteger => "UINTEGER".to_owned(),
        LogicalTypeId::UBigint => "UBIGINT".to_owned(),
        LogicalTypeId::Hugeint => "HUGEINT".to_owned(),
        LogicalTypeId::UHugeint => "UHUGEINT".to_owned(),
        LogicalTypeId::Float => "FLOAT".to_owned(),
        LogicalTypeId::Double => "DOUBLE".to_owned(),
        LogicalTypeId::Varchar => "VARCHAR".to_owned(),
        LogicalTypeId::Blob => "BLOB".to_owned(),
        LogicalTypeId::Date => "DATE".to_owned(),
        LogicalTypeId::Time => "TIME".to_owned(),
        LogicalTypeId::TimeTZ => "TIME WITH TIME ZONE".to_owned(),
        LogicalTypeId::Timestamp => "TIMESTAMP".to_owned(),
        LogicalTypeId::TimestampS => "TIMESTAMP_S".to_owned(),
        LogicalTypeId::TimestampMs => "TIMESTAMP_MS".to_owned(),
        LogicalTypeId::TimestampNs => "TIMESTAMP_NS".to_owned(),
        LogicalTypeId::TimestampTZ => "TIMESTAMP WITH TIME ZONE".to_owned(),
        LogicalTypeId::Interval => "INTERVAL".to_owned(),
        LogicalTypeId::Uuid => "UUID".to_owned(),
        LogicalTypeId::Enum => "ENUM".to_owned(),
        LogicalTypeId::SqlNull => "\"NULL\"".to_owned(),
        LogicalTypeId::Decimal => {
            format!("DECIMAL({},{})", of.decimal_width(), of.decimal_scale())
        }
        LogicalTypeId::List => format!("{}[]", child(0)),
        LogicalTypeId::Map => format!("MAP({}, {})", child(0), child(1)),
        LogicalTypeId::Struct => format!("STRUCT({})", fields(of.num_children())),
        LogicalTypeId::Union => format!("UNION({})", fields(of.num_children())),
        LogicalTypeId::Array => match arrow {
            DataType::FixedSizeList(_, size) => format!("{}[{size}]", child(0)),
            _ => format!("{}[]", child(0)),
        },
        other => format!("{other:?}").to_uppercase(),
    }
}

/// Appends the rows of a result batch.
pub(crate) fn append_rows(batch: &RecordBatch, rows: &mut Vec<Vec<Value>>) {
    for row in 0..batch.num_rows() {
        let columns = batch.columns().iter();
        rows.push(columns.map(|column| value(column.as_ref(), row)).collect());
    }
}

/// One value of a result column.
pub(crate) fn value(array: &dyn Array, row: usize) -> Value {
    if array.is_null(row) {
        return Value::Null;
    }
    macro_rules! int {
        ($type:ty) => {
            Value::Int(i64::from(array.as_primitive::<$type>().value(row)))
        };
    }
    macro_rules! time {
        ($type:ty, $factor:literal) => {
            Value::Timestamp(
                array
                    .as_primitive::<$type>()
                    .value(row)
                    .saturating_mul($factor),
            )
        };
    }
    match array.data_type() {
        DataType::Null => Value::Null,
        DataType::Boolean => Value::Bool(array.as_boolean().value(row)),
        DataType::Int8 => int!(Int8Type),
        DataType::Int16 => int!(Int16Type),
        DataType::Int32 => int!(Int32Type),
        DataType::Int64 => int!(Int64Type),
        DataType::UInt8 => int!(UInt8Type),
        DataType::UInt16 => int!(UInt16Type),
        DataType::UInt32 => int!(UInt32Type),
        DataType::UInt64 => {
            let value = array.as_primitive::<UInt64Type>().value(row);
            i64::try_from(value).map_or_else(|_| Value::BigInt(value.to_string()), Value::Int)
        }
        DataType::Float32 => {
            Value::Double(f64::from(array.as_primitive::<Float32Type>().value(row)))
        }
        DataType::Float64 => Value::Double(array.as_primitive::<Float64Type>().value(row)),
        DataType::Decimal128(_, 0) => {
            let value = array.as_primitive::<Decimal128Type>().value(row);
            i64::try_from(value).map_or_else(|_| Value::BigInt(value.to_string()), Value::Int)
        }
        DataType::Utf8 => Value::Text(Arc::from(array.as_string::<i32>().value(row))),
        DataType::LargeUtf8 => Value::Text(Arc::from(array.as_string::<i64>().value(row))),
        DataType::Utf8View => Value::Text(Arc::from(array.as_string_view().value(row))),
        DataType::Binary => Value::Bytes(array.as_binary::<i32>().value(row).to_vec()),
        DataType::LargeBinary => Value::Bytes(array.as_binary::<i64>().value(row).to_vec()),
        DataType::BinaryView => Value::Bytes(array.as_binary_view().value(row).to_vec()),
        DataType::FixedSizeBinary(_) => {
            Value::Bytes(array.as_fixed_size_binary().value(row).to_vec())
        }
        DataType::Timestamp(TimeUnit::Second, _) => time!(TimestampSecondType, 1_000_000_000),
        DataType::Timestamp(TimeUnit::Millisecond, _) => time!(TimestampMillisecondType, 1_000_000),
        DataType::Timestamp(TimeUnit::Microsecond, _) => time!(TimestampMicrosecondType, 1_000),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => time!(TimestampNanosecondType, 1),
        DataType::List(_) => list(array.as_list::<i32>().value(row).as_ref()),
        DataType::LargeList(_) => list(array.as_list::<i64>().value(row).as_ref()),
        DataType::FixedSizeList(..) => list(array.as_fixed_size_list().value(row).as_ref()),
        DataType::Struct(fields) => {
            let columns = array.as_struct().columns().iter();
            let fields = fields.iter().map(|field| field.name().clone());
            Value::Object(
                fields
                    .zip(columns.map(|column| value(column.as_ref(), row)))
                    .collect(),
            )
        }
        DataType::Map(..) => {
            let entries = array.as_map().value(row);
            let (keys, values) = (entries.column(0), entries.column(1));
            let entry = |at| (text_of(keys.as_ref(), at), value(values.as_ref(), at));
            Value::Object((0..entries.len()).map(entry).collect())
        }
        DataType::Dictionary(..) => {
            let dictionary = array.as_any_dictionary();
            match dictionary.normalized_keys().get(row) {
                Some(key) => value(dictionary.values().as_ref(), *key),
                None => Value::Null,
            }
        }
        DataType::Union(..) => {
            let union = array.as_union();
            value(union.value(row).as_ref(), 0)
        }
        _ => Value::Text(formatted(array, row).into()),
    }
}

fn list(items: &dyn Array) -> Value {
    Value::List((0..items.len()).map(|at| value(items, at)).collect())
}

/// A map key as text.
fn text_of(array: &dyn Array, row: usize) -> String {
    match value(array, row) {
        Value::Text(text) => text.to_string(),
        _ => formatted(array, row),
    }
}

fn formatted(array: &dyn Array, row: usize) -> String {
    let options = FormatOptions::default();
    ArrayFormatter::try_new(array, &options)
        .ok()
        .and_then(|formatter| formatter.value(row).try_to_string().ok())
        .unwrap_or_default()
}
