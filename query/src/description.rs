//! What the description of the API says of every route alike, so that no handler repeats it.

use axum::http::StatusCode;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{Content, OpenApi, Ref, RefOr};

/// Answers that the layers around the handlers give.
const EVERYWHERE: &[(&str, &str)] = &[
    ("400", "Something in the request cannot be understood"),
    ("403", "The request comes from a page of another origin"),
    ("414", "The address is longer than 16 KiB"),
    (
        "421",
        "The request came under a host name that is not served",
    ),
    (
        "500",
        "Spanreel failed; its log has the cause under the request id",
    ),
    (
        "503",
        "Too much is going on; `Retry-After` says when to try again",
    ),
];

/// Answers about bodies.
const WITH_BODY: &[(&str, &str)] = &[
    ("413", "The body is larger than allowed"),
    (
        "415",
        "The body is not of the content type that is asked for",
    ),
];

/// Adds to every operation the answers, headers and errors that it shares with all others. What a
/// handler says itself stays.
pub(crate) fn complete(mut api: OpenApi) -> OpenApi {
    for item in api.paths.paths.values_mut() {
        let reads = item.get.as_mut();
        if let Some(operation) = reads {
            complete_operation(operation);
            allow_revalidation(operation);
        }
        for operation in writes(item) {
            complete_operation(operation);
        }
    }
    api
}

fn writes(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [
        &mut item.post,
        &mut item.put,
        &mut item.patch,
        &mut item.delete,
    ]
    .into_iter()
    .filter_map(Option::as_mut)
}

fn complete_operation(operation: &mut Operation) {
    let responses = &mut operation.responses.responses;
    let with_body = match operation.request_body {
        Some(_) => WITH_BODY,
        None => &[],
    };
    for (status, description) in EVERYWHERE.iter().chain(with_body) {
        responses.entry((*status).to_owned()).or_insert_with(|| {
            let body = Content::new(Some(Ref::from_schema_name("ErrorBody")));
            ResponseBuilder::new()
                .description(*description)
                .content("application/json", body)
                .build()
                .into()
        });
    }
    for (status, response) in responses.iter_mut() {
        let RefOr::T(response) = response else {
            continue;
        };
        if response.description.is_empty() {
            response.description = reason(status);
        }
        let mut header = |name: &str, description: &str| {
            let schema = ObjectBuilder::new().schema_type(Type::String).build();
            let header = HeaderBuilder::new()
                .schema(Some(schema))
                .description(Some(description))
                .build();
            response
                .headers
                .entry(name.to_owned())
                .or_insert_with(|| header.into());
        };
        header(
            "x-request-id",
            "Id of the request, as errors and the log have it",
        );
        if status == "503" {
            header("retry-after", "Seconds to wait");
        }
    }
}

/// What a status means, for responses that say no more.
fn reason(status: &str) -> String {
    let reason = status.parse().ok().and_then(|code: u16| {
        let status = StatusCode::from_u16(code).ok()?;
        status.canonical_reason()
    });
    reason.unwrap_or(status).to_owned()
}

/// JSON answers of reading routes have an ETag.
fn allow_revalidation(operation: &mut Operation) {
    let responses = &mut operation.responses.responses;
    let Some(RefOr::T(found)) = responses.get_mut("200") else {
        return;
    };
    if !found.content.contains_key("application/json") {
        return;
    }
    let schema = ObjectBuilder::new().schema_type(Type::String).build();
    let etag = HeaderBuilder::new()
        .schema(Some(schema))
        .description(Some("Version of the answer, for `If-None-Match`"))
        .build();
    found.headers.insert("etag".to_owned(), etag.into());
    responses.entry("304".to_owned()).or_insert_with(|| {
        ResponseBuilder::new()
            .description("The client has the current version")
            .build()
            .into()
    });
}
