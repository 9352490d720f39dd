//! `/alerts`: the rules, how deliveries went, and a test alert.

use axum::Json;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::alerts::{self, Alert, Health, Place};
use crate::error::{ApiError, ErrorBody};
use crate::extract::ApiQuery;
use crate::outbound;
use crate::reach::Whole;

/// The alerts that are set up.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AlertOverview {
    /// Names of the rules.
    rules: Vec<String>,
    targets: Vec<AlertTarget>,
}

/// Where alerts go, and how it went since the start.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AlertTarget {
    name: String,
    /// `webhook`, `command`, `desktop`.
    kind: &'static str,
    /// Scheme and host of a webhook, program of a command; the rest may be secret.
    place: Option<String>,
    #[serde(flatten)]
    health: Health,
}

/// What is set up in `alerts.json`, and how deliveries went.
#[utoipa::path(get, path = "/alerts", tag = "findings", responses((status = 200, body = AlertOverview)))]
pub(crate) async fn get_alerts(Whole(state): Whole) -> Json<AlertOverview> {
    let targets = state.outbox.health().into_iter().map(|(target, health)| {
        let (kind, place) = match &target.place {
            Place::Webhook { url, .. } => {
                let host = url.get().ok().and_then(|url| outbound::shown(&url));
                ("webhook", host)
            }
            Place::Command(command) => ("command", command.first().cloned()),
            Place::Desktop => ("desktop", None),
        };
        AlertTarget {
            name: target.name,
            kind,
            place,
            health,
        }
    });
    Json(AlertOverview {
        rules: state
            .config
            .alerts
            .rules
            .iter()
            .map(|rule| rule.name.clone())
            .collect(),
        targets: targets.collect(),
    })
}

/// To whom a test alert goes.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct AlertTestFilter {
    /// Only this target; all without it.
    target: Option<String>,
}

/// How a test alert fared.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AlertTestReport {
    targets: Vec<AlertTestOutcome>,
}

/// How a test alert fared at one target.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AlertTestOutcome {
    target: String,
    delivered: bool,
    /// Why it was not.
    error: Option<String>,
}

/// Sends a test alert to every target, once, and says how it fared.
#[utoipa::path(post, path = "/alerts/test", params(AlertTestFilter), tag = "findings",
    responses((status = 200, body = AlertTestReport),
        (status = 404, description = "No such target, or none at all", body = ErrorBody)))]
pub(crate) async fn test_alerts(
    Whole(state): Whole,
    ApiQuery(filter): ApiQuery<AlertTestFilter>,
) -> Result<Json<AlertTestReport>, ApiError> {
    let targets: Vec<alerts::Target> = state
        .config
        .alerts
        .targets
        .iter()
        .filter(|target| {
            filter
                .target
                .as_ref()
                .is_none_or(|name| *name == target.name)
        })
        .cloned()
        .collect();
    if targets.is_empty() {
        return Err(ApiError::not_found(
            "target_not_found",
            "there is no such target of alerts: alerts.json in the data folder names them, and is read when the server starts",
        ));
    }
    let alert = Alert::test(&format!("http://{}", state.config.ui));
    let mut outcomes = Vec::new();
    for target in targets {
        let (alert, name) = (alert.clone(), target.name.clone());
        let delivered =
            tokio::task::spawn_blocking(move || alerts::deliver_once(&target, &alert)).await;
        let error = match delivered {
            Ok(Ok(())) => None,
            Ok(Err(failed)) => Some(failed.words()),
            Err(error) => return Err(ApiError::internal(&error)),
        };
        outcomes.push(AlertTestOutcome {
            target: name,
            delivered: error.is_none(),
            error,
        });
    }
    Ok(Json(AlertTestReport { targets: outcomes }))
}
