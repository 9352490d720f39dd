//! Groups of sessions beside each other: by harness, version, model or tag.

use serde::Serialize;
use store::Value;
use utoipa::ToSchema;

use crate::error::ApiError;
use crate::rows::{self, Named, text_param};
use crate::sql;
use crate::state::AppState;

/// What sessions can be grouped by.
const GROUPINGS: [&str; 4] = ["harness", "version", "model", "tag"];

/// Two groups of sessions.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct GroupComparison {
    /// `harness`, `version`, `model`, `tag`.
    by: String,
    a: Group,
    b: Group,
}

/// The sessions of a group in figures. Sessions that another one started are part of that one.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Group {
    value: String,
    session_count: i64,
    outcomes: Outcomes,
    /// Sessions of which the cost is known; `cost_usd` is of these.
    cost_known_count: i64,
    cost_usd: Option<Distribution>,
    turn_count: Option<Distribution>,
    model_request_count: Option<Distribution>,
    tool_call_count: Option<Distribution>,
    /// Failed acts of a session.
    failed_count: Option<Distribution>,
    /// Input and output tokens.
    token_count: Option<Distribution>,
    duration_ns: Option<Distribution>,
    finding_count: Option<Distribution>,
    /// Kinds of findings, in most sessions first.
    findings: Vec<KindCount>,
}

/// Sessions by their status.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Outcomes {
    ok: i64,
    error: i64,
    interrupted: i64,
    killed: i64,
    running: i64,
}

/// How a figure is spread over the sessions of a group.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Distribution {
    min: f64,
    median: f64,
    p90: f64,
    max: f64,
}

/// How many sessions have findings of a kind.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct KindCount {
    kind: String,
    session_count: i64,
    finding_count: i64,
}

/// Reads both groups.
pub(super) async fn groups(
    state: &AppState,
    by: &str,
    a: &str,
    b: &str,
) -> Result<GroupComparison, ApiError> {
    if !GROUPINGS.contains(&by) {
        return Err(ApiError::bad_request(format!(
            "sessions cannot be compared by {by:?}; they can by {}",
            GROUPINGS.join(", ")
        )));
    }
    let parameters = vec![
        text_param(Some(by)),
        text_param(Some(a)),
        text_param(Some(b)),
    ];
    let table = state.read(sql::COMPARE_GROUPS, parameters).await?;
    let group_of = |value: &str| {
        rows::rows(&table)
            .find(|row| row.str("value") == Some(value))
            .map(|row| group(&row))
            .ok_or_else(|| {
                ApiError::not_found(
                    "group_not_found",
                    format!("no session has the {by} {value}"),
                )
            })
    };
    Ok(GroupComparison {
        by: by.to_owned(),
        a: group_of(a)?,
        b: group_of(b)?,
    })
}

fn group(row: &Named<'_>) -> Group {
    let kinds = row.texts("kinds").into_iter();
    let counts = counts(row, "kind_sessions").zip(counts(row, "kind_findings"));
    Group {
        value: row.string("value"),
        session_count: row.count("session_count"),
        outcomes: Outcomes {
            ok: row.count("ok_count"),
            error: row.count("error_count"),
            interrupted: row.count("interrupted_count"),
            killed: row.count("killed_count"),
            running: row.count("running_count"),
        },
        cost_known_count: row.count("cost_known_count"),
        cost_usd: distribution(row, "cost_usd"),
        turn_count: distribution(row, "turn_count"),
        model_request_count: distribution(row, "model_request_count"),
        tool_call_count: distribution(row, "tool_call_count"),
        failed_count: distribution(row, "failed_count"),
        token_count: distribution(row, "token_count"),
        duration_ns: distribution(row, "duration_ns"),
        finding_count: distribution(row, "finding_count"),
        findings: kinds
            .zip(counts)
            .map(|(kind, (session_count, finding_count))| KindCount {
                kind,
                session_count,
                finding_count,
            })
            .collect(),
    }
}

fn counts<'a>(row: &Named<'a>, name: &str) -> impl Iterator<Item = i64> + 'a {
    let items: &[Value] = match row.value(name) {
        Value::List(items) => items,
        _ => &[],
    };
    items.iter().map(|item| match item {
        Value::Int(count) => *count,
        _ => 0,
    })
}

fn distribution(row: &Named<'_>, name: &str) -> Option<Distribution> {
    let Value::List(items) = row.value(name) else {
        return None;
    };
    match items.as_slice() {
        [
            Value::Double(min),
            Value::Double(median),
            Value::Double(p90),
            Value::Double(max),
        ] => Some(Distribution {
            min: *min,
            median: *median,
            p90: *p90,
            max: *max,
        }),
        _ => None,
    }
}
