//! `/setup`.

use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

use crate::reach::Reading;
use crate::setup::{Harness, Recorder, harnesses};

/// Harnesses and SDKs with their settings for this recorder.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SetupList {
    harnesses: Vec<Harness>,
}

/// What to set so that a harness sends everything here.
#[utoipa::path(get, path = "/setup", tag = "status", responses((status = 200, body = SetupList)))]
pub(crate) async fn get_setup(Reading(state): Reading) -> Json<SetupList> {
    let scheme = state.config.scheme();
    let recorder = Recorder {
        grpc: format!("{scheme}://{}", state.config.otlp_grpc),
        http: format!("{scheme}://{}", state.config.otlp_http),
        needs_token: state.config.otlp_needs_token,
        program: "spanreel".to_owned(),
    };
    Json(SetupList {
        harnesses: harnesses(&recorder),
    })
}
