//! OTLP/JSON to OTLP messages, as tolerant as real senders need, and back.
//!
//! Accepted beyond the specification: keys in snake_case, 64-bit integers as numbers, strings or
//! floats, enums by name, ids in base64, `null` anywhere, attribute values without a type wrapper, lone
//! surrogates and bad UTF-8 in strings, `NaN` and `Infinity` bare or quoted. A value of an unexpected
//! type counts as absent, one that fits no OTLP type is kept as its JSON text. Unknown keys are ignored.

mod common;
mod logs;
mod metrics;
mod reader;
mod traces;
mod write;

pub use reader::JsonError;

use crate::otlp::collector::logs::v1::ExportLogsServiceRequest;
use crate::otlp::collector::metrics::v1::ExportMetricsServiceRequest;
use crate::otlp::collector::trace::v1::ExportTraceServiceRequest;
use crate::signal::{Decoded, Rejected, Request};
use reader::Reader;

/// A request as one line of OTLP/JSON, without the line end. Decoding it gives the same request again,
/// but for values that are only numbers into a table of strings, which OTLP keeps for profiles.
pub fn to_json(request: &Request) -> String {
    match request {
        Request::Traces(request) => write::traces(request),
        Request::Logs(request) => write::logs(request),
        Request::Metrics(request) => write::metrics(request),
    }
}

type Result<T> = std::result::Result<T, JsonError>;

/// Reads a trace export request; spans with bad ids are still in it.
pub(crate) fn traces(json: &[u8]) -> Result<Decoded<ExportTraceServiceRequest>> {
    let mut resource_spans = Vec::new();
    let rejected = document(json, ["resourceSpans", "resource_spans"], |r, rejected| {
        traces::resource_spans(r, rejected, &mut resource_spans)
    })?;
    Ok(Decoded {
        request: ExportTraceServiceRequest { resource_spans },
        rejected,
    })
}

/// Reads a logs export request.
pub(crate) fn logs(json: &[u8]) -> Result<Decoded<ExportLogsServiceRequest>> {
    let mut resource_logs = Vec::new();
    let rejected = document(json, ["resourceLogs", "resource_logs"], |r, rejected| {
        logs::resource_logs(r, rejected, &mut resource_logs)
    })?;
    Ok(Decoded {
        request: ExportLogsServiceRequest { resource_logs },
        rejected,
    })
}

/// Reads a metrics export request.
pub(crate) fn metrics(json: &[u8]) -> Result<Decoded<ExportMetricsServiceRequest>> {
    let mut resource_metrics = Vec::new();
    let keys = ["resourceMetrics", "resource_metrics"];
    let rejected = document(json, keys, |r, rejected| {
        metrics::resource_metrics(r, rejected, &mut resource_metrics)
    })?;
    Ok(Decoded {
        request: ExportMetricsServiceRequest { resource_metrics },
        rejected,
    })
}

/// Reads the outer object, whose only field of interest is an array under one of `keys`.
fn document(
    json: &[u8],
    keys: [&str; 2],
    mut item: impl FnMut(&mut Reader<'_>, &mut Rejected) -> Result<()>,
) -> Result<Rejected> {
    let mut rejected = Rejected::default();
    let mut reader = Reader::new(json);
    if reader.peek()? != b'{' {
        return reader.error(format!("expected an object with `{}`", keys[0]));
    }
    reader.object(|r, key| {
        if keys.contains(&key) {
            r.array(|r| item(r, &mut rejected))
        } else {
            r.skip()
        }
    })?;
    reader.finish()?;
    Ok(rejected)
}
