//! `/access`: what the one who asks may do here.

use std::sync::Arc;

use access::{Caller, Granted};
use axum::{Extension, Json};
use serde::Serialize;
use utoipa::ToSchema;

/// What the token of the request is good for.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Access {
    /// A token is asked for here.
    needs_token: bool,
    /// The request came from a browser that is signed in.
    is_signed_in: bool,
    /// The projects that it may see; null = everything that is recorded.
    #[schema(value_type = Option<Vec<String>>)]
    projects: Option<Arc<[String]>>,
}

/// Whether a token is asked for, and what that of this request is limited to.
#[utoipa::path(get, path = "/access", tag = "status", responses((status = 200, body = Access)))]
pub(crate) async fn get_access(
    Extension(caller): Extension<Caller>,
    Extension(granted): Extension<Granted>,
) -> Json<Access> {
    Json(Access {
        needs_token: caller.needs_token(),
        is_signed_in: granted.by_cookie,
        projects: granted.projects,
    })
}
