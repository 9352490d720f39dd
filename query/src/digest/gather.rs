//! Reads what a digest may tell.

use std::sync::Arc;

use proto::Hashing;
use store::{FindingRow, Store, Value};

use crate::error::ApiError;
use crate::findings::{self, Act, Outcome, Settings, Verdict};
use crate::model::SessionRow;
use crate::routes::messages;
use crate::routes::session_filter::SessionFilter;
use crate::routes::sessions::first_page;
use crate::routes::verdict::guard_command;
use crate::rows;
use crate::sql;
use crate::state::AppState;

/// Sessions that are considered; further ones are only counted as "more".
const MAX_SESSIONS: usize = 1_000;
/// Sessions that more than their figures are told of, at most.
const MAX_DEEP: usize = 20;
/// Tokens of the budget for which one more session is looked into.
const TOKENS_PER_SESSION: usize = 600;
/// Characters of a prompt or answer that are read.
const TEXT_CHARS: i64 = 6_000;
/// Arguments beyond this size are not looked through for files.
const MAX_ARGUMENT_BYTES: i64 = 1 << 20;
const MAX_FILES: i64 = 200;
const MAX_CHILDREN: i64 = 200;

/// All that a digest may tell.
pub(crate) struct Material {
    /// Those that went wrong first, then by last activity.
    pub(super) sessions: Vec<SessionMaterial>,
    /// Sessions beyond those that are considered.
    pub(super) has_more: bool,
}

pub(super) struct SessionMaterial {
    pub(super) row: SessionRow,
    /// Of the first ones only.
    pub(super) deep: Option<Deep>,
}

/// What lies below the figures of a session.
pub(super) struct Deep {
    pub(super) acts: Vec<Act>,
    pub(super) findings: Vec<FindingRow>,
    pub(super) verdict: Verdict,
    pub(super) turns: Vec<TurnText>,
    pub(super) files: Vec<FileUse>,
    pub(super) children: Vec<SessionRow>,
}

pub(super) struct TurnText {
    pub(super) turn: i64,
    pub(super) start_ns: i64,
    pub(super) duration_ns: i64,
    pub(super) tool_call_count: i64,
    pub(super) error_count: i64,
    pub(super) prompt: Option<Text>,
    pub(super) response: Option<Text>,
}

/// The beginning of a stored text.
pub(super) struct Text {
    pub(super) head: String,
    pub(super) size_bytes: i64,
    /// The head is all that there is to say of it.
    pub(super) is_whole: bool,
    pub(super) hash: Option<[u8; 32]>,
}

pub(super) struct FileUse {
    pub(super) path: String,
    pub(super) calls: i64,
    pub(super) failed: i64,
    pub(super) tools: Vec<String>,
}

/// Reads the sessions that pass `filter`, the first of them in depth, as many as `budget_tokens` can
/// hold something of.
pub(crate) async fn gather(
    state: &AppState,
    filter: &SessionFilter,
    budget_tokens: usize,
) -> Result<Material, ApiError> {
    let mut rows = first_page(state, filter, MAX_SESSIONS as i64 + 1).await?;
    let has_more = rows.len() > MAX_SESSIONS;
    rows.truncate(MAX_SESSIONS);
    // Stable: within a rank the latest activity stays first.
    rows.sort_by_key(|row| std::cmp::Reverse(trouble(row)));
    let deep_count = (budget_tokens / TOKENS_PER_SESSION).clamp(1, MAX_DEEP);
    let mut sessions = Vec::with_capacity(rows.len());
    for (rank, row) in rows.into_iter().enumerate() {
        let deep = match rank < deep_count {
            true => Some(look_into(state, &row).await?),
            false => None,
        };
        sessions.push(SessionMaterial { row, deep });
    }
    Ok(Material { sessions, has_more })
}

/// How much went wrong in a session.
fn trouble(row: &SessionRow) -> u8 {
    match row.status.as_str() {
        "error" | "killed" => 3,
        _ if row.finding_count > 0 => 2,
        "interrupted" => 1,
        _ if row.denied_count > 0 => 1,
        _ => 0,
    }
}

async fn look_into(state: &AppState, row: &SessionRow) -> Result<Deep, ApiError> {
    let children = SessionFilter::children_of(row.session_id.clone());
    let children = first_page(state, &children, MAX_CHILDREN).await?;
    let settings = Arc::clone(&state.config.detectors);
    let id: Arc<str> = Arc::from(row.session_id.as_str());
    let (status, harness) = (row.status.clone(), row.harness.clone());
    let guard = guard_command(state.config.ui);
    let deep = state
        .blocking(move |store| {
            let outcome = Outcome {
                status: &status,
                harness: harness.as_deref(),
                guard: &guard,
            };
            Ok(read(store, &settings, &id, &outcome)?)
        })
        .await?;
    Ok(Deep { children, ..deep })
}

fn read(
    store: &Store,
    settings: &Settings,
    id: &Arc<str>,
    outcome: &Outcome<'_>,
) -> Result<Deep, store::Error> {
    let (session, ending) = findings::read_session(store, settings, id)?;
    let found = session.findings(ending);
    let verdict = findings::verdict(session.acts(), &found, outcome);
    let id = Value::Text(Arc::clone(id));
    let turns = store.read(sql::DIGEST_TURNS, &[id.clone(), Value::Int(TEXT_CHARS)])?;
    let limits = [Value::Int(MAX_ARGUMENT_BYTES), Value::Int(MAX_FILES)];
    let [most_bytes, most_files] = limits;
    let files = store.read(sql::SESSION_FILES, &[id, most_bytes, most_files])?;
    Ok(Deep {
        findings: found,
        verdict,
        acts: session.into_acts(),
        turns: rows::rows(&turns).map(|row| turn(&row)).collect(),
        files: rows::rows(&files)
            .map(|row| FileUse {
                path: row.string("path"),
                calls: row.count("calls"),
                failed: row.count("failed"),
                tools: row.texts("tools"),
            })
            .collect(),
        children: Vec::new(),
    })
}

fn turn(row: &rows::Named<'_>) -> TurnText {
    let text = |text, hash, size| {
        row.text(text).filter(|text| !text.is_empty()).map(|head| {
            let size_bytes = row.count(size);
            Text {
                is_whole: head.len() as i64 == size_bytes,
                head: said(&head).unwrap_or(head),
                size_bytes,
                hash: row.hash(hash),
            }
        })
    };
    TurnText {
        turn: row.count("turn"),
        start_ns: row.count("start_ns"),
        duration_ns: row.count("duration_ns"),
        tool_call_count: row.count("tool_call_count"),
        error_count: row.count("error_count"),
        prompt: text("prompt", "prompt_hash", "prompt_size"),
        response: text("response", "response_hash", "response_size"),
    }
}

/// What the messages of a text say, one part under the other; `None` where it is not messages.
fn said(text: &str) -> Option<String> {
    let messages = messages::shape(&messages::parse(text)?, true, Hashing::default());
    let parts = messages.iter().flat_map(|message| &message.parts);
    let texts: Vec<&str> = parts.filter_map(|part| part.content.as_deref()).collect();
    (!texts.is_empty()).then(|| texts.join("\n"))
}
