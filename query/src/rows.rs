//! From result tables to the shapes of the API.

use std::sync::Arc;

use store::{Table, Value};

use crate::model::{Finding, SessionRow, SpanRef, Turn};
use crate::sql;
use crate::time::rfc3339;

/// One row of a table, read by column name. A missing column or another type reads as absent.
pub(crate) struct Named<'a> {
    table: &'a Table,
    row: &'a [Value],
}

/// The rows of a table.
pub(crate) fn rows(table: &Table) -> impl Iterator<Item = Named<'_>> {
    table.rows.iter().map(move |row| Named { table, row })
}

impl<'a> Named<'a> {
    pub(crate) fn value(&self, name: &str) -> &'a Value {
        let at = self
            .table
            .columns
            .iter()
            .position(|column| column.name == name);
        debug_assert!(at.is_some(), "no column {name}");
        at.and_then(|at| self.row.get(at)).unwrap_or(&Value::Null)
    }

    /// Every column with its value.
    pub(crate) fn cells(&self) -> impl Iterator<Item = (&'a str, &'a Value)> {
        let names = self.table.columns.iter().map(|column| column.name.as_str());
        names.zip(self.row)
    }

    pub(crate) fn str(&self, name: &str) -> Option<&'a str> {
        match self.value(name) {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn text(&self, name: &str) -> Option<String> {
        self.str(name).map(str::to_owned)
    }

    /// A text that is always there.
    pub(crate) fn string(&self, name: &str) -> String {
        self.str(name).unwrap_or_default().to_owned()
    }

    pub(crate) fn int(&self, name: &str) -> Option<i64> {
        match self.value(name) {
            Value::Int(value) => Some(*value),
            _ => None,
        }
    }

    pub(crate) fn count(&self, name: &str) -> i64 {
        self.int(name).unwrap_or(0)
    }

    pub(crate) fn double(&self, name: &str) -> Option<f64> {
        match self.value(name) {
            Value::Double(value) => Some(*value),
            _ => None,
        }
    }

    pub(crate) fn flag(&self, name: &str) -> bool {
        matches!(self.value(name), Value::Bool(true))
    }

    pub(crate) fn time_ns(&self, name: &str) -> Option<i64> {
        match self.value(name) {
            Value::Timestamp(ns) => Some(*ns),
            _ => None,
        }
    }

    pub(crate) fn time(&self, name: &str) -> Option<String> {
        self.time_ns(name).map(rfc3339)
    }

    pub(crate) fn hash(&self, name: &str) -> Option<[u8; 32]> {
        match self.value(name) {
            Value::Bytes(bytes) => bytes.as_slice().try_into().ok(),
            _ => None,
        }
    }

    pub(crate) fn texts(&self, name: &str) -> Vec<String> {
        match self.value(name) {
            Value::List(items) => items
                .iter()
                .filter_map(|item| match item {
                    Value::Text(text) => Some(text.to_string()),
                    _ => None,
                })
                .collect(),
            _ => Vec::new(),
        }
    }
}

/// A text or null as a query parameter.
pub(crate) fn text_param(text: Option<&str>) -> Value {
    text.map_or(Value::Null, |text| Value::Text(Arc::from(text)))
}

/// Some words as one query parameter, lower case; null when there are none.
pub(crate) fn list_param(items: &[String]) -> Value {
    let items: Vec<String> = items
        .iter()
        .filter(|item| !item.is_empty())
        .map(|item| item.to_lowercase())
        .collect();
    text_param(
        (!items.is_empty())
            .then(|| items.join(sql::ITEM_SEPARATOR))
            .as_deref(),
    )
}

pub(crate) fn session(row: &Named<'_>) -> SessionRow {
    SessionRow {
        session_id: row.string("session_id"),
        parent_session_id: row.text("parent_session_id"),
        harness: row.text("harness"),
        title: row.text("title"),
        host: row.text("host"),
        project: row.text("project"),
        user_id: row.text("user_id"),
        started_at: row.time("started_at").unwrap_or_default(),
        ended_at: row.time("ended_at"),
        duration_ns: row.count("duration_ns"),
        status: row.string("status"),
        inferred: row.flag("inferred"),
        turn_count: row.count("turn_count"),
        span_count: row.count("span_count"),
        model_request_count: row.count("model_request_count"),
        tool_call_count: row.count("tool_call_count"),
        error_count: row.count("error_count"),
        denied_count: row.count("denied_count"),
        subagent_count: row.count("subagent_count"),
        input_tokens: row.count("input_tokens"),
        output_tokens: row.count("output_tokens"),
        cache_read_tokens: row.count("cache_read_tokens"),
        cache_write_tokens: row.count("cache_write_tokens"),
        reasoning_tokens: row.count("reasoning_tokens"),
        cost_usd: row.double("cost_usd"),
        models: row.texts("models"),
        tools: row.texts("tools"),
        tags: row.texts("tags"),
        finding_count: row.count("finding_count"),
        finding_kinds: row.texts("finding_kinds"),
        payload_bytes: row.count("payload_bytes"),
    }
}

pub(crate) fn turn(row: &Named<'_>) -> Turn {
    Turn {
        turn: row.count("turn"),
        prompt: row.text("prompt"),
        response: row.text("response"),
        started_at: row.time("started_at").unwrap_or_default(),
        duration_ns: row.count("duration_ns"),
        model_request_count: row.count("model_request_count"),
        tool_call_count: row.count("tool_call_count"),
        error_count: row.count("error_count"),
        input_tokens: row.count("input_tokens"),
        output_tokens: row.count("output_tokens"),
        cost_usd: row.double("cost_usd"),
    }
}

pub(crate) fn finding(row: &Named<'_>) -> Finding {
    let span_ids: Vec<SpanRef> = row
        .texts("trace_ids")
        .into_iter()
        .zip(row.texts("span_ids"))
        .map(|(trace_id, span_id)| SpanRef { trace_id, span_id })
        .collect();
    Finding {
        finding_id: row.string("finding_id"),
        session_id: row.string("session_id"),
        session_title: row.text("session_title"),
        kind: row.string("kind"),
        severity: row.string("severity"),
        confidence: row.string("confidence"),
        detector: row.string("detector"),
        title: row.string("title"),
        explanation: row.string("explanation"),
        first_span_id: span_ids.first().map(|span| span.span_id.clone()),
        last_span_id: span_ids.last().map(|span| span.span_id.clone()),
        span_ids,
        repeat_count: row.count("repeat_count"),
        wasted_ns: row.count("wasted_ns"),
        wasted_tokens: row.count("wasted_tokens"),
        wasted_cost_usd: row.double("wasted_cost_usd"),
        detected_at: row.time("detected_at").unwrap_or_default(),
        updated_at: row.time("updated_at").unwrap_or_default(),
        open: row.flag("open"),
    }
}

/// A finding as the store keeps it.
pub(crate) fn stored_finding(row: &Named<'_>) -> store::FindingRow {
    store::FindingRow {
        finding_id: row.string("finding_id"),
        session_id: row.string("session_id"),
        kind: row.string("kind"),
        severity: row.string("severity"),
        confidence: row.string("confidence"),
        detector: row.string("detector"),
        title: row.string("title"),
        explanation: row.string("explanation"),
        spans: row
            .texts("trace_ids")
            .iter()
            .zip(row.texts("span_ids"))
            .filter_map(|(trace_id, span_id)| {
                Some(store::ActKey {
                    trace_id: trace_id.parse().ok()?,
                    span_id: span_id.parse().ok()?,
                })
            })
            .collect(),
        repeat_count: row.count("repeat_count"),
        wasted_ns: row.count("wasted_ns"),
        wasted_tokens: row.count("wasted_tokens"),
        wasted_cost_usd: row.double("wasted_cost_usd"),
        detected_ns: row.time_ns("detected_at").unwrap_or(0),
        updated_ns: row.time_ns("updated_at").unwrap_or(0),
        open: row.flag("open"),
    }
}

/// A finding as the store announces it.
pub(crate) fn announced_finding(row: &store::FindingRow) -> Finding {
    let span_ids: Vec<SpanRef> = row
        .spans
        .iter()
        .map(|key| SpanRef {
            trace_id: key.trace_id.hex(),
            span_id: key.span_id.hex(),
        })
        .collect();
    Finding {
        finding_id: row.finding_id.clone(),
        session_id: row.session_id.clone(),
        session_title: None,
        kind: row.kind.clone(),
        severity: row.severity.clone(),
        confidence: row.confidence.clone(),
        detector: row.detector.clone(),
        title: row.title.clone(),
        explanation: row.explanation.clone(),
        first_span_id: span_ids.first().map(|span| span.span_id.clone()),
        last_span_id: span_ids.last().map(|span| span.span_id.clone()),
        span_ids,
        repeat_count: row.repeat_count,
        wasted_ns: row.wasted_ns,
        wasted_tokens: row.wasted_tokens,
        wasted_cost_usd: row.wasted_cost_usd,
        detected_at: rfc3339(row.detected_ns),
        updated_at: rfc3339(row.updated_ns),
        open: row.open,
    }
}
