//! The project that a sender's token is limited to, said in each resource that it sends.

use proto::Request;
use proto::otlp::common::v1::any_value::Value;
use proto::otlp::common::v1::{AnyValue, KeyValue};
use proto::otlp::resource::v1::Resource;

use crate::conventions::PROJECT;

/// Says of everything in a request that it belongs to `project`, whatever the sender said.
pub(super) fn claim(request: &mut Request, project: &str) {
    let claim = |resource: &mut Option<Resource>| {
        let attributes = &mut resource.get_or_insert_default().attributes;
        attributes.retain(|attribute| attribute.key != PROJECT);
        attributes.push(KeyValue {
            key: PROJECT.to_owned(),
            value: Some(AnyValue {
                value: Some(Value::StringValue(project.to_owned())),
            }),
            ..KeyValue::default()
        });
    };
    match request {
        Request::Traces(request) => request
            .resource_spans
            .iter_mut()
            .for_each(|group| claim(&mut group.resource)),
        Request::Logs(request) => request
            .resource_logs
            .iter_mut()
            .for_each(|group| claim(&mut group.resource)),
        Request::Metrics(request) => request
            .resource_metrics
            .iter_mut()
            .for_each(|group| claim(&mut group.resource)),
    }
}
