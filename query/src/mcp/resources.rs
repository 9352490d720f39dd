//! Resources: the schema for SQL, and digests by address.

use rmcp::ErrorData;
use rmcp::model::{
    ReadResourceResponse, ReadResourceResult, Resource, ResourceContents, ResourceTemplate,
};
use serde_json::Value as Json;

use super::Mcp;
use super::answer::{DEFAULT_BUDGET, Refused};
use super::tools::session_digest::digest_path;

const SCHEMA: &str = "spanreel://sql/schema";
const RECENT: &str = "spanreel://sessions/recent/digest";
const MARKDOWN: &str = "text/markdown";

pub(super) fn list() -> Vec<Resource> {
    vec![
        Resource::new(SCHEMA, "sql_schema")
            .with_title("SQL schema")
            .with_description(
                "Every relation and macro that query_sql can name, with columns, types and what they mean",
            )
            .with_mime_type(MARKDOWN),
        Resource::new(RECENT, "recent_sessions")
            .with_title("Digest of the last seven days")
            .with_description("What matters of the sessions of the last seven days")
            .with_mime_type(MARKDOWN),
    ]
}

pub(super) fn templates() -> Vec<ResourceTemplate> {
    vec![
        ResourceTemplate::new("spanreel://sessions/{session_id}/digest", "session_digest")
            .with_title("Digest of a session")
            .with_description("What matters of one session, within 4,000 tokens")
            .with_mime_type(MARKDOWN),
        ResourceTemplate::new("spanreel://sql/schema/{relation}", "sql_relation")
            .with_title("One relation of the SQL schema")
            .with_description("The columns of one relation or the parameters of one macro")
            .with_mime_type(MARKDOWN),
    ]
}

pub(super) async fn read(mcp: &Mcp, uri: &str) -> Result<ReadResourceResponse, ErrorData> {
    let unknown = || {
        ErrorData::resource_not_found(
            format!(
                "there is no resource {uri}; resources/list and resources/templates/list name them"
            ),
            None,
        )
    };
    let rest = uri.strip_prefix("spanreel://").ok_or_else(unknown)?;
    let parts: Vec<&str> = rest.split('/').collect();
    let text = match parts.as_slice() {
        ["sql", "schema"] => schema(mcp, None).await?,
        ["sql", "schema", relation] => match schema(mcp, Some(relation)).await? {
            nothing if nothing.is_empty() => return Err(unknown()),
            columns => columns,
        },
        ["sessions", "recent", "digest"] => {
            let path = digest_path(mcp, &[("since", "7d".to_owned())], DEFAULT_BUDGET);
            mcp.text(path).await?
        }
        ["sessions", session_id, "digest"] => {
            let session_id = decoded(session_id).ok_or_else(unknown)?;
            let path = digest_path(mcp, &[("session", session_id)], DEFAULT_BUDGET);
            mcp.text(path).await?
        }
        _ => return Err(unknown()),
    };
    let contents = ResourceContents::text(text, uri).with_mime_type(MARKDOWN);
    Ok(ReadResourceResult::new(vec![contents]).into())
}

/// The catalogue in Markdown: of everything, or of one relation; empty when there is none of that name.
async fn schema(mcp: &Mcp, only: Option<&str>) -> Result<String, Refused> {
    let schema: Json = mcp.get("/sql/schema".to_owned()).await?;
    let text = |value: &Json| value.as_str().unwrap_or_default().to_owned();
    let list = |value: &Json| value.as_array().cloned().unwrap_or_default();
    let mut out = String::new();
    for relation in list(&schema["relations"]) {
        let name = text(&relation["name"]);
        if only.is_some_and(|only| only != name) {
            continue;
        }
        let columns = list(&relation["columns"]);
        if relation["kind"] == "macro" {
            let names: Vec<String> = columns.iter().map(|column| text(&column["name"])).collect();
            out.push_str(&format!("## {name}({})\n", names.join(", ")));
        } else {
            out.push_str(&format!("## {name}\n"));
        }
        out.push_str(&format!("{}\n\n", text(&relation["comment"])));
        if relation["kind"] != "macro" {
            for column in &columns {
                let comment = text(&column["comment"]);
                let comment = if comment.is_empty() {
                    comment
                } else {
                    format!(": {comment}")
                };
                out.push_str(&format!(
                    "- {} {}{comment}\n",
                    text(&column["name"]),
                    text(&column["type"])
                ));
            }
            out.push('\n');
        }
    }
    if only.is_none() {
        out.insert_str(
            0,
            "# SQL over everything recorded\n\nDuckDB's dialect, read only, one statement. Times are \
             UTC, durations nanoseconds, ids lower-case hex.\n\n",
        );
    }
    Ok(out)
}

/// A segment of an address as the text that it stands for.
fn decoded(segment: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next()?, rest.next()?];
            bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_decoded() {
        assert_eq!(decoded("a%2Fb%C3%A5").as_deref(), Some("a/bå"));
        for wrong in ["%", "%4", "%zz", "%ff"] {
            assert_eq!(decoded(wrong), None, "{wrong}");
        }
    }
}
