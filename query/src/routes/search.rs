//! `/search`: full text, over everything that was said, called and answered.

use std::time::Instant;

use axum::Json;
use serde::{Deserialize, Serialize};
use store::{PassageOf, Store, Value};
use utoipa::{IntoParams, ToSchema};

use crate::encode::percent_encoded;
use crate::error::{ApiError, ErrorBody};
use crate::extract::ApiQuery;
use crate::reach::Reading;
use crate::rows::{self, Named, list_param, text_param};
use crate::sql;
use crate::time::{now_ns, parse_when};

const DEFAULT_LIMIT: i64 = 20;
const MAX_LIMIT: i64 = 100;
/// Longest question.
const MAX_QUESTION_BYTES: usize = 4096;

/// What to look for, and where.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub(crate) struct TextSearch {
    /// Words that one text has to hold all of, in any order; `"a phrase"`, `begin*`, `-without`.
    /// Case does not matter.
    q: String,
    /// `model`, `tool`, `agent`, `hook`, …
    operation: Vec<String>,
    /// Name of a tool.
    tool: Vec<String>,
    /// A session id.
    session: Vec<String>,
    harness: Vec<String>,
    /// Started then or later: RFC 3339, `2026-11-21`, or an age as `7d`, `12h`, `30m`.
    since: Option<String>,
    /// Started before; as `since`.
    until: Option<String>,
    /// Hits of one page, at most 100.
    limit: Option<i64>,
    /// `next_cursor` of the page before, asked with the same question and filters.
    cursor: Option<String>,
}

/// Acts that answer, latest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SearchPage {
    /// Acts that answer in all.
    total: i64,
    /// There may be more: so much has just arrived that a part of it is not searched yet.
    total_is_lower_bound: bool,
    hits: Vec<SearchHit>,
    /// Null on the last page.
    next_cursor: Option<String>,
    elapsed_ms: u64,
}

/// One act, and where it says what was looked for. A text that a session shows again and again, as
/// requests resend the conversation, is a hit where it was first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SearchHit {
    session_id: Option<String>,
    session_title: Option<String>,
    harness: Option<String>,
    /// 0 = none.
    turn: i64,
    trace_id: String,
    span_id: String,
    operation: String,
    name: String,
    /// What it is about, on one line.
    detail: Option<String>,
    tool_name: Option<String>,
    mcp_server: Option<String>,
    model: Option<String>,
    agent_name: Option<String>,
    decision: Option<String>,
    failed: bool,
    started_at: String,
    /// Which of its texts: `prompt`, `input`, `output`, `event`, `name`.
    part: String,
    /// Address of that text at `/payloads/{hash}`.
    payload_hash: Option<String>,
    /// Of a list of messages, place of the message from 1, as `messages.position`.
    message_position: Option<i32>,
    /// Of the message, place of the part from 1, as `messages.part`.
    message_part: Option<i32>,
    /// Texts of the act that answer; the passage is of the first.
    passage_count: i64,
    passage: Option<SearchPassage>,
    /// Where the interface shows the act.
    href: String,
}

/// A part of a text around what was found. Plain text of whoever wrote it: never markup.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SearchPassage {
    text: String,
    /// What was found: characters (Unicode scalar values) of `text`, start and end.
    highlights: Vec<[usize; 2]>,
    /// The text goes on before it.
    cut_before: bool,
    /// The text goes on behind it.
    cut_after: bool,
}

/// Full-text search over prompts, answers, arguments, results and names.
#[utoipa::path(get, path = "/search", params(TextSearch), tag = "search",
    responses((status = 200, body = SearchPage), (status = 400, body = ErrorBody)))]
pub(crate) async fn search(
    Reading(state): Reading,
    ApiQuery(search): ApiQuery<TextSearch>,
) -> Result<Json<SearchPage>, ApiError> {
    let started = Instant::now();
    if search.q.len() > MAX_QUESTION_BYTES {
        let message = format!("`q` is longer than {MAX_QUESTION_BYTES} bytes");
        return Err(ApiError::bad_request(message));
    }
    Store::check_question(&search.q)
        .map_err(|message| ApiError::bad_request(format!("`q`: {message}")))?;
    let limit = search.limit.unwrap_or(DEFAULT_LIMIT).clamp(1, MAX_LIMIT);
    let params = search.params(limit)?;
    let question = search.q;
    let page = state
        .blocking(move |store| {
            let is_complete = store.search_state()?.is_complete;
            let table = store.read(sql::SEARCH, &params)?;
            let mut rows: Vec<Named<'_>> = rows::rows(&table).collect();
            let has_more = rows.len() as i64 > limit;
            rows.truncate(limit as usize);
            let places: Vec<PassageOf> = rows.iter().map(place).collect();
            let passages = store.passages(&question, &places)?;
            let next_cursor = rows.last().filter(|_| has_more).map(|last| {
                let at = last.time_ns("started_at").unwrap_or(0);
                hex::encode(format!("{at}:{}", last.count("act_id")))
            });
            Ok(SearchPage {
                total: rows.first().map_or(0, |row| row.count("total")),
                total_is_lower_bound: !is_complete,
                hits: rows
                    .iter()
                    .zip(passages)
                    .map(|(row, p)| hit(row, p))
                    .collect(),
                next_cursor,
                elapsed_ms: started.elapsed().as_millis() as u64,
            })
        })
        .await?;
    Ok(Json(page))
}

impl TextSearch {
    /// The parameters of `search.sql`.
    fn params(&self, limit: i64) -> Result<Vec<Value>, ApiError> {
        let now = now_ns();
        let when = |name: &str, text: &Option<String>| {
            match text.as_deref() {
            None | Some("") => Ok(Value::Null),
            Some(text) => parse_when(text, now).map(Value::Int).ok_or_else(|| {
                ApiError::bad_request(format!(
                    "`{name}` is a time as 2026-11-21 or 2026-11-21T10:00:00Z, or an age as 7d, 12h, 30m"
                ))
            }),
        }
        };
        let (last_at, last_id) = match &self.cursor {
            None => (Value::Null, Value::Null),
            Some(cursor) => read_cursor(cursor)
                .ok_or_else(|| ApiError::bad_request("`cursor` is not one that /search gave"))?,
        };
        let sessions = self.session.join(sql::ITEM_SEPARATOR);
        Ok(vec![
            text_param(Some(&self.q)),
            list_param(&self.operation),
            list_param(&self.tool),
            text_param(Some(sessions.as_str()).filter(|ids| !ids.is_empty())),
            list_param(&self.harness),
            when("since", &self.since)?,
            when("until", &self.until)?,
            Value::Int(limit + 1),
            last_at,
            last_id,
        ])
    }
}

fn read_cursor(cursor: &str) -> Option<(Value, Value)> {
    let place = String::from_utf8(hex::decode(cursor).ok()?).ok()?;
    let (at, id) = place.split_once(':')?;
    Some((Value::Int(at.parse().ok()?), Value::Int(id.parse().ok()?)))
}

fn place(row: &Named<'_>) -> PassageOf {
    let number = row.count("number");
    match row.int("payload_id") {
        Some(payload_id) => PassageOf::Piece {
            payload_id,
            piece_id: number,
        },
        None => PassageOf::Act(number),
    }
}

fn hit(row: &Named<'_>, passage: Option<store::Passage>) -> SearchHit {
    let (trace_id, span_id) = (row.string("trace_id"), row.string("span_id"));
    let session_id = row.text("session_id").filter(|id| !id.is_empty());
    let message = passage.as_ref().and_then(|passage| passage.message);
    SearchHit {
        href: href(session_id.as_deref(), &trace_id, &span_id),
        session_id,
        session_title: row.text("session_title"),
        harness: row.text("harness"),
        turn: row.count("turn"),
        trace_id,
        span_id,
        operation: row.string("operation"),
        name: row.string("name"),
        detail: row.text("detail"),
        tool_name: row.text("tool_name"),
        mcp_server: row.text("mcp_server"),
        model: row.text("model"),
        agent_name: row.text("agent_name"),
        decision: row.text("decision"),
        failed: row.flag("failed"),
        started_at: row.time("started_at").unwrap_or_default(),
        part: row.string("part"),
        payload_hash: row.text("payload_hash"),
        message_position: message.map(|(position, _)| position),
        message_part: message.map(|(_, part)| part),
        passage_count: row.count("passage_count"),
        passage: passage.map(|passage| SearchPassage {
            text: passage.text,
            highlights: passage
                .highlights
                .into_iter()
                .map(|range| [range.start, range.end])
                .collect(),
            cut_before: passage.cut_before,
            cut_after: passage.cut_after,
        }),
    }
}

/// The page of an act: that of its session, else that of its trace.
fn href(session_id: Option<&str>, trace_id: &str, span_id: &str) -> String {
    match session_id {
        Some(id) => format!("/replay/{}?span={trace_id}:{span_id}", percent_encoded(id)),
        None => format!("/trace/{trace_id}?span={trace_id}:{span_id}"),
    }
}
