//! Going through all texts of a request.

use proto::Request;
use proto::otlp::common::v1::any_value::Value;
use proto::otlp::common::v1::{AnyValue, EntityRef, InstrumentationScope, KeyValue};
use proto::otlp::logs::v1::LogRecord;
use proto::otlp::metrics::v1::metric::Data;
use proto::otlp::metrics::v1::{Exemplar, Metric};
use proto::otlp::resource::v1::Resource;
use proto::otlp::trace::v1::Span;

use super::scan::Finding;
use super::{COUNTED, Redactor, Tally};

/// Shorter names of attributes are looked at by nobody: they are what rules know.
const LONG_KEY_BYTES: usize = 24;

/// One walk through a request. Its buffers serve all texts.
pub(super) struct Walk<'a> {
    redactor: &'a Redactor,
    found: Vec<Finding>,
    tally: Tally,
    has_changed: bool,
}

impl<'a> Walk<'a> {
    pub(super) fn new(redactor: &'a Redactor) -> Self {
        Self {
            redactor,
            found: Vec::new(),
            tally: Tally::default(),
            has_changed: false,
        }
    }

    /// Redacts every text and every bytes value. True when something was replaced.
    pub(super) fn request(mut self, request: &mut Request) -> bool {
        match request {
            Request::Traces(request) => {
                for group in &mut request.resource_spans {
                    self.text(None, &mut group.schema_url);
                    self.resource(&mut group.resource);
                    for scope in &mut group.scope_spans {
                        self.text(None, &mut scope.schema_url);
                        self.scope(&mut scope.scope);
                        scope.spans.iter_mut().for_each(|span| self.span(span));
                    }
                }
            }
            Request::Logs(request) => {
                for group in &mut request.resource_logs {
                    self.text(None, &mut group.schema_url);
                    self.resource(&mut group.resource);
                    for scope in &mut group.scope_logs {
                        self.text(None, &mut scope.schema_url);
                        self.scope(&mut scope.scope);
                        scope
                            .log_records
                            .iter_mut()
                            .for_each(|record| self.log(record));
                    }
                }
            }
            Request::Metrics(request) => {
                for group in &mut request.resource_metrics {
                    self.text(None, &mut group.schema_url);
                    self.resource(&mut group.resource);
                    for scope in &mut group.scope_metrics {
                        self.text(None, &mut scope.schema_url);
                        self.scope(&mut scope.scope);
                        scope
                            .metrics
                            .iter_mut()
                            .for_each(|metric| self.metric(metric));
                    }
                }
            }
        }
        self.has_changed
    }

    fn span(&mut self, span: &mut Span) {
        self.tally.0.clear();
        self.text(None, &mut span.name);
        self.text(None, &mut span.trace_state);
        if let Some(status) = &mut span.status {
            self.text(None, &mut status.message);
        }
        for event in &mut span.events {
            self.text(None, &mut event.name);
            self.attributes(&mut event.attributes);
        }
        for link in &mut span.links {
            self.text(None, &mut link.trace_state);
            self.attributes(&mut link.attributes);
        }
        self.attributes(&mut span.attributes);
        self.note(&mut span.attributes);
    }

    fn log(&mut self, record: &mut LogRecord) {
        self.tally.0.clear();
        self.text(None, &mut record.severity_text);
        self.text(None, &mut record.event_name);
        if let Some(body) = &mut record.body {
            self.value(None, body);
        }
        self.attributes(&mut record.attributes);
        self.note(&mut record.attributes);
    }

    /// Says on a record what was replaced in it.
    fn note(&mut self, attributes: &mut Vec<KeyValue>) {
        for (kind, count) in self.tally.0.drain(..) {
            let key = format!("{COUNTED}{}", self.redactor.scanner.kinds()[kind]);
            // A record that comes in again, from an export, brings the note along.
            let known = attributes.iter_mut().find(|pair| pair.key == key);
            let before = known.as_ref().and_then(|pair| match &pair.value {
                Some(AnyValue {
                    value: Some(Value::IntValue(before)),
                }) => Some(*before),
                _ => None,
            });
            let value = Some(AnyValue {
                value: Some(Value::IntValue(before.unwrap_or(0) + i64::from(count))),
            });
            match known {
                Some(pair) => pair.value = value,
                None => attributes.push(KeyValue {
                    key,
                    value,
                    ..KeyValue::default()
                }),
            }
        }
    }

    fn metric(&mut self, metric: &mut Metric) {
        self.text(None, &mut metric.name);
        self.text(None, &mut metric.description);
        self.text(None, &mut metric.unit);
        self.attributes(&mut metric.metadata);
        macro_rules! points {
            ($data:expr) => {
                for point in &mut $data.data_points {
                    self.attributes(&mut point.attributes);
                    self.exemplars(&mut point.exemplars);
                }
            };
        }
        match &mut metric.data {
            Some(Data::Gauge(data)) => points!(data),
            Some(Data::Sum(data)) => points!(data),
            Some(Data::Histogram(data)) => points!(data),
            Some(Data::ExponentialHistogram(data)) => points!(data),
            Some(Data::Summary(data)) => {
                for point in &mut data.data_points {
                    self.attributes(&mut point.attributes);
                }
            }
            None => {}
        }
    }

    fn exemplars(&mut self, exemplars: &mut [Exemplar]) {
        for exemplar in exemplars {
            self.attributes(&mut exemplar.filtered_attributes);
        }
    }

    fn resource(&mut self, resource: &mut Option<Resource>) {
        let Some(resource) = resource else { return };
        self.attributes(&mut resource.attributes);
        for entity in &mut resource.entity_refs {
            let EntityRef {
                schema_url,
                r#type,
                id_keys,
                description_keys,
            } = entity;
            self.text(None, schema_url);
            self.text(None, r#type);
            for key in id_keys.iter_mut().chain(description_keys) {
                self.key(key);
            }
        }
    }

    fn scope(&mut self, scope: &mut Option<InstrumentationScope>) {
        let Some(scope) = scope else { return };
        self.text(None, &mut scope.name);
        self.text(None, &mut scope.version);
        self.attributes(&mut scope.attributes);
    }

    fn attributes(&mut self, attributes: &mut [KeyValue]) {
        for KeyValue { key, value, .. } in attributes {
            if let Some(value) = value {
                self.value(Some(key), value);
            }
            self.key(key);
        }
    }

    fn key(&mut self, key: &mut String) {
        if key.len() >= LONG_KEY_BYTES {
            self.text(None, key);
        }
    }

    /// A value under the name that it, or the list it is in, stands under.
    fn value(&mut self, name: Option<&str>, any: &mut AnyValue) {
        match &mut any.value {
            Some(Value::StringValue(text)) => self.text(name, text),
            Some(Value::BytesValue(bytes)) => self.bytes(name, bytes),
            Some(Value::ArrayValue(list)) => {
                for value in &mut list.values {
                    self.value(name, value);
                }
            }
            Some(Value::KvlistValue(map)) => self.attributes(&mut map.values),
            _ => {}
        }
    }

    fn text(&mut self, name: Option<&str>, text: &mut String) {
        let redacted = self
            .redactor
            .replace(text, name, &mut self.found, &mut self.tally);
        if let Some(redacted) = redacted {
            *text = redacted;
            self.has_changed = true;
        }
    }

    /// What is text in bytes.
    fn bytes(&mut self, name: Option<&str>, bytes: &mut Vec<u8>) {
        let mut out = Vec::new();
        let mut has_changed = false;
        for chunk in bytes.utf8_chunks() {
            let redacted =
                self.redactor
                    .replace(chunk.valid(), name, &mut self.found, &mut self.tally);
            has_changed |= redacted.is_some();
            out.extend(redacted.as_deref().unwrap_or(chunk.valid()).as_bytes());
            out.extend(chunk.invalid());
        }
        if has_changed {
            *bytes = out;
            self.has_changed = true;
        }
    }
}
