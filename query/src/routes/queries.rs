//! `/queries`: saved questions, those that come with Spanreel and the user's own.

use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::{Json, response::IntoResponse};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as JsonValue};
use store::{SavedQueryRow, UserSql};
use utoipa::ToSchema;

use super::sql::{SqlRequest, SqlResult, run_sql};
use crate::error::{ApiError, ErrorBody};
use crate::extract::{ApiJson, ApiPath};
use crate::reach::Whole;
use crate::rows::{self, text_param};
use crate::saved::{SavedQuery, shipped};
use crate::sql;
use crate::state::AppState;
use crate::time::now_ns;
use crate::user_sql::{self, DEFAULT_TIMEOUT};
use crate::value::from_json;

/// Saved queries of the user, at most.
const MAX_QUERIES: usize = 1000;

/// A saved query, and whose it is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ListedQuery {
    #[serde(flatten)]
    query: SavedQuery,
    /// It comes with Spanreel and cannot be changed.
    shipped: bool,
    /// Null when it is shipped.
    updated_at: Option<String>,
}

/// All saved queries, the shipped ones first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct QueryList {
    queries: Vec<ListedQuery>,
}

/// Which values, and how much of the answer.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
pub(crate) struct RunRequest {
    /// Values by the name of the parameter; the defaults stand for the rest.
    #[schema(value_type = std::collections::HashMap<String, serde_json::Value>)]
    params: Map<String, JsonValue>,
    /// As in `/sql`.
    max_rows: Option<usize>,
    /// As in `/sql`.
    timeout_ms: Option<u64>,
}

/// Lists the saved queries with their parameters and SQL.
#[utoipa::path(get, path = "/queries", tag = "sql",
    responses((status = 200, body = QueryList)))]
pub(crate) async fn list_queries(Whole(state): Whole) -> Result<Json<QueryList>, ApiError> {
    let table = state
        .read(sql::SAVED_QUERIES, vec![text_param(None)])
        .await?;
    let shipped = shipped().iter().map(|query| ListedQuery {
        query: query.clone(),
        shipped: true,
        updated_at: None,
    });
    let own = rows::rows(&table).map(|row| ListedQuery {
        query: stored(&row),
        shipped: false,
        updated_at: row.time("updated_at"),
    });
    Ok(Json(QueryList {
        queries: shipped.chain(own).collect(),
    }))
}

/// Runs a saved query; answers as `/sql` does.
#[utoipa::path(post, path = "/queries/{name}", tag = "sql",
    params(("name" = String, Path)), request_body = RunRequest,
    responses(
        (status = 200, content((SqlResult = "application/json"), (String = "text/csv"))),
        (status = 400, body = ErrorBody), (status = 404, body = ErrorBody),
        (status = 503, body = ErrorBody, description = "code: sql_busy")))]
pub(crate) async fn run_query(
    Whole(state): Whole,
    ApiPath(name): ApiPath<String>,
    headers: HeaderMap,
    ApiJson(request): ApiJson<RunRequest>,
) -> Result<Response, ApiError> {
    let query = find(&state, &name).await?.ok_or_else(|| unknown(&name))?;
    let (sql, params) = query
        .prepare(&request.params, now_ns())
        .map_err(ApiError::bad_request)?;
    let request = SqlRequest {
        sql,
        params,
        max_rows: request.max_rows,
        timeout_ms: request.timeout_ms,
    };
    let answer = run_sql(Whole(state), headers, ApiJson(request)).await;
    // A place in the SQL that ran means nothing to whoever gave a name.
    Ok(answer.map_err(|error| error.at(None))?.into_response())
}

/// Saves a query under a new name.
#[utoipa::path(post, path = "/queries", tag = "sql", request_body = SavedQuery,
    responses((status = 201, body = SavedQuery), (status = 400, body = ErrorBody),
        (status = 409, body = ErrorBody)))]
pub(crate) async fn add_query(
    Whole(state): Whole,
    ApiJson(query): ApiJson<SavedQuery>,
) -> Result<(StatusCode, Json<SavedQuery>), ApiError> {
    if find(&state, &query.name).await?.is_some() {
        return Err(ApiError::new(
            StatusCode::CONFLICT,
            "query_exists",
            format!("there is a query `{}`; PUT replaces it", query.name),
        ));
    }
    save(&state, &query).await?;
    Ok((StatusCode::CREATED, Json(query)))
}

/// Saves a query, in place of one that has the name.
#[utoipa::path(put, path = "/queries/{name}", tag = "sql",
    params(("name" = String, Path)), request_body = SavedQuery,
    responses((status = 200, body = SavedQuery), (status = 400, body = ErrorBody)))]
pub(crate) async fn replace_query(
    Whole(state): Whole,
    ApiPath(name): ApiPath<String>,
    ApiJson(query): ApiJson<SavedQuery>,
) -> Result<Json<SavedQuery>, ApiError> {
    if query.name != name {
        let message = "`name` in the body is another than in the path";
        return Err(ApiError::bad_request(message));
    }
    save(&state, &query).await?;
    Ok(Json(query))
}

/// Removes a query of the user.
#[utoipa::path(delete, path = "/queries/{name}", tag = "sql",
    params(("name" = String, Path)),
    responses((status = 204), (status = 400, body = ErrorBody), (status = 404, body = ErrorBody)))]
pub(crate) async fn remove_query(
    Whole(state): Whole,
    ApiPath(name): ApiPath<String>,
) -> Result<StatusCode, ApiError> {
    refuse_shipped(&name)?;
    if find(&state, &name).await?.is_none() {
        return Err(unknown(&name));
    }
    state
        .blocking(move |store| Ok(store.remove_saved_query(&name)?))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn save(state: &AppState, query: &SavedQuery) -> Result<(), ApiError> {
    refuse_shipped(&query.name)?;
    query.check().map_err(ApiError::bad_request)?;
    let count = state
        .read(sql::SAVED_QUERIES, vec![text_param(None)])
        .await?;
    if count.rows.len() >= MAX_QUERIES {
        let message = format!("there are {MAX_QUERIES} saved queries; delete one first");
        return Err(ApiError::bad_request(message));
    }
    // With every required value absent the engine still checks names and types.
    let given = query
        .parameters
        .iter()
        .filter(|parameter| parameter.required);
    let given = given.map(|parameter| (parameter.name.clone(), JsonValue::Null));
    let (sql, params) = query
        .prepare(&given.collect(), now_ns())
        .map_err(ApiError::bad_request)?;
    let row = SavedQueryRow {
        name: query.name.clone(),
        title: query.title.clone(),
        description: query.description.clone(),
        parameters: serde_json::to_string(&query.parameters)
            .map_err(|error| ApiError::internal(&error))?,
        sql: query.sql.clone(),
        updated_ns: now_ns(),
    };
    let described = UserSql {
        sql,
        params: params.iter().map(from_json).collect(),
        max_rows: 1,
        max_bytes: 1 << 20,
        timeout: DEFAULT_TIMEOUT,
    };
    user_sql::describe(state, described)
        .await
        .map_err(|error| error.at(None))?;
    state
        .blocking(move |store| Ok(store.write_saved_query(&row)?))
        .await
}

/// The query of that name.
async fn find(state: &AppState, name: &str) -> Result<Option<SavedQuery>, ApiError> {
    if let Some(query) = shipped().iter().find(|query| query.name == name) {
        return Ok(Some(query.clone()));
    }
    let table = state
        .read(sql::SAVED_QUERIES, vec![text_param(Some(name))])
        .await?;
    Ok(rows::rows(&table).next().map(|row| stored(&row)))
}

fn stored(row: &rows::Named<'_>) -> SavedQuery {
    SavedQuery {
        name: row.string("name"),
        title: row.string("title"),
        description: row.string("description"),
        parameters: serde_json::from_str(&row.string("parameters")).unwrap_or_default(),
        sql: row.string("sql"),
    }
}

fn refuse_shipped(name: &str) -> Result<(), ApiError> {
    match shipped().iter().any(|query| query.name == name) {
        true => Err(ApiError::bad_request(format!(
            "`{name}` comes with Spanreel and stays as it is; save yours under another name"
        ))),
        false => Ok(()),
    }
}

fn unknown(name: &str) -> ApiError {
    let shown: String = name.chars().take(100).collect();
    ApiError::not_found(
        "query_not_found",
        format!("there is no saved query `{shown}`; GET /api/v1/queries lists them"),
    )
}
