//! `/sessions/{id}/ask`: what would be handed to the configured model, and its answer.

use axum::Json;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::digest::text_of_session;
use crate::ask::{EndpointError, Explanation, Protocol};
use crate::error::{ApiError, ErrorBody};
use crate::extract::ApiPath;
use crate::reach::{Reading, Whole};

/// Tokens of the digest that is handed to a model, at most.
const DIGEST_TOKENS: usize = 4_000;

/// What would be sent, and to whom.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AskPreview {
    /// Null when none is configured: nothing can be sent then.
    endpoint: Option<AskEndpoint>,
    /// The part of the body that is made of the run.
    digest: String,
    /// The whole body; null when no endpoint is configured.
    #[schema(value_type = Option<Object>)]
    body: Option<serde_json::Value>,
}

/// Whom the server would ask.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AskEndpoint {
    protocol: Protocol,
    /// Scheme and host.
    place: String,
    model: String,
}

/// Shows exactly what would be handed to the configured model; sends nothing.
#[utoipa::path(get, path = "/sessions/{session_id}/ask", tag = "findings",
    params(("session_id" = String, Path)),
    responses((status = 200, body = AskPreview),
        (status = 404, description = "No such session", body = ErrorBody)))]
pub(crate) async fn preview_ask(
    Reading(state): Reading,
    ApiPath(session_id): ApiPath<String>,
) -> Result<Json<AskPreview>, ApiError> {
    let digest = text_of_session(&state, session_id, DIGEST_TOKENS).await?;
    let endpoint = state.config.ask.as_ref();
    Ok(Json(AskPreview {
        body: endpoint.map(|endpoint| endpoint.body(&digest)),
        endpoint: endpoint.map(|endpoint| AskEndpoint {
            protocol: endpoint.protocol,
            place: endpoint.place(),
            model: endpoint.model.clone(),
        }),
        digest,
    }))
}

/// Hands a digest of a run to the model that `ask.json` in the data folder names, and gives its answer.
#[utoipa::path(post, path = "/sessions/{session_id}/ask", tag = "findings",
    params(("session_id" = String, Path)),
    responses((status = 200, body = Explanation),
        (status = 404, description = "No such session", body = ErrorBody),
        (status = 409, description = "No endpoint is configured, or not fully", body = ErrorBody),
        (status = 502, description = "The endpoint failed or refused", body = ErrorBody)))]
pub(crate) async fn ask(
    Whole(state): Whole,
    ApiPath(session_id): ApiPath<String>,
) -> Result<Json<Explanation>, ApiError> {
    let Some(endpoint) = state.config.ask.clone() else {
        return Err(ApiError::new(
            StatusCode::CONFLICT,
            "ask_not_configured",
            "no model is configured: write ask.json into the data folder, {\"protocol\": \"openai\", \"base_url\": \"…\", \"model\": \"…\", \"key_env\": \"…\"}, and start the server again",
        ));
    };
    let digest = text_of_session(&state, session_id, DIGEST_TOKENS).await?;
    let asked = tokio::task::spawn_blocking(move || endpoint.ask(&digest))
        .await
        .map_err(|error| ApiError::internal(&error))?;
    asked.map(Json).map_err(|error| match error {
        EndpointError::Settings(message) => {
            ApiError::new(StatusCode::CONFLICT, "ask_not_configured", message)
        }
        EndpointError::Failed(message) => {
            ApiError::new(StatusCode::BAD_GATEWAY, "ask_failed", message)
        }
    })
}
