//! Going through the attribute values of a record, wherever they are.

use crate::otlp::common::v1::any_value::Value;
use crate::otlp::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use crate::otlp::logs::v1::LogRecord;
use crate::otlp::metrics::v1::Metric;
use crate::otlp::metrics::v1::metric::Data;
use crate::otlp::resource::v1::Resource;
use crate::otlp::trace::v1::Span;

/// A message that holds attribute values.
pub trait Values {
    /// Hands every value that is no list to `visit`, those inside lists and maps too, in their order.
    /// Values of exemplars are left out.
    fn each_value(&mut self, visit: &mut dyn FnMut(&mut Option<Value>));
}

fn each(any: &mut AnyValue, visit: &mut dyn FnMut(&mut Option<Value>)) {
    match &mut any.value {
        Some(Value::ArrayValue(list)) => {
            for value in &mut list.values {
                each(value, visit);
            }
        }
        Some(Value::KvlistValue(map)) => map.values.each_value(visit),
        value => visit(value),
    }
}

impl Values for Vec<KeyValue> {
    fn each_value(&mut self, visit: &mut dyn FnMut(&mut Option<Value>)) {
        for value in self.iter_mut().filter_map(|pair| pair.value.as_mut()) {
            each(value, visit);
        }
    }
}

impl Values for Resource {
    fn each_value(&mut self, visit: &mut dyn FnMut(&mut Option<Value>)) {
        self.attributes.each_value(visit);
    }
}

impl Values for InstrumentationScope {
    fn each_value(&mut self, visit: &mut dyn FnMut(&mut Option<Value>)) {
        self.attributes.each_value(visit);
    }
}

impl Values for Span {
    fn each_value(&mut self, visit: &mut dyn FnMut(&mut Option<Value>)) {
        self.attributes.each_value(visit);
        for event in &mut self.events {
            event.attributes.each_value(visit);
        }
        for link in &mut self.links {
            link.attributes.each_value(visit);
        }
    }
}

impl Values for LogRecord {
    fn each_value(&mut self, visit: &mut dyn FnMut(&mut Option<Value>)) {
        if let Some(body) = &mut self.body {
            each(body, visit);
        }
        self.attributes.each_value(visit);
    }
}

impl Values for Metric {
    fn each_value(&mut self, visit: &mut dyn FnMut(&mut Option<Value>)) {
        self.metadata.each_value(visit);
        macro_rules! points {
            ($data:expr) => {
                for point in &mut $data.data_points {
                    point.attributes.each_value(visit);
                }
            };
        }
        match &mut self.data {
            Some(Data::Gauge(data)) => points!(data),
            Some(Data::Sum(data)) => points!(data),
            Some(Data::Histogram(data)) => points!(data),
            Some(Data::ExponentialHistogram(data)) => points!(data),
            Some(Data::Summary(data)) => points!(data),
            None => {}
        }
    }
}

impl<T: Values> Values for Option<T> {
    fn each_value(&mut self, visit: &mut dyn FnMut(&mut Option<Value>)) {
        if let Some(message) = self {
            message.each_value(visit);
        }
    }
}
