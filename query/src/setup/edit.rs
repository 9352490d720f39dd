//! Changing a settings file as a careful person would: only the keys that are meant, comments, order
//! and layout kept.

use jsonc_parser::ParseOptions;
use jsonc_parser::cst::{CstInputValue, CstNode, CstObject, CstRootNode};
use serde_json::Value;
use toml_edit::{DocumentMut, Item, TableLike};

use super::{Change, Format};

/// Why a file is left as it is.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    #[error("it is not valid JSON: {0}")]
    Json(String),
    #[error("it is not valid TOML: {0}")]
    Toml(String),
    #[error("`{0}` is there and is something else than was expected")]
    Shape(String),
}

/// The text of a file with the changes made. Changes that are there already are not made again.
///
/// # Errors
/// When the file cannot be read as what it should be.
pub fn apply(text: &str, format: Format, changes: &[Change]) -> Result<String, EditError> {
    match format {
        Format::Json => {
            let root = parse_json(text)?;
            let object = top(&root)?;
            for change in changes {
                set_json(&object, change)?;
            }
            Ok(with_newline(root.to_string()))
        }
        Format::Toml => {
            let mut document = parse_toml(text)?;
            for change in changes {
                set_toml(&mut document, change)?;
            }
            Ok(document.to_string())
        }
    }
}

/// The text of a file with the changes taken out: what `before` had in their places comes back, what
/// somebody else has changed since stays. `before` is the file as it was, if there was one.
///
/// # Errors
/// When a file cannot be read as what it should be.
pub fn undo(
    text: &str,
    format: Format,
    changes: &[Change],
    before: Option<&str>,
) -> Result<String, EditError> {
    let before = before.unwrap_or_default();
    if apply(before, format, changes)? == text {
        return Ok(before.to_owned());
    }
    match format {
        Format::Json => {
            let root = parse_json(text)?;
            let object = top(&root)?;
            let old = parse_json(before)?.to_serde_value().unwrap_or_default();
            for change in changes {
                unset_json(&object, change, &old);
            }
            Ok(with_newline(root.to_string()))
        }
        Format::Toml => {
            let mut document = parse_toml(text)?;
            let old = parse_toml(before)?;
            for change in changes {
                unset_toml(&mut document, change, &old);
            }
            Ok(document.to_string())
        }
    }
}

fn with_newline(mut text: String) -> String {
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

fn parse_json(text: &str) -> Result<CstRootNode, EditError> {
    let text = if text.trim().is_empty() { "{}" } else { text };
    CstRootNode::parse(text, &ParseOptions::default())
        .map_err(|error| EditError::Json(error.to_string()))
}

fn top(root: &CstRootNode) -> Result<CstObject, EditError> {
    let object = root
        .object_value_or_create()
        .ok_or_else(|| EditError::Shape("the top of the file".to_owned()))?;
    object.ensure_multiline();
    Ok(object)
}

fn set_json(top: &CstObject, change: &Change) -> Result<(), EditError> {
    let wrong = || EditError::Shape(change.path.join("."));
    let Some((last, parents)) = change.path.split_last() else {
        return Ok(());
    };
    let mut object = top.clone();
    for key in parents {
        object = object.object_value_or_create(key).ok_or_else(wrong)?;
        object.ensure_multiline();
    }
    if change.append {
        let list = object.array_value_or_create(last).ok_or_else(wrong)?;
        let is_there = |node: &CstNode| node.to_serde_value().as_ref() == Some(&change.value);
        if !list.elements().iter().any(is_there) {
            list.ensure_multiline();
            list.append(input(&change.value));
        }
        return Ok(());
    }
    match object.get(last) {
        Some(property) if property.to_serde_value().as_ref() == Some(&change.value) => {}
        Some(property) => property.set_value(input(&change.value)),
        None => {
            object.append(last, input(&change.value));
        }
    }
    Ok(())
}

fn unset_json(top: &CstObject, change: &Change, old: &Value) {
    let Some((last, parents)) = change.path.split_last() else {
        return;
    };
    let mut objects = vec![top.clone()];
    for key in parents {
        let Some(object) = objects.last().and_then(|object| object.object_value(key)) else {
            return;
        };
        objects.push(object);
    }
    let Some(property) = objects.last().and_then(|object| object.get(last)) else {
        return;
    };
    let before = change
        .path
        .iter()
        .try_fold(old, |value, key| value.get(key));
    if change.append {
        let Some(list) = property.array_value() else {
            return;
        };
        let was_there = before
            .and_then(Value::as_array)
            .is_some_and(|list| list.contains(&change.value));
        for element in list.elements() {
            if !was_there && element.to_serde_value().as_ref() == Some(&change.value) {
                element.remove();
            }
        }
        if list.elements().is_empty() && before.is_none() {
            property.remove();
        }
    } else if property.to_serde_value().as_ref() == Some(&change.value) {
        match before {
            Some(value) => property.set_value(input(value)),
            None => property.remove(),
        }
    }
    // Objects that were made for the change and are empty again.
    for (depth, key) in parents.iter().enumerate().rev() {
        let was_there = parents[..=depth]
            .iter()
            .try_fold(old, |value, key| value.get(key))
            .is_some();
        let is_empty = objects[depth + 1].properties().is_empty();
        if let (false, true, Some(property)) = (was_there, is_empty, objects[depth].get(key)) {
            property.remove();
        }
    }
}

fn input(value: &Value) -> CstInputValue {
    match value {
        Value::Null => CstInputValue::Null,
        Value::Bool(flag) => CstInputValue::Bool(*flag),
        Value::Number(number) => CstInputValue::Number(number.to_string()),
        Value::String(text) => CstInputValue::String(text.clone()),
        Value::Array(values) => CstInputValue::Array(values.iter().map(input).collect()),
        Value::Object(map) => CstInputValue::Object(
            map.iter()
                .map(|(key, value)| (key.clone(), input(value)))
                .collect(),
        ),
    }
}

fn parse_toml(text: &str) -> Result<DocumentMut, EditError> {
    text.parse()
        .map_err(|error: toml_edit::TomlError| EditError::Toml(error.message().to_owned()))
}

fn set_toml(document: &mut DocumentMut, change: &Change) -> Result<(), EditError> {
    let wrong = || EditError::Shape(change.path.join("."));
    let Some((last, parents)) = change.path.split_last() else {
        return Ok(());
    };
    let mut table: &mut dyn TableLike = document.as_table_mut();
    for key in parents {
        let item = table
            .entry(key)
            .or_insert_with(|| Item::Table(toml_edit::Table::new()));
        table = item.as_table_like_mut().ok_or_else(wrong)?;
    }
    let value = toml_value(&change.value).ok_or_else(wrong)?;
    let is_there = table
        .get(last)
        .and_then(Item::as_value)
        .is_some_and(|there| same(there, &value));
    if !is_there {
        table.insert(last, Item::Value(value));
    }
    Ok(())
}

fn unset_toml(document: &mut DocumentMut, change: &Change, old: &DocumentMut) {
    let Some((last, parents)) = change.path.split_last() else {
        return;
    };
    let before = change
        .path
        .iter()
        .try_fold(old.as_item(), |item, key| item.get(key));
    let mut table: &mut dyn TableLike = document.as_table_mut();
    for key in parents {
        match table.get_mut(key).and_then(Item::as_table_like_mut) {
            Some(inner) => table = inner,
            None => return,
        }
    }
    let is_ours = table
        .get(last)
        .and_then(Item::as_value)
        .is_some_and(|there| toml_value(&change.value).is_some_and(|value| same(there, &value)));
    if !is_ours {
        return;
    }
    match before {
        Some(item) => table.insert(last, item.clone()),
        None => table.remove(last),
    };
    for depth in (0..parents.len()).rev() {
        let path = &parents[..=depth];
        let was_there = path
            .iter()
            .try_fold(old.as_item(), |item, key| item.get(key))
            .is_some();
        let mut table: &mut dyn TableLike = document.as_table_mut();
        for key in &path[..depth] {
            match table.get_mut(key).and_then(Item::as_table_like_mut) {
                Some(inner) => table = inner,
                None => return,
            }
        }
        let is_empty = table
            .get(path[depth])
            .and_then(Item::as_table_like)
            .is_some_and(TableLike::is_empty);
        if is_empty && !was_there {
            table.remove(path[depth]);
        }
    }
}

/// Equal but for layout.
fn same(a: &toml_edit::Value, b: &toml_edit::Value) -> bool {
    let plain = |value: &toml_edit::Value| {
        let mut value = value.clone();
        value.decor_mut().clear();
        if let Some(table) = value.as_inline_table_mut() {
            table.fmt();
        }
        value.to_string().replace(' ', "")
    };
    plain(a) == plain(b)
}

/// TOML has no null.
fn toml_value(value: &Value) -> Option<toml_edit::Value> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(flag) => (*flag).into(),
        Value::Number(number) => match number.as_i64() {
            Some(int) => int.into(),
            None => number.as_f64()?.into(),
        },
        Value::String(text) => text.as_str().into(),
        Value::Array(values) => {
            let values: Option<toml_edit::Array> = values.iter().map(toml_value).collect();
            values?.into()
        }
        Value::Object(map) => {
            let mut table = toml_edit::InlineTable::new();
            for (key, value) in map {
                table.insert(key, toml_value(value)?);
            }
            table.into()
        }
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn change(path: &[&'static str], value: Value, append: bool) -> Change {
        Change {
            path: path.to_vec(),
            value,
            append,
            why: "",
        }
    }

    #[test]
    fn json_keeps_comments_and_what_is_there_and_is_undone() {
        let before = "{\n  // mine\n  \"env\": { \"A\": \"1\" }, // keep\n  \"hooks\": {\n    \"Stop\": [{ \"hooks\": [] }]\n  }\n}\n";
        let changes = [
            change(&["env", "B"], json!("2"), false),
            change(
                &["hooks", "Stop"],
                json!({"hooks": [{"command": "x"}]}),
                true,
            ),
            change(&["hooks", "Start"], json!({"hooks": []}), true),
            change(&["new", "deep"], json!(true), false),
        ];
        let after = apply(before, Format::Json, &changes).unwrap();
        assert!(
            after.contains("// mine") && after.contains("// keep"),
            "{after}"
        );
        let value: Value = parse_json(&after).unwrap().to_serde_value().unwrap();
        assert_eq!(value["env"], json!({"A": "1", "B": "2"}));
        assert_eq!(value["hooks"]["Stop"].as_array().unwrap().len(), 2);
        assert_eq!(value["new"]["deep"], json!(true));
        assert_eq!(apply(&after, Format::Json, &changes).unwrap(), after);
        let restored = undo(&after, Format::Json, &changes, Some(before)).unwrap();
        assert_eq!(restored, before);

        let touched = after.replace("\"A\": \"1\"", "\"A\": \"changed\"");
        let restored = undo(&touched, Format::Json, &changes, Some(before)).unwrap();
        let value = parse_json(&restored).unwrap().to_serde_value().unwrap();
        assert_eq!(
            value,
            json!({"env": {"A": "changed"}, "hooks": {"Stop": [{"hooks": []}]}})
        );
    }

    #[test]
    fn an_old_value_comes_back() {
        let changes = [change(&["a"], json!(2), false)];
        let after = apply("{\"a\": 1, \"b\": 1}\n", Format::Json, &changes).unwrap();
        let touched = after.replace("\"b\": 1", "\"b\": 5");
        let restored = undo(
            &touched,
            Format::Json,
            &changes,
            Some("{\"a\": 1, \"b\": 1}"),
        )
        .unwrap();
        let value = parse_json(&restored).unwrap().to_serde_value().unwrap();
        assert_eq!(value, json!({"a": 1, "b": 5}));
    }

    #[test]
    fn toml_keeps_comments_and_what_is_there_and_is_undone() {
        let before = "# mine\nmodel = \"x\" # keep\n\n[otel]\nenvironment = \"dev\"\n";
        let changes = [
            change(&["otel", "log_user_prompt"], json!(true), false),
            change(
                &["otel", "exporter"],
                json!({"otlp-grpc": {"endpoint": "http://127.0.0.1:4317"}}),
                false,
            ),
            change(&["otel", "tool_result", "max_bytes"], json!(10), false),
        ];
        let after = apply(before, Format::Toml, &changes).unwrap();
        assert!(
            after.starts_with("# mine\nmodel = \"x\" # keep\n"),
            "{after}"
        );
        let table: DocumentMut = after.parse().unwrap();
        assert_eq!(table["otel"]["environment"].as_str(), Some("dev"));
        assert_eq!(
            table["otel"]["exporter"]["otlp-grpc"]["endpoint"].as_str(),
            Some("http://127.0.0.1:4317")
        );
        assert_eq!(apply(&after, Format::Toml, &changes).unwrap(), after);
        assert_eq!(
            undo(&after, Format::Toml, &changes, Some(before)).unwrap(),
            before
        );
        let touched = after.replace("\"dev\"", "\"prod\"");
        let restored = undo(&touched, Format::Toml, &changes, Some(before)).unwrap();
        assert_eq!(restored, before.replace("\"dev\"", "\"prod\""));
    }

    #[test]
    fn what_cannot_be_changed_is_left() {
        let changes = [change(&["env", "A"], json!("1"), false)];
        for (text, format) in [
            ("{broken", Format::Json),
            ("{\"env\": 3}", Format::Json),
            ("[1]", Format::Json),
            ("env = 3", Format::Toml),
            ("env = = 3", Format::Toml),
        ] {
            assert!(apply(text, format, &changes).is_err(), "{text}");
        }
    }
}
