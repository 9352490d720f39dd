//! Where a group of records comes from: resource and scope, converted once.

use std::borrow::Cow;
use std::sync::Arc;

use proto::agent::Facts;
use proto::otlp::common::v1::InstrumentationScope;
use proto::otlp::resource::v1::Resource;

use super::family::{self, Active};
use super::json;
use super::payload::Bag;
use super::private;
use super::text;
use super::value::{self, Attributes, Value};

/// Attribute of a resource: the project that everything of it belongs to, before all else that its
/// records say. The receiver writes it for tokens that are limited to a project.
pub const PROJECT: &str = "spanreel.project";

/// The resource half of a [`Source`].
pub(super) struct Origin {
    pub(super) attributes: Attributes,
    pub(super) json: Arc<str>,
    pub(super) service_name: Arc<str>,
    pub(super) service_version: Option<Arc<str>>,
    pub(super) host: Option<Arc<str>>,
    /// Everything of this resource is private.
    pub(super) is_private: bool,
    /// What [`PROJECT`] says.
    project: Option<Arc<str>>,
}

impl Origin {
    pub(super) fn new(resource: Option<Resource>, bag: &mut Bag) -> Self {
        let attributes = value::attributes(
            resource
                .map(|resource| resource.attributes)
                .unwrap_or_default(),
            bag,
        );
        let json = json::object(&attributes).into();
        let service_name =
            word(&attributes, &["service.name"], bag).unwrap_or_else(|| bag.word(""));
        let service_version = word(&attributes, &["service.version"], bag);
        let host = word(&attributes, &["host.name"], bag);
        let is_private = private::is_said(&attributes);
        let project = value::get(&attributes, PROJECT)
            .and_then(|value| value.scalar(bag))
            .map(Cow::into_owned)
            .filter(|name| !name.is_empty())
            .map(|name| bag.word(&name));
        Self {
            attributes,
            json,
            service_name,
            service_version,
            host,
            is_private,
            project,
        }
    }
}

/// The first of `keys` that holds a real text.
fn word(attributes: &Attributes, keys: &[&str], bag: &mut Bag) -> Option<Arc<str>> {
    let text = keys.iter().find_map(|key| {
        let text = value::get(attributes, key)?.scalar(bag)?;
        (!text::is_filler(&text)).then(|| text.into_owned())
    })?;
    Some(bag.word(&text))
}

/// Resource and scope of a group of records.
pub(super) struct Source {
    pub(super) origin: Arc<Origin>,
    pub(super) scope_name: Arc<str>,
    pub(super) scope_version: Arc<str>,
    /// Attributes of the scope, `Value::Null` when there are none.
    pub(super) scope_attributes: Value,
    pub(super) family: Active,
    pub(super) session_id: Option<Arc<str>>,
    pub(super) user_id: Option<Arc<str>>,
    pub(super) project: Option<Arc<str>>,
}

impl Source {
    pub(super) fn new(
        origin: &Arc<Origin>,
        scope: Option<InstrumentationScope>,
        bag: &mut Bag,
    ) -> Self {
        let scope = scope.unwrap_or_default();
        let scope_attributes = match value::attributes(scope.attributes, bag) {
            attributes if attributes.is_empty() => Value::Null,
            attributes => Value::Map(attributes),
        };
        let family = family::of_source(&scope.name, &origin.service_name);
        let session_id = if family.family.session_id_is_session {
            word(
                &origin.attributes,
                &["session.id", "gen_ai.conversation.id", "conversation.id"],
                bag,
            )
        } else {
            None
        };
        Self {
            origin: origin.clone(),
            scope_name: bag.word(&scope.name),
            scope_version: bag.word(&scope.version),
            scope_attributes,
            family,
            session_id,
            user_id: word(&origin.attributes, &["user.id", "enduser.id"], bag),
            project: word(&origin.attributes, &["vcs.repository.name"], bag),
        }
    }
    /// Sets the project that everything of this source belongs to, where it has one.
    pub(super) fn claim(&self, facts: &mut Facts) {
        if let Some(project) = &self.origin.project {
            facts.project = Some(project.clone());
        }
    }
}
