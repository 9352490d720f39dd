//! What real and hostile senders do: odd values, bad records, bodies that are no requests.

use std::path::PathBuf;

use prost::Message;
use proto::otlp::collector::logs::v1::ExportLogsServiceRequest;
use proto::otlp::collector::trace::v1::ExportTraceServiceRequest;
use proto::otlp::common::v1::any_value::Value;
use proto::otlp::common::v1::{ArrayValue, KeyValue};
use proto::otlp::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use proto::otlp::metrics::v1::metric::Data;
use proto::otlp::resource::v1::Resource;
use proto::otlp::trace::v1::{ResourceSpans, ScopeSpans, Span};
use proto::{DecodeError, Encoding, Signal, decode, decode_logs, decode_metrics, decode_traces};

use crate::alike::{SPAN_ID, TRACE_ID, all_types, any, pair, string};

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
