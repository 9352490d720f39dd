//! JSON and protobuf of the same request decode to the same message; recordings of real senders
//! decode whole; hostile bytes never panic.

use std::path::PathBuf;

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
use proto::{
    DecodeError, Encoding, Request, Signal, decode, decode_logs, decode_metrics, decode_traces,
};

const TRACE_ID: [u8; 16] = [
    0x5b, 0x8e, 0xff, 0xf7, 0x98, 0x03, 0x81, 0x03, 0xd2, 0x69, 0xb6, 0x33, 0x81, 0x3f, 0xc6, 0x0c,
];
const SPAN_ID: [u8; 8] = [0xee, 0xe1, 0x9b, 0x7e, 0xc3, 0xc1, 0xb1, 0x74];
const PARENT_ID: [u8; 8] = [0xee, 0xe1, 0x9b, 0x7e, 0xc3, 0xc1, 0xb1, 0x73];

fn any(value: Value) -> AnyValue {
    AnyValue { value: Some(value) }
}

fn pair(key: &str, value: Value) -> KeyValue {
    KeyValue {
        key: key.into(),
        value: Some(any(value)),
        ..KeyValue::default()
    }
}

fn string(text: &str) -> Value {
    Value::StringValue(text.into())
}

/// One attribute of each type, and its JSON.
fn all_types() -> (Vec<KeyValue>, &'static str) {
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

/// Attributes of the one span of a request whose attributes are `json`.
fn attributes_of(json: &str) -> Vec<(String, Option<Option<Value>>)> {
    let body = format!(
        r#"{{"resource_spans":[{{"scope_spans":[{{"spans":[{{"trace_id":"5b8efff798038103d269b633813fc60c",
        "span_id":"eee19b7ec3c1b174","attributes":{json}}}]}}]}}]}}"#
    );
    let decoded = decode_traces(body.as_bytes(), Encoding::Json).unwrap();
    let span = decoded.request.resource_spans[0].scope_spans[0].spans[0].clone();
    let value = |pair: KeyValue| (pair.key, pair.value.map(|any| any.value));
    span.attributes.into_iter().map(value).collect()
}

#[test]
fn odd_values_are_read_as_their_senders_mean_them() {
    let json = r#"[
        {"key":"nan from js","value":{"doubleValue":null}},
        {"key":"infinity","value":{"doubleValue":"-Infinity"}},
        {"key":"bare infinity","value":{"doubleValue":Infinity}},
        {"key":"half\ud800","value":{"stringValue":"a\udfffb"}},
        {"key":"snake","value":{"int_value":"12"}},
        {"key":"float int","value":{"intValue":3.0}},
        {"key":"real float","value":{"intValue":3.5}},
        {"key":"too big","value":{"intValue":"99999999999999999999"}},
        {"key":"quoted bool","value":{"boolValue":"true"}},
        {"key":"number as string","value":{"stringValue":7}},
        {"key":"object as string","value":{"stringValue":{"a":[1]}}},
        {"key":"not base64","value":{"bytesValue":"@@"}},
        {"key":"url base64","value":{"bytesValue":"-_8"}},
        {"key":"bare","value":"text"},
        {"key":"null","value":null},
        null, 5
    ]"#;
    let expected: Vec<(&str, Option<Option<Value>>)> = vec![
        ("nan from js", Some(None)),
        (
            "infinity",
            Some(Some(Value::DoubleValue(f64::NEG_INFINITY))),
        ),
        (
            "bare infinity",
            Some(Some(Value::DoubleValue(f64::INFINITY))),
        ),
        ("half\u{fffd}", Some(Some(string("a\u{fffd}b")))),
        ("snake", Some(Some(Value::IntValue(12)))),
        ("float int", Some(Some(Value::IntValue(3)))),
        ("real float", Some(Some(Value::DoubleValue(3.5)))),
        ("too big", Some(Some(string("99999999999999999999")))),
        ("quoted bool", Some(Some(Value::BoolValue(true)))),
        ("number as string", Some(Some(string("7")))),
        ("object as string", Some(Some(string(r#"{"a":[1]}"#)))),
        ("not base64", Some(Some(string("@@")))),
        (
            "url base64",
            Some(Some(Value::BytesValue(vec![0xfb, 0xff]))),
        ),
        ("bare", Some(Some(string("text")))),
        ("null", None),
    ];
    let actual = attributes_of(json);
    assert_eq!(actual.len(), expected.len());
    for ((key, value), (expected_key, expected_value)) in actual.into_iter().zip(expected) {
        assert_eq!((key.as_str(), value), (expected_key, expected_value));
    }
}

#[test]
fn attributes_as_a_plain_object_are_read() {
    assert_eq!(
        attributes_of(r#"{"a":"b","n":1,"typed":{"boolValue":true}}"#),
        [
            ("a".to_owned(), Some(Some(string("b")))),
            ("n".to_owned(), Some(Some(Value::IntValue(1)))),
            ("typed".to_owned(), Some(Some(Value::BoolValue(true)))),
        ]
    );
}

#[test]
fn values_nested_too_deep_are_kept_as_text() {
    let deep = |depth: usize| {
        let mut json = r#"{"arrayValue":{"values":["#.repeat(depth);
        json.push_str(r#"{"stringValue":"core"}"#);
        json.push_str(&"]}}".repeat(depth));
        format!(r#"[{{"key":"deep","value":{json}}}]"#)
    };
    for depth in [1, 24, 25, 200_000] {
        let attributes = attributes_of(&deep(depth));
        let mut value = attributes[0].1.clone().unwrap().unwrap();
        let mut levels = 0;
        while let Value::ArrayValue(mut list) = value {
            levels += 1;
            value = list.values.remove(0).value.unwrap();
        }
        assert_eq!(levels, depth.min(24));
        assert!(matches!(value, Value::StringValue(text) if text.contains("core")));
    }
}

#[test]
fn bad_spans_are_rejected_one_by_one() {
    let json = br#"{"resourceSpans":[{"scopeSpans":[{"spans":[
        {"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","name":"good"},
        {"traceId":"5b8e","spanId":"eee19b7ec3c1b174"},
        {"traceId":"not an id at all","spanId":"eee19b7ec3c1b174"},
        {"traceId":"00000000000000000000000000000000","spanId":"eee19b7ec3c1b174"},
        {"traceId":"5b8efff798038103d269b633813fc60c","spanId":""},
        17, null,
        {"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b175","name":"also good"}
    ]}]}]}"#;
    let decoded = decode_traces(json, Encoding::Json).unwrap();
    let spans = &decoded.request.resource_spans[0].scope_spans[0].spans;
    let names: Vec<_> = spans.iter().map(|span| span.name.as_str()).collect();
    assert_eq!(names, ["good", "also good"]);
    assert_eq!(decoded.rejected.count, 6);

    let span = |trace_id: &[u8], span_id: &[u8]| Span {
        trace_id: trace_id.to_vec(),
        span_id: span_id.to_vec(),
        ..Span::default()
    };
    let request = ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            scope_spans: vec![ScopeSpans {
                spans: vec![span(&TRACE_ID[..15], &SPAN_ID), span(&TRACE_ID, &SPAN_ID)],
                ..ScopeSpans::default()
            }],
            ..ResourceSpans::default()
        }],
    };
    let decoded = decode_traces(&request.encode_to_vec(), Encoding::Protobuf).unwrap();
    assert_eq!(decoded.rejected.count, 1);
    assert_eq!(decoded.rejected.reason, "trace_id has 15 bytes, not 16");
    assert_eq!(
        decoded.request.resource_spans[0].scope_spans[0].spans.len(),
        1
    );
}

#[test]
fn log_records_need_no_ids() {
    let json = br#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[
        {"body":{"stringValue":"a"}}, {"traceId":"zz","body":"b"}, []]}]}]}"#;
    let decoded = decode_logs(json, Encoding::Json).unwrap();
    assert_eq!(
        decoded.request.resource_logs[0].scope_logs[0]
            .log_records
            .len(),
        2
    );
    assert_eq!(decoded.rejected.count, 1);
}

#[test]
fn strings_that_are_not_utf8_are_mended() {
    let request = ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            scope_spans: vec![ScopeSpans {
                spans: vec![Span {
                    trace_id: TRACE_ID.to_vec(),
                    span_id: SPAN_ID.to_vec(),
                    name: "name".into(),
                    attributes: vec![
                        pair("key", string("weird~text")),
                        pair("bytes", Value::BytesValue(b"raw~\xff".to_vec())),
                    ],
                    ..Span::default()
                }],
                ..ScopeSpans::default()
            }],
            ..ResourceSpans::default()
        }],
    };
    let mut bytes = request.encode_to_vec();
    for byte in &mut bytes {
        if *byte == b'~' {
            *byte = 0xff;
        }
    }
    let decoded = decode_traces(&bytes, Encoding::Protobuf).unwrap();
    let span = &decoded.request.resource_spans[0].scope_spans[0].spans[0];
    assert_eq!(span.attributes[0], pair("key", string("weird\u{fffd}text")));
    assert_eq!(
        span.attributes[1],
        pair("bytes", Value::BytesValue(b"raw\xff\xff".to_vec()))
    );
}

#[test]
fn protobuf_values_nested_too_deep_are_kept_as_bytes() {
    let mut value = any(string("core"));
    for _ in 0..500 {
        value = any(Value::ArrayValue(ArrayValue {
            values: vec![value],
        }));
    }
    let request = ExportLogsServiceRequest {
        resource_logs: vec![ResourceLogs {
            scope_logs: vec![ScopeLogs {
                log_records: vec![LogRecord {
                    body: Some(value),
                    ..LogRecord::default()
                }],
                ..ScopeLogs::default()
            }],
            ..ResourceLogs::default()
        }],
    };
    let decoded = decode_logs(&request.encode_to_vec(), Encoding::Protobuf).unwrap();
    let record = &decoded.request.resource_logs[0].scope_logs[0].log_records[0];
    let mut value = record.body.clone().unwrap().value.unwrap();
    while let Value::ArrayValue(mut list) = value {
        value = list.values.remove(0).value.unwrap();
    }
    assert!(matches!(value, Value::BytesValue(bytes) if bytes.ends_with(b"core")));
}

#[test]
fn bodies_that_are_no_request_are_errors_with_a_reason() {
    let message = |signal, encoding, body: &[u8]| {
        let error: DecodeError = decode(signal, encoding, body).unwrap_err();
        match error {
            DecodeError::Json { signal, source } => format!("{signal}: {source}"),
            DecodeError::Protobuf { .. } => error.to_string(),
        }
    };
    assert_eq!(
        message(Signal::Traces, Encoding::Json, br#"{"resourceSpans":[{]}"#),
        "traces: expected a key in double quotes at byte 19"
    );
    assert_eq!(
        message(Signal::Logs, Encoding::Json, b"[]"),
        "logs: expected an object with `resourceLogs` at byte 0"
    );
    assert_eq!(
        message(Signal::Metrics, Encoding::Json, b""),
        "metrics: unexpected end of input at byte 0"
    );
    assert_eq!(
        message(Signal::Traces, Encoding::Protobuf, &[10, 200, 1, 18]),
        "the body is not a valid OTLP traces request in protobuf: \
         ExportTraceServiceRequest.resource_spans: buffer underflow"
    );
}

#[test]
fn an_empty_request_is_a_request() {
    for signal in Signal::ALL {
        for (encoding, body) in [(Encoding::Protobuf, ""), (Encoding::Json, "{}")] {
            assert_eq!(
                decode(signal, encoding, body.as_bytes())
                    .unwrap()
                    .rejected
                    .count,
                0
            );
        }
    }
}

/// Every request body that real senders produced, when the recordings are beside the repository.
#[test]
fn recordings_of_real_senders_decode_whole() {
    let corpus = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus");
    let Ok(captures) = std::fs::read_dir(&corpus) else {
        eprintln!("skipped: no recordings at {}", corpus.display());
        return;
    };
    let mut bodies = 0;
    for capture in captures {
        let Ok(files) = std::fs::read_dir(capture.unwrap().path().join("raw")) else {
            continue;
        };
        for file in files {
            let path = file.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            let Some(signal) = Signal::ALL
                .into_iter()
                .find(|signal| name.contains(&format!(".{signal}.")))
            else {
                continue;
            };
            let encoding = if name.ends_with(".json") {
                Encoding::Json
            } else {
                Encoding::Protobuf
            };
            let body = std::fs::read(&path).unwrap();
            let decoded = decode(signal, encoding, &body)
                .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            assert_eq!(decoded.rejected.count, 0, "{}", path.display());
            bodies += 1;
        }
    }
    assert!(bodies > 100, "only {bodies} bodies found");
}

#[test]
fn metrics_with_null_numbers_keep_their_points() {
    let json = br#"{"resourceMetrics":[{"scopeMetrics":[{"metrics":[
        {"name":"m","gauge":{"dataPoints":[{"asDouble":null,"timeUnixNano":"1"}, 3]}},
        {"name":"h","histogram":{"dataPoints":[{"count":"1","sum":null,"explicitBounds":[1,null]}]}}
    ]}]}]}"#;
    let decoded = decode_metrics(json, Encoding::Json).unwrap();
    let metrics = &decoded.request.resource_metrics[0].scope_metrics[0].metrics;
    assert!(matches!(&metrics[0].data, Some(Data::Gauge(gauge)) if gauge.data_points.len() == 1));
    let Some(Data::Histogram(histogram)) = &metrics[1].data else {
        panic!("not a histogram");
    };
    assert_eq!(histogram.data_points[0].sum, None);
    assert!(histogram.data_points[0].explicit_bounds[1].is_nan());
    assert_eq!(decoded.rejected.count, 1);
}

proptest::proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
        for signal in Signal::ALL {
            let _ = decode(signal, Encoding::Protobuf, &bytes);
            let _ = decode(signal, Encoding::Json, &bytes);
        }
    }

    /// Text that is nearly OTLP gets further into the decoder than random bytes.
    #[test]
    fn nearly_otlp_never_panics(
        parts in proptest::collection::vec(proptest::sample::select(vec![
            "{", "}", "[", "]", ",", ":", "\"resourceSpans\"", "\"scopeSpans\"", "\"spans\"",
            "\"attributes\"", "\"key\"", "\"value\"", "\"arrayValue\"", "\"values\"", "\"traceId\"",
            "\"intValue\"", "null", "true", "1e999", "-0", "\"\\ud800\"", "\"x\"", "NaN",
        ]), 0..40),
        prefix: bool,
    ) {
        let start = if prefix { r#"{"resourceSpans":[{"scopeSpans":[{"spans":["# } else { "" };
        let text = format!("{start}{}", parts.concat());
        for signal in Signal::ALL {
            let _ = decode(signal, Encoding::Json, text.as_bytes());
        }
    }

    /// A valid body with bytes changed: decodes or is refused, never panics.
    #[test]
    fn damaged_protobuf_never_panics(at in 0usize..400, byte: u8, cut in 0usize..400) {
        let (attributes, _) = all_types();
        let request = ExportLogsServiceRequest {
            resource_logs: vec![ResourceLogs {
                resource: Some(Resource { attributes, ..Resource::default() }),
                ..ResourceLogs::default()
            }],
        };
        let mut bytes = request.encode_to_vec();
        let at = at % bytes.len();
        bytes[at] = byte;
        bytes.truncate(bytes.len() - cut % bytes.len());
        let _ = decode_logs(&bytes, Encoding::Protobuf);
    }
}
