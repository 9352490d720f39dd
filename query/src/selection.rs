//! Answers with some of the fields of each row.

use serde::Serialize;
use serde_json::{Map, Value as Json};
use utoipa::PartialSchema;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;

use crate::error::ApiError;

/// The rows with only the fields that `names` lists, separated by commas.
///
/// # Errors
/// [`ApiError::bad_request`] for a field that the rows do not have.
pub(crate) fn select<T: Serialize + PartialSchema>(
    rows: &[T],
    names: &str,
) -> Result<Vec<Map<String, Json>>, ApiError> {
    let known = fields::<T>();
    let wanted: Vec<&str> = names
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .collect();
    if let Some(unknown) = wanted
        .iter()
        .find(|name| !known.iter().any(|known| known == *name))
    {
        let shown: String = unknown.chars().take(100).collect();
        return Err(ApiError::bad_request(format!(
            "`fields` names `{shown}`, which is none of {}",
            known.join(", ")
        )));
    }
    let select = |row: &T| match serde_json::to_value(row) {
        Ok(Json::Object(mut all)) => Ok(wanted
            .iter()
            .filter_map(|name| Some(((*name).to_owned(), all.remove(*name)?)))
            .collect()),
        Ok(_) => Ok(Map::new()),
        Err(error) => Err(ApiError::internal(&error)),
    };
    rows.iter().map(select).collect()
}

/// The fields of a row, as its description has them.
fn fields<T: PartialSchema>() -> Vec<String> {
    match T::schema() {
        RefOr::T(Schema::Object(object)) => object.properties.keys().cloned().collect(),
        _ => Vec::new(),
    }
}
