//! Gemini CLI's chats: one file per session, as JSON lines or, in older versions, as one JSON document.
//!
//! A message is written again when it has grown, so it is told when another one follows. A message of
//! the model is one request; the calls it asked for and their results stand on it. A subagent's file
//! lies in a folder named after the session that started it.

use std::collections::HashSet;

use proto::agent::Operation;
use proto::attributes::Attributes;
use serde_json::{Value as Json, json};

use super::records::{NewAct, Place, last_part, text, time_ns};
use super::{Context, Entries, Origin};

pub(super) struct GeminiCli {
    place: Place,
    folder_name: String,
    /// Id of the subagent whose file it is.
    agent: Option<String>,
    is_agent_told: bool,
    turn: Option<[u8; 8]>,
    /// The message that may still grow, and its line.
    pending: Option<(Json, u64)>,
    /// Ids of messages that were told.
    told: HashSet<String>,
    /// Messages since the last request, in the vendor's form.
    new_input: Vec<Json>,
    asked_ns: u64,
    /// Results of tools were handed in, and the model has not answered yet.
    awaits_answer: bool,
}

impl GeminiCli {
    pub(super) fn new(origin: &Origin) -> Self {
        Self {
            place: Place::new("gemini-cli", &origin.file_name),
            folder_name: origin.folder_name.clone(),
            agent: None,
            is_agent_told: false,
            turn: None,
            pending: None,
            told: HashSet::new(),
            new_input: Vec::new(),
            asked_ns: 0,
            awaits_answer: false,
        }
    }

    fn header(&mut self, entry: &Json, context: &mut Context<'_>) {
        let Some(id) = text(entry, "sessionId") else {
            return;
        };
        if let Some(at) = time_ns(entry, "startTime") {
            self.place.last_ns = at;
        }
        let folder = entry.pointer("/directories/0").and_then(Json::as_str);
        // The project's folder is written beside the chats.
        let folder = folder
            .map(str::to_owned)
            .or_else(|| context.beside.text(".project_root"));
        self.place.folder = folder
            .map(|folder| folder.trim().into())
            .or_else(|| self.place.folder.take());
        if text(entry, "kind") == Some("subagent") {
            self.agent = Some(id.to_owned());
            self.place.session = self.folder_name.as_str().into();
        } else {
            self.place.session = id.into();
        }
    }

    fn message(&mut self, message: Json, line: u64, context: &mut Context<'_>) {
        let Some(id) = text(&message, "id").map(str::to_owned) else {
            return;
        };
        let is_same = |pending: &(Json, u64)| text(&pending.0, "id") == Some(&id);
        if self.pending.as_ref().is_some_and(is_same) {
            self.pending = Some((message, line));
            return;
        }
        self.tell_pending(context);
        if !self.told.contains(&id) {
            self.pending = Some((message, line));
        }
    }

    fn tell_pending(&mut self, context: &mut Context<'_>) {
        if let Some((message, line)) = self.pending.take() {
            let id = text(&message, "id").unwrap_or_default().to_owned();
            self.told.insert(id);
            self.tell(&message, line, true, context);
        }
    }

    fn tell(&mut self, message: &Json, line: u64, is_complete: bool, context: &mut Context<'_>) {
        if let Some(at) = time_ns(message, "timestamp") {
            self.place.last_ns = at;
        }
        let id = text(message, "id").unwrap_or_default().to_owned();
        match text(message, "type").unwrap_or_default() {
            "user" => self.user(&id, message, line, context),
            "gemini" => self.answer(&id, message, line, is_complete, context),
            kind => context.out.entry(&self.place, line, kind, message),
        }
    }

    fn user(&mut self, id: &str, message: &Json, line: u64, context: &mut Context<'_>) {
        let content = message.get("content").cloned().unwrap_or_default();
        let blocks = match content {
            Json::String(words) => json!([{"text": words}]),
            Json::Array(_) => content,
            Json::Object(_) => json!([content]),
            _ => return,
        };
        let of_blocks = |key: &str| {
            let list = blocks.as_array();
            list.is_some_and(|list| list.iter().any(|block| block.get(key).is_some()))
        };
        let has_results = of_blocks("functionResponse");
        let is_context = blocks
            .pointer("/0/text")
            .and_then(Json::as_str)
            .is_some_and(|words| words.trim_start().starts_with("<session_context>"));
        // Words that come before the model has answered its tools' results are the harness's.
        if !has_results && !is_context && !self.awaits_answer {
            match self.agent.clone() {
                None => self.tell_turn(id, &blocks, line, context),
                Some(agent) => self.tell_agent(&agent, &blocks, line, context),
            }
        }
        self.awaits_answer |= has_results;
        self.new_input
            .push(json!({"role": "user", "parts": blocks}));
        self.asked_ns = self.place.last_ns;
    }

    fn tell_turn(&mut self, id: &str, blocks: &Json, line: u64, context: &mut Context<'_>) {
        let span_id = self.place.id("turn", id);
        self.turn = Some(span_id);
        let told = json!([{"role": "user", "parts": blocks}]);
        context.out.act(
            &self.place,
            line,
            NewAct {
                operation: Operation::Turn,
                id: span_id,
                parent: None,
                name: "turn".to_owned(),
                start_ns: self.place.last_ns,
                end_ns: Some(self.place.last_ns),
                error: None,
                attributes: Attributes::new().text("gen_ai.input.messages", told.to_string()),
            },
        );
    }

    fn tell_agent(&mut self, agent: &str, blocks: &Json, line: u64, context: &mut Context<'_>) {
        if std::mem::replace(&mut self.is_agent_told, true) {
            return;
        }
        let told = json!([{"role": "user", "parts": blocks}]);
        context.out.act(
            &self.place,
            line,
            NewAct {
                operation: Operation::Agent,
                id: self.place.id("agent", agent),
                parent: None,
                name: "invoke_agent".to_owned(),
                start_ns: self.place.last_ns,
                end_ns: Some(self.place.last_ns),
                error: None,
                attributes: Attributes::new()
                    .text("gen_ai.operation.name", "invoke_agent")
                    .text("gen_ai.agent.id", agent)
                    .text("gen_ai.input.messages", told.to_string()),
            },
        );
    }

    fn parent(&self) -> Option<[u8; 8]> {
        match &self.agent {
            Some(agent) => Some(self.place.id("agent", agent)),
            None => self.turn,
        }
    }

    fn answer(
        &mut self,
        id: &str,
        message: &Json,
        line: u64,
        is_complete: bool,
        context: &mut Context<'_>,
    ) {
        let at = self.place.last_ns;
        let no_calls = Vec::new();
        let calls = message
            .get("toolCalls")
            .and_then(Json::as_array)
            .unwrap_or(&no_calls);
        let tokens = |key: &str| message.get("tokens")?.get(key)?.as_i64();
        // Thoughts are counted beside the answer.
        let output = tokens("output").map(|output| output + tokens("thoughts").unwrap_or(0));
        let said = json!([{
            "role": "assistant",
            "parts": said(message, calls),
            "finish_reason": if calls.is_empty() { "stop" } else { "tool_call" },
        }]);
        let model = text(message, "model").unwrap_or_default();
        let mut attributes = Attributes::new()
            .text("gen_ai.operation.name", "chat")
            .text("gen_ai.provider.name", "gcp.gemini")
            .text_if("gen_ai.response.model", Some(model))
            .int_if("gen_ai.usage.input_tokens", tokens("input"))
            .int_if("gen_ai.usage.output_tokens", output)
            .int_if("gen_ai.usage.cache_read.input_tokens", tokens("cached"))
            .int_if("gen_ai.usage.reasoning.output_tokens", tokens("thoughts"))
            .text_if("gen_ai.agent.id", self.agent.as_deref())
            .text("gen_ai.output.messages", said.to_string());
        if !self.new_input.is_empty() {
            let asked = Json::Array(self.new_input.clone());
            attributes = attributes.text("gen_ai.input.messages", asked.to_string());
        }
        let kind = if is_complete {
            "request"
        } else {
            "open request"
        };
        let start_ns = if self.asked_ns == 0 {
            at
        } else {
            self.asked_ns.min(at)
        };
        context.out.act(
            &self.place,
            line,
            NewAct {
                operation: Operation::Model,
                id: self.place.id(kind, id),
                parent: self.parent(),
                name: format!("chat {model}"),
                start_ns,
                end_ns: Some(at),
                error: None,
                attributes,
            },
        );
        for call in calls {
            self.call(call, at, line, context);
        }
        if is_complete {
            self.new_input.clear();
            self.awaits_answer = false;
            self.asked_ns = at;
        }
    }

    fn call(&mut self, call: &Json, asked_ns: u64, line: u64, context: &mut Context<'_>) {
        let (Some(id), Some(full_name)) = (text(call, "id"), text(call, "name")) else {
            return;
        };
        let status = text(call, "status").unwrap_or_default();
        let ended = time_ns(call, "timestamp")
            .filter(|_| matches!(status, "success" | "error" | "cancelled"));
        let server = server_of(call);
        let name = match server {
            Some(server) => full_name
                .strip_prefix(&format!("mcp_{server}_"))
                .unwrap_or(full_name),
            None => full_name,
        };
        let words = result(call);
        let mut attributes = Attributes::new()
            .text("gen_ai.operation.name", "execute_tool")
            .text("gen_ai.tool.name", name)
            .text("gen_ai.tool.call.id", id)
            .text_if(
                "gen_ai.tool.call.arguments",
                call.get("args").map(Json::to_string),
            )
            .text_if("mcp.server.name", server);
        if let Some(agent_id) = text(call, "agentId") {
            attributes = attributes
                .flag("spanreel.starts_subagent", true)
                .text("gen_ai.agent.id", agent_id)
                .text_if(
                    "gen_ai.agent.name",
                    call.pointer("/args/agent_name").and_then(Json::as_str),
                );
        } else {
            attributes = attributes.text_if("gen_ai.agent.id", self.agent.as_deref());
        }
        let blocked = words
            .as_deref()
            .is_some_and(|words| words.starts_with("Tool execution blocked: "));
        let refused_by = match status {
            "error" if blocked => Some("hook"),
            "cancelled" => Some("user"),
            _ => None,
        };
        if let Some(source) = refused_by {
            attributes = attributes
                .text("spanreel.decision", "reject")
                .text("spanreel.decision.source", source)
                .text_if("error.message", words.as_deref());
        }
        let failed = status == "error" && refused_by.is_none();
        if let Some(words) = &words {
            attributes = attributes.int_if("process.exit.code", exit_code(name, words));
            let spilled = words
                .split_once("For full output see: ")
                .filter(|(head, _)| head.len() < 200)
                .and_then(|(_, rest)| rest.lines().next())
                .map(|path| last_part(path.trim()));
            let whole = spilled.and_then(|file| context.beside.text(file));
            if spilled.is_some() && whole.is_none() {
                attributes = attributes.text(
                    "spanreel.truncated",
                    "result kept in a file that is not beside the transcript",
                );
            }
            attributes = attributes.text(
                "gen_ai.tool.call.result",
                whole.unwrap_or_else(|| words.clone()),
            );
        }
        let kind = if ended.is_some() { "tool" } else { "open tool" };
        context.out.act(
            &self.place,
            line,
            NewAct {
                operation: Operation::Tool,
                id: self.place.id(kind, id),
                parent: self.parent(),
                name: format!("execute_tool {name}"),
                start_ns: asked_ns,
                end_ns: ended,
                error: words.as_deref().filter(|_| failed),
                attributes,
            },
        );
    }
}

/// The parts of an answer: thoughts, words, calls.
fn said(message: &Json, calls: &[Json]) -> Vec<Json> {
    let mut parts = Vec::new();
    for thought in message
        .get("thoughts")
        .and_then(Json::as_array)
        .into_iter()
        .flatten()
    {
        let words: Vec<&str> = ["subject", "description"]
            .iter()
            .filter_map(|key| text(thought, key))
            .collect();
        parts.push(json!({"type": "reasoning", "content": words.join("\n")}));
    }
    match message.get("content") {
        Some(Json::String(words)) if !words.is_empty() => {
            parts.push(json!({"type": "text", "content": words}));
        }
        Some(Json::Array(blocks)) => {
            for words in blocks.iter().filter_map(|block| text(block, "text")) {
                parts.push(json!({"type": "text", "content": words}));
            }
        }
        _ => {}
    }
    for call in calls {
        parts.push(json!({
            "type": "tool_call",
            "id": call.get("id"),
            "name": call.get("name"),
            "arguments": call.get("args"),
        }));
    }
    parts
}

/// The MCP server whose tool it is: only the name for people tells it.
fn server_of(call: &Json) -> Option<&str> {
    let shown = text(call, "displayName")?.strip_suffix(" MCP Server)")?;
    shown.rsplit_once('(').map(|(_, server)| server)
}

/// What the call gave back to the model.
fn result(call: &Json) -> Option<String> {
    let results = call.get("result")?.as_array()?;
    let texts: Vec<String> = results
        .iter()
        .map(|block| {
            let response = block.pointer("/functionResponse/response").unwrap_or(block);
            let words = ["output", "error"]
                .iter()
                .find_map(|key| response.get(key)?.as_str());
            words.map_or_else(|| response.to_string(), str::to_owned)
        })
        .collect();
    (!texts.is_empty()).then(|| texts.join("\n"))
}

/// The exit code that the shell tool writes behind a command's output.
fn exit_code(tool: &str, words: &str) -> Option<i64> {
    if tool != "run_shell_command" {
        return None;
    }
    let line = words
        .lines()
        .rev()
        .take(6)
        .find_map(|line| line.strip_prefix("Exit Code: "))?;
    line.trim().parse().ok()
}

impl Entries for GeminiCli {
    fn entry(&mut self, entry: Json, context: &mut Context<'_>) {
        let line = context.line;
        if text(&entry, "sessionId").is_some() {
            self.header(&entry, context);
        }
        if self.place.session.is_empty() {
            return;
        }
        let is_message = text(&entry, "id").is_some() && text(&entry, "type").is_some();
        if is_message {
            self.message(entry, line, context);
            return;
        }
        let update = entry.get("$set").unwrap_or(&entry);
        if let Some(messages) = update.get("messages").and_then(Json::as_array) {
            for message in messages {
                self.message(message.clone(), line, context);
            }
        }
        let known = ["messages", "lastUpdated", "sessionId"];
        let says_more = update
            .as_object()
            .is_some_and(|fields| fields.keys().all(|key| !known.contains(&key.as_str())));
        if says_more {
            context.out.entry(&self.place, line, "update", &entry);
        }
    }

    fn end(&mut self, context: &mut Context<'_>) {
        let Some((message, line)) = self.pending.clone() else {
            return;
        };
        // An answer without calls, or whose calls have all come back, does not grow any more.
        let is_done = |call: &Json| call.get("result").is_some();
        let calls = message.get("toolCalls").and_then(Json::as_array);
        let is_complete = match calls {
            Some(calls) => calls.iter().all(is_done),
            None => text(&message, "type") != Some("gemini") || has_words(&message),
        };
        if is_complete {
            self.tell_pending(context);
        } else {
            self.tell(&message, line, false, context);
        }
    }
}

fn has_words(message: &Json) -> bool {
    match message.get("content") {
        Some(Json::String(words)) => !words.is_empty(),
        Some(Json::Array(blocks)) => !blocks.is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_calls_tell() {
        let call = json!({
            "displayName": "lookup_sku (inventory MCP Server)",
            "result": [{"functionResponse": {"response": {"output": "x\nExit Code: 2\nPGID: 1"}}}],
        });
        assert_eq!(server_of(&call), Some("inventory"));
        let words = result(&call).unwrap();
        assert_eq!(exit_code("run_shell_command", &words), Some(2));
        assert_eq!(exit_code("read_file", &words), None);
    }
}
