//! `resourceMetrics` and everything below it.

use super::Result;
use super::common::{
    attributes, bool, double, enumeration, i32, i64, id, message, resource, scope, text, u32, u64,
};
use super::reader::Reader;
use crate::otlp::metrics::v1::exponential_histogram_data_point::Buckets;
use crate::otlp::metrics::v1::metric::Data;
use crate::otlp::metrics::v1::summary_data_point::ValueAtQuantile;
use crate::otlp::metrics::v1::{
    AggregationTemporality, Exemplar, ExponentialHistogram, ExponentialHistogramDataPoint, Gauge,
    Histogram, HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum,
    Summary, SummaryDataPoint, exemplar, number_data_point,
};
use crate::signal::Rejected;

pub(super) fn resource_metrics(
    r: &mut Reader<'_>,
    rejected: &mut Rejected,
    out: &mut Vec<ResourceMetrics>,
) -> Result<()> {
    let group = message(r, |r, key, group: &mut ResourceMetrics| {
        match key {
            "resource" => group.resource = resource(r)?,
            "scopeMetrics" | "scope_metrics" => {
                r.array(|r| scope_metrics(r, rejected, &mut group.scope_metrics))?;
            }
            "schemaUrl" | "schema_url" => group.schema_url = text(r)?,
            _ => r.skip()?,
        }
        Ok(())
    })?;
    out.extend(group);
    Ok(())
}

fn scope_metrics(
    r: &mut Reader<'_>,
    rejected: &mut Rejected,
    out: &mut Vec<ScopeMetrics>,
) -> Result<()> {
    let group = message(r, |r, key, group: &mut ScopeMetrics| {
        match key {
            "scope" => group.scope = scope(r)?,
            "metrics" => r.array(|r| {
                group.metrics.extend(metric(r, rejected)?);
                Ok(())
            })?,
            "schemaUrl" | "schema_url" => group.schema_url = text(r)?,
            _ => r.skip()?,
        }
        Ok(())
    })?;
    out.extend(group);
    Ok(())
}

fn metric(r: &mut Reader<'_>, rejected: &mut Rejected) -> Result<Option<Metric>> {
    message(r, |r, key, metric: &mut Metric| {
        let data = match key {
            "gauge" => gauge(r, rejected)?.map(Data::Gauge),
            "sum" => sum(r, rejected)?.map(Data::Sum),
            "histogram" => histogram(r, rejected)?.map(Data::Histogram),
            "exponentialHistogram" | "exponential_histogram" => {
                exponential_histogram(r, rejected)?.map(Data::ExponentialHistogram)
            }
            "summary" => summary(r, rejected)?.map(Data::Summary),
            _ => {
                match key {
                    "name" => metric.name = text(r)?,
                    "description" => metric.description = text(r)?,
                    "unit" => metric.unit = text(r)?,
                    "metadata" => metric.metadata = attributes(r)?,
                    _ => r.skip()?,
                }
                None
            }
        };
        if data.is_some() {
            metric.data = data;
        }
        Ok(())
    })
}

/// The points of a metric; those that are no objects are rejected.
fn points<T>(
    r: &mut Reader<'_>,
    rejected: &mut Rejected,
    point: impl Fn(&mut Reader<'_>) -> Result<Option<T>>,
) -> Result<Vec<T>> {
    let mut points = Vec::new();
    r.array(|r| {
        match point(r)? {
            Some(point) => points.push(point),
            None => rejected.add(|| "a data point is not a JSON object".to_owned()),
        }
        Ok(())
    })?;
    Ok(points)
}

fn temporality(r: &mut Reader<'_>) -> Result<i32> {
    enumeration(r, "AGGREGATION_TEMPORALITY", |name| {
        AggregationTemporality::from_str_name(name).map(i32::from)
    })
}

fn gauge(r: &mut Reader<'_>, rejected: &mut Rejected) -> Result<Option<Gauge>> {
    message(r, |r, key, gauge: &mut Gauge| {
        match key {
            "dataPoints" | "data_points" => gauge.data_points = points(r, rejected, number_point)?,
            _ => r.skip()?,
        }
        Ok(())
    })
}

fn sum(r: &mut Reader<'_>, rejected: &mut Rejected) -> Result<Option<Sum>> {
    message(r, |r, key, sum: &mut Sum| {
        match key {
            "dataPoints" | "data_points" => sum.data_points = points(r, rejected, number_point)?,
            "aggregationTemporality" | "aggregation_temporality" => {
                sum.aggregation_temporality = temporality(r)?;
            }
            "isMonotonic" | "is_monotonic" => sum.is_monotonic = bool(r)?,
            _ => r.skip()?,
        }
        Ok(())
    })
}

fn histogram(r: &mut Reader<'_>, rejected: &mut Rejected) -> Result<Option<Histogram>> {
    message(r, |r, key, histogram: &mut Histogram| {
        match key {
            "dataPoints" | "data_points" => {
                histogram.data_points = points(r, rejected, histogram_point)?;
            }
            "aggregationTemporality" | "aggregation_temporality" => {
                histogram.aggregation_temporality = temporality(r)?;
            }
            _ => r.skip()?,
        }
        Ok(())
    })
}

fn exponential_histogram(
    r: &mut Reader<'_>,
    rejected: &mut Rejected,
) -> Result<Option<ExponentialHistogram>> {
    message(r, |r, key, histogram: &mut ExponentialHistogram| {
        match key {
            "dataPoints" | "data_points" => {
                histogram.data_points = points(r, rejected, exponential_point)?;
            }
            "aggregationTemporality" | "aggregation_temporality" => {
                histogram.aggregation_temporality = temporality(r)?;
            }
            _ => r.skip()?,
        }
        Ok(())
    })
}

fn summary(r: &mut Reader<'_>, rejected: &mut Rejected) -> Result<Option<Summary>> {
    message(r, |r, key, summary: &mut Summary| {
        match key {
            "dataPoints" | "data_points" => {
                summary.data_points = points(r, rejected, summary_point)?
            }
            _ => r.skip()?,
        }
        Ok(())
    })
}

fn number_point(r: &mut Reader<'_>) -> Result<Option<NumberDataPoint>> {
    message(r, |r, key, point: &mut NumberDataPoint| {
        match key {
            "attributes" => point.attributes = attributes(r)?,
            "startTimeUnixNano" | "start_time_unix_nano" => point.start_time_unix_nano = u64(r)?,
            "timeUnixNano" | "time_unix_nano" => point.time_unix_nano = u64(r)?,
            "exemplars" => point.exemplars = exemplars(r)?,
            "flags" => point.flags = u32(r)?,
            "asDouble" | "as_double" => {
                let value = double(r)?.map(number_data_point::Value::AsDouble);
                point.value = value.or(point.value);
            }
            "asInt" | "as_int" => {
                let value = i64(r)?.map(number_data_point::Value::AsInt);
                point.value = value.or(point.value);
            }
            _ => r.skip()?,
        }
        Ok(())
    })
}

fn histogram_point(r: &mut Reader<'_>) -> Result<Option<HistogramDataPoint>> {
    message(r, |r, key, point: &mut HistogramDataPoint| {
        match key {
            "attributes" => point.attributes = attributes(r)?,
            "startTimeUnixNano" | "start_time_unix_nano" => point.start_time_unix_nano = u64(r)?,
            "timeUnixNano" | "time_unix_nano" => point.time_unix_nano = u64(r)?,
            "count" => point.count = u64(r)?,
            "sum" => point.sum = double(r)?,
            "bucketCounts" | "bucket_counts" => point.bucket_counts = list(r, u64)?,
            "explicitBounds" | "explicit_bounds" => point.explicit_bounds = list(r, double_or_nan)?,
            "exemplars" => point.exemplars = exemplars(r)?,
            "flags" => point.flags = u32(r)?,
            "min" => point.min = double(r)?,
            "max" => point.max = double(r)?,
            _ => r.skip()?,
        }
        Ok(())
    })
}

fn exponential_point(r: &mut Reader<'_>) -> Result<Option<ExponentialHistogramDataPoint>> {
    message(r, |r, key, point: &mut ExponentialHistogramDataPoint| {
        match key {
            "attributes" => point.attributes = attributes(r)?,
            "startTimeUnixNano" | "start_time_unix_nano" => point.start_time_unix_nano = u64(r)?,
            "timeUnixNano" | "time_unix_nano" => point.time_unix_nano = u64(r)?,
            "count" => point.count = u64(r)?,
            "sum" => point.sum = double(r)?,
            "scale" => point.scale = i32(r)?,
            "zeroCount" | "zero_count" => point.zero_count = u64(r)?,
            "positive" => point.positive = buckets(r)?,
            "negative" => point.negative = buckets(r)?,
            "flags" => point.flags = u32(r)?,
            "exemplars" => point.exemplars = exemplars(r)?,
            "min" => point.min = double(r)?,
            "max" => point.max = double(r)?,
            "zeroThreshold" | "zero_threshold" => {
                point.zero_threshold = double(r)?.unwrap_or(0.0);
            }
            _ => r.skip()?,
        }
        Ok(())
    })
}

fn buckets(r: &mut Reader<'_>) -> Result<Option<Buckets>> {
    message(r, |r, key, buckets: &mut Buckets| {
        match key {
            "offset" => buckets.offset = i32(r)?,
            "bucketCounts" | "bucket_counts" => buckets.bucket_counts = list(r, u64)?,
            _ => r.skip()?,
        }
        Ok(())
    })
}

fn summary_point(r: &mut Reader<'_>) -> Result<Option<SummaryDataPoint>> {
    message(r, |r, key, point: &mut SummaryDataPoint| {
        match key {
            "attributes" => point.attributes = attributes(r)?,
            "startTimeUnixNano" | "start_time_unix_nano" => point.start_time_unix_nano = u64(r)?,
            "timeUnixNano" | "time_unix_nano" => point.time_unix_nano = u64(r)?,
            "count" => point.count = u64(r)?,
            "sum" => point.sum = double_or_nan(r)?,
            "quantileValues" | "quantile_values" => r.array(|r| {
                point.quantile_values.extend(quantile(r)?);
                Ok(())
            })?,
            "flags" => point.flags = u32(r)?,
            _ => r.skip()?,
        }
        Ok(())
    })
}

fn quantile(r: &mut Reader<'_>) -> Result<Option<ValueAtQuantile>> {
    message(r, |r, key, at: &mut ValueAtQuantile| {
        match key {
            "quantile" => at.quantile = double_or_nan(r)?,
            "value" => at.value = double_or_nan(r)?,
            _ => r.skip()?,
        }
        Ok(())
    })
}

fn exemplars(r: &mut Reader<'_>) -> Result<Vec<Exemplar>> {
    let mut exemplars = Vec::new();
    r.array(|r| {
        exemplars.extend(exemplar(r)?);
        Ok(())
    })?;
    Ok(exemplars)
}

fn exemplar(r: &mut Reader<'_>) -> Result<Option<Exemplar>> {
    message(r, |r, key, exemplar: &mut Exemplar| {
        match key {
            "filteredAttributes" | "filtered_attributes" => {
                exemplar.filtered_attributes = attributes(r)?;
            }
            "timeUnixNano" | "time_unix_nano" => exemplar.time_unix_nano = u64(r)?,
            "spanId" | "span_id" => exemplar.span_id = id(r, 8)?,
            "traceId" | "trace_id" => exemplar.trace_id = id(r, 16)?,
            "asDouble" | "as_double" => {
                let value = double(r)?.map(exemplar::Value::AsDouble);
                exemplar.value = value.or(exemplar.value);
            }
            "asInt" | "as_int" => {
                let value = i64(r)?.map(exemplar::Value::AsInt);
                exemplar.value = value.or(exemplar.value);
            }
            _ => r.skip()?,
        }
        Ok(())
    })
}

fn list<T>(r: &mut Reader<'_>, item: impl Fn(&mut Reader<'_>) -> Result<T>) -> Result<Vec<T>> {
    let mut list = Vec::new();
    r.array(|r| {
        list.push(item(r)?);
        Ok(())
    })?;
    Ok(list)
}

/// An element that holds its place in a list, so that null cannot drop it: JavaScript's NaN.
fn double_or_nan(r: &mut Reader<'_>) -> Result<f64> {
    Ok(double(r)?.unwrap_or(f64::NAN))
}
