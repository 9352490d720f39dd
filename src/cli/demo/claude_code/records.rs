//! The records that the harness writes: spans, log records and hook fires, with what all of them say.

use proto::otlp::trace::v1::span::{Event, SpanKind};

use super::Harness;
use crate::cli::demo::otlp::{Attributes, Millis, NewSpan, Outcome, timestamp};

impl Harness<'_> {
    /// A hook fire that takes `duration` and says no if `blocking`.
    pub(super) fn hook(&mut self, event: &str, name: &str, duration: Millis, blocking: bool) {
        let fire = Attributes::new()
            .text("hook_event", event)
            .text("hook_name", name)
            .text("num_hooks", "1")
            .text("hook_source", "merged");
        self.log("hook_execution_start", fire.clone());
        self.now += duration;
        let count = |yes: bool| if yes { "1" } else { "0" };
        self.log(
            "hook_execution_complete",
            fire.text("num_success", count(!blocking))
                .text("num_blocking", count(blocking))
                .text("num_non_blocking_error", "0")
                .text("num_cancelled", "0")
                .text("total_duration_ms", duration.to_string()),
        );
    }

    /// What every record says.
    pub(super) fn standard_attributes(&self) -> Attributes {
        let attributes = Attributes::new()
            .text("session.id", self.session_id.clone())
            .text("user.id", self.user_id.clone())
            .text("terminal.type", "xterm");
        match &self.agent {
            Some(agent) => attributes.text("agent_id", agent.agent_id.clone()),
            None => attributes,
        }
    }

    pub(super) fn span_attributes(&self, span_type: &str) -> Attributes {
        self.standard_attributes()
            .text("gen_ai.conversation.id", self.session_id.clone())
            .text("gen_ai.provider.name", "anthropic")
            .text("span.type", span_type)
    }

    pub(super) fn log(&mut self, name: &str, attributes: Attributes) {
        self.log_at(self.parent_id(), name, attributes);
    }

    pub(super) fn log_at(&mut self, span_id: Vec<u8>, name: &str, attributes: Attributes) {
        let sequence = self.event_sequence;
        self.event_sequence += 1;
        let mut all = self
            .standard_attributes()
            .text("event.name", name)
            .text("event.timestamp", timestamp(self.clock.unix_ns(self.now)))
            .int("event.sequence", sequence);
        if !self.turn.prompt_id.is_empty() {
            all = all.text("prompt.id", self.turn.prompt_id.clone());
        }
        let body = format!("claude_code.{name}");
        self.emitter.log(
            self.now,
            (&self.turn.trace_id, &span_id),
            &body,
            all.and(attributes),
        );
    }

    #[expect(clippy::too_many_arguments, reason = "a span has that many parts")]
    pub(super) fn report(
        &mut self,
        name: &str,
        span_id: Vec<u8>,
        parent_id: &[u8],
        time: (Millis, Millis),
        attributes: Attributes,
        events: Vec<Event>,
        outcome: Outcome<'_>,
    ) {
        self.emitter.span(NewSpan {
            trace_id: &self.turn.trace_id,
            span_id,
            parent_id,
            name: name.to_owned(),
            kind: SpanKind::Internal,
            time,
            attributes,
            events,
            outcome,
        });
    }
}
