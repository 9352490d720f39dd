//! `/sessions/{id}/transcript` and `/sessions/{id}/search`: what was said, act by act.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use axum::Json;
use proto::Hashing;
use serde::{Deserialize, Serialize};
use serde_json::Value as JsonValue;
use store::{Store, Value};
use utoipa::{IntoParams, ToSchema};

use super::messages::{self, Message};
use super::sessions::session_not_found;
use crate::error::{ApiError, ErrorBody};
use crate::extract::{ApiPath, ApiQuery};
use crate::model::SpanRef;
use crate::reach::Reading;
use crate::rows::{self, Named, text_param};
use crate::sql;

const DEFAULT_LIMIT: i64 = 50;
const MAX_LIMIT: i64 = 200;
/// Larger texts are named by size and hash only.
const MAX_TEXT_BYTES: i64 = 4 << 20;
/// Of each part this much comes.
const PART_HEAD_BYTES: usize = 16 << 10;
/// Matches of one search.
const MAX_MATCHES: i64 = 20_000;

/// Which part of the transcript.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub(crate) struct TranscriptFilter {
    /// Acts to skip.
    from: Option<i64>,
    /// Acts of one page, at most 200.
    limit: Option<i64>,
    /// Only these acts: `trace id:span id`, separated by commas.
    spans: Option<String>,
}

/// What the acts of a session, its child sessions included, were given and said, in order of start.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Transcript {
    /// Acts in all.
    total: i64,
    entries: Vec<Entry>,
}

/// One act: of a model request what is new since the request before, and the answer.
#[derive(Debug, Serialize, ToSchema)]
struct Entry {
    trace_id: String,
    span_id: String,
    session_id: Option<String>,
    /// 0 = none.
    turn: i64,
    operation: String,
    started_at: String,
    /// `unset`, `ok`, `error`.
    status: String,
    error_message: Option<String>,
    decision: Option<String>,
    parts: Vec<TranscriptPart>,
    /// Messages of the request before that this one repeats.
    unchanged_count: usize,
    /// The request does not carry on from the one before: its history was rewritten or cut.
    rewritten: bool,
    /// Bytes of an input or output that is too large to be read here.
    skipped_bytes: i64,
}

/// Something said.
#[derive(Debug, Serialize, ToSchema)]
struct TranscriptPart {
    /// `system`, `user`, `assistant`, `tool`, or as the emitter calls it.
    role: String,
    /// `input`, `output`, `system`.
    direction: &'static str,
    /// `text`, `reasoning`, `tool_call`, `tool_call_response`, `blob`, …
    part_type: String,
    name: Option<String>,
    mime_type: Option<String>,
    /// The text or its beginning.
    text: Option<String>,
    size_bytes: usize,
    complete: bool,
    /// Of a call or result: the act that tells it, when there is one.
    act: Option<SpanRef>,
    #[serde(skip)]
    tool_call_id: Option<String>,
}

/// What a session says, in pages.
#[utoipa::path(get, path = "/sessions/{session_id}/transcript", tag = "sessions",
    params(("session_id" = String, Path), TranscriptFilter),
    responses((status = 200, body = Transcript), (status = 400, body = ErrorBody),
        (status = 404, body = ErrorBody)))]
pub(crate) async fn session_transcript(
    Reading(state): Reading,
    ApiPath(session_id): ApiPath<String>,
    ApiQuery(filter): ApiQuery<TranscriptFilter>,
) -> Result<Json<Transcript>, ApiError> {
    let spans = filter.spans.as_ref().map(|spans| {
        spans
            .to_lowercase()
            .split(',')
            .collect::<Vec<_>>()
            .join(sql::ITEM_SEPARATOR)
    });
    let limit = filter.limit.unwrap_or(DEFAULT_LIMIT).clamp(1, MAX_LIMIT);
    let from = filter.from.unwrap_or(0).max(0);
    let params = vec![
        text_param(Some(&session_id)),
        text_param(spans.as_deref()),
        Value::Int(from),
        Value::Int(limit),
        Value::Int(MAX_TEXT_BYTES),
    ];
    let transcript = state
        .blocking(move |store| {
            let table = store.read(sql::SESSION_TRANSCRIPT, &params)?;
            let mut reader = Reader::new(store.hashing());
            let total = rows::rows(&table)
                .next()
                .map_or(0, |row| row.count("total"));
            let mut entries: Vec<Entry> =
                rows::rows(&table).map(|row| reader.entry(&row)).collect();
            let asked = calls_of(&entries);
            if !asked.is_empty() {
                let params = [text_param(Some(&session_id)), text_param(Some(&asked))];
                let calls = store.read(sql::SESSION_CALLS, &params)?;
                name_acts(&mut entries, &calls);
            }
            let is_known = total > 0 || {
                let params = [text_param(Some(&session_id))];
                !store.read(sql::SESSION_IDS, &params)?.rows.is_empty()
            };
            if is_known {
                Ok(Transcript { total, entries })
            } else {
                Err(session_not_found(&session_id))
            }
        })
        .await?;
    Ok(Json(transcript))
}

/// Takes the texts of acts apart; the input of one request is the one before of the next.
struct Reader {
    hashing: Hashing,
    parsed: HashMap<i64, Arc<Option<Vec<JsonValue>>>>,
}

impl Reader {
    fn new(hashing: Hashing) -> Self {
        Self {
            hashing,
            parsed: HashMap::new(),
        }
    }

    fn messages(&mut self, id: Option<i64>, text: Option<&str>) -> Arc<Option<Vec<JsonValue>>> {
        let (Some(id), Some(text)) = (id, text) else {
            return Arc::default();
        };
        Arc::clone(
            self.parsed
                .entry(id)
                .or_insert_with(|| Arc::new(messages::parse(text))),
        )
    }

    fn entry(&mut self, row: &Named<'_>) -> Entry {
        let operation = row.string("operation");
        let (input, output) = (row.str("input"), row.str("output"));
        let size = |name| row.count(name);
        let mut entry = Entry {
            trace_id: row.string("trace_id"),
            span_id: row.string("span_id"),
            session_id: row.text("session_id"),
            turn: row.count("turn"),
            started_at: row.time("started_at").unwrap_or_default(),
            status: row.string("status"),
            error_message: row.text("error_message"),
            decision: row.text("decision"),
            parts: Vec::new(),
            unchanged_count: 0,
            rewritten: false,
            skipped_bytes: [(input, size("input_size")), (output, size("output_size"))]
                .iter()
                .filter(|(text, _)| text.is_none())
                .map(|(_, size)| *size)
                .sum(),
            operation,
        };
        if entry.operation == "model" {
            self.model(row, &mut entry);
            return entry;
        }
        let is_call = matches!(entry.operation.as_str(), "tool" | "mcp" | "skill");
        let (asks, answers) = match (entry.operation.as_str(), is_call) {
            (_, true) => (("assistant", "tool_call"), ("tool", "tool_call_response")),
            ("turn" | "agent", _) => (("user", "text"), ("assistant", "text")),
            _ => (("tool", "text"), ("tool", "text")),
        };
        for ((role, part_type), text) in [(asks, input), (answers, output)] {
            let Some(text) = text.filter(|text| !text.is_empty()) else {
                continue;
            };
            match messages::parse(text).filter(|_| !is_call) {
                // The prompt of a turn or agent may be the conversation so far; the last is new.
                Some(items) => {
                    let from = items.len().saturating_sub(1);
                    add(
                        &mut entry.parts,
                        messages::shape(&items[from..], role == "assistant", self.hashing),
                    );
                }
                None => entry.parts.push(part(role, part_type, text)),
            }
        }
        entry
    }

    fn model(&mut self, row: &Named<'_>, entry: &mut Entry) {
        let input = self.messages(row.int("input_id"), row.str("input"));
        let before = self.messages(row.int("previous_id"), row.str("previous"));
        match (input.as_ref(), row.str("input")) {
            (Some(items), _) => {
                let before = before.as_deref().unwrap_or_default();
                let unchanged = messages::unchanged_count(before, items);
                let speaks = |item: &&JsonValue| item["role"] != "system";
                let repeats = items[..unchanged].iter().filter(speaks).count();
                entry.unchanged_count = unchanged;
                entry.rewritten = repeats == 0 && before.iter().filter(speaks).count() > 1;
                add(
                    &mut entry.parts,
                    messages::shape(&items[unchanged..], false, self.hashing),
                );
            }
            (None, Some(text)) if !text.is_empty() => {
                entry.parts.push(part("user", "text", text));
            }
            _ => {}
        }
        match row.str("output") {
            Some(text) if !text.is_empty() => match messages::parse(text) {
                Some(items) => add(
                    &mut entry.parts,
                    messages::shape(&items, true, self.hashing),
                ),
                None => entry.parts.push(part("assistant", "text", text)),
            },
            _ => {}
        }
    }
}

fn part(role: &str, part_type: &str, text: &str) -> TranscriptPart {
    let head = head_of(text);
    TranscriptPart {
        role: role.to_owned(),
        direction: if role == "assistant" {
            "output"
        } else {
            "input"
        },
        part_type: part_type.to_owned(),
        name: None,
        mime_type: None,
        complete: head.len() == text.len(),
        text: Some(head.to_owned()),
        size_bytes: text.len(),
        act: None,
        tool_call_id: None,
    }
}

fn add(parts: &mut Vec<TranscriptPart>, messages: Vec<Message>) {
    for message in messages {
        // What a model answers is the assistant's, whatever the emitter names the role.
        let role = match message.direction {
            "output" => "assistant",
            "system" => "system",
            _ => message.role.as_str(),
        };
        for said in message.parts {
            let text = said.content.unwrap_or_default();
            parts.push(TranscriptPart {
                name: said.name,
                mime_type: said.mime_type,
                tool_call_id: said.tool_call_id,
                direction: message.direction,
                size_bytes: said.size_bytes,
                ..part(role, &said.part_type, &text)
            });
        }
    }
}

/// The beginning of a text, ending with a whole character.
fn head_of(text: &str) -> &str {
    let mut end = text.len().min(PART_HEAD_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// Ids of the calls that model requests speak of, as one parameter.
fn calls_of(entries: &[Entry]) -> String {
    let ids: HashSet<&str> = entries
        .iter()
        .filter(|entry| entry.operation == "model")
        .flat_map(|entry| &entry.parts)
        .filter_map(|part| part.tool_call_id.as_deref())
        .collect();
    ids.into_iter()
        .collect::<Vec<_>>()
        .join(sql::ITEM_SEPARATOR)
}

/// Tells calls and results in model requests which act shows them.
fn name_acts(entries: &mut [Entry], calls: &store::Table) {
    let acts: HashMap<&str, (SpanRef, bool)> = rows::rows(calls)
        .filter_map(|row| {
            let act = SpanRef {
                trace_id: row.string("trace_id"),
                span_id: row.string("span_id"),
            };
            Some((row.str("tool_call_id")?, (act, row.flag("has_output"))))
        })
        .collect();
    for part in entries.iter_mut().flat_map(|entry| &mut entry.parts) {
        let Some((act, has_output)) = part.tool_call_id.as_deref().and_then(|id| acts.get(id))
        else {
            continue;
        };
        // A result that its own act does not hold is told here alone.
        if part.part_type == "tool_call" || *has_output {
            part.act = Some(act.clone());
        }
    }
}

/// What to look for.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub(crate) struct SearchFilter {
    /// As in `/search`: words, `"a phrase"`, `begin*`, `-without`.
    q: String,
}

/// Acts whose texts hold the words.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SearchResult {
    matches: Vec<SpanRef>,
    /// There are more.
    truncated: bool,
}

/// Searches what the acts of a session say: prompts, arguments, results, answers.
#[utoipa::path(get, path = "/sessions/{session_id}/search", tag = "sessions",
    params(("session_id" = String, Path), SearchFilter),
    responses((status = 200, body = SearchResult), (status = 400, body = ErrorBody)))]
pub(crate) async fn search_session(
    Reading(state): Reading,
    ApiPath(session_id): ApiPath<String>,
    ApiQuery(filter): ApiQuery<SearchFilter>,
) -> Result<Json<SearchResult>, ApiError> {
    Store::check_question(&filter.q)
        .map_err(|message| ApiError::bad_request(format!("`q`: {message}")))?;
    let params = vec![
        text_param(Some(&session_id)),
        text_param(Some(&filter.q)),
        Value::Int(MAX_MATCHES + 1),
    ];
    let table = state.read(sql::SESSION_SEARCH, params).await?;
    let mut matches: Vec<SpanRef> = rows::rows(&table)
        .map(|row| SpanRef {
            trace_id: row.string("trace_id"),
            span_id: row.string("span_id"),
        })
        .collect();
    let truncated = matches.len() as i64 > MAX_MATCHES;
    matches.truncate(MAX_MATCHES as usize);
    Ok(Json(SearchResult { matches, truncated }))
}
