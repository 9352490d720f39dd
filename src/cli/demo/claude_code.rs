//! A coding agent as Claude Code reports itself: one trace per prompt, spans and log records that tell
//! of the same acts, the conversation in full with every model request.

mod calls;
mod records;
mod script;

use serde_json::{Value, json};

use self::calls::{Call, CallResult, Naming, Tokens};
use super::Session;
use super::otlp::{Attributes, Clock, Emitter, Ids, Millis, Outcome};

const VERSION: &str = "2.1.329";

pub(super) fn session(clock: Clock, ids: &mut Ids) -> Session {
    let session_id = ids.uuid();
    let resource = Attributes::new()
        .text("service.name", "claude-code")
        .text("service.version", VERSION)
        .text("host.arch", "amd64")
        .text("os.type", "linux");
    let emitter = Emitter::new(
        clock,
        1_000,
        resource,
        ("com.anthropic.claude_code.tracing", "1.0.0"),
    )
    .with_log_scope(("com.anthropic.claude_code.events", VERSION));
    let mut harness = Harness {
        clock,
        emitter,
        session_id: session_id.clone(),
        user_id: ids.prefixed("demo-user-"),
        ids,
        now: 200,
        event_sequence: 0,
        interaction_sequence: 0,
        turn: Turn::default(),
        messages: Vec::new(),
        agent: None,
    };
    script::play(&mut harness);
    Session {
        what: "a coding agent loops, is denied an `rm -rf`, calls MCP tools and a subagent",
        session_id,
        emitter: harness.emitter,
    }
}

/// The prompt being worked on.
#[derive(Default)]
struct Turn {
    trace_id: Vec<u8>,
    interaction_id: Vec<u8>,
    prompt_id: String,
    prompt: String,
    started: Millis,
}

/// The subagent at work.
struct Subagent {
    agent_id: String,
    name: &'static str,
    model: &'static str,
    /// Execution span of the tool call that started it.
    parent_id: Vec<u8>,
}

/// The harness: plays a conversation forward in time and reports it.
struct Harness<'a> {
    clock: Clock,
    emitter: Emitter,
    ids: &'a mut Ids,
    session_id: String,
    user_id: String,
    now: Millis,
    event_sequence: usize,
    interaction_sequence: usize,
    turn: Turn,
    /// The conversation as the model's API takes it.
    messages: Vec<Value>,
    agent: Option<Subagent>,
}

impl Harness<'_> {
    fn begin_turn(&mut self, prompt: &str) {
        self.interaction_sequence += 1;
        self.turn = Turn {
            trace_id: self.ids.trace(),
            interaction_id: self.ids.span(),
            prompt_id: self.ids.uuid(),
            prompt: prompt.to_owned(),
            started: self.now,
        };
        self.messages
            .push(json!({"role": "user", "content": [{"type": "text", "text": prompt}]}));
        let uuid = self.ids.uuid();
        self.log(
            "user_prompt",
            Attributes::new()
                .text("prompt_length", prompt.chars().count().to_string())
                .text("prompt", prompt)
                .text("message.uuid", uuid),
        );
        self.hook("UserPromptSubmit", "UserPromptSubmit", 40, false);
    }

    fn end_turn(&mut self) {
        self.hook("Stop", "Stop", 30, false);
        let attributes = self
            .span_attributes("interaction")
            .text("gen_ai.operation.name", "invoke_agent")
            .text("user_prompt", self.turn.prompt.clone())
            .int("user_prompt_length", self.turn.prompt.chars().count())
            .int("interaction.sequence", self.interaction_sequence)
            .int(
                "interaction.duration_ms",
                (self.now - self.turn.started) as usize,
            )
            .text("parent.source", "none");
        let span_id = self.turn.interaction_id.clone();
        self.report(
            "claude_code.interaction",
            span_id,
            &[],
            (self.turn.started, self.now),
            attributes,
            Vec::new(),
            Outcome::Unset,
        );
    }

    /// One model request that answers with `text` and asks for `calls`, which are then carried out.
    fn step(&mut self, duration: Millis, text: &str, calls: Vec<Call>) {
        let (request_id, message_id) = (self.ids.prefixed("req_"), self.ids.prefixed("msg_"));
        let (body_id, uuid) = (self.ids.uuid(), self.ids.uuid());
        let calls: Vec<(String, Call)> = calls
            .into_iter()
            .map(|call| (self.ids.prefixed("toolu_"), call))
            .collect();
        let model = self
            .agent
            .as_ref()
            .map_or("claude-opus-5-5", |agent| agent.model);
        let source = self.query_source();

        let body = json!({"model": model, "max_tokens": 32_000, "stream": true,
            "system": [{"type": "text", "text": script::SYSTEM}], "messages": self.messages})
        .to_string();
        let mut content = Vec::new();
        if !text.is_empty() {
            content.push(json!({"type": "text", "text": text}));
        }
        for (id, call) in &calls {
            content.push(
                json!({"type": "tool_use", "id": id, "name": call.tool, "input": call.input}),
            );
        }
        let stop_reason = if calls.is_empty() {
            "end_turn"
        } else {
            "tool_use"
        };
        let tokens = Tokens::of(self.messages.len(), body.len(), &content);
        let cost = tokens.cost(model);
        let answer = json!({"id": message_id, "type": "message", "role": "assistant", "model": model,
            "content": content, "stop_reason": stop_reason,
            "usage": {"input_tokens": tokens.input, "cache_read_input_tokens": tokens.cache_read,
                "cache_creation_input_tokens": tokens.cache_creation, "output_tokens": tokens.output}})
        .to_string();
        self.messages
            .push(json!({"role": "assistant", "content": content}));

        let started = self.now;
        self.log(
            "api_request_body",
            Attributes::new()
                .text("model", model)
                .text("query_source", source.clone())
                .text("request_body_id", body_id.clone())
                .text("body_length", body.len().to_string())
                .text("body", body),
        );
        self.now += duration;
        let mut request = Attributes::new()
            .text("model", model)
            .int("input_tokens", tokens.input)
            .int("output_tokens", tokens.output)
            .int("cache_read_tokens", tokens.cache_read)
            .int("cache_creation_tokens", tokens.cache_creation)
            .double("cost_usd", cost)
            .int("cost_usd_micros", (cost * 1e6).round() as usize)
            .int("duration_ms", duration as usize)
            .text("request_id", request_id.clone())
            .text("query_source", source.clone());
        if let Some(agent) = &self.agent {
            request = request.text("agent.name", agent.name);
        }
        self.log("api_request", request);
        self.log(
            "api_response_body",
            Attributes::new()
                .text("model", model)
                .text("query_source", source.clone())
                .text("request_id", request_id.clone())
                .text("request_body_id", body_id)
                .text("message.id", message_id)
                .text("body_length", answer.len().to_string())
                .text("body", answer),
        );
        if !text.is_empty() {
            self.log(
                "assistant_response",
                Attributes::new()
                    .text("response", text)
                    .int("response_length", text.chars().count())
                    .text("model", model)
                    .text("request_id", request_id.clone())
                    .text("query_source", source.clone())
                    .text("message.uuid", uuid),
            );
        }
        let attributes = self
            .span_attributes("llm_request")
            .text("model", model)
            .text("gen_ai.system", "anthropic")
            .text("gen_ai.request.model", model)
            .text("query_source_safe", source)
            .text("speed", "normal")
            .text("llm_request.context", "interaction")
            .int("duration_ms", duration as usize)
            .int("ttft_ms", (duration / 3) as usize)
            .int("input_tokens", tokens.input)
            .int("output_tokens", tokens.output)
            .int("cache_read_tokens", tokens.cache_read)
            .int("cache_creation_tokens", tokens.cache_creation)
            .text("request_id", request_id.clone())
            .text("gen_ai.response.id", request_id.clone())
            .int("attempt", 1)
            .flag("success", true)
            .text("stop_reason", stop_reason)
            .texts("gen_ai.response.finish_reasons", stop_reason);
        let attempt = self.emitter.event(
            started,
            "gen_ai.request.attempt",
            Attributes::new().int("attempt", 1),
        );
        let (span_id, parent_id) = (self.ids.span(), self.parent_id());
        self.report(
            "claude_code.llm_request",
            span_id,
            &parent_id,
            (started, self.now),
            attributes,
            vec![attempt],
            Outcome::Unset,
        );

        let results: Vec<Value> = calls
            .into_iter()
            .map(|(id, call)| self.carry_out(&request_id, &id, call))
            .collect();
        if !results.is_empty() {
            self.messages
                .push(json!({"role": "user", "content": results}));
        }
    }

    /// Runs one tool call and gives what the model gets to read of it.
    fn carry_out(&mut self, request_id: &str, id: &str, call: Call) -> Value {
        self.now += 20;
        let (tool_span, execution_span, wait_span) =
            (self.ids.span(), self.ids.span(), self.ids.span());
        let parent_id = self.parent_id();
        let started = self.now;
        let named = Naming::of(&call);
        let denied = matches!(call.result, CallResult::Denied(_));
        if call.tool == "Bash" {
            self.hook("PreToolUse", "PreToolUse:Bash", 35, denied);
        }
        let decision = if denied { "reject" } else { "accept" };
        let mut decided = Attributes::new()
            .text("decision", decision)
            .text("source", call.decided_by)
            .text("tool_name", named.in_logs)
            .text("tool_use_id", id)
            .text(
                "tool_source",
                if named.mcp.is_some() {
                    "mcp"
                } else {
                    "builtin"
                },
            )
            .text("request_id", request_id);
        if let Some(parameters) = &named.parameters {
            decided = decided.text("tool_parameters", parameters.clone());
        }
        self.log_at(wait_span.clone(), "tool_decision", decided);
        let waited = self
            .span_attributes("tool.blocked_on_user")
            .int("duration_ms", (self.now - started) as usize)
            .text("decision", decision)
            .text("source", call.decided_by);
        self.report(
            "claude_code.tool.blocked_on_user",
            wait_span,
            &tool_span,
            (started, self.now),
            waited,
            Vec::new(),
            Outcome::Unset,
        );

        let began = self.now;
        let mut events = Vec::new();
        let result = match &call.result {
            CallResult::Denied(words) => {
                json!({"type": "tool_result", "tool_use_id": id, "content": words, "is_error": true})
            }
            CallResult::Output(output) if call.tool == "Agent" => {
                let report = self.run_subagent(&call, execution_span.clone(), output.clone());
                json!({"type": "tool_result", "tool_use_id": id, "content": [{"type": "text", "text": report}]})
            }
            CallResult::Output(output) => {
                self.now += call.duration;
                events.push(self.emitter.event(
                    self.now,
                    "tool.output",
                    named.output_event(&call, output),
                ));
                json!({"type": "tool_result", "tool_use_id": id, "content": output})
            }
            CallResult::Failed { output, .. } => {
                self.now += call.duration;
                json!({"type": "tool_result", "tool_use_id": id, "content": output, "is_error": true})
            }
        };
        if !denied {
            self.report_execution(
                request_id,
                id,
                &call,
                &named,
                (began, &tool_span, execution_span),
            );
        }
        let attributes = named
            .span(self.span_attributes("tool"), &call, id)
            .int("duration_ms", (self.now - started) as usize);
        self.report(
            "claude_code.tool",
            tool_span,
            &parent_id,
            (started, self.now),
            attributes,
            events,
            Outcome::Unset,
        );
        result
    }

    fn report_execution(
        &mut self,
        request_id: &str,
        id: &str,
        call: &Call,
        named: &Naming,
        place: (Millis, &[u8], Vec<u8>),
    ) {
        let (began, tool_span, execution_span) = place;
        let duration = self.now - began;
        let input = call.input.to_string();
        let mut execution = self
            .span_attributes("tool.execution")
            .text("tool_use_id", id)
            .text("gen_ai.tool.call.id", id)
            .int("duration_ms", duration as usize);
        let mut result = Attributes::new()
            .text("tool_name", named.in_logs)
            .text("tool_use_id", id)
            .text("duration_ms", duration.to_string())
            .text("tool_input_size_bytes", input.len().to_string())
            .text("tool_input", input)
            .text("request_id", request_id);
        if let Some(parameters) = &named.parameters {
            result = result.text("tool_parameters", parameters.clone());
        }
        let outcome = if let CallResult::Failed { error, class, .. } = &call.result {
            execution = execution
                .flag("success", false)
                .text("error.type", "tool_error")
                .text("error", *error)
                .text("error_class", *class);
            result = result
                .text("success", "false")
                .text("error_type", *class)
                .text("error", *error);
            Outcome::Error(error)
        } else {
            execution = execution.flag("success", true);
            result = result.text("success", "true");
            if let CallResult::Output(output) = &call.result {
                result = result.text("tool_result_size_bytes", output.len().to_string());
            }
            Outcome::Unset
        };
        self.log("tool_result", result);
        self.report(
            "claude_code.tool.execution",
            execution_span,
            tool_span,
            (began, self.now),
            execution,
            Vec::new(),
            outcome,
        );
    }

    /// Plays the subagent's own conversation beneath its tool call, and gives its report.
    fn run_subagent(&mut self, call: &Call, execution_span: Vec<u8>, report: String) -> String {
        let began = self.now;
        let task = call.input["prompt"].as_str().unwrap_or_default();
        let messages = vec![json!({"role": "user", "content": [{"type": "text", "text": task}]})];
        let outer = std::mem::replace(&mut self.messages, messages);
        self.agent = Some(Subagent {
            agent_id: self.ids.prefixed("a"),
            name: "Explore",
            model: "claude-haiku-4-5",
            parent_id: execution_span,
        });
        let tool_uses = script::explore(self, &report);
        self.hook("SubagentStop", "SubagentStop", 30, false);
        self.log(
            "subagent_completed",
            Attributes::new()
                .text("agent_type", "Explore")
                .text("agent.source", "built-in")
                .flag("is_built_in", true)
                .flag("is_async", false)
                .int("total_tokens", 4_100)
                .int("total_tool_uses", tool_uses)
                .int("duration_ms", (self.now - began) as usize)
                .text("model", "claude-haiku-4-5")
                .text("final_model", "claude-haiku-4-5")
                .flag("model_swapped", false),
        );
        self.agent = None;
        self.messages = outer;
        report
    }

    fn query_source(&self) -> String {
        self.agent.as_ref().map_or_else(
            || "sdk".to_owned(),
            |agent| format!("agent:builtin:{}", agent.name),
        )
    }

    fn parent_id(&self) -> Vec<u8> {
        self.agent
            .as_ref()
            .map_or(&self.turn.interaction_id, |agent| &agent.parent_id)
            .clone()
    }
}
