//! Codex's rollouts: one file per thread, in the items of OpenAI's responses API.
//!
//! Nothing marks a request: the items that the model made, up to the record of their usage or to the
//! next item that the harness made, are one answer. A fork's file begins with the parent's items.

use std::collections::HashMap;
use std::sync::Arc;

use proto::agent::Operation;
use proto::attributes::Attributes;
use serde_json::{Value as Json, json};

use super::records::{NewAct, Place, text, time_ns};
use super::{Context, Entries, Origin};

mod answer;
mod calls;

use answer::Answer;
use calls::{Call, Report};

/// What a thread is, as its first entry tells.
#[derive(Default)]
struct Thread {
    /// The name of the agent, for a subagent.
    agent: Option<Arc<str>>,
    provider: Option<String>,
    model: Option<String>,
    /// System instructions, until a request has told them.
    instructions: Option<String>,
    /// When it was made, Unix milliseconds.
    made_ms: u64,
}

pub(super) struct Codex {
    place: Place,
    thread: Thread,
    is_known: bool,
    /// The entries are the parent's, which this thread was forked from.
    repeats_parent: bool,
    turn: Option<[u8; 8]>,
    turn_id: Option<String>,
    turns_without_id: u64,
    turn_is_told: bool,
    /// Messages since the last request, in the vendor's form.
    new_input: Vec<Json>,
    asked_ns: u64,
    answer: Option<Answer>,
    /// Usage stands in entries of its own, one per response.
    has_usage_records: bool,
    counted_tokens: i64,
    calls: HashMap<String, Call>,
    reports: HashMap<String, Report>,
}

/// Milliseconds in the first 48 bits of a version 7 UUID; `None` for another text.
fn uuid_time_ms(id: &str) -> Option<u64> {
    let digits: String = id.chars().filter(|c| *c != '-').collect();
    let is_version_7 = digits.len() == 32 && digits.as_bytes().get(12) == Some(&b'7');
    let time = digits.get(..12).filter(|_| is_version_7)?;
    u64::from_str_radix(time, 16).ok()
}

impl Codex {
    pub(super) fn new(origin: &Origin) -> Self {
        let mut place = Place::new("codex", &origin.file_name);
        // `rollout-<time>-<thread id>.jsonl`, for a file whose first entry is damaged.
        let stem = origin.file_name.split('.').next().unwrap_or_default();
        if let Some(at) = stem.len().checked_sub(36)
            && let Some(id) = stem.get(at..)
            && id.bytes().filter(|byte| *byte == b'-').count() == 4
        {
            place.session = id.into();
        }
        Self {
            place,
            thread: Thread::default(),
            is_known: false,
            repeats_parent: false,
            turn: None,
            turn_id: None,
            turns_without_id: 0,
            turn_is_told: false,
            new_input: Vec::new(),
            asked_ns: 0,
            answer: None,
            has_usage_records: false,
            counted_tokens: 0,
            calls: HashMap::new(),
            reports: HashMap::new(),
        }
    }

    fn meta(&mut self, payload: &Json) {
        let Some(id) = text(payload, "id") else {
            return;
        };
        if self.is_known {
            // A fork repeats the entry of its parent behind its own.
            self.repeats_parent = *self.place.session != *id;
            return;
        }
        self.is_known = true;
        self.place.session = id.into();
        self.place.harness.version = text(payload, "cli_version").map(Arc::from);
        self.place.folder = text(payload, "cwd").map(Arc::from);
        self.place.branch = payload
            .get("git")
            .and_then(|git| text(git, "branch"))
            .map(Arc::from);
        let spawned = payload
            .pointer("/source/subagent/thread_spawn")
            .unwrap_or(&Json::Null);
        self.place.parent_session = [
            text(payload, "parent_thread_id"),
            text(spawned, "parent_thread_id"),
            text(payload, "forked_from_id"),
        ]
        .into_iter()
        .flatten()
        .find(|parent| *parent != id)
        .map(Arc::from);
        let is_subagent = payload.pointer("/source/subagent").is_some();
        self.thread = Thread {
            agent: [text(payload, "agent_nickname"), text(payload, "agent_role")]
                .into_iter()
                .flatten()
                .next()
                .filter(|_| is_subagent || payload.get("parent_thread_id").is_some())
                .map(Arc::from),
            provider: text(payload, "model_provider").map(str::to_owned),
            model: None,
            instructions: payload
                .pointer("/base_instructions/text")
                .and_then(Json::as_str)
                .or_else(|| text(payload, "instructions"))
                .map(str::to_owned),
            made_ms: time_ns(payload, "timestamp").map_or(0, |at| at / 1_000_000),
        };
    }

    /// A turn begins, of which the entry may know the id.
    fn begin_turn(&mut self, id: Option<&str>, context: &mut Context<'_>) {
        if id.is_some() && self.turn_id.as_deref() == id {
            return;
        }
        self.flush(context);
        self.repeats_parent = false;
        if let Some(id) = id {
            let is_older = uuid_time_ms(id).is_some_and(|at| at < self.thread.made_ms);
            let told_by = context.seen.other_session(id, &self.place.session);
            self.repeats_parent =
                self.place.parent_session.is_some() && (is_older || told_by.is_some());
        }
        self.turn_id = id.map(str::to_owned);
        let key = match id {
            Some(id) => id.to_owned(),
            None => {
                self.turns_without_id += 1;
                format!("#{}", self.turns_without_id)
            }
        };
        self.turn = Some(self.place.id("turn", &key));
        self.turn_is_told = false;
    }

    /// The record of the turn, with the prompt that began it.
    fn tell_turn(&mut self, prompt: Option<&Json>, context: &mut Context<'_>) {
        let (Some(id), false) = (self.turn, self.turn_is_told) else {
            return;
        };
        self.turn_is_told = true;
        if self.repeats_parent {
            return;
        }
        let at = self.place.last_ns;
        let mut attributes = Attributes::new()
            .text_if("spanreel.turn.id", self.turn_id.as_deref())
            .text_if("gen_ai.agent.name", self.thread.agent.as_deref());
        if let Some(prompt) = prompt {
            let told = json!([{"role": "user", "content": prompt}]);
            attributes = attributes.text("gen_ai.input.messages", told.to_string());
        }
        context.out.act(
            &self.place,
            context.line,
            NewAct {
                operation: Operation::Turn,
                id,
                parent: None,
                name: "turn".to_owned(),
                start_ns: at,
                end_ns: Some(at),
                error: None,
                attributes,
            },
        );
    }

    fn prompt(&mut self, prompt: &Json, context: &mut Context<'_>) {
        // Versions that name no turns begin one with each prompt.
        if self.turn.is_none() || (self.turn_is_told && self.turn_id.is_none()) {
            self.begin_turn(None, context);
        }
        self.tell_turn(Some(prompt), context);
    }

    fn item(&mut self, item: Json, context: &mut Context<'_>) {
        let kind = text(&item, "type").unwrap_or_default().to_owned();
        let by_model = match kind.as_str() {
            "message" => text(&item, "role") == Some("assistant"),
            kind => !kind.ends_with("_output"),
        };
        if !by_model {
            if let Some(answer) = &mut self.answer {
                answer.is_over = true;
            }
            if let Some(call_id) = text(&item, "call_id") {
                let call_id = call_id.to_owned();
                self.finish_call(&call_id, &item, context);
            }
            self.new_input.push(item);
            self.asked_ns = self.place.last_ns;
            return;
        }
        if self.turn.is_none() {
            self.begin_turn(None, context);
        }
        self.tell_turn_of_older_versions(context);
        if self.answer.as_ref().is_some_and(|answer| answer.is_over) {
            self.flush(context);
        }
        let at = self.place.last_ns;
        if let Some((call_id, call)) = Call::of_item(&item, self.turn, at, context.line) {
            // A search of the vendor's own has no output.
            if kind == "web_search_call" {
                if !self.repeats_parent {
                    call.tell(
                        &call_id,
                        &self.place,
                        Some(at),
                        Attributes::new(),
                        None,
                        context,
                    );
                }
            } else {
                self.calls.insert(call_id, call);
            }
        }
        let answer = match &mut self.answer {
            Some(answer) => answer,
            slot => {
                let start_ns = if self.asked_ns == 0 {
                    at
                } else {
                    self.asked_ns
                };
                let new_input = std::mem::take(&mut self.new_input);
                slot.insert(Answer::new(start_ns, new_input, context.line))
            }
        };
        answer.add(item, at);
    }

    /// Where no entry says which of the messages is the prompt: the last that is not context.
    fn tell_turn_of_older_versions(&mut self, context: &mut Context<'_>) {
        if self.turn_is_told {
            return;
        }
        let prompt = self.new_input.iter().rev().find_map(|message| {
            let content = message.get("content")?;
            let words = content.pointer("/0/text")?.as_str()?.trim_start();
            let is_context = words.starts_with('<') || words.starts_with("# AGENTS.md");
            (text(message, "role") == Some("user") && !is_context).then(|| content.clone())
        });
        self.tell_turn(prompt.as_ref(), context);
    }

    fn event(&mut self, payload: &Json, entry: &Json, context: &mut Context<'_>) {
        match text(payload, "type").unwrap_or_default() {
            "task_started" | "turn_started" => {
                self.begin_turn(text(payload, "turn_id"), context);
            }
            "user_message" => {
                if let Some(words) = payload.get("message") {
                    self.prompt(words, context);
                }
            }
            "item_completed" => self.item_completed(payload, entry, context),
            "exec_command_end" | "mcp_tool_call_end" => {
                if let Some(id) = text(payload, "call_id") {
                    let report = Report::of_event(payload);
                    self.reports.insert(id.to_owned(), report);
                }
            }
            "token_count" => self.token_count(payload, context),
            "task_complete" | "turn_complete" => self.flush(context),
            "turn_aborted" => {
                self.flush(context);
                self.keep("event.turn_aborted", entry, context);
            }
            // What they hold stands in the items as well.
            "agent_message" | "agent_reasoning" | "agent_reasoning_raw_content" => {}
            kind => self.keep(&format!("event.{kind}"), entry, context),
        }
    }

    fn item_completed(&mut self, payload: &Json, entry: &Json, context: &mut Context<'_>) {
        let Some(item) = payload.get("item") else {
            return;
        };
        match text(item, "type").unwrap_or_default() {
            "UserMessage" => {
                if let Some(content) = item.get("content") {
                    self.prompt(content, context);
                }
            }
            "AgentMessage" | "Reasoning" => {}
            kind => match text(item, "id").filter(|id| self.calls.contains_key(*id)) {
                Some(id) => {
                    let report = Report::of_item(item, payload);
                    self.reports.insert(id.to_owned(), report);
                }
                None => self.keep(&format!("item.{kind}"), entry, context),
            },
        }
    }

    /// Running totals; the last answer's usage is told here where no record tells it.
    fn token_count(&mut self, payload: &Json, context: &mut Context<'_>) {
        let info = payload.get("info").unwrap_or(&Json::Null);
        let total = info
            .pointer("/total_token_usage/total_tokens")
            .and_then(Json::as_i64)
            .unwrap_or(0);
        if self.has_usage_records || total == self.counted_tokens {
            return;
        }
        self.counted_tokens = total;
        if let (Some(answer), Some(usage)) = (&mut self.answer, info.get("last_token_usage")) {
            answer.usage = usage.clone();
            answer.is_over = true;
            self.flush(context);
        }
    }

    fn usage_record(&mut self, payload: &Json, context: &mut Context<'_>) {
        self.has_usage_records = true;
        if let Some(answer) = &mut self.answer {
            answer.end_ns = answer.end_ns.max(self.place.last_ns);
            answer.usage = payload.get("usage").cloned().unwrap_or_default();
            answer.response_id = text(payload, "response_id").map(str::to_owned);
        }
        self.flush(context);
    }

    fn keep(&mut self, name: &str, entry: &Json, context: &mut Context<'_>) {
        if !self.repeats_parent {
            context.out.entry(&self.place, context.line, name, entry);
        }
    }

    /// Tells the answer, which nothing is added to any more.
    fn flush(&mut self, context: &mut Context<'_>) {
        let Some(answer) = self.answer.take() else {
            return;
        };
        if !self.repeats_parent {
            answer.tell(&self.place, &mut self.thread, self.turn, true, context);
        }
    }
}

impl Entries for Codex {
    fn entry(&mut self, entry: Json, context: &mut Context<'_>) {
        if let Some(at) = time_ns(&entry, "timestamp") {
            self.place.last_ns = at;
        }
        let kind = text(&entry, "type").unwrap_or_default().to_owned();
        let payload = entry.get("payload").unwrap_or(&Json::Null);
        if kind == "session_meta" {
            self.meta(payload);
            return;
        }
        if self.place.session.is_empty() {
            return;
        }
        match kind.as_str() {
            "turn_context" => {
                self.thread.model = text(payload, "model").map(str::to_owned);
                if let Some(folder) = text(payload, "cwd") {
                    self.place.folder = Some(last_known(folder));
                }
                if let Some(id) = text(payload, "turn_id") {
                    self.begin_turn(Some(id), context);
                }
            }
            "response_item" => {
                if let Json::Object(mut entry) = entry
                    && let Some(item) = entry.remove("payload")
                {
                    self.item(item, context);
                }
            }
            "event_msg" => self.event(payload, &entry, context),
            "token_usage_record" => self.usage_record(payload, context),
            kind => self.keep(kind, &entry, context),
        }
    }

    fn end(&mut self, context: &mut Context<'_>) {
        if self.repeats_parent {
            return;
        }
        if let Some(answer) = &self.answer {
            answer.tell(&self.place, &mut self.thread, self.turn, false, context);
        }
        let mut open: Vec<(&String, &Call)> = self.calls.iter().collect();
        open.sort_by_key(|(id, _)| *id);
        for (id, call) in open {
            call.tell(id, &self.place, None, Attributes::new(), None, context);
        }
    }
}

/// A folder may come as a URL.
fn last_known(folder: &str) -> Arc<str> {
    folder.strip_prefix("file://").unwrap_or(folder).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_time_in_an_id() {
        let at = uuid_time_ms("01a1fba7-0aac-70e1-9b8b-3ddbede7efb9");
        assert_eq!(at, Some(0x01a1_fba7_0aac));
        assert_eq!(uuid_time_ms("601107f4-8096-4582-b16e-78726cf53231"), None);
        assert_eq!(uuid_time_ms("turn-1"), None);
    }

    #[test]
    fn knows_the_thread_by_the_files_name() {
        let origin = Origin {
            file_name: "rollout-2026-11-21T01-09-50-01a1fba7-0aac-70e1-9b8b-3ddbede7efb9.jsonl"
                .to_owned(),
            ..Origin::default()
        };
        let session = Codex::new(&origin).place.session;
        assert_eq!(&*session, "01a1fba7-0aac-70e1-9b8b-3ddbede7efb9");
    }
}
