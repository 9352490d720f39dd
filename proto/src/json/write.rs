//! OTLP messages to OTLP/JSON, so that reading it gives the same message again: 64-bit integers as
//! strings, ids in hex, bytes in base64, `NaN` and infinities as strings. Fields at their default are
//! left out, as protobuf's own JSON does.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::otlp::collector::logs::v1::ExportLogsServiceRequest;
use crate::otlp::collector::metrics::v1::ExportMetricsServiceRequest;
use crate::otlp::collector::trace::v1::ExportTraceServiceRequest;
use crate::otlp::common::v1::any_value::Value;
use crate::otlp::common::v1::{AnyValue, EntityRef, InstrumentationScope, KeyValue};
use crate::otlp::logs::v1::LogRecord;
use crate::otlp::metrics::v1::exponential_histogram_data_point::Buckets;
use crate::otlp::metrics::v1::metric::Data;
use crate::otlp::metrics::v1::{
    Exemplar, ExponentialHistogramDataPoint, HistogramDataPoint, Metric, NumberDataPoint,
    SummaryDataPoint, exemplar, number_data_point,
};
use crate::otlp::resource::v1::Resource;
use crate::otlp::trace::v1::Span;
use crate::otlp::trace::v1::span::{Event, Link};

/// An object under construction.
struct Object<'a> {
    out: &'a mut String,
    is_empty: bool,
}

impl<'a> Object<'a> {
    fn open(out: &'a mut String) -> Self {
        out.push('{');
        Self {
            out,
            is_empty: true,
        }
    }

    fn close(self) {
        self.out.push('}');
    }

    fn key(&mut self, key: &str) -> &mut String {
        if !self.is_empty {
            self.out.push(',');
        }
        self.is_empty = false;
        let _ = write!(self.out, "\"{key}\":");
        self.out
    }

    fn text(&mut self, key: &str, text: &str) {
        if !text.is_empty() {
            string(text, self.key(key));
        }
    }

    fn hex(&mut self, key: &str, bytes: &[u8]) {
        if !bytes.is_empty() {
            let _ = write!(self.key(key), "\"{}\"", hex::encode(bytes));
        }
    }

    /// A 64-bit integer, which JSON takes as a string.
    fn long(&mut self, key: &str, number: u64) {
        if number != 0 {
            let _ = write!(self.key(key), "\"{number}\"");
        }
    }

    fn int(&mut self, key: &str, number: i64) {
        if number != 0 {
            let _ = write!(self.key(key), "{number}");
        }
    }

    fn double(&mut self, key: &str, number: Option<f64>) {
        if let Some(number) = number {
            double(number, self.key(key));
        }
    }

    fn flag(&mut self, key: &str, flag: bool) {
        if flag {
            self.key(key).push_str("true");
        }
    }

    fn list<T>(&mut self, key: &str, items: &[T], write: impl Fn(&T, &mut String)) {
        if !items.is_empty() {
            list(items, self.key(key), write);
        }
    }

    fn attributes(&mut self, key: &str, attributes: &[KeyValue]) {
        self.list(key, attributes, pair);
    }
}

fn list<T>(items: &[T], out: &mut String, write: impl Fn(&T, &mut String)) {
    out.push('[');
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        write(item, out);
    }
    out.push(']');
}

fn string(text: &str, out: &mut String) {
    // Writing a str to a string cannot fail; an empty string would still be valid JSON.
    match serde_json::to_string(text) {
        Ok(json) => out.push_str(&json),
        Err(_) => out.push_str("\"\""),
    }
}

fn double(number: f64, out: &mut String) {
    if number.is_nan() {
        out.push_str("\"NaN\"");
    } else if number.is_infinite() {
        out.push_str(if number > 0.0 {
            "\"Infinity\""
        } else {
            "\"-Infinity\""
        });
    } else {
        // The shortest text that reads back to the same double.
        out.push_str(&serde_json::to_string(&number).unwrap_or_default());
    }
}

fn long(number: &u64, out: &mut String) {
    let _ = write!(out, "\"{number}\"");
}

fn pair(pair: &KeyValue, out: &mut String) {
    let mut object = Object::open(out);
    string(&pair.key, object.key("key"));
    if let Some(value) = &pair.value {
        any_value(value, object.key("value"));
    }
    object.close();
}

fn any_value(any: &AnyValue, out: &mut String) {
    let mut object = Object::open(out);
    match &any.value {
        None | Some(Value::StringValueStrindex(_)) => {}
        Some(Value::StringValue(text)) => string(text, object.key("stringValue")),
        Some(Value::BoolValue(flag)) => {
            let _ = write!(object.key("boolValue"), "{flag}");
        }
        Some(Value::IntValue(int)) => {
            let _ = write!(object.key("intValue"), "\"{int}\"");
        }
        Some(Value::DoubleValue(number)) => double(*number, object.key("doubleValue")),
        Some(Value::BytesValue(bytes)) => {
            let _ = write!(object.key("bytesValue"), "\"{}\"", STANDARD.encode(bytes));
        }
        Some(Value::ArrayValue(array)) => {
            let mut values = Object::open(object.key("arrayValue"));
            list(&array.values, values.key("values"), any_value);
            values.close();
        }
        Some(Value::KvlistValue(map)) => {
            let mut values = Object::open(object.key("kvlistValue"));
            list(&map.values, values.key("values"), pair);
            values.close();
        }
    }
    object.close();
}

fn resource(resource: &Option<Resource>, group: &mut Object<'_>) {
    let Some(resource) = resource else { return };
    let mut object = Object::open(group.key("resource"));
    object.attributes("attributes", &resource.attributes);
    let dropped = i64::from(resource.dropped_attributes_count);
    object.int("droppedAttributesCount", dropped);
    object.list("entityRefs", &resource.entity_refs, entity_ref);
    object.close();
}

fn entity_ref(entity: &EntityRef, out: &mut String) {
    let mut object = Object::open(out);
    object.text("schemaUrl", &entity.schema_url);
    object.text("type", &entity.r#type);
    object.list("idKeys", &entity.id_keys, |key, out| string(key, out));
    let keys = &entity.description_keys;
    object.list("descriptionKeys", keys, |key, out| string(key, out));
    object.close();
}

fn scope(scope: &Option<InstrumentationScope>, group: &mut Object<'_>) {
    let Some(scope) = scope else { return };
    let mut object = Object::open(group.key("scope"));
    object.text("name", &scope.name);
    object.text("version", &scope.version);
    object.attributes("attributes", &scope.attributes);
    let dropped = i64::from(scope.dropped_attributes_count);
    object.int("droppedAttributesCount", dropped);
    object.close();
}

/// The two outer levels, which the signals share but for their names.
macro_rules! request {
    ($request:expr, $groups:ident = $groups_key:literal, $scopes:ident = $scopes_key:literal,
        $records:ident = $records_key:literal, $write:ident) => {{
        let mut out = String::new();
        let mut document = Object::open(&mut out);
        // Present also when empty: it is what the document is known by.
        list(
            &$request.$groups,
            document.key($groups_key),
            |group, out| {
                let mut object = Object::open(out);
                resource(&group.resource, &mut object);
                object.list($scopes_key, &group.$scopes, |members, out| {
                    let mut object = Object::open(out);
                    scope(&members.scope, &mut object);
                    object.list($records_key, &members.$records, $write);
                    object.text("schemaUrl", &members.schema_url);
                    object.close();
                });
                object.text("schemaUrl", &group.schema_url);
                object.close();
            },
        );
        document.close();
        out
    }};
}

pub(super) fn traces(request: &ExportTraceServiceRequest) -> String {
    request!(
        request,
        resource_spans = "resourceSpans",
        scope_spans = "scopeSpans",
        spans = "spans",
        span
    )
}

pub(super) fn logs(request: &ExportLogsServiceRequest) -> String {
    request!(
        request,
        resource_logs = "resourceLogs",
        scope_logs = "scopeLogs",
        log_records = "logRecords",
        log_record
    )
}

pub(super) fn metrics(request: &ExportMetricsServiceRequest) -> String {
    request!(
        request,
        resource_metrics = "resourceMetrics",
        scope_metrics = "scopeMetrics",
        metrics = "metrics",
        metric
    )
}

fn span(span: &Span, out: &mut String) {
    let mut o = Object::open(out);
    o.hex("traceId", &span.trace_id);
    o.hex("spanId", &span.span_id);
    o.text("traceState", &span.trace_state);
    o.hex("parentSpanId", &span.parent_span_id);
    o.int("flags", span.flags.into());
    o.text("name", &span.name);
    o.int("kind", span.kind.into());
    o.long("startTimeUnixNano", span.start_time_unix_nano);
    o.long("endTimeUnixNano", span.end_time_unix_nano);
    o.attributes("attributes", &span.attributes);
    o.int(
        "droppedAttributesCount",
        span.dropped_attributes_count.into(),
    );
    o.list("events", &span.events, event);
    o.int("droppedEventsCount", span.dropped_events_count.into());
    o.list("links", &span.links, link);
    o.int("droppedLinksCount", span.dropped_links_count.into());
    if let Some(status) = &span.status {
        let mut object = Object::open(o.key("status"));
        object.text("message", &status.message);
        object.int("code", status.code.into());
        object.close();
    }
    o.close();
}

fn event(event: &Event, out: &mut String) {
    let mut o = Object::open(out);
    o.long("timeUnixNano", event.time_unix_nano);
    o.text("name", &event.name);
    o.attributes("attributes", &event.attributes);
    o.int(
        "droppedAttributesCount",
        event.dropped_attributes_count.into(),
    );
    o.close();
}

fn link(link: &Link, out: &mut String) {
    let mut o = Object::open(out);
    o.hex("traceId", &link.trace_id);
    o.hex("spanId", &link.span_id);
    o.text("traceState", &link.trace_state);
    o.attributes("attributes", &link.attributes);
    o.int(
        "droppedAttributesCount",
        link.dropped_attributes_count.into(),
    );
    o.int("flags", link.flags.into());
    o.close();
}

fn log_record(record: &LogRecord, out: &mut String) {
    let mut o = Object::open(out);
    o.long("timeUnixNano", record.time_unix_nano);
    o.long("observedTimeUnixNano", record.observed_time_unix_nano);
    o.int("severityNumber", record.severity_number.into());
    o.text("severityText", &record.severity_text);
    if let Some(body) = &record.body {
        any_value(body, o.key("body"));
    }
    o.attributes("attributes", &record.attributes);
    o.int(
        "droppedAttributesCount",
        record.dropped_attributes_count.into(),
    );
    o.int("flags", record.flags.into());
    o.hex("traceId", &record.trace_id);
    o.hex("spanId", &record.span_id);
    o.text("eventName", &record.event_name);
    o.close();
}

fn metric(metric: &Metric, out: &mut String) {
    let mut o = Object::open(out);
    o.text("name", &metric.name);
    o.text("description", &metric.description);
    o.text("unit", &metric.unit);
    o.attributes("metadata", &metric.metadata);
    let temporality = "aggregationTemporality";
    match &metric.data {
        None => {}
        Some(Data::Gauge(data)) => {
            let mut object = Object::open(o.key("gauge"));
            object.list("dataPoints", &data.data_points, number_point);
            object.close();
        }
        Some(Data::Sum(data)) => {
            let mut object = Object::open(o.key("sum"));
            object.list("dataPoints", &data.data_points, number_point);
            object.int(temporality, data.aggregation_temporality.into());
            object.flag("isMonotonic", data.is_monotonic);
            object.close();
        }
        Some(Data::Histogram(data)) => {
            let mut object = Object::open(o.key("histogram"));
            object.list("dataPoints", &data.data_points, histogram_point);
            object.int(temporality, data.aggregation_temporality.into());
            object.close();
        }
        Some(Data::ExponentialHistogram(data)) => {
            let mut object = Object::open(o.key("exponentialHistogram"));
            object.list("dataPoints", &data.data_points, exponential_point);
            object.int(temporality, data.aggregation_temporality.into());
            object.close();
        }
        Some(Data::Summary(data)) => {
            let mut object = Object::open(o.key("summary"));
            object.list("dataPoints", &data.data_points, summary_point);
            object.close();
        }
    }
    o.close();
}

/// The fields that every kind of point begins with.
macro_rules! begin_point {
    ($object:ident, $point:ident) => {
        $object.attributes("attributes", &$point.attributes);
        $object.long("startTimeUnixNano", $point.start_time_unix_nano);
        $object.long("timeUnixNano", $point.time_unix_nano);
    };
}

fn number_point(point: &NumberDataPoint, out: &mut String) {
    let mut o = Object::open(out);
    begin_point!(o, point);
    match point.value {
        None => {}
        Some(number_data_point::Value::AsDouble(number)) => double(number, o.key("asDouble")),
        Some(number_data_point::Value::AsInt(int)) => {
            let _ = write!(o.key("asInt"), "\"{int}\"");
        }
    }
    o.list("exemplars", &point.exemplars, exemplar);
    o.int("flags", point.flags.into());
    o.close();
}

fn histogram_point(point: &HistogramDataPoint, out: &mut String) {
    let mut o = Object::open(out);
    begin_point!(o, point);
    o.long("count", point.count);
    o.double("sum", point.sum);
    o.list("bucketCounts", &point.bucket_counts, long);
    o.list("explicitBounds", &point.explicit_bounds, |bound, out| {
        double(*bound, out);
    });
    o.list("exemplars", &point.exemplars, exemplar);
    o.int("flags", point.flags.into());
    o.double("min", point.min);
    o.double("max", point.max);
    o.close();
}

fn exponential_point(point: &ExponentialHistogramDataPoint, out: &mut String) {
    let mut o = Object::open(out);
    begin_point!(o, point);
    o.long("count", point.count);
    o.double("sum", point.sum);
    o.int("scale", point.scale.into());
    o.long("zeroCount", point.zero_count);
    for (key, side) in [("positive", &point.positive), ("negative", &point.negative)] {
        if let Some(side) = side {
            buckets(side, o.key(key));
        }
    }
    o.int("flags", point.flags.into());
    o.list("exemplars", &point.exemplars, exemplar);
    o.double("min", point.min);
    o.double("max", point.max);
    let threshold = Some(point.zero_threshold).filter(|threshold| *threshold != 0.0);
    o.double("zeroThreshold", threshold);
    o.close();
}

fn buckets(buckets: &Buckets, out: &mut String) {
    let mut o = Object::open(out);
    o.int("offset", buckets.offset.into());
    o.list("bucketCounts", &buckets.bucket_counts, long);
    o.close();
}

fn summary_point(point: &SummaryDataPoint, out: &mut String) {
    let mut o = Object::open(out);
    begin_point!(o, point);
    o.long("count", point.count);
    o.double("sum", Some(point.sum));
    o.list("quantileValues", &point.quantile_values, |at, out| {
        let mut o = Object::open(out);
        o.double("quantile", Some(at.quantile));
        o.double("value", Some(at.value));
        o.close();
    });
    o.int("flags", point.flags.into());
    o.close();
}

fn exemplar(exemplar: &Exemplar, out: &mut String) {
    let mut o = Object::open(out);
    o.attributes("filteredAttributes", &exemplar.filtered_attributes);
    o.long("timeUnixNano", exemplar.time_unix_nano);
    o.hex("spanId", &exemplar.span_id);
    o.hex("traceId", &exemplar.trace_id);
    match exemplar.value {
        None => {}
        Some(exemplar::Value::AsDouble(number)) => double(number, o.key("asDouble")),
        Some(exemplar::Value::AsInt(int)) => {
            let _ = write!(o.key("asInt"), "\"{int}\"");
        }
    }
    o.close();
}
