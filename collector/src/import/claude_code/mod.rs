//! Claude Code's transcripts: one file per session, one per subagent.
//!
//! An answer of the model stands on several lines, one per content block, with the same message id
//! and a usage that grows. Chains of messages (the main agent, each subagent) may be interleaved.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use proto::agent::Operation;
use proto::attributes::Attributes;
use serde_json::{Value as Json, json};

use super::records::{NewAct, Place, text, time_ns};
use super::{Context, Entries, Origin};

mod calls;
mod request;
mod words;

use calls::Call;
use request::{Answer, Asked};

/// Kinds of entries whose content stands on other entries as well.
const REPEATED: &[&str] = &[
    "api-request-blob",
    "last-prompt",
    "atis-latch",
    "tools-used",
];

/// The agent that a chain of messages belongs to; `None` = the session's main agent.
type Agent = Option<Arc<str>>;

/// One agent's conversation under way.
#[derive(Default)]
struct Chain {
    /// Messages since the last request, in the vendor's form.
    new_input: Vec<Json>,
    answer: Option<Answer>,
    /// When the last entry that is no answer was written.
    asked_ns: u64,
    /// Refused attempts since the last answer.
    refused: u32,
    /// System instructions and tools, until a request has told them.
    shape: Option<Json>,
    shape_hash: String,
}

pub(super) struct ClaudeCode {
    place: Place,
    /// Agent that the file's name says it is of.
    own_agent: Agent,
    /// Seen entries of this file, so that one which is repeated is taken once.
    taken: HashSet<String>,
    chains: HashMap<Agent, Chain>,
    /// Calls without a result, by id.
    calls: HashMap<String, Call>,
    /// When requests were sent, until their answer comes.
    sent: HashMap<String, u64>,
    turn: Option<[u8; 8]>,
    turn_key: Option<String>,
    /// Agents that have a record.
    agents: HashSet<Arc<str>>,
    /// Agents of sidechain entries that name none, by entry.
    agent_of_entry: HashMap<String, Arc<str>>,
    first_ns: Option<u64>,
}

impl ClaudeCode {
    pub(super) fn new(origin: &Origin) -> Self {
        let stem = origin.file_name.split('.').next().unwrap_or_default();
        let own_agent = stem.strip_prefix("agent-").map(Arc::from);
        let mut place = Place::new("claude-code", &origin.file_name);
        // Every session file is named after its session.
        if own_agent.is_none() {
            place.session = stem.into();
        }
        Self {
            place,
            own_agent,
            taken: HashSet::new(),
            chains: HashMap::new(),
            calls: HashMap::new(),
            sent: HashMap::new(),
            turn: None,
            turn_key: None,
            agents: HashSet::new(),
            agent_of_entry: HashMap::new(),
            first_ns: None,
        }
    }

    /// Where and when the entry was written.
    fn note_place(&mut self, entry: &Json) {
        fn set(slot: &mut Option<Arc<str>>, value: Option<&str>) {
            if let Some(value) = value
                && slot.as_deref() != Some(value)
            {
                *slot = Some(value.into());
            }
        }
        if let Some(session) = text(entry, "sessionId")
            && *self.place.session != *session
        {
            self.place.session = session.into();
        }
        set(&mut self.place.harness.version, text(entry, "version"));
        set(&mut self.place.folder, text(entry, "cwd"));
        set(&mut self.place.branch, text(entry, "gitBranch"));
        if let Some(at) = time_ns(entry, "timestamp") {
            self.place.last_ns = at;
            self.first_ns.get_or_insert(at);
        }
    }

    /// Whether the entry is new: forks and resumed sessions repeat entries of the session before.
    fn is_new(&mut self, entry: &Json, context: &mut Context<'_>) -> bool {
        let Some(uuid) = text(entry, "uuid") else {
            return true;
        };
        let from = entry
            .get("forkedFrom")
            .and_then(|from| text(from, "sessionId"))
            .filter(|from| **from != *self.place.session)
            .map(Arc::from)
            .or_else(|| context.seen.other_session(uuid, &self.place.session));
        if let Some(from) = from {
            self.place.parent_session = Some(from);
            return false;
        }
        self.taken.insert(uuid.to_owned())
    }

    fn agent_of(&mut self, entry: &Json) -> Agent {
        if let Some(id) = text(entry, "agentId") {
            return Some(id.into());
        }
        if self.own_agent.is_some() {
            return self.own_agent.clone();
        }
        if entry.get("isSidechain") != Some(&Json::Bool(true)) {
            return None;
        }
        // Older versions wrote subagents into the session's file, without a name.
        let uuid = text(entry, "uuid")?;
        let parent = text(entry, "parentUuid").and_then(|parent| self.agent_of_entry.get(parent));
        let agent: Arc<str> = parent.cloned().unwrap_or_else(|| uuid.into());
        self.agent_of_entry.insert(uuid.to_owned(), agent.clone());
        Some(agent)
    }

    /// What the acts of an agent hang under.
    fn parent_of(&self, agent: &Agent) -> Option<[u8; 8]> {
        match agent {
            Some(agent) => Some(self.place.id("agent", agent)),
            None => self.turn,
        }
    }

    /// The record of a subagent, when its first entry comes: whose call started it, and what it was told.
    fn begin_agent(&mut self, agent: &Agent, entry: &Json, context: &mut Context<'_>) {
        let Some(id) = agent else { return };
        if !self.agents.insert(id.clone()) {
            return;
        }
        let notes = context
            .beside
            .text(&format!("agent-{id}.meta.json"))
            .and_then(|notes| serde_json::from_str::<Json>(&notes).ok())
            .unwrap_or_default();
        let prompt = entry
            .get("message")
            .and_then(|message| message.get("content"));
        let caller = text(&notes, "toolUseId").map(str::to_owned).or_else(|| {
            let told = prompt?.as_str()?;
            let call = self.calls.iter_mut().find(|(_, call)| call.tells(told));
            call.map(|(call_id, call)| {
                call.agent_id = Some(id.clone());
                call_id.clone()
            })
        });
        let kind = text(&notes, "agentType").map(str::to_owned).or_else(|| {
            let call = self.calls.get(caller.as_ref()?)?;
            text(&call.input, "subagent_type").map(str::to_owned)
        });
        let mut attributes = Attributes::new()
            .text("gen_ai.operation.name", "invoke_agent")
            .text("gen_ai.agent.id", &**id)
            .text_if("gen_ai.agent.name", kind.as_deref())
            .text_if("gen_ai.tool.call.id", caller.as_deref());
        if let Some(prompt) = prompt {
            let told = json!([{"role": "user", "content": prompt}]);
            attributes = attributes.text("gen_ai.input.messages", told.to_string());
        }
        let parent = match &caller {
            Some(call_id) => Some(self.place.id("tool", call_id)),
            None => self.turn,
        };
        let at = self.place.last_ns;
        context.out.act(
            &self.place,
            context.line,
            NewAct {
                operation: Operation::Agent,
                id: self.place.id("agent", id),
                parent,
                name: format!("invoke_agent {}", kind.as_deref().unwrap_or(id)),
                start_ns: at,
                end_ns: Some(at),
                error: None,
                attributes,
            },
        );
    }

    fn user(&mut self, agent: &Agent, entry: &Json, context: &mut Context<'_>) {
        let content = entry
            .get("message")
            .and_then(|message| message.get("content"))
            .cloned()
            .unwrap_or_default();
        let is = |key: &str| entry.get(key) == Some(&Json::Bool(true));
        let mut has_results = false;
        for block in content.as_array().into_iter().flatten() {
            if text(block, "type") == Some("tool_result") {
                has_results = true;
                self.finish_call(block, entry, context);
            }
        }
        let is_prompt = agent.is_none()
            && !has_results
            && !is("isMeta")
            && !is("isCompactSummary")
            && !is("isVisibleInTranscriptOnly")
            && words::is_prompt(&content);
        if is_prompt {
            self.begin_turn(&content, entry, context);
        }
        if words::is_local(&content) {
            context.out.entry(&self.place, context.line, "user", entry);
        } else if !is("isVisibleInTranscriptOnly") {
            self.add_input(agent, json!({"role": "user", "content": content}));
        }
    }

    fn add_input(&mut self, agent: &Agent, message: Json) {
        let at = self.place.last_ns;
        let chain = self.chains.entry(agent.clone()).or_default();
        chain.new_input.push(message);
        chain.asked_ns = at;
    }

    fn begin_turn(&mut self, content: &Json, entry: &Json, context: &mut Context<'_>) {
        let Some(key) = text(entry, "promptId").or_else(|| text(entry, "uuid")) else {
            return;
        };
        // A command and what it expands to are one prompt.
        if self.turn_key.as_deref() == Some(key) {
            return;
        }
        self.flush(&None, context);
        let id = self.place.id("turn", key);
        self.turn = Some(id);
        self.turn_key = Some(key.to_owned());
        let told = json!([{"role": "user", "content": words::of_prompt(content)}]);
        let at = self.place.last_ns;
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
                attributes: Attributes::new()
                    .text("spanreel.turn.id", key)
                    .text("gen_ai.input.messages", told.to_string()),
            },
        );
    }

    fn attachment(&mut self, agent: &Agent, entry: &Json, context: &mut Context<'_>) {
        for shown in entry
            .get("rendered")
            .and_then(Json::as_array)
            .into_iter()
            .flatten()
        {
            let role = text(entry, "renderedRole").unwrap_or("user");
            if let Some(content) = shown.get("content") {
                self.add_input(agent, json!({"role": role, "content": content}));
            }
        }
        let attachment = entry.get("attachment").unwrap_or(&Json::Null);
        let kind = text(attachment, "type").unwrap_or_default();
        if kind == "queued_command"
            && let Some(prompt) = attachment.get("prompt")
        {
            self.add_input(agent, json!({"role": "user", "content": prompt}));
        }
        if kind == "prompt_snapshot" {
            let system = attachment.get("systemPrompt").cloned().unwrap_or_default();
            let tools = attachment.get("tools").cloned();
            let chain = self.chains.entry(agent.clone()).or_default();
            let hash = blake3::hash(system.to_string().as_bytes())
                .to_hex()
                .to_string();
            // Versions that record what was sent tell it better.
            if chain.shape_hash.is_empty() {
                chain.shape = Some(json!({"system": system, "tools": tools}));
                chain.shape_hash = hash;
            }
            return;
        }
        context.out.entry(
            &self.place,
            context.line,
            &format!("attachment.{kind}"),
            entry,
        );
    }

    fn system(&mut self, agent: &Agent, entry: &Json, context: &mut Context<'_>) {
        let subtype = text(entry, "subtype").unwrap_or_default();
        if subtype == "api_error" {
            self.chains.entry(agent.clone()).or_default().refused += 1;
        }
        context.out.entry(
            &self.place,
            context.line,
            &format!("system.{subtype}"),
            entry,
        );
    }

    /// What a request is made of, when the version records it.
    fn shape(&mut self, agent: &Agent, entry: &Json) {
        let hash = text(entry, "shapeHash").unwrap_or_default();
        let chain = self.chains.entry(agent.clone()).or_default();
        if chain.shape_hash != hash {
            chain.shape = entry.get("shape").cloned();
            chain.shape_hash = hash.to_owned();
        }
    }

    fn title(&mut self, title: &str, context: &mut Context<'_>) {
        let at = self.first_ns.unwrap_or(self.place.last_ns);
        context.out.act(
            &self.place,
            context.line,
            NewAct {
                operation: Operation::Session,
                id: self.place.id("title", title),
                parent: None,
                name: "title".to_owned(),
                start_ns: at,
                end_ns: Some(at),
                error: None,
                attributes: Attributes::new().text("spanreel.title", title),
            },
        );
    }

    fn assistant(&mut self, agent: &Agent, entry: &Json, context: &mut Context<'_>) {
        let message = entry.get("message").unwrap_or(&Json::Null);
        if text(message, "model") == Some("<synthetic>") {
            if entry.get("isApiErrorMessage") == Some(&Json::Bool(true)) {
                self.failed_request(agent, entry, context);
            } else {
                context
                    .out
                    .entry(&self.place, context.line, "assistant", entry);
            }
            return;
        }
        let Some(key) = [
            text(message, "id"),
            text(entry, "requestId"),
            text(entry, "uuid"),
        ]
        .into_iter()
        .flatten()
        .next()
        .map(str::to_owned) else {
            context
                .out
                .entry(&self.place, context.line, "assistant", entry);
            return;
        };
        let is_other = |answer: &Answer| answer.key != key;
        if self.chain(agent).answer.as_ref().is_some_and(is_other) {
            self.flush(agent, context);
        }
        let at = self.place.last_ns;
        let sent_ns = text(entry, "requestRef").and_then(|id| self.sent.remove(id));
        let parent = self.parent_of(agent);
        let chain = self.chain(agent);
        let answer = match &mut chain.answer {
            Some(answer) => answer,
            slot => {
                let asked = Asked {
                    start_ns: sent_ns.unwrap_or(chain.asked_ns),
                    messages: std::mem::take(&mut chain.new_input),
                    shape: chain.shape.take(),
                    attempts: std::mem::take(&mut chain.refused) + 1,
                };
                slot.insert(Answer::new(key, asked, at, parent))
            }
        };
        answer.add(entry, message, at, context.line);
        for block in message
            .get("content")
            .and_then(Json::as_array)
            .into_iter()
            .flatten()
        {
            if text(block, "type") == Some("tool_use")
                && let Some(id) = text(block, "id")
            {
                let call = Call::new(block, at, parent, agent.clone(), context.line);
                self.calls.insert(id.to_owned(), call);
            }
        }
    }

    fn chain(&mut self, agent: &Agent) -> &mut Chain {
        self.chains.entry(agent.clone()).or_default()
    }

    /// Tells the answer of an agent that is complete because something else follows.
    fn flush(&mut self, agent: &Agent, context: &mut Context<'_>) {
        let answer = self
            .chains
            .get_mut(agent)
            .and_then(|chain| chain.answer.take());
        if let Some(answer) = answer {
            answer.tell(&self.place, agent, true, context);
            // Attempts that were never answered.
            if self.sent.len() > 64 {
                self.sent.clear();
            }
        }
    }
}

impl Entries for ClaudeCode {
    fn entry(&mut self, entry: Json, context: &mut Context<'_>) {
        self.note_place(&entry);
        if self.place.session.is_empty() || !self.is_new(&entry, context) {
            return;
        }
        let agent = self.agent_of(&entry);
        let kind = text(&entry, "type").unwrap_or_default();
        if matches!(kind, "user" | "assistant") {
            self.begin_agent(&agent, &entry, context);
        }
        match kind {
            "user" => self.user(&agent, &entry, context),
            "assistant" => self.assistant(&agent, &entry, context),
            "attachment" => self.attachment(&agent, &entry, context),
            "system" => self.system(&agent, &entry, context),
            "api-request-shape" => self.shape(&agent, &entry),
            "api-request" => {
                if let (Some(id), Some(at)) = (text(&entry, "id"), time_ns(&entry, "timestamp")) {
                    self.sent.insert(id.to_owned(), at);
                }
            }
            kind if REPEATED.contains(&kind) => {}
            kind => {
                let title = ["aiTitle", "customTitle", "title", "summary"]
                    .iter()
                    .find_map(|key| text(&entry, key));
                match title {
                    Some(title) if matches!(kind, "ai-title" | "custom-title" | "summary") => {
                        self.title(title, context);
                    }
                    _ => context.out.entry(&self.place, context.line, kind, &entry),
                }
            }
        }
    }

    fn end(&mut self, context: &mut Context<'_>) {
        let mut agents: Vec<Agent> = self.chains.keys().cloned().collect();
        agents.sort();
        for agent in agents {
            if let Some(answer) = self
                .chains
                .get(&agent)
                .and_then(|chain| chain.answer.as_ref())
            {
                answer.tell(&self.place, &agent, answer.is_complete(), context);
            }
        }
        let mut open: Vec<(&String, &Call)> = self.calls.iter().collect();
        open.sort_by_key(|(id, _)| *id);
        for (id, call) in open {
            call.tell_open(id, &self.place, context);
        }
    }
}
