//! Metric data points.

use std::sync::Arc;

use proto::agent::{MetricPoint, RecordRef};
use proto::otlp::metrics::v1::metric::Data;
use proto::otlp::metrics::v1::{
    ExponentialHistogramDataPoint, HistogramDataPoint, Metric, NumberDataPoint, SummaryDataPoint,
    number_data_point,
};

use super::Understood;
use super::identity::{Fingerprint, Repeats, nanos};
use super::json;
use super::names::Concept;
use super::payload::Bag;
use super::source::Source;
use super::value::{self, Attributes, Value};

/// What the points of one metric share.
struct Series<'a> {
    source: &'a Source,
    name: Arc<str>,
    unit: Arc<str>,
    kind: &'static str,
    received: RecordRef,
}

pub(super) fn understand(
    source: &Source,
    metric: Metric,
    received: RecordRef,
    bag: &mut Bag,
    repeats: &mut Repeats,
    out: &mut Understood,
) {
    let Some(data) = metric.data else { return };
    let kind = match &data {
        Data::Gauge(_) => "gauge",
        Data::Sum(_) => "sum",
        Data::Histogram(_) => "histogram",
        Data::ExponentialHistogram(_) => "exponential_histogram",
        Data::Summary(_) => "summary",
    };
    let series = Series {
        source,
        name: bag.word(&metric.name),
        unit: bag.word(&metric.unit),
        kind,
        received,
    };
    let mut add = |name: &str, time, start, value, attributes: &Attributes, bag: &mut Bag| {
        out.metrics
            .push(series.point(name, time, start, value, attributes, bag, repeats));
    };
    let name = metric.name.as_str();
    match data {
        Data::Gauge(gauge) => {
            for point in gauge.data_points {
                let value = number(&point);
                let attributes = value::attributes(point.attributes, bag);
                add(
                    name,
                    point.time_unix_nano,
                    point.start_time_unix_nano,
                    value,
                    &attributes,
                    bag,
                );
            }
        }
        Data::Sum(sum) => {
            for point in sum.data_points {
                let value = number(&point);
                let mut attributes = value::attributes(point.attributes, bag);
                if sum.aggregation_temporality == 1 {
                    attributes.push(("$temporality".into(), Value::Text("delta".into())));
                }
                add(
                    name,
                    point.time_unix_nano,
                    point.start_time_unix_nano,
                    value,
                    &attributes,
                    bag,
                );
            }
        }
        Data::Histogram(histogram) => {
            for point in histogram.data_points {
                let (time, start) = (point.time_unix_nano, point.start_time_unix_nano);
                let (sum, count) = (point.sum, point.count);
                let attributes = histogram_attributes(point, bag);
                if let Some(sum) = sum {
                    add(&format!("{name}.sum"), time, start, sum, &attributes, bag);
                }
                add(
                    &format!("{name}.count"),
                    time,
                    start,
                    count as f64,
                    &attributes,
                    bag,
                );
            }
        }
        Data::ExponentialHistogram(histogram) => {
            for point in histogram.data_points {
                let (time, start) = (point.time_unix_nano, point.start_time_unix_nano);
                let (sum, count) = (point.sum, point.count);
                let attributes = exponential_attributes(point, bag);
                if let Some(sum) = sum {
                    add(&format!("{name}.sum"), time, start, sum, &attributes, bag);
                }
                add(
                    &format!("{name}.count"),
                    time,
                    start,
                    count as f64,
                    &attributes,
                    bag,
                );
            }
        }
        Data::Summary(summary) => {
            for point in summary.data_points {
                let (time, start) = (point.time_unix_nano, point.start_time_unix_nano);
                let (sum, count) = (point.sum, point.count);
                let attributes = summary_attributes(point, bag);
                add(&format!("{name}.sum"), time, start, sum, &attributes, bag);
                add(
                    &format!("{name}.count"),
                    time,
                    start,
                    count as f64,
                    &attributes,
                    bag,
                );
            }
        }
    }
}

impl Series<'_> {
    #[allow(clippy::too_many_arguments)] // one call site shape; a struct would only rename them
    fn point(
        &self,
        name: &str,
        time: u64,
        start: u64,
        value: f64,
        attributes: &Attributes,
        bag: &mut Bag,
        repeats: &mut Repeats,
    ) -> MetricPoint {
        let picked = self.source.family.names.pick(attributes, bag);
        let session_id = picked
            .word(Concept::Session, bag)
            .or_else(|| self.source.session_id.clone());
        let attributes = json::object(attributes);
        let point_id = repeats.distinguish(
            Fingerprint::of("metric point", bag.hashing())
                .text(&self.source.origin.json)
                .text(&self.source.scope_name)
                .text(name)
                .text(self.kind)
                .int(nanos(start))
                .int(nanos(time))
                .bytes(&value.to_bits().to_le_bytes())
                .text(&attributes)
                .finish(),
        );
        MetricPoint {
            point_id,
            time_ns: nanos(if time != 0 { time } else { start }),
            session_id,
            name: if name == self.name.as_ref() {
                self.name.clone()
            } else {
                bag.word(name)
            },
            value,
            unit: self.unit.clone(),
            kind: self.kind,
            attributes,
            service_name: self.source.origin.service_name.clone(),
            record: Some(self.received),
        }
    }
}

fn number(point: &NumberDataPoint) -> f64 {
    match point.value {
        Some(number_data_point::Value::AsDouble(double)) => double,
        Some(number_data_point::Value::AsInt(int)) => int as f64,
        None => f64::NAN,
    }
}

fn ints(values: Vec<u64>) -> Value {
    Value::List(
        values
            .into_iter()
            .map(|value| Value::Int(nanos(value)))
            .collect(),
    )
}

fn doubles(values: Vec<f64>) -> Value {
    Value::List(values.into_iter().map(Value::Double).collect())
}

fn extremes(attributes: &mut Attributes, min: Option<f64>, max: Option<f64>) {
    for (key, value) in [("$min", min), ("$max", max)] {
        if let Some(value) = value {
            attributes.push((key.into(), Value::Double(value)));
        }
    }
}

fn histogram_attributes(point: HistogramDataPoint, bag: &mut Bag) -> Attributes {
    let mut attributes = value::attributes(point.attributes, bag);
    extremes(&mut attributes, point.min, point.max);
    attributes.push(("$bounds".into(), doubles(point.explicit_bounds)));
    attributes.push(("$bucket_counts".into(), ints(point.bucket_counts)));
    attributes
}

fn exponential_attributes(point: ExponentialHistogramDataPoint, bag: &mut Bag) -> Attributes {
    let mut attributes = value::attributes(point.attributes, bag);
    extremes(&mut attributes, point.min, point.max);
    attributes.push(("$scale".into(), Value::Int(i64::from(point.scale))));
    attributes.push(("$zero_count".into(), Value::Int(nanos(point.zero_count))));
    for (key, buckets) in [("$positive", point.positive), ("$negative", point.negative)] {
        if let Some(buckets) = buckets {
            let map = vec![
                ("offset".to_owned(), Value::Int(i64::from(buckets.offset))),
                ("bucket_counts".to_owned(), ints(buckets.bucket_counts)),
            ];
            attributes.push((key.into(), Value::Map(map)));
        }
    }
    attributes
}

fn summary_attributes(point: SummaryDataPoint, bag: &mut Bag) -> Attributes {
    let mut attributes = value::attributes(point.attributes, bag);
    let quantiles = point
        .quantile_values
        .into_iter()
        .map(|at| (at.quantile.to_string(), Value::Double(at.value)))
        .collect();
    attributes.push(("$quantiles".into(), Value::Map(quantiles)));
    attributes
}

#[cfg(test)]
mod tests {
    use proto::otlp::collector::metrics::v1::ExportMetricsServiceRequest;
    use proto::otlp::common::v1::{AnyValue, KeyValue, any_value};
    use proto::otlp::metrics::v1::{Histogram, ResourceMetrics, ScopeMetrics, Sum};

    use super::*;
    use crate::conventions::understand_metrics;

    fn request(data: Data) -> ExportMetricsServiceRequest {
        ExportMetricsServiceRequest {
            resource_metrics: vec![ResourceMetrics {
                scope_metrics: vec![ScopeMetrics {
                    metrics: vec![Metric {
                        name: "tokens".to_owned(),
                        unit: "{token}".to_owned(),
                        data: Some(data),
                        ..Metric::default()
                    }],
                    ..ScopeMetrics::default()
                }],
                ..ResourceMetrics::default()
            }],
        }
    }

    fn session() -> Vec<proto::otlp::common::v1::KeyValue> {
        vec![KeyValue {
            key: "session.id".to_owned(),
            value: Some(AnyValue {
                value: Some(any_value::Value::StringValue("s-1".to_owned())),
            }),
            ..KeyValue::default()
        }]
    }

    #[test]
    fn a_sum_keeps_its_session_and_temporality() {
        let point = NumberDataPoint {
            attributes: session(),
            time_unix_nano: 7,
            value: Some(number_data_point::Value::AsInt(3)),
            ..NumberDataPoint::default()
        };
        let data = Data::Sum(Sum {
            data_points: vec![point.clone(), point],
            aggregation_temporality: 1,
            is_monotonic: true,
        });
        let mut out = Understood::default();
        understand_metrics(request(data), &mut out);
        let [first, second] = out.metrics.as_slice() else {
            panic!("two points");
        };
        assert_eq!(first.session_id.as_deref(), Some("s-1"));
        assert_eq!((first.value, first.time_ns), (3.0, 7));
        assert_eq!(
            first.attributes,
            r#"{"session.id":"s-1","$temporality":"delta"}"#
        );
        assert_ne!(first.point_id, second.point_id);
    }

    #[test]
    fn a_histogram_gives_sum_and_count() {
        let data = Data::Histogram(Histogram {
            data_points: vec![HistogramDataPoint {
                count: 3,
                sum: Some(4.5),
                bucket_counts: vec![1, 2],
                explicit_bounds: vec![2.0],
                ..HistogramDataPoint::default()
            }],
            aggregation_temporality: 2,
        });
        let mut out = Understood::default();
        understand_metrics(request(data), &mut out);
        let rows: Vec<(&str, f64)> = out
            .metrics
            .iter()
            .map(|point| (point.name.as_ref(), point.value))
            .collect();
        assert_eq!(rows, [("tokens.sum", 4.5), ("tokens.count", 3.0)]);
        assert_eq!(
            out.metrics[0].attributes,
            r#"{"$bounds":[2.0],"$bucket_counts":[1,2]}"#
        );
    }
}
