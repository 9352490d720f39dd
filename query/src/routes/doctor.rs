//! `/doctor`.

use std::collections::HashMap;

use axum::Json;
use serde::Serialize;
use store::Value;
use utoipa::ToSchema;

use crate::doctor::{Checkup, Counts, Gap, SESSIONS, check};
use crate::error::ApiError;
use crate::reach::Reading;
use crate::rows;
use crate::sql;

/// What was found, harness by harness, the one last heard of first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CheckupList {
    harnesses: Vec<Checkup>,
}

/// What arrives of each harness, what is missing, and the switch that brings it.
#[utoipa::path(get, path = "/doctor", tag = "status", responses((status = 200, body = CheckupList)))]
pub(crate) async fn get_checkup(Reading(state): Reading) -> Result<Json<CheckupList>, ApiError> {
    let sessions = || vec![Value::Int(SESSIONS)];
    let found = state.read(sql::DOCTOR_HARNESSES, sessions()).await?;
    let cut = state.read(sql::DOCTOR_NOTES, sessions()).await?;
    let signals = state.read(sql::DOCTOR_SIGNALS, Vec::new()).await?;

    let mut notes: HashMap<String, Vec<Gap>> = HashMap::new();
    for row in rows::rows(&cut) {
        if let (Some(harness), Some(what)) = (row.text("harness"), row.text("gap")) {
            notes.entry(harness).or_default().push(Gap {
                what,
                count: row.int("act_count").unwrap_or_default(),
                of: 0,
                fix: row.text("remedy"),
            });
        }
    }
    let mut records: HashMap<(String, String), i64> = HashMap::new();
    for row in rows::rows(&signals) {
        if let (Some(harness), Some(signal)) = (row.text("harness"), row.text("signal")) {
            let count = row.int("record_count").unwrap_or_default();
            records.insert((harness, signal), count);
        }
    }
    let harnesses = rows::rows(&found)
        .filter_map(|row| {
            let harness = row.text("harness")?;
            let count = |name: &str| row.int(name).unwrap_or_default();
            let arrived = |signal: &str| {
                let key = (harness.clone(), signal.to_owned());
                records.get(&key).copied().unwrap_or_default()
            };
            Some(check(&Counts {
                last_at: row.time("last_at").unwrap_or_default(),
                sessions: count("session_count"),
                inferred_sessions: count("inferred_session_count"),
                spans: count("span_count"),
                log_acts: count("log_act_count"),
                hooks: count("hook_act_count"),
                transcripts: count("transcript_act_count"),
                turns: count("turn_count"),
                turns_without_prompt: count("turns_without_prompt"),
                requests: count("model_request_count"),
                requests_without_input: count("requests_without_input"),
                requests_without_output: count("requests_without_output"),
                requests_without_tokens: count("requests_without_tokens"),
                requests_without_cost: count("requests_without_cost"),
                calls: count("tool_call_count"),
                calls_without_input: count("calls_without_input"),
                calls_without_output: count("calls_without_output"),
                dropped_attributes: count("dropped_attribute_count"),
                logs: arrived("logs"),
                metrics: arrived("metrics"),
                notes: notes.remove(&harness).unwrap_or_default(),
                harness,
            }))
        })
        .collect();
    Ok(Json(CheckupList { harnesses }))
}
