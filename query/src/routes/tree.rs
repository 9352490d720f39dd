//! The waterfall: structure of a session or a trace, column by column, without payloads.

use std::collections::HashMap;

use axum::http::header::{CONTENT_TYPE, ETAG};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use proto::agent::{Decision, Operation, Status};
use proto::id::{SpanId, TraceId};
use serde::{Serialize, Serializer};
use store::{Row, Value};
use utoipa::ToSchema;

use super::sessions::session_not_found;
use crate::error::{ApiError, ErrorBody};
use crate::etag::is_current;
use crate::extract::ApiPath;
use crate::model::Finding;
use crate::reach::Reading;
use crate::sql;
use crate::state::AppState;
use crate::time::rfc3339;

/// The parent is named but has not arrived.
const WAITING_FOR_PARENT: i64 = 1;

/// The spans of a session (with its child sessions) or of a trace, ordered by start, parents first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Tree {
    session_id: Option<String>,
    started_at: String,
    duration_ns: i64,
    span_count: usize,
    /// Words that `columns.operation` indexes.
    operations: Vec<&'static str>,
    /// Texts that the columns ending in `_s` index; -1 there is null.
    strings: Vec<String>,
    /// Ids that `columns.trace` indexes.
    traces: Vec<String>,
    columns: TreeColumns,
    findings: Vec<TreeFinding>,
}

/// Arrays of equal length, one entry for each span.
#[derive(Debug, Default, Serialize, ToSchema)]
struct TreeColumns {
    trace: Vec<i64>,
    #[schema(value_type = Vec<String>)]
    span_id: Vec<HexId>,
    /// Row of the parent, or -1.
    parent: Vec<i64>,
    /// Nanoseconds since `started_at`.
    start_ns: Vec<i64>,
    /// -1 = has not ended.
    duration_ns: Vec<i64>,
    operation: Vec<i64>,
    name_s: Vec<i64>,
    detail_s: Vec<i64>,
    /// 0 unset, 1 ok, 2 error.
    status: Vec<i64>,
    /// 1 waiting for parent, 2 duplicate, 4 truncated upstream, 8 reported by log only,
    /// 16 plumbing or part of the parent, 32 has input, 64 has output, 128 subagent root.
    flags: Vec<i64>,
    /// 0 = none.
    turn: Vec<i64>,
    agent_s: Vec<i64>,
    model_s: Vec<i64>,
    tool_s: Vec<i64>,
    mcp_server_s: Vec<i64>,
    /// 0 none, 1 allow, 2 deny, 3 ask.
    decision: Vec<i64>,
    session_s: Vec<i64>,
    /// -1 = none.
    input_tokens: Vec<i64>,
    output_tokens: Vec<i64>,
    cost_usd: Vec<Option<f64>>,
    call_hash_s: Vec<i64>,
}

/// A span id, kept as bytes and written as hex.
#[derive(Debug, Clone, Copy)]
struct HexId(SpanId);

impl Serialize for HexId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut text = [0; 16];
        // Eight bytes always fit.
        let _ = hex::encode_to_slice(self.0.0, &mut text);
        serializer.serialize_str(std::str::from_utf8(&text).unwrap_or_default())
    }
}

/// A finding and its rows in the tree.
#[derive(Debug, Serialize, ToSchema)]
struct TreeFinding {
    #[serde(flatten)]
    finding: Finding,
    rows: Vec<usize>,
}

/// The waterfall of a session, child sessions included.
#[utoipa::path(get, path = "/sessions/{session_id}/tree", tag = "sessions",
    params(("session_id" = String, Path)),
    responses((status = 200, body = Tree), (status = 304), (status = 404, body = ErrorBody)))]
pub(crate) async fn session_tree(
    Reading(state): Reading,
    ApiPath(session_id): ApiPath<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    answer(
        &state,
        sql::SESSION_TREE,
        &session_id,
        Some(&session_id),
        &headers,
    )
    .await?
    .ok_or_else(|| session_not_found(&session_id))
}

/// The waterfall of one trace.
#[utoipa::path(get, path = "/traces/{trace_id}/tree", tag = "spans",
    params(("trace_id" = String, Path)),
    responses((status = 200, body = Tree), (status = 304), (status = 404, body = ErrorBody)))]
pub(crate) async fn trace_tree(
    Reading(state): Reading,
    ApiPath(trace_id): ApiPath<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let trace_id = trace_id.to_lowercase();
    answer(&state, sql::TRACE_TREE, &trace_id, None, &headers)
        .await?
        .ok_or_else(|| {
            let shown: String = trace_id.chars().take(64).collect();
            let message = format!("there is no trace `{shown}`; its id is 32 hex digits");
            ApiError::not_found("trace_not_found", message)
        })
}

async fn answer(
    state: &AppState,
    query: &'static str,
    id: &str,
    session_id: Option<&str>,
    headers: &HeaderMap,
) -> Result<Option<Response>, ApiError> {
    let params = vec![Value::Text(id.into())];
    let raw = state
        .scan(query, params, RawTree::default(), RawTree::push)
        .await?;
    if raw.starts.is_empty() {
        return Ok(None);
    }
    let sessions: Vec<&str> = raw
        .sessions()
        .map(|index| raw.strings.texts[index as usize].as_str())
        .collect();
    let findings = super::findings::of_sessions(state, &sessions).await?;
    let session_id = session_id.or(match sessions.as_slice() {
        [one] => Some(*one),
        _ => None,
    });
    let session_id = session_id.map(str::to_owned);
    let body = state
        .blocking(move |_| {
            let tree = raw.finish(session_id, findings);
            serde_json::to_vec(&tree).map_err(|error| ApiError::internal(&error))
        })
        .await?;
    // Compression makes other bytes of the same content, hence weak.
    let etag = format!("W/\"{}\"", &blake3::hash(&body).to_hex()[..32]);
    if is_current(headers, &etag) {
        return Ok(Some(
            (StatusCode::NOT_MODIFIED, [(ETAG, etag)]).into_response(),
        ));
    }
    let content_type = [(CONTENT_TYPE, "application/json")];
    Ok(Some((content_type, [(ETAG, etag)], body).into_response()))
}

/// Texts that many rows share, each kept once.
#[derive(Default)]
struct Strings {
    texts: Vec<String>,
    places: HashMap<String, i64>,
}

impl Strings {
    fn index(&mut self, text: Option<&str>) -> i64 {
        let Some(text) = text else { return -1 };
        if let Some(place) = self.places.get(text) {
            return *place;
        }
        let place = self.texts.len() as i64;
        self.texts.push(text.to_owned());
        self.places.insert(text.to_owned(), place);
        place
    }
}

/// Columns as the rows come, times absolute, parents by id.
#[derive(Default)]
struct RawTree {
    columns: TreeColumns,
    starts: Vec<i64>,
    parents: Vec<Option<SpanId>>,
    strings: Strings,
    traces: Vec<TraceId>,
    trace_places: HashMap<TraceId, i64>,
}

impl RawTree {
    /// Takes one row of the tree queries; the numbers are their column positions.
    fn push(&mut self, row: &Row<'_>) {
        let trace = id_of::<TraceId>(row.text(0)).unwrap_or_default();
        let next = self.traces.len() as i64;
        let trace_place = *self.trace_places.entry(trace).or_insert(next);
        if trace_place == next {
            self.traces.push(trace);
        }
        self.starts.push(row.int(3).unwrap_or(0));
        self.parents.push(id_of(row.text(2)));
        let columns = &mut self.columns;
        let strings = &mut self.strings;
        columns.trace.push(trace_place);
        columns
            .span_id
            .push(HexId(id_of(row.text(1)).unwrap_or_default()));
        columns.duration_ns.push(row.int(4).unwrap_or(-1));
        columns
            .operation
            .push(place_of(Operation::ALL, |o| o.as_str(), row.text(5)).unwrap_or(0));
        columns.name_s.push(strings.index(row.text(6)));
        columns.detail_s.push(strings.index(row.text(7)));
        columns
            .status
            .push(place_of(Status::ALL, |s| s.as_str(), row.text(8)).unwrap_or(0));
        columns.flags.push(row.int(9).unwrap_or(0));
        columns.turn.push(row.int(10).unwrap_or(0));
        columns.agent_s.push(strings.index(row.text(11)));
        columns.model_s.push(strings.index(row.text(12)));
        columns.tool_s.push(strings.index(row.text(13)));
        columns.mcp_server_s.push(strings.index(row.text(14)));
        let decision = place_of(Decision::ALL, |d| d.as_str(), row.text(15));
        columns.decision.push(decision.map_or(0, |place| place + 1));
        columns.session_s.push(strings.index(row.text(16)));
        columns.input_tokens.push(row.int(17).unwrap_or(-1));
        columns.output_tokens.push(row.int(18).unwrap_or(-1));
        columns.cost_usd.push(row.double(19));
        columns.call_hash_s.push(strings.index(row.text(20)));
    }

    /// Dictionary indexes of the sessions that the rows belong to.
    fn sessions(&self) -> impl Iterator<Item = i64> {
        let mut places: Vec<i64> = self.columns.session_s.clone();
        places.sort_unstable();
        places.dedup();
        places.into_iter().filter(|place| *place >= 0)
    }

    fn finish(self, session_id: Option<String>, findings: Vec<Finding>) -> Tree {
        let mut columns = self.columns;
        let count = self.starts.len();
        let mut by_span: HashMap<SpanId, usize> = HashMap::with_capacity(count);
        let mut by_key: HashMap<(i64, SpanId), usize> = HashMap::with_capacity(count);
        for row in 0..count {
            let span = columns.span_id[row].0;
            by_span.entry(span).or_insert(row);
            by_key.insert((columns.trace[row], span), row);
        }
        // Acts that only logs report may hang under a span of another trace.
        let find = |trace: i64, span: SpanId| {
            by_key
                .get(&(trace, span))
                .or_else(|| by_span.get(&span))
                .copied()
        };
        let mut parents = vec![None; count];
        for (row, parent) in self.parents.iter().enumerate() {
            let Some(parent) = parent else { continue };
            match find(columns.trace[row], *parent).filter(|parent| *parent != row) {
                Some(parent) => parents[row] = Some(parent),
                None => columns.flags[row] |= WAITING_FOR_PARENT,
            }
        }
        let depths = depths(&mut parents);
        let mut order: Vec<usize> = (0..count).collect();
        order.sort_by_key(|row| (self.starts[*row], depths[*row]));
        let mut place_of_row = vec![0; count];
        for (place, row) in order.iter().enumerate() {
            place_of_row[*row] = place;
        }
        let started_ns = order.first().map_or(0, |row| self.starts[*row]);
        let end = |row: usize| self.starts[row].saturating_add(columns.duration_ns[row].max(0));
        let ended_ns = (0..count).map(end).max().unwrap_or(started_ns);
        columns.start_ns = self.starts.iter().map(|start| start - started_ns).collect();
        columns.parent = parents
            .iter()
            .map(|parent| parent.map_or(-1, |row| place_of_row[row] as i64))
            .collect();
        let trace_places = &self.trace_places;
        let findings = findings
            .into_iter()
            .map(|finding| TreeFinding {
                rows: finding
                    .span_ids
                    .iter()
                    .filter_map(|span| {
                        let trace: TraceId = span.trace_id.parse().ok()?;
                        let span = span.span_id.parse().ok()?;
                        find(*trace_places.get(&trace)?, span).map(|row| place_of_row[row])
                    })
                    .collect(),
                finding,
            })
            .collect();
        Tree {
            session_id,
            started_at: rfc3339(started_ns),
            duration_ns: ended_ns.saturating_sub(started_ns),
            span_count: count,
            operations: Operation::ALL
                .iter()
                .map(|operation| operation.as_str())
                .collect(),
            strings: self.strings.texts,
            traces: self.traces.iter().map(TraceId::hex).collect(),
            columns: columns.reordered(&order),
            findings,
        }
    }
}

impl TreeColumns {
    fn reordered(mut self, order: &[usize]) -> Self {
        if order.is_sorted() {
            return self;
        }
        fn by<T: Copy>(column: &mut Vec<T>, order: &[usize]) {
            *column = order.iter().map(|row| column[*row]).collect();
        }
        for column in [
            &mut self.trace,
            &mut self.parent,
            &mut self.start_ns,
            &mut self.duration_ns,
            &mut self.operation,
            &mut self.name_s,
            &mut self.detail_s,
            &mut self.status,
            &mut self.flags,
            &mut self.turn,
            &mut self.agent_s,
            &mut self.model_s,
            &mut self.tool_s,
            &mut self.mcp_server_s,
            &mut self.decision,
            &mut self.session_s,
            &mut self.input_tokens,
            &mut self.output_tokens,
            &mut self.call_hash_s,
        ] {
            by(column, order);
        }
        by(&mut self.span_id, order);
        by(&mut self.cost_usd, order);
        self
    }
}

/// Distance of each row from its root. A circle of parents is cut where it is noticed.
fn depths(parents: &mut [Option<usize>]) -> Vec<u32> {
    const UNKNOWN: u32 = u32::MAX;
    const ON_PATH: u32 = u32::MAX - 1;
    let mut depths = vec![UNKNOWN; parents.len()];
    let mut path = Vec::new();
    for row in 0..parents.len() {
        let mut at = row;
        let mut depth = loop {
            match depths[at] {
                UNKNOWN => {}
                // Back on the path: the act before is made a root.
                ON_PATH => {
                    if let Some(last) = path.last() {
                        parents[*last] = None;
                    }
                    break 0;
                }
                known => break known + 1,
            }
            depths[at] = ON_PATH;
            path.push(at);
            match parents[at] {
                Some(parent) => at = parent,
                None => break 0,
            }
        };
        while let Some(at) = path.pop() {
            depths[at] = depth;
            depth += 1;
        }
    }
    depths
}

fn id_of<T: std::str::FromStr>(text: Option<&str>) -> Option<T> {
    text?.parse().ok()
}

fn place_of<T: Copy>(words: &[T], word: fn(T) -> &'static str, text: Option<&str>) -> Option<i64> {
    let text = text?;
    let place = words
        .iter()
        .position(|candidate| word(*candidate) == text)?;
    Some(place as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn circles_of_parents_are_cut() {
        let mut parents = vec![Some(1), Some(2), Some(0), Some(0), None, Some(4)];
        let depths = depths(&mut parents);
        assert_eq!(parents, [Some(1), Some(2), None, Some(0), None, Some(4)]);
        assert_eq!(depths, [2, 1, 0, 3, 0, 1]);
    }
}
