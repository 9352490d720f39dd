//! The tools, one file each.

mod compare;
mod findings;
mod payload;
mod search;
pub(super) mod session_digest;
mod sessions;
mod span;
mod sql;
mod tree;
mod why;

use std::sync::Arc;

use rmcp::handler::server::router::tool::ToolRouter;
use rmcp::model::ToolAnnotations;
use serde_json::Value as Json;

use super::Mcp;
use super::answer::Refused;

/// Every tool. None of them changes anything or reaches beyond this machine.
pub(super) fn all() -> ToolRouter<Mcp> {
    let mut router = Mcp::sessions_router()
        + Mcp::digest_router()
        + Mcp::why_router()
        + Mcp::compare_router()
        + Mcp::findings_router()
        + Mcp::tree_router()
        + Mcp::span_router()
        + Mcp::payload_router()
        + Mcp::search_router()
        + Mcp::sql_router();
    for route in router.map.values_mut() {
        let hints = ToolAnnotations::new()
            .read_only(true)
            .destructive(false)
            .idempotent(true)
            .open_world(false);
        route.attr.annotations = Some(hints);
        let output = route.attr.output_schema.as_mut();
        for schema in [&mut route.attr.input_schema].into_iter().chain(output) {
            for value in Arc::make_mut(schema).values_mut() {
                drop_formats(value);
            }
        }
    }
    router
}

/// Takes out the widths of numbers (`uint64`), which no JSON Schema knows and clients warn of.
fn drop_formats(schema: &mut Json) {
    match schema {
        Json::Object(fields) => {
            fields.retain(|name, value| name != "format" || !value.is_string());
            fields.values_mut().for_each(drop_formats);
        }
        Json::Array(items) => items.iter_mut().for_each(drop_formats),
        _ => {}
    }
}

/// Lower-case hex of a known length, or a refusal that says what `name` is.
fn hex_id(name: &str, text: &str, digits: usize) -> Result<String, Refused> {
    let text = text.trim().to_lowercase();
    if text.len() == digits && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(text);
    }
    Err(Refused(format!("{name} is {digits} hex digits")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tool_says_what_it_takes_and_that_it_only_reads() {
        let tools = all().list_all();
        let names: Vec<&str> = tools.iter().map(|tool| &*tool.name).collect();
        assert_eq!(
            names,
            [
                "compare_sessions",
                "get_span",
                "list_findings",
                "list_sessions",
                "query_sql",
                "read_payload",
                "search_text",
                "session_digest",
                "session_tree",
                "why",
            ]
        );
        for tool in &tools {
            let hints = tool.annotations.as_ref().unwrap();
            assert_eq!(hints.read_only_hint, Some(true), "{}", tool.name);
            assert!(
                tool.description.as_ref().unwrap().len() > 80,
                "{}",
                tool.name
            );
            let properties = tool.input_schema["properties"].as_object().unwrap();
            assert!(properties.contains_key("budget_tokens"), "{}", tool.name);
            for (name, property) in properties {
                assert!(property["description"].is_string(), "{}: {name}", tool.name);
            }
            assert_eq!(
                tool.input_schema["additionalProperties"], false,
                "{}",
                tool.name
            );
        }
        let size = crate::tokens::estimate(&serde_json::to_string(&tools).unwrap());
        assert!(
            size < 9_000,
            "the list of tools takes {size} tokens of every conversation"
        );
    }
}
