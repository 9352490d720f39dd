//! The shapes of Jaeger's JSON.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use utoipa::ToSchema;

macro_rules! wrapped {
    ($(#[$doc:meta])* $name:ident of $item:ty) => {
        $(#[$doc])*
        #[derive(Debug, Serialize, ToSchema)]
        pub(crate) struct $name {
            data: Vec<$item>,
            total: usize,
            limit: usize,
            offset: usize,
            errors: Option<Vec<JaegerError>>,
        }

        impl $name {
            #[allow(dead_code, reason = "traces are written one by one")]
            pub(super) fn new(data: Vec<$item>) -> Self {
                Self { total: data.len(), data, limit: 0, offset: 0, errors: None }
            }
        }
    };
}

wrapped!(
    /// Names of services or of spans.
    JaegerNames of String
);
wrapped!(
    /// Names and kinds of spans.
    JaegerOperations of JaegerOperation
);
wrapped!(
    /// Traces. `total` counts those in `data`; `errors` names the asked ones that are not there.
    JaegerTraces of JaegerTrace
);
wrapped!(
    /// Calls between services.
    JaegerDependencies of JaegerDependency
);

/// A refusal.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct JaegerFailure {
    /// Always null.
    #[schema(value_type = Option<Object>)]
    data: (),
    total: usize,
    limit: usize,
    offset: usize,
    errors: Vec<JaegerError>,
}

impl JaegerFailure {
    pub(super) fn new(error: JaegerError) -> Self {
        Self {
            data: (),
            total: 0,
            limit: 0,
            offset: 0,
            errors: vec![error],
        }
    }
}

/// What was wrong.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct JaegerError {
    /// The HTTP status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) code: Option<u16>,
    pub(super) msg: String,
    #[serde(rename = "traceID", skip_serializing_if = "Option::is_none")]
    pub(super) trace_id: Option<String>,
}

/// Name and kind of a span.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct JaegerOperation {
    pub(super) name: String,
    #[serde(rename = "spanKind")]
    pub(super) span_kind: String,
}

/// How often one service called another.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct JaegerDependency {
    pub(super) parent: String,
    pub(super) child: String,
    pub(super) call_count: i64,
}

/// A trace.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct JaegerTrace {
    #[serde(rename = "traceID")]
    pub(super) trace_id: String,
    pub(super) spans: Vec<JaegerSpan>,
    /// By `processID` of the spans.
    pub(super) processes: std::collections::BTreeMap<String, JaegerProcess>,
    pub(super) warnings: Option<Vec<String>>,
}

/// A span.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct JaegerSpan {
    #[serde(rename = "traceID")]
    pub(super) trace_id: String,
    #[serde(rename = "spanID")]
    pub(super) span_id: String,
    /// 1: sampled.
    pub(super) flags: u8,
    #[serde(rename = "operationName")]
    pub(super) operation_name: String,
    pub(super) references: Vec<JaegerReference>,
    /// Microseconds since the Unix epoch.
    #[serde(rename = "startTime")]
    pub(super) start_time: i64,
    /// Microseconds.
    pub(super) duration: i64,
    pub(super) tags: Vec<JaegerTag>,
    pub(super) logs: Vec<JaegerLog>,
    #[serde(rename = "processID")]
    pub(super) process_id: String,
    pub(super) warnings: Option<Vec<String>>,
}

/// Another span that a span belongs to.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct JaegerReference {
    /// `CHILD_OF` or `FOLLOWS_FROM`.
    #[serde(rename = "refType")]
    pub(super) ref_type: &'static str,
    #[serde(rename = "traceID")]
    pub(super) trace_id: String,
    #[serde(rename = "spanID")]
    pub(super) span_id: String,
}

/// A key and its value.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct JaegerTag {
    pub(super) key: String,
    /// `string`, `bool`, `int64`, `float64`.
    #[serde(rename = "type")]
    pub(super) tag_type: &'static str,
    pub(super) value: Json,
}

/// Something that happened at a time in a span.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct JaegerLog {
    /// Microseconds since the Unix epoch.
    pub(super) timestamp: i64,
    pub(super) fields: Vec<JaegerTag>,
}

/// What sent spans.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct JaegerProcess {
    pub(super) service_name: String,
    pub(super) tags: Vec<JaegerTag>,
}

/// As links are stored.
#[derive(Debug, Deserialize)]
pub(super) struct StoredLink {
    pub(super) trace_id: String,
    pub(super) span_id: String,
}

impl JaegerTag {
    pub(super) fn text(key: &str, value: impl Into<String>) -> Self {
        Self {
            key: key.to_owned(),
            tag_type: "string",
            value: Json::String(value.into()),
        }
    }

    pub(super) fn flag(key: &str, value: bool) -> Self {
        Self {
            key: key.to_owned(),
            tag_type: "bool",
            value: Json::Bool(value),
        }
    }

    pub(super) fn int(key: &str, value: i64) -> Self {
        Self {
            key: key.to_owned(),
            tag_type: "int64",
            value: value.into(),
        }
    }
}
