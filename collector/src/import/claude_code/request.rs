//! One request to the model: what was new in it, and the answer that stands on several lines.

use proto::agent::Operation;
use proto::attributes::Attributes;
use serde_json::{Value as Json, json};

use super::{Agent, ClaudeCode};
use crate::import::Context;
use crate::import::records::{NewAct, Place, result_text, text};

/// The asking half of a request.
pub(super) struct Asked {
    pub(super) start_ns: u64,
    /// New since the request before.
    pub(super) messages: Vec<Json>,
    /// System instructions and tools, where they were not told before.
    pub(super) shape: Option<Json>,
    pub(super) attempts: u32,
}

impl Asked {
    fn attributes(&self) -> Attributes {
        let mut attributes = Attributes::new();
        if !self.messages.is_empty() {
            attributes = attributes.text(
                "gen_ai.input.messages",
                Json::Array(self.messages.clone()).to_string(),
            );
        }
        let of_shape = |key: &str| {
            let part = self.shape.as_ref()?.get(key)?;
            part.is_array().then(|| part.to_string())
        };
        attributes = attributes
            .text_if("gen_ai.system_instructions", of_shape("system"))
            .text_if("gen_ai.tool.definitions", of_shape("tools"));
        if self.attempts > 1 {
            attributes = attributes.int("spanreel.request.attempts", self.attempts);
        }
        attributes
    }
}

/// An answer under way.
pub(super) struct Answer {
    /// The message's id.
    pub(super) key: String,
    asked: Asked,
    blocks: Vec<Json>,
    end_ns: u64,
    line: u64,
    parent: Option<[u8; 8]>,
    model: Option<String>,
    requested_model: Option<String>,
    message_id: Option<String>,
    request_id: Option<String>,
    stop_reason: Option<String>,
    agent_name: Option<String>,
    usage: Json,
}

fn tokens(usage: &Json, key: &str) -> Option<i64> {
    usage.get(key)?.as_i64()
}

impl Answer {
    pub(super) fn new(key: String, asked: Asked, at: u64, parent: Option<[u8; 8]>) -> Self {
        Self {
            key,
            asked,
            blocks: Vec::new(),
            end_ns: at,
            line: 0,
            parent,
            model: None,
            requested_model: None,
            message_id: None,
            request_id: None,
            stop_reason: None,
            agent_name: None,
            usage: Json::Null,
        }
    }

    /// Takes another line of the same message.
    pub(super) fn add(&mut self, entry: &Json, message: &Json, at: u64, line: u64) {
        fn note(slot: &mut Option<String>, value: Option<&str>) {
            if let Some(value) = value {
                *slot = Some(value.to_owned());
            }
        }
        self.end_ns = self.end_ns.max(at);
        if self.line == 0 {
            self.line = line;
        }
        note(&mut self.model, text(message, "model"));
        note(&mut self.requested_model, text(entry, "requestedModel"));
        note(&mut self.message_id, text(message, "id"));
        note(&mut self.request_id, text(entry, "requestId"));
        note(&mut self.stop_reason, text(message, "stop_reason"));
        note(&mut self.agent_name, text(entry, "attributionAgent"));
        match message.get("content") {
            Some(Json::Array(blocks)) => self.blocks.extend(blocks.iter().cloned()),
            Some(Json::String(words)) => self.blocks.push(json!({"type": "text", "text": words})),
            _ => {}
        }
        // It grows from line to line.
        if let Some(usage) = message.get("usage")
            && tokens(usage, "output_tokens") >= tokens(&self.usage, "output_tokens")
        {
            self.usage = usage.clone();
        }
    }

    /// Whether the harness has written that the answer ended.
    pub(super) fn is_complete(&self) -> bool {
        self.stop_reason.is_some()
    }

    /// Tells the request. One whose answer may still grow has an id of its own.
    pub(super) fn tell(
        &self,
        place: &Place,
        agent: &Agent,
        is_complete: bool,
        context: &mut Context<'_>,
    ) {
        let usage = &self.usage;
        let cache_read = tokens(usage, "cache_read_input_tokens");
        let cache_write = tokens(usage, "cache_creation_input_tokens");
        // The vendor counts cached tokens beside the others.
        let input = tokens(usage, "input_tokens")
            .map(|input| input + cache_read.unwrap_or(0) + cache_write.unwrap_or(0));
        let thinking = usage
            .get("output_tokens_details")
            .and_then(|details| tokens(details, "thinking_tokens"));
        let said = json!([{"role": "assistant", "content": self.blocks}]);
        let mut attributes = Attributes::new()
            .text("gen_ai.operation.name", "chat")
            .text("gen_ai.provider.name", "anthropic")
            .text_if("gen_ai.request.model", self.requested_model.as_deref())
            .text_if("gen_ai.response.model", self.model.as_deref())
            .text_if("gen_ai.response.id", self.message_id.as_deref())
            .text_if("spanreel.request.id", self.request_id.as_deref())
            .int_if("gen_ai.usage.input_tokens", input)
            .int_if("gen_ai.usage.output_tokens", tokens(usage, "output_tokens"))
            .int_if("gen_ai.usage.cache_read.input_tokens", cache_read)
            .int_if("gen_ai.usage.cache_creation.input_tokens", cache_write)
            .int_if("gen_ai.usage.reasoning.output_tokens", thinking)
            .text_if("gen_ai.agent.id", agent.as_deref())
            .text_if("gen_ai.agent.name", self.agent_name.as_deref())
            .text("gen_ai.output.messages", said.to_string())
            .and(self.asked.attributes());
        if let Some(reason) = &self.stop_reason {
            attributes = attributes.texts("gen_ai.response.finish_reasons", reason);
        }
        let kind = if is_complete {
            "request"
        } else {
            "open request"
        };
        let start_ns = match self.asked.start_ns {
            0 => self.end_ns,
            start_ns => start_ns.min(self.end_ns),
        };
        context.out.act(
            place,
            self.line,
            NewAct {
                operation: Operation::Model,
                id: place.id(kind, &self.key),
                parent: self.parent,
                name: format!("chat {}", self.model.as_deref().unwrap_or_default()),
                start_ns,
                end_ns: Some(self.end_ns),
                error: None,
                attributes,
            },
        );
    }
}

impl ClaudeCode {
    /// A request that was given up: the harness writes the error in the model's name.
    pub(super) fn failed_request(
        &mut self,
        agent: &Agent,
        entry: &Json,
        context: &mut Context<'_>,
    ) {
        self.flush(agent, context);
        let parent = self.parent_of(agent);
        let at = self.place.last_ns;
        let chain = self.chain(agent);
        let asked = Asked {
            start_ns: chain.asked_ns,
            messages: std::mem::take(&mut chain.new_input),
            shape: None,
            attempts: std::mem::take(&mut chain.refused).max(1),
        };
        let content = entry
            .get("message")
            .and_then(|message| message.get("content"))
            .unwrap_or(&Json::Null);
        let said = result_text(content);
        let code = entry.get("apiErrorStatus").and_then(Json::as_i64);
        let attributes = Attributes::new()
            .text("gen_ai.operation.name", "chat")
            .text("gen_ai.provider.name", "anthropic")
            .text_if("gen_ai.agent.id", agent.as_deref())
            .text_if("spanreel.request.id", text(entry, "requestId"))
            .text_if("error.type", text(entry, "error"))
            .int_if("http.response.status_code", code)
            .and(asked.attributes());
        let Some(key) = text(entry, "uuid") else {
            return;
        };
        context.out.act(
            &self.place,
            context.line,
            NewAct {
                operation: Operation::Model,
                id: self.place.id("request", key),
                parent,
                name: "chat".to_owned(),
                start_ns: match asked.start_ns {
                    0 => at,
                    start_ns => start_ns.min(at),
                },
                end_ns: Some(at),
                error: Some(&said),
                attributes,
            },
        );
    }
}
