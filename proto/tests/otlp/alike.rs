//! JSON and protobuf of the same request decode to the same message.

use prost::Message;
use proto::otlp::collector::logs::v1::ExportLogsServiceRequest;
use proto::otlp::collector::metrics::v1::ExportMetricsServiceRequest;
use proto::otlp::collector::trace::v1::ExportTraceServiceRequest;
use proto::otlp::common::v1::any_value::Value;
use proto::otlp::common::v1::{
    AnyValue, ArrayValue, EntityRef, InstrumentationScope, KeyValue, KeyValueList,
};
use proto::otlp::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use proto::otlp::metrics::v1::exponential_histogram_data_point::Buckets;
use proto::otlp::metrics::v1::metric::Data;
use proto::otlp::metrics::v1::summary_data_point::ValueAtQuantile;
use proto::otlp::metrics::v1::{
    Exemplar, ExponentialHistogram, ExponentialHistogramDataPoint, Gauge, Histogram,
    HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, Summary,
    SummaryDataPoint, exemplar, number_data_point,
};
use proto::otlp::resource::v1::Resource;
use proto::otlp::trace::v1::span::{Event, Link};
use proto::otlp::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use proto::{Encoding, Request, decode};

pub(crate) const TRACE_ID: [u8; 16] = [
    0x5b, 0x8e, 0xff, 0xf7, 0x98, 0x03, 0x81, 0x03, 0xd2, 0x69, 0xb6, 0x33, 0x81, 0x3f, 0xc6, 0x0c,
];
pub(crate) const SPAN_ID: [u8; 8] = [0xee, 0xe1, 0x9b, 0x7e, 0xc3, 0xc1, 0xb1, 0x74];
const PARENT_ID: [u8; 8] = [0xee, 0xe1, 0x9b, 0x7e, 0xc3, 0xc1, 0xb1, 0x73];

pub(crate) fn any(value: Value) -> AnyValue {
    AnyValue { value: Some(value) }
}

pub(crate) fn pair(key: &str, value: Value) -> KeyValue {
    KeyValue {
        key: key.into(),
        value: Some(any(value)),
        ..KeyValue::default()
    }
}

pub(crate) fn string(text: &str) -> Value {
    Value::StringValue(text.into())
}

/// One attribute of each type, and its JSON.
pub(crate) fn all_types() -> (Vec<KeyValue>, &'static str) {
    let attributes = vec![
        pair("text", string("grüße \u{0}🦀")),
        pair("bool", Value::BoolValue(false)),
        pair("int", Value::IntValue(-42)),
        pair("big", Value::IntValue(i64::MAX)),
        pair("double", Value::DoubleValue(0.25)),
        pair("bytes", Value::BytesValue(vec![0, 255, 16])),
        pair(
            "array",
            Value::ArrayValue(ArrayValue {
                values: vec![
                    any(string("a")),
                    AnyValue::default(),
                    any(Value::IntValue(1)),
                ],
            }),
        ),
        pair(
            "map",
            Value::KvlistValue(KeyValueList {
                values: vec![pair("inner", string("b"))],
            }),
        ),
        pair("empty", Value::ArrayValue(ArrayValue::default())),
        KeyValue {
            key: "unset".into(),
            value: Some(AnyValue::default()),
            ..KeyValue::default()
        },
        KeyValue {
            key: "absent".into(),
            ..KeyValue::default()
        },
    ];
    let json = r#"[
        {"key":"text","value":{"stringValue":"grüße \u0000\ud83e\udd80"}},
        {"key":"bool","value":{"boolValue":false}},
        {"key":"int","value":{"intValue":-42}},
        {"key":"big","value":{"intValue":"9223372036854775807"}},
        {"key":"double","value":{"doubleValue":0.25}},
        {"key":"bytes","value":{"bytesValue":"AP8Q"}},
        {"key":"array","value":{"arrayValue":{"values":[{"stringValue":"a"},{},{"intValue":"1"}]}}},
        {"key":"map","value":{"kvlistValue":{"values":[{"key":"inner","value":{"stringValue":"b"}}]}}},
        {"key":"empty","value":{"arrayValue":{}}},
        {"key":"unset","value":{}},
        {"key":"absent"}
    ]"#;
    (attributes, json)
}

/// Decodes both and compares, going through the bytes of the protobuf form.
fn same(message: Request, json: &str) {
    let signal = message.signal();
    let bytes = match &message {
        Request::Traces(request) => request.encode_to_vec(),
        Request::Logs(request) => request.encode_to_vec(),
        Request::Metrics(request) => request.encode_to_vec(),
    };
    let from_protobuf = decode(signal, Encoding::Protobuf, &bytes).unwrap();
    let from_json = decode(signal, Encoding::Json, json.as_bytes()).unwrap();
    assert_eq!(from_protobuf.request, message);
    assert_eq!(from_json, from_protobuf);
    assert_eq!(from_json.rejected.count, 0);
}

fn resource() -> (Resource, InstrumentationScope, String) {
    let (attributes, json) = all_types();
    let resource = Resource {
        attributes: attributes.clone(),
        dropped_attributes_count: 3,
        entity_refs: vec![EntityRef {
            schema_url: "s".into(),
            r#type: "service".into(),
            id_keys: vec!["service.name".into()],
            description_keys: vec!["d".into()],
        }],
    };
    let scope = InstrumentationScope {
        name: "scope".into(),
        version: "1.0".into(),
        attributes,
        dropped_attributes_count: 1,
    };
    let json = format!(
        r#""resource":{{"attributes":{json},"droppedAttributesCount":3,"entityRefs":[
            {{"schemaUrl":"s","type":"service","idKeys":["service.name"],"descriptionKeys":["d"]}}]}},
        "schemaUrl":"group",
        "$SCOPE":[{{"scope":{{"name":"scope","version":"1.0","attributes":{json},
            "droppedAttributesCount":1}},"schemaUrl":"inner","$MEMBERS":[$MEMBER]}}]"#
    );
    (resource, scope, json)
}

fn document(outer: &str, scope: &str, members: &str, member: &str, group: &str) -> String {
    let group = group
        .replace("$SCOPE", scope)
        .replace("$MEMBERS", members)
        .replace("$MEMBER", member);
    format!(r#"{{"{outer}":[{{{group}}}],"unknown":[{{"x":[1,{{}}]}}]}}"#)
}

#[test]
fn traces_decode_alike() {
    let (attributes, json) = all_types();
    let (resource, scope, group) = resource();
    let span = Span {
        trace_id: TRACE_ID.to_vec(),
        span_id: SPAN_ID.to_vec(),
        trace_state: "k=v".into(),
        parent_span_id: PARENT_ID.to_vec(),
        flags: 257,
        name: "I'm a server span".into(),
        kind: 2,
        start_time_unix_nano: 1_544_712_660_000_000_000,
        end_time_unix_nano: 1_544_712_661_000_000_001,
        attributes: attributes.clone(),
        dropped_attributes_count: 4,
        events: vec![Event {
            time_unix_nano: 7,
            name: "event".into(),
            attributes: attributes.clone(),
            dropped_attributes_count: 5,
        }],
        dropped_events_count: 6,
        links: vec![Link {
            trace_id: TRACE_ID.to_vec(),
            span_id: PARENT_ID.to_vec(),
            trace_state: "l=w".into(),
            attributes,
            dropped_attributes_count: 7,
            flags: 1,
        }],
        dropped_links_count: 8,
        status: Some(Status {
            message: "it broke".into(),
            code: 2,
        }),
    };
    let span_json = format!(
        r#"{{"traceId":"5B8EFFF798038103D269B633813FC60C","spanId":"eee19b7ec3c1b174","traceState":"k=v",
        "parentSpanId":"EEE19B7EC3C1B173","flags":257,"name":"I'm a server span","kind":2,
        "startTimeUnixNano":"1544712660000000000","endTimeUnixNano":1544712661000000001,
        "attributes":{json},"droppedAttributesCount":4,
        "events":[{{"timeUnixNano":"7","name":"event","attributes":{json},"droppedAttributesCount":5}}],
        "droppedEventsCount":6,
        "links":[{{"traceId":"W47/95gDgQPSabYzgT/GDA==","spanId":"eee19b7ec3c1b173","traceState":"l=w",
            "attributes":{json},"droppedAttributesCount":7,"flags":1}}],
        "droppedLinksCount":8,"status":{{"message":"it broke","code":2}}}}"#
    );
    let request = ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: Some(resource),
            scope_spans: vec![ScopeSpans {
                scope: Some(scope),
                spans: vec![span],
                schema_url: "inner".into(),
            }],
            schema_url: "group".into(),
        }],
    };
    let json = document("resourceSpans", "scopeSpans", "spans", &span_json, &group);
    same(Request::Traces(request), &json);
}

#[test]
fn logs_decode_alike() {
    let (attributes, json) = all_types();
    let (resource, scope, group) = resource();
    let record = LogRecord {
        time_unix_nano: 1,
        observed_time_unix_nano: 2,
        severity_number: 9,
        severity_text: "INFO".into(),
        body: Some(any(Value::KvlistValue(KeyValueList {
            values: attributes.clone(),
        }))),
        attributes,
        dropped_attributes_count: 3,
        flags: 1,
        trace_id: TRACE_ID.to_vec(),
        span_id: SPAN_ID.to_vec(),
        event_name: "event".into(),
    };
    let record_json = format!(
        r#"{{"timeUnixNano":"1","observedTimeUnixNano":2,"severityNumber":9,"severityText":"INFO",
        "body":{{"kvlistValue":{{"values":{json}}}}},"attributes":{json},"droppedAttributesCount":3,
        "flags":1,"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174",
        "eventName":"event"}}"#
    );
    let request = ExportLogsServiceRequest {
        resource_logs: vec![ResourceLogs {
            resource: Some(resource),
            scope_logs: vec![ScopeLogs {
                scope: Some(scope),
                log_records: vec![record],
                schema_url: "inner".into(),
            }],
            schema_url: "group".into(),
        }],
    };
    let json = document(
        "resourceLogs",
        "scopeLogs",
        "logRecords",
        &record_json,
        &group,
    );
    same(Request::Logs(request), &json);
}

#[test]
fn all_five_metric_kinds_decode_alike() {
    let (attributes, json) = all_types();
    let (resource, scope, group) = resource();
    let metric = |name: &str, data: Data| Metric {
        name: name.into(),
        description: "d".into(),
        unit: "ms".into(),
        metadata: attributes.clone(),
        data: Some(data),
    };
    let exemplars = vec![Exemplar {
        filtered_attributes: attributes.clone(),
        time_unix_nano: 5,
        span_id: SPAN_ID.to_vec(),
        trace_id: TRACE_ID.to_vec(),
        value: Some(exemplar::Value::AsInt(-3)),
    }];
    let exemplars_json = format!(
        r#"[{{"filteredAttributes":{json},"timeUnixNano":"5","spanId":"eee19b7ec3c1b174",
        "traceId":"5b8efff798038103d269b633813fc60c","asInt":"-3"}}]"#
    );
    let number = |value| NumberDataPoint {
        attributes: attributes.clone(),
        start_time_unix_nano: 1,
        time_unix_nano: 2,
        exemplars: exemplars.clone(),
        flags: 1,
        value: Some(value),
    };
    let metrics = vec![
        metric(
            "gauge",
            Data::Gauge(Gauge {
                data_points: vec![number(number_data_point::Value::AsDouble(1.5))],
            }),
        ),
        metric(
            "sum",
            Data::Sum(Sum {
                data_points: vec![number(number_data_point::Value::AsInt(7))],
                aggregation_temporality: 2,
                is_monotonic: true,
            }),
        ),
        metric(
            "histogram",
            Data::Histogram(Histogram {
                data_points: vec![HistogramDataPoint {
                    attributes: attributes.clone(),
                    start_time_unix_nano: 1,
                    time_unix_nano: 2,
                    count: 3,
                    sum: Some(4.5),
                    bucket_counts: vec![1, 2],
                    explicit_bounds: vec![0.5],
                    exemplars: exemplars.clone(),
                    flags: 1,
                    min: Some(0.125),
                    max: None,
                }],
                aggregation_temporality: 1,
            }),
        ),
        metric(
            "exponential",
            Data::ExponentialHistogram(ExponentialHistogram {
                data_points: vec![ExponentialHistogramDataPoint {
                    attributes: attributes.clone(),
                    start_time_unix_nano: 1,
                    time_unix_nano: 2,
                    count: 3,
                    sum: Some(4.5),
                    scale: -1,
                    zero_count: 2,
                    positive: Some(Buckets {
                        offset: -2,
                        bucket_counts: vec![1, 0, 2],
                    }),
                    negative: Some(Buckets::default()),
                    flags: 0,
                    exemplars,
                    min: None,
                    max: Some(9.0),
                    zero_threshold: 0.5,
                }],
                aggregation_temporality: 2,
            }),
        ),
        metric(
            "summary",
            Data::Summary(Summary {
                data_points: vec![SummaryDataPoint {
                    attributes: attributes.clone(),
                    start_time_unix_nano: 1,
                    time_unix_nano: 2,
                    count: 3,
                    sum: 4.5,
                    quantile_values: vec![ValueAtQuantile {
                        quantile: 0.5,
                        value: f64::INFINITY,
                    }],
                    flags: 1,
                }],
            }),
        ),
    ];
    let head = |name: &str| {
        format!(r#"{{"name":"{name}","description":"d","unit":"ms","metadata":{json}"#)
    };
    let point = format!(r#""attributes":{json},"startTimeUnixNano":"1","timeUnixNano":"2""#);
    let gauge = head("gauge");
    let sum = head("sum");
    let histogram = head("histogram");
    let exponential = head("exponential");
    let summary = head("summary");
    let metrics_json = format!(
        r#"{gauge},"gauge":{{"dataPoints":[{{{point},"exemplars":{exemplars_json},"flags":1,"asDouble":1.5}}]}}}},
        {sum},"sum":{{"dataPoints":[{{{point},"exemplars":{exemplars_json},"flags":1,"asInt":"7"}}],
            "aggregationTemporality":2,"isMonotonic":true}}}},
        {histogram},"histogram":{{"dataPoints":[{{{point},"count":"3","sum":4.5,"bucketCounts":["1",2],
            "explicitBounds":[0.5],"exemplars":{exemplars_json},"flags":1,"min":0.125}}],
            "aggregationTemporality":"AGGREGATION_TEMPORALITY_DELTA"}}}},
        {exponential},"exponentialHistogram":{{"dataPoints":[{{{point},"count":3,"sum":4.5,"scale":-1,
            "zeroCount":"2","positive":{{"offset":-2,"bucketCounts":["1","0","2"]}},"negative":{{}},
            "exemplars":{exemplars_json},"max":9,"zeroThreshold":0.5}}],"aggregationTemporality":2}}}},
        {summary},"summary":{{"dataPoints":[{{{point},"count":"3","sum":4.5,
            "quantileValues":[{{"quantile":0.5,"value":"Infinity"}}],"flags":1}}]}}}}"#
    );
    let request = ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            resource: Some(resource),
            scope_metrics: vec![ScopeMetrics {
                scope: Some(scope),
                metrics,
                schema_url: "inner".into(),
            }],
            schema_url: "group".into(),
        }],
    };
    let json = document(
        "resourceMetrics",
        "scopeMetrics",
        "metrics",
        &metrics_json,
        &group,
    );
    same(Request::Metrics(request), &json);
}
