//! General OpenTelemetry attributes that any emitter may carry.

use proto::agent::Operation;

use super::Family;
use crate::conventions::names::Concept as C;
use crate::conventions::record::Shape;

pub(super) static FAMILY: Family = Family {
    names: &[
        (C::Session, &["session.id"]),
        (C::ParentSession, &["session.previous_id"]),
        (
            C::UserId,
            &[
                "user.id",
                "enduser.id",
                "user.account_uuid",
                "user.account_id",
                "user.email",
            ],
        ),
        (C::Project, &["vcs.repository.name"]),
        (C::Branch, &["vcs.ref.head.name"]),
        (C::HarnessVersion, &["app.version"]),
        (C::ErrorType, &["error.type", "exception.type"]),
        (C::ErrorMessage, &["error.message", "exception.message"]),
        (C::ExitCode, &["process.exit.code"]),
        (
            C::HttpStatus,
            &["http.response.status_code", "http.status_code"],
        ),
    ],
    // Transport spans are never acts of the agent, whatever their names look like.
    shape: |record, bag| {
        // Logfire announces a span that has begun by a record of its own.
        if record.text("logfire.span_type", bag) == Some("pending_span") {
            return Some(Shape {
                plumbing: true,
                ..Shape::part(Operation::Internal)
            });
        }
        let transport = [
            "http.request.method",
            "http.method",
            "db.system",
            "db.system.name",
            "rpc.system",
        ]
        .iter()
        .any(|key| record.has(key));
        let agent = || {
            [
                "gen_ai.",
                "mcp.",
                "openinference.",
                "llm.",
                "ai.",
                "traceloop.",
            ]
            .iter()
            .any(|prefix| record.has_prefix(prefix))
        };
        (transport && !agent()).then_some(Shape::plumbing(Operation::Internal))
    },
    ..Family::PLAIN
};
