//! Spans in the words of OpenTelemetry's GenAI conventions, as the demo's Python agents report them.

use proto::otlp::trace::v1::span::SpanKind;
use serde_json::{Value, json};

use super::otlp::{Attributes, Emitter, Ids, Millis, NewSpan, Outcome};

/// An agent at work: its place in the trace and its conversation so far.
pub(super) struct Agent {
    pub(super) name: String,
    pub(super) model: &'static str,
    pub(super) trace_id: Vec<u8>,
    pub(super) span_id: Vec<u8>,
    pub(super) parent_id: Vec<u8>,
    pub(super) conversation_id: String,
    pub(super) started: Millis,
    messages: Vec<Value>,
}

/// A tool call that the model asks for.
pub(super) struct ToolCall {
    pub(super) id: String,
    pub(super) name: &'static str,
    pub(super) arguments: Value,
}

/// A message of one text.
fn text_message(role: &str, text: &str) -> Value {
    json!({"role": role, "parts": [{"type": "text", "content": text}]})
}

impl Agent {
    /// An agent that begins at `started` with a prompt; `parent` = trace and span it runs beneath.
    pub(super) fn begin(
        ids: &mut Ids,
        (name, model): (&str, &'static str),
        parent: Option<(&[u8], &[u8])>,
        started: Millis,
        (system, prompt): (&str, &str),
    ) -> Self {
        let (trace_id, parent_id) = parent.map_or_else(
            || (ids.trace(), Vec::new()),
            |(trace, span)| (trace.to_vec(), span.to_vec()),
        );
        Self {
            name: name.to_owned(),
            model,
            trace_id,
            span_id: ids.span(),
            parent_id,
            conversation_id: ids.uuid(),
            started,
            messages: vec![text_message("system", system), text_message("user", prompt)],
        }
    }

    fn attributes(&self, operation: &str) -> Attributes {
        Attributes::new()
            .text("gen_ai.operation.name", operation)
            .text("gen_ai.agent.name", self.name.clone())
            .text("gen_ai.conversation.id", self.conversation_id.clone())
    }

    /// One model request over `time`, answered with `text` and `calls`.
    pub(super) fn chat(
        &mut self,
        emitter: &mut Emitter,
        ids: &mut Ids,
        time: (Millis, Millis),
        text: &str,
        calls: &[ToolCall],
    ) {
        let mut parts = Vec::new();
        if !text.is_empty() {
            parts.push(json!({"type": "text", "content": text}));
        }
        for call in calls {
            parts.push(json!({"type": "tool_call", "id": call.id, "name": call.name, "arguments": call.arguments}));
        }
        let finish_reason = if calls.is_empty() {
            "stop"
        } else {
            "tool_call"
        };
        let input = Value::from(self.messages.clone()).to_string();
        let answer = json!({"role": "assistant", "parts": parts, "finish_reason": finish_reason});
        let output = json!([answer]).to_string();
        let input_tokens = input.len() / 4;
        let attributes = self
            .attributes("chat")
            .text("gen_ai.provider.name", "openai")
            .text("gen_ai.request.model", self.model)
            .text("gen_ai.response.model", self.model)
            .text("gen_ai.response.id", ids.prefixed("chatcmpl-"))
            .texts("gen_ai.response.finish_reasons", finish_reason)
            .int("gen_ai.usage.input_tokens", input_tokens)
            .int("gen_ai.usage.output_tokens", output.len() / 4)
            .int(
                "gen_ai.usage.cache_read.input_tokens",
                if self.messages.len() > 2 {
                    input_tokens / 2
                } else {
                    0
                },
            )
            .text("gen_ai.input.messages", input)
            .text("gen_ai.output.messages", output);
        emitter.span(NewSpan {
            trace_id: &self.trace_id,
            span_id: ids.span(),
            parent_id: &self.span_id,
            name: format!("chat {}", self.model),
            kind: SpanKind::Client,
            time,
            attributes,
            events: Vec::new(),
            outcome: Outcome::Unset,
        });
        self.messages
            .push(json!({"role": "assistant", "parts": parts}));
    }

    /// The execution of `call` as the span `span_id` over `time`; the model reads `result` next.
    pub(super) fn tool(
        &mut self,
        emitter: &mut Emitter,
        span_id: Vec<u8>,
        time: (Millis, Millis),
        call: &ToolCall,
        result: &str,
        error: Option<&str>,
    ) {
        let mut attributes = self
            .attributes("execute_tool")
            .text("gen_ai.tool.name", call.name)
            .text("gen_ai.tool.type", "function")
            .text("gen_ai.tool.call.id", call.id.clone())
            .text("gen_ai.tool.call.arguments", call.arguments.to_string())
            .text("gen_ai.tool.call.result", result);
        if error.is_some() {
            attributes = attributes.text("error.type", "tool_error");
        }
        emitter.span(NewSpan {
            trace_id: &self.trace_id,
            span_id,
            parent_id: &self.span_id,
            name: format!("execute_tool {}", call.name),
            kind: SpanKind::Internal,
            time,
            attributes,
            events: Vec::new(),
            outcome: error.map_or(Outcome::Unset, Outcome::Error),
        });
        self.messages.push(json!({"role": "tool", "parts": [{"type": "tool_call_response", "id": call.id, "response": result}]}));
    }

    /// A search in a store of documents.
    pub(super) fn retrieve(
        &self,
        emitter: &mut Emitter,
        span_id: Vec<u8>,
        time: (Millis, Millis),
        (source, query): (&str, &str),
        documents: &Value,
    ) {
        let attributes = self
            .attributes("retrieval")
            .text("gen_ai.data_source.id", source)
            .text("gen_ai.retrieval.query.text", query)
            .text("gen_ai.retrieval.documents", documents.to_string());
        emitter.span(NewSpan {
            trace_id: &self.trace_id,
            span_id,
            parent_id: &self.span_id,
            name: format!("retrieval {source}"),
            kind: SpanKind::Client,
            time,
            attributes,
            events: Vec::new(),
            outcome: Outcome::Unset,
        });
    }

    /// The agent's own span, handed over last.
    pub(super) fn end(self, emitter: &mut Emitter, ended: Millis) {
        let attributes = self.attributes("invoke_agent");
        emitter.span(NewSpan {
            trace_id: &self.trace_id,
            span_id: self.span_id,
            parent_id: &self.parent_id,
            name: format!("invoke_agent {}", self.name),
            kind: SpanKind::Internal,
            time: (self.started, ended),
            attributes,
            events: Vec::new(),
            outcome: Outcome::Unset,
        });
    }
}
