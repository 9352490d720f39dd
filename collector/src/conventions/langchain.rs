//! The shapes in which LangChain writes messages, and calls and results of tools, whichever
//! instrumentation passes them on.

use serde_json::{Map, Value as Json, json};

use super::parse;

/// A tool call's arguments, out of the record of a callback.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Call {
    /// Arguments as JSON, or as the text that stands for them.
    pub(super) arguments: Option<String>,
    pub(super) tool_call_id: Option<String>,
}

/// A tool's result, out of the message that carries it.
#[derive(Debug, PartialEq)]
pub(super) struct ToolResult {
    pub(super) text: String,
    pub(super) tool_call_id: Option<String>,
    pub(super) is_error: bool,
}

/// The conventions' role for LangChain's word.
pub(super) fn role(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "human" | "user" | "HumanMessage" | "HumanMessageChunk" => "user",
        "ai" | "assistant" | "AIMessage" | "AIMessageChunk" => "assistant",
        "system" | "SystemMessage" => "system",
        "tool" | "ToolMessage" => "tool",
        _ => return None,
    })
}

/// A message given as `["user", "text"]`.
pub(super) fn pair(pair: &[Json]) -> Option<Json> {
    let [Json::String(author), Json::String(text)] = pair else {
        return None;
    };
    let role = role(author)?;
    Some(json!({"role": role, "parts": [{"type": "text", "content": text}]}))
}

/// The fields of a serialised message object (`{"lc":1,"id":[…,"AIMessage"],"kwargs":{…}}`, or
/// `{"type","data":{…}}`), with its kind in `type`.
pub(super) fn inner_message(map: &mut Map<String, Json>) -> Option<Map<String, Json>> {
    let (kind, key) = if map.contains_key("lc") {
        (map.get("id")?.as_array()?.last()?.as_str()?, "kwargs")
    } else {
        (map.get("type")?.as_str()?, "data")
    };
    role(kind)?;
    let kind = kind.to_owned();
    if !map.get(key).is_some_and(Json::is_object) {
        return None;
    }
    let Some(Json::Object(mut inner)) = map.remove(key) else {
        return None;
    };
    inner.insert("type".into(), kind.into());
    Some(inner)
}

/// What a wrapped call was about: the `inputs` or `outputs` of a callback, or the single argument of
/// a decorated function (`{"args":[…],"kwargs":{…}}`).
pub(super) fn wrapped_call(map: &mut Map<String, Json>) -> Option<Json> {
    for key in ["inputs", "outputs"] {
        if map
            .get(key)
            .is_some_and(|value| value.is_object() || value.is_array())
        {
            return map.remove(key);
        }
    }
    let has_only = map.len() == 2 && map.contains_key("kwargs");
    let args = map.get_mut("args").filter(|_| has_only)?.as_array_mut()?;
    if args.len() != 1 {
        return None;
    }
    args.pop()
}

/// The call behind the text that a callback gave for a tool's input; `None` for any other text.
pub(super) fn call(text: &str) -> Option<Call> {
    if !(text.contains("\"input_str\"") || text.contains("\"inputs\"")) {
        return None;
    }
    let parsed = parse::nested(text)?;
    let Json::Object(map) = parsed.json else {
        return None;
    };
    let is_callback = ["kwargs", "tags", "metadata"]
        .iter()
        .any(|key| map.contains_key(*key));
    if !is_callback {
        return None;
    }
    let tool_call_id = map
        .get("kwargs")
        .and_then(|kwargs| kwargs.get("tool_call_id"))
        .and_then(Json::as_str)
        .map(str::to_owned);
    let arguments = match (map.get("inputs"), map.get("input_str")) {
        // A cut text lost what comes after the short form.
        (Some(inputs @ Json::Object(_)), _) if !parsed.is_cut => Some(inputs.to_string()),
        (_, Some(Json::String(short))) if !short.is_empty() => {
            let parsed = parse::whole(short).map(|parsed| parsed.json.to_string());
            Some(parsed.unwrap_or_else(|| short.clone()))
        }
        _ => None,
    };
    Some(Call {
        arguments,
        tool_call_id,
    })
}

/// The calls that a graph's tool node was started for, as `(name, call)`.
pub(super) fn node_calls(text: &str) -> Vec<(String, Call)> {
    if !text.contains("\"tool_call\"") {
        return Vec::new();
    }
    let Some(parsed) = parse::whole(text) else {
        return Vec::new();
    };
    let inputs = parsed.json.get("inputs").unwrap_or(&Json::Null);
    let listed: Vec<&Json> = match inputs {
        Json::Array(calls) => calls.iter().collect(),
        Json::Object(map) => map.get("tool_call").into_iter().collect(),
        _ => Vec::new(),
    };
    listed
        .into_iter()
        .filter(|call| call.get("type").and_then(Json::as_str) == Some("tool_call"))
        .filter_map(|call| {
            let name = call.get("name")?.as_str()?.to_owned();
            let id = call.get("id").and_then(Json::as_str).map(str::to_owned);
            let arguments = call.get("args").map(Json::to_string);
            Some((
                name,
                Call {
                    arguments,
                    tool_call_id: id,
                },
            ))
        })
        .collect()
}

/// The result inside the text that stands for a tool's output: a serialised message, alone or as the
/// `output` of a callback or the last of a node's `outputs`; `None` for any other text.
pub(super) fn result(text: &str) -> Option<ToolResult> {
    if !text.contains("\"tool_call_id\"") {
        return None;
    }
    let Json::Object(mut map) = parse::whole(text)?.json else {
        return None;
    };
    if let Some(Json::Object(output)) = map.remove("output") {
        map = output;
    } else if let Some(mut outputs) = map.remove("outputs") {
        let Some(Json::Object(last)) = outputs.get_mut("messages")?.as_array_mut()?.pop() else {
            return None;
        };
        map = last;
    }
    if let Some(inner) = inner_message(&mut map) {
        map = inner;
    }
    if role(map.get("type")?.as_str()?) != Some("tool") {
        return None;
    }
    let text = match super::blocks::plain_text(map.remove("content")?) {
        Json::String(text) => text,
        other => other.to_string(),
    };
    Some(ToolResult {
        text,
        tool_call_id: map
            .get("tool_call_id")
            .and_then(Json::as_str)
            .map(str::to_owned),
        is_error: map.get("status").and_then(Json::as_str) == Some("error"),
    })
}

#[cfg(test)]
mod tests {
    use super::super::blocks;
    use super::*;

    #[test]
    fn takes_a_call_out_of_its_callback() {
        let whole = r#"{"input_str": "{'path': 'a'}", "tags": ["seq:step:1"], "metadata": {"step": 2},
            "inputs": {"path": "a"}, "kwargs": {"name": null, "tool_call_id": "call_1"}}"#;
        let expected = Call {
            arguments: Some(r#"{"path":"a"}"#.into()),
            tool_call_id: Some("call_1".into()),
        };
        assert_eq!(call(whole), Some(expected));
        let cut = r#"{"input_str": "{'path': 'a'}", "tags": ["seq:step:1"], "metad"#;
        assert_eq!(
            call(cut).and_then(|call| call.arguments).as_deref(),
            Some(r#"{"path":"a"}"#)
        );
        assert_eq!(call(r#"{"inputs": "mine", "path": "a"}"#), None);
    }

    #[test]
    fn takes_a_result_out_of_its_message() {
        let message = r#"{"lc":1,"type":"constructor","id":["langchain","schema","messages","ToolMessage"],
            "kwargs":{"content":"no such tool","type":"tool","tool_call_id":"call_1","status":"error"}}"#;
        let expected = |is_error| {
            Some(ToolResult {
                text: "no such tool".into(),
                tool_call_id: Some("call_1".into()),
                is_error,
            })
        };
        assert_eq!(result(message), expected(true));
        assert_eq!(
            result(&format!(r#"{{"output":{message},"kwargs":{{}}}}"#)),
            expected(true)
        );
        assert_eq!(
            result(&format!(
                r#"{{"outputs":{{"messages":[{message}]}},"kwargs":{{}}}}"#
            )),
            expected(true)
        );
        let flat = r#"{"content":[{"type":"text","text":"no such tool"}],"type":"tool","tool_call_id":"call_1"}"#;
        assert_eq!(result(flat), expected(false));
        assert_eq!(result(r#"{"tool_call_id":"call_1","rows":[]}"#), None);
    }

    #[test]
    fn reads_serialised_messages() {
        let list = json!({"inputs": {"messages": [
            ["user", "hello"],
            {"lc": 1, "type": "constructor", "id": ["langchain", "AIMessage"], "kwargs":
                {"content": "", "type": "ai", "tool_calls": [{"name": "ls", "args": {"p": 1}, "id": "c"}]}},
            {"type": "tool", "data": {"content": "gone", "tool_call_id": "c", "status": "error"}},
        ]}, "tags": []});
        assert_eq!(
            blocks::messages(list),
            Some(vec![
                json!({"role": "user", "parts": [{"type": "text", "content": "hello"}]}),
                json!({"role": "assistant", "parts": [
                    {"type": "tool_call", "id": "c", "name": "ls", "arguments": {"p": 1}}]}),
                json!({"role": "tool", "parts": [
                    {"type": "tool_call_response", "id": "c", "response": "gone", "is_error": true}]}),
            ])
        );
    }
}
