//! Traces in Jaeger's JSON, one after the other.

use std::collections::{BTreeMap, HashMap};

use axum::body::{Body, Bytes};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde_json::Value as Json;
use store::{Row, Store, Value};

use super::model::{
    JaegerError, JaegerLog, JaegerProcess, JaegerReference, JaegerSpan, JaegerTag, JaegerTrace,
    StoredLink,
};
use super::written;
use crate::error::ApiError;
use crate::rows::text_param;
use crate::sql;
use crate::state::AppState;

/// A text of an act up to this size is a tag's value; of a larger one the tag has the address.
const WHOLE_TEXT_BYTES: i64 = 64 << 10;

/// Texts of one answer together.
const ANSWER_TEXT_BYTES: i64 = 16 << 20;

/// Traces to answer with.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) ids: Vec<String>,
    /// Asked for by id, and not there.
    pub(super) missing: Vec<String>,
}

impl Found {
    pub(super) fn all(ids: Vec<String>) -> Self {
        let missing = Vec::new();
        Self { ids, missing }
    }

    /// What stands behind the traces.
    fn end(&self) -> Vec<u8> {
        let missing = self.missing.iter().map(|id| JaegerError {
            code: None,
            msg: "trace not found".to_owned(),
            trace_id: Some(id.clone()),
        });
        let errors: Vec<JaegerError> = missing.collect();
        let errors = (!errors.is_empty()).then_some(errors);
        let mut end = format!(
            "],\"total\":{},\"limit\":0,\"offset\":0,\"errors\":",
            self.ids.len()
        )
        .into_bytes();
        end.extend(written(&errors));
        end.push(b'}');
        end
    }
}

/// Answers with the traces, each read when the one before it is sent. `host` is where the client
/// reaches this server.
pub(super) fn response(state: AppState, found: Found, host: Option<String>) -> Response {
    let writing = Writing {
        next: 0,
        text_bytes_left: ANSWER_TEXT_BYTES,
        payloads: host.map_or_else(
            || "/api/v1/payloads/".to_owned(),
            |host| format!("http://{host}/api/v1/payloads/"),
        ),
        found,
        state,
    };
    let chunks = stream::try_unfold(Some(writing), |writing| async move {
        match writing {
            Some(writing) => writing.step().await.map(Some),
            None => Ok(None),
        }
    });
    let headers = [(CONTENT_TYPE, "application/json")];
    (headers, Body::from_stream(chunks)).into_response()
}

struct Writing {
    state: AppState,
    found: Found,
    next: usize,
    text_bytes_left: i64,
    /// What stands before the hash in the address of a payload.
    payloads: String,
}

/// Reading failed when the answer had begun; the log has the cause.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Broken(String);

impl Writing {
    async fn step(mut self) -> Result<(Bytes, Option<Self>), Broken> {
        let mut chunk = match self.next {
            0 => b"{\"data\":[".to_vec(),
            _ => b",".to_vec(),
        };
        let Some(id) = self.found.ids.get(self.next).cloned() else {
            let mut end = match self.next {
                0 => chunk,
                _ => Vec::new(),
            };
            end.extend(self.found.end());
            return Ok((Bytes::from(end), None));
        };
        let payloads = self.payloads.clone();
        let text_bytes = self.text_bytes_left;
        let (trace, text_bytes) = self
            .state
            .blocking(move |store| Ok(read(store, &id, &payloads, text_bytes)?))
            .await
            .map_err(|error: ApiError| Broken(error.message().to_owned()))?;
        self.text_bytes_left -= text_bytes;
        chunk.extend(written(&trace));
        self.next += 1;
        Ok((Bytes::from(chunk), Some(self)))
    }
}

/// One trace, and the bytes of texts in it.
fn read(
    store: &Store,
    trace_id: &str,
    payloads: &str,
    text_bytes: i64,
) -> Result<(JaegerTrace, i64), store::Error> {
    let id = text_param(Some(trace_id));
    let mut resources: HashMap<i64, Vec<JaegerTag>> = HashMap::new();
    store.scan(
        sql::JAEGER_RESOURCES,
        std::slice::from_ref(&id),
        &mut |row| {
            let tags = tags(row.text(1), payloads);
            resources.insert(row.int(0).unwrap_or_default(), tags);
        },
    )?;
    let mut logs: HashMap<String, Vec<JaegerLog>> = HashMap::new();
    store.scan(sql::JAEGER_EVENTS, std::slice::from_ref(&id), &mut |row| {
        let of_span = logs.entry(row.text(0).unwrap_or_default().to_owned());
        of_span.or_default().push(log(row, payloads));
    })?;
    let mut reader = Reader {
        trace_id,
        payloads,
        logs,
        resources,
        places: HashMap::new(),
        processes: BTreeMap::new(),
        text_bytes: 0,
    };
    let mut spans = Vec::new();
    let params = [id, Value::Int(WHOLE_TEXT_BYTES), Value::Int(text_bytes)];
    store.scan(sql::JAEGER_SPANS, &params, &mut |row| {
        spans.push(reader.span(row));
    })?;
    let trace = JaegerTrace {
        trace_id: trace_id.to_owned(),
        spans,
        processes: reader.processes,
        warnings: None,
    };
    Ok((trace, reader.text_bytes))
}

struct Reader<'a> {
    trace_id: &'a str,
    payloads: &'a str,
    logs: HashMap<String, Vec<JaegerLog>>,
    resources: HashMap<i64, Vec<JaegerTag>>,
    /// Process ids by service and resource.
    places: HashMap<(String, i64), String>,
    processes: BTreeMap<String, JaegerProcess>,
    text_bytes: i64,
}

impl Reader<'_> {
    /// One row of `jaeger_spans.sql`; the numbers are its column positions.
    fn span(&mut self, row: &Row<'_>) -> JaegerSpan {
        let span_id = row.text(0).unwrap_or_default().to_owned();
        let warnings = row
            .text(23)
            .map(|cut| vec![format!("cut by the sender: {cut}")]);
        JaegerSpan {
            trace_id: self.trace_id.to_owned(),
            flags: 1,
            operation_name: row.text(2).unwrap_or_default().to_owned(),
            references: self.references(row),
            start_time: row.int(3).unwrap_or_default() / 1000,
            duration: row.int(4).unwrap_or_default().max(0) / 1000,
            tags: self.span_tags(row),
            logs: self.logs.remove(&span_id).unwrap_or_default(),
            process_id: self.process(row),
            warnings,
            span_id,
        }
    }

    fn references(&self, row: &Row<'_>) -> Vec<JaegerReference> {
        let parent = row.text(1).filter(|parent| !parent.is_empty());
        let parent = parent.map(|span_id| JaegerReference {
            ref_type: "CHILD_OF",
            trace_id: self.trace_id.to_owned(),
            span_id: span_id.to_owned(),
        });
        let links = row.text(11).filter(|links| !links.is_empty());
        let links: Vec<StoredLink> = links
            .and_then(|links| serde_json::from_str(links).ok())
            .unwrap_or_default();
        let links = links.into_iter().map(|link| JaegerReference {
            ref_type: "FOLLOWS_FROM",
            trace_id: link.trace_id,
            span_id: link.span_id,
        });
        parent.into_iter().chain(links).collect()
    }

    fn process(&mut self, row: &Row<'_>) -> String {
        let service_name = row.text(8).unwrap_or_default().to_owned();
        let resource_id = row.int(9).unwrap_or_default();
        let next = format!("p{}", self.places.len() + 1);
        let place = self.places.entry((service_name.clone(), resource_id));
        let process_id = place.or_insert(next).clone();
        self.processes
            .entry(process_id.clone())
            .or_insert_with(|| JaegerProcess {
                service_name,
                tags: self
                    .resources
                    .get(&resource_id)
                    .cloned()
                    .unwrap_or_default(),
            });
        process_id
    }

    fn span_tags(&mut self, row: &Row<'_>) -> Vec<JaegerTag> {
        let mut tags = tags(row.text(10), self.payloads);
        let mut text = |key: &str, column: usize| {
            if let Some(value) = row.text(column).filter(|value| !value.is_empty()) {
                tags.push(JaegerTag::text(key, value));
            }
        };
        text("span.kind", 5);
        text("otel.status_description", 7);
        text("otel.scope.name", 12);
        text("otel.scope.version", 13);
        text("w3c.tracestate", 14);
        text("spanreel.operation", 15);
        text("spanreel.session_id", 16);
        text("spanreel.tool_name", 18);
        text("spanreel.model", 19);
        text("spanreel.decision", 20);
        text("spanreel.duplicate_of", 21);
        text("spanreel.origin", 22);
        if let Some(turn) = row.int(17).filter(|turn| *turn > 0) {
            tags.push(JaegerTag::int("spanreel.turn", turn));
        }
        match row.text(6) {
            Some("error") => {
                tags.push(JaegerTag::flag("error", true));
                tags.push(JaegerTag::text("otel.status_code", "ERROR"));
            }
            Some("ok") => tags.push(JaegerTag::text("otel.status_code", "OK")),
            _ => {}
        }
        if row.flag(24) == Some(true) {
            tags.push(JaegerTag::flag("spanreel.running", true));
        }
        for (key, column) in [("spanreel.input", 25), ("spanreel.output", 28)] {
            let size = row.int(column + 2).unwrap_or_default();
            if let Some(whole) = row.text(column) {
                self.text_bytes += size;
                tags.push(JaegerTag::text(key, whole));
            } else if let Some(hash) = row.text(column + 1).filter(|hash| !hash.is_empty()) {
                tags.push(JaegerTag::text(key, format!("{}{hash}", self.payloads)));
                tags.push(JaegerTag::int(&format!("{key}.size_bytes"), size));
            }
        }
        tags
    }
}

/// One row of `jaeger_events.sql`; the numbers are its column positions.
fn log(row: &Row<'_>, payloads: &str) -> JaegerLog {
    let mut fields = vec![JaegerTag::text("event", row.text(2).unwrap_or_default())];
    if let Some(severity) = row.text(3) {
        fields.push(JaegerTag::text("level", severity));
    }
    if let Some(hash) = row.text(5).filter(|hash| !hash.is_empty()) {
        fields.push(JaegerTag::text("message", format!("{payloads}{hash}")));
    } else if let Some(body) = row.text(4) {
        fields.push(JaegerTag::text("message", body));
    }
    fields.extend(tags(row.text(6), payloads));
    JaegerLog {
        timestamp: row.int(1).unwrap_or_default() / 1000,
        fields,
    }
}

/// Stored attributes as tags: what is no plain value is JSON, a large text its address.
fn tags(attributes: Option<&str>, payloads: &str) -> Vec<JaegerTag> {
    let attributes: serde_json::Map<String, Json> = attributes
        .and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or_default();
    let tag = |(key, value): (String, Json)| {
        let (tag_type, value) = match value {
            Json::String(_) => ("string", value),
            Json::Bool(_) => ("bool", value),
            Json::Number(_) if value.is_i64() => ("int64", value),
            Json::Number(_) if value.is_f64() => ("float64", value),
            Json::Object(ref object) => match object.get("$payload") {
                Some(payload) => {
                    let hash = payload["hash"].as_str().unwrap_or_default();
                    ("string", Json::String(format!("{payloads}{hash}")))
                }
                None => ("string", Json::String(value.to_string())),
            },
            other => ("string", Json::String(other.to_string())),
        };
        JaegerTag {
            key,
            tag_type,
            value,
        }
    };
    attributes.into_iter().map(tag).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_typed_tags() {
        let attributes = r#"{"a":"x","b":true,"c":7,"d":0.5,"e":[1,2],"f":null,"g":{"$payload":{"hash":"00ff","size_bytes":9}},"h":18446744073709551615}"#;
        let shown: Vec<_> = tags(Some(attributes), "/p/")
            .into_iter()
            .map(|tag| (tag.key, tag.tag_type, tag.value.to_string()))
            .collect();
        let tag = |key: &str, kind, value: &str| (key.to_owned(), kind, value.to_owned());
        assert_eq!(
            shown,
            [
                tag("a", "string", "\"x\""),
                tag("b", "bool", "true"),
                tag("c", "int64", "7"),
                tag("d", "float64", "0.5"),
                tag("e", "string", "\"[1,2]\""),
                tag("f", "string", "\"null\""),
                tag("g", "string", "\"/p/00ff\""),
                tag("h", "string", "\"18446744073709551615\""),
            ]
        );
        assert!(tags(None, "").is_empty());
    }
}
