//! How far a request reaches: the only way in which handlers come by the store.
//!
//! The routes hold a [`Site`], out of which nothing is got but by these extractors, so that each handler
//! says which it is: one that answers from the store as far as the token of its request goes
//! ([`Reading`]), or one that concerns everything that is recorded ([`Whole`]).

use access::Granted;
use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;

use crate::error::ApiError;
use crate::state::AppState;

/// What the routes hold.
#[derive(Clone)]
pub(crate) struct Site(AppState);

impl Site {
    pub(crate) fn new(state: AppState) -> Self {
        Self(state)
    }
}

/// The state with a store that shows no more than the token of the request may see.
pub(crate) struct Reading(pub(crate) AppState);

impl FromRequestParts<Site> for Reading {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, site: &Site) -> Result<Self, ApiError> {
        Ok(Self(site.0.limited_as(granted(parts)?)))
    }
}

/// The state, for requests that no project limits.
pub(crate) struct Whole(pub(crate) AppState);

impl FromRequestParts<Site> for Whole {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, site: &Site) -> Result<Self, ApiError> {
        match granted(parts)?.projects {
            None => Ok(Self(site.0.clone())),
            Some(_) => Err(beyond_limit()),
        }
    }
}

/// What `rights` has granted the request.
fn granted(parts: &Parts) -> Result<&Granted, ApiError> {
    parts
        .extensions
        .get()
        .ok_or_else(|| ApiError::failed("a request was granted nothing".to_owned()))
}

/// Told where a token that is limited to projects asks for what concerns all of them.
pub(crate) fn beyond_limit() -> ApiError {
    ApiError::new(
        StatusCode::FORBIDDEN,
        "limited_token",
        "this token is limited to some projects, and this concerns everything that is recorded: it takes \
         a token without `--project`. Sessions, search, findings, exports and comparisons are answered \
         for the token's projects",
    )
}
