//! One answer of the model: the items that it made, and what they cost.

use proto::agent::Operation;
use proto::attributes::Attributes;
use serde_json::{Value as Json, json};

use super::Thread;
use crate::import::Context;
use crate::import::records::{NewAct, Place};

pub(super) struct Answer {
    start_ns: u64,
    pub(super) end_ns: u64,
    line: u64,
    /// New since the request before, in the vendor's form.
    new_input: Vec<Json>,
    items: Vec<Json>,
    pub(super) usage: Json,
    pub(super) response_id: Option<String>,
    /// The next item of the model belongs to another answer.
    pub(super) is_over: bool,
}

impl Answer {
    pub(super) fn new(start_ns: u64, new_input: Vec<Json>, line: u64) -> Self {
        Self {
            start_ns,
            end_ns: start_ns,
            line,
            new_input,
            items: Vec::new(),
            usage: Json::Null,
            response_id: None,
            is_over: false,
        }
    }

    pub(super) fn add(&mut self, item: Json, at: u64) {
        self.end_ns = self.end_ns.max(at);
        self.items.push(item);
    }

    /// What no other answer of the thread has: the response's id, or that of its first item.
    fn key(&self) -> String {
        let of_item = |item: &Json| {
            let id = ["id", "call_id"]
                .iter()
                .find_map(|key| item.get(key)?.as_str())?;
            Some(id.to_owned())
        };
        self.items
            .iter()
            .find_map(of_item)
            .unwrap_or_else(|| format!("line {}", self.line))
    }

    /// One assistant message of all items.
    fn said(&self) -> Json {
        let mut content = Vec::new();
        for item in &self.items {
            match item.get("content").and_then(Json::as_array) {
                Some(blocks) if item.get("role").is_some() => {
                    content.extend(blocks.iter().cloned())
                }
                _ => {
                    let mut item = item.clone();
                    // An absent text must not hide the summary.
                    if let Some(fields) = item.as_object_mut() {
                        fields.retain(|_, value| !value.is_null());
                    }
                    content.push(item);
                }
            }
        }
        let calls = |item: &Json| {
            let kind = item.get("type").and_then(Json::as_str);
            kind.is_some_and(|kind| kind.ends_with("_call"))
        };
        let reason = if self.items.iter().any(calls) {
            "tool_call"
        } else {
            "stop"
        };
        json!([{"role": "assistant", "content": content, "finish_reason": reason}])
    }

    /// Tells the request. One whose answer may still grow has an id of its own.
    pub(super) fn tell(
        &self,
        place: &Place,
        thread: &mut Thread,
        turn: Option<[u8; 8]>,
        is_complete: bool,
        context: &mut Context<'_>,
    ) {
        let tokens = |key: &str| self.usage.get(key)?.as_i64();
        let mut attributes = Attributes::new()
            .text("gen_ai.operation.name", "chat")
            .text_if("gen_ai.provider.name", thread.provider.as_deref())
            .text_if("gen_ai.request.model", thread.model.as_deref())
            .text_if("gen_ai.response.id", self.response_id.as_deref())
            .int_if("gen_ai.usage.input_tokens", tokens("input_tokens"))
            .int_if("gen_ai.usage.output_tokens", tokens("output_tokens"))
            .int_if(
                "gen_ai.usage.cache_read.input_tokens",
                tokens("cached_input_tokens"),
            )
            .int_if(
                "gen_ai.usage.cache_creation.input_tokens",
                tokens("cache_write_input_tokens"),
            )
            .int_if(
                "gen_ai.usage.reasoning.output_tokens",
                tokens("reasoning_output_tokens"),
            )
            .text_if("gen_ai.agent.name", thread.agent.as_deref())
            .text("gen_ai.output.messages", self.said().to_string());
        if !self.new_input.is_empty() {
            let asked = Json::Array(self.new_input.clone());
            attributes = attributes.text("gen_ai.input.messages", asked.to_string());
        }
        if is_complete {
            let instructions = thread.instructions.take();
            attributes = attributes.text_if("gen_ai.system_instructions", instructions);
        }
        let kind = if is_complete {
            "request"
        } else {
            "open request"
        };
        context.out.act(
            place,
            self.line,
            NewAct {
                operation: Operation::Model,
                id: place.id(kind, &self.key()),
                parent: turn,
                name: format!("chat {}", thread.model.as_deref().unwrap_or_default()),
                start_ns: self.start_ns,
                end_ns: Some(self.end_ns),
                error: None,
                attributes,
            },
        );
    }
}
