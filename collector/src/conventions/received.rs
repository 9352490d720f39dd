//! Records kept as they were received, beside what is understood of them: exports are made of it.

use prost::Message;
use proto::Signal;
use proto::Values;
use proto::agent::{Received, ReceivedRecord, RecordRef};
use proto::otlp::common::v1::any_value;
use proto::otlp::metrics::v1::Metric;
use proto::otlp::metrics::v1::metric::Data;

use super::Understood;
use super::payload::{Bag, INLINE_MAX};

/// The records of one request, in its order.
pub(super) struct Shelf {
    request_id: i64,
    signal: Signal,
    groups: Vec<Received>,
    next_number: i32,
}

impl Shelf {
    pub(super) fn new(request_id: i64, signal: Signal) -> Self {
        Self {
            request_id,
            signal,
            groups: Vec::new(),
            next_number: 0,
        }
    }

    /// Begins a group; `head`, whose texts were lifted, is what its records share.
    pub(super) fn head(&mut self, head: &impl Message, bag: &Bag) {
        self.groups.push(Received {
            request_id: self.request_id,
            signal: self.signal,
            head: received(0, head, bag),
            records: Vec::new(),
        });
    }

    /// Takes a record, whose texts were lifted, into the group.
    pub(super) fn record(&mut self, record: &impl Message, bag: &Bag) -> RecordRef {
        let number = self.next_number;
        self.next_number = number.saturating_add(1);
        if let Some(group) = self.groups.last_mut() {
            group.records.push(received(number, record, bag));
        }
        RecordRef {
            request_id: self.request_id,
            number,
        }
    }

    pub(super) fn finish(self, out: &mut Understood) {
        let filled = self.groups.into_iter();
        out.received
            .extend(filled.filter(|group| !group.records.is_empty()));
    }
}

fn received(number: i32, message: &impl Message, bag: &Bag) -> ReceivedRecord {
    ReceivedRecord {
        number,
        bytes: message.encode_to_vec(),
        texts: bag.lifted().to_vec(),
    }
}

impl Bag {
    /// Moves the large texts of a message into the bag and leaves the number of each in its place.
    pub(super) fn lift(&mut self, message: &mut impl Values) {
        self.set_lifted(&[]);
        self.lift_also(message);
    }

    /// As [`Self::lift`], counting on from the message before.
    pub(super) fn lift_also(&mut self, message: &mut impl Values) {
        message.each_value(&mut |value| match value {
            Some(any_value::Value::StringValue(text)) if text.len() > INLINE_MAX => {
                let number = self.lift_text(std::mem::take(text));
                *value = Some(any_value::Value::StringValueStrindex(number));
            }
            // Belongs to the profiling signal; elsewhere it has no meaning.
            Some(any_value::Value::StringValueStrindex(_)) => *value = None,
            _ => {}
        });
    }
}

/// A metric for each data point of `metric`.
pub(super) fn single_points(metric: Metric) -> Vec<Metric> {
    let Some(data) = metric.data else {
        return Vec::new();
    };
    let metric = Metric {
        data: None,
        ..metric
    };
    macro_rules! split {
        ($kind:ident, $data:ident) => {{
            let mut data = $data;
            let points = std::mem::take(&mut data.data_points);
            let one = |point| Metric {
                data: Some(Data::$kind({
                    let mut data = data.clone();
                    data.data_points = vec![point];
                    data
                })),
                ..metric.clone()
            };
            points.into_iter().map(one).collect()
        }};
    }
    match data {
        Data::Gauge(data) => split!(Gauge, data),
        Data::Sum(data) => split!(Sum, data),
        Data::Histogram(data) => split!(Histogram, data),
        Data::ExponentialHistogram(data) => split!(ExponentialHistogram, data),
        Data::Summary(data) => split!(Summary, data),
    }
}
