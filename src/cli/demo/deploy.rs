//! A deployment agent as OpenInference reports it: flattened messages, and a run that fails with an
//! exception.

use proto::otlp::trace::v1::span::SpanKind;
use serde_json::{Value, json};

use super::Session;
use super::otlp::{Attributes, Clock, Emitter, Ids, Millis, NewSpan, Outcome};

const MODEL: &str = "gpt-5.1";
const TRACEBACK: &str = "\
Traceback (most recent call last):
  File \"/srv/deploy/agent.py\", line 88, in run
    raise RolloutFailed(stage, attempts)
deploy.errors.RolloutFailed: staging did not become healthy after 2 attempts";
const FAILURE: &str = "staging did not become healthy after 2 attempts";

pub(super) fn session(clock: Clock, ids: &mut Ids) -> Session {
    let resource = Attributes::new()
        .text("service.name", "deploy-agent")
        .text("service.version", "1.12.0")
        .text("telemetry.sdk.language", "python")
        .text("telemetry.sdk.name", "opentelemetry")
        .text("telemetry.sdk.version", "1.45.2");
    let session_id = ids.uuid();
    let mut run = Run {
        emitter: Emitter::new(
            clock,
            500,
            resource,
            ("openinference.instrumentation.openai_agents", "2.6.0"),
        ),
        trace_id: ids.trace(),
        agent_id: ids.span(),
        ids,
        session_id: session_id.clone(),
        messages: vec![
            json!({"role": "system", "content": "You roll out releases. Stop when a stage does not become healthy."}),
            json!({"role": "user", "content": "Roll out lantern-shop 4.2.0 to staging, then to production."}),
        ],
    };
    play(&mut run);
    Session {
        what: "a deployment agent tries twice and fails",
        session_id,
        emitter: run.emitter,
    }
}

struct Run<'a> {
    emitter: Emitter,
    ids: &'a mut Ids,
    trace_id: Vec<u8>,
    agent_id: Vec<u8>,
    session_id: String,
    /// The conversation: role, content, tool_calls, tool_call_id.
    messages: Vec<Value>,
}

fn play(run: &mut Run<'_>) {
    let root_id = run.ids.span();
    let rollout = json!({"release": "4.2.0", "stage": "staging"});

    let first = run.model(
        (14_200, 16_400),
        "I'll start with staging.",
        Some(("rollout", &rollout)),
    );
    run.tool(
        &first,
        "rollout",
        (16_450, 19_000),
        &rollout,
        Err("HealthCheckFailed: 0 of 3 replicas ready after 2.5 s"),
    );
    let check = run.model(
        (19_100, 21_000),
        "",
        Some(("read_events", &json!({"stage": "staging"}))),
    );
    run.tool(&check, "read_events", (21_050, 21_500), &json!({"stage": "staging"}), Ok("09:14:02 replica 1: image pull failed: manifest 4.2.0 unknown\n09:14:03 replica 2: image pull failed: manifest 4.2.0 unknown\n"));
    let second = run.model(
        (21_600, 23_800),
        "The image may have arrived by now; one more attempt.",
        Some(("rollout", &rollout)),
    );
    run.tool(
        &second,
        "rollout",
        (23_850, 26_400),
        &rollout,
        Err("HealthCheckFailed: 0 of 3 replicas ready after 2.5 s"),
    );
    run.model((26_500, 28_600), "Staging does not become healthy: the image of 4.2.0 was never pushed. I stop here; production is untouched.", None);

    let exception = run.exception(28_700, "deploy.errors.RolloutFailed", FAILURE);
    let agent = run
        .attributes("AGENT")
        .text("agent.name", "release-captain")
        .text("graph.node.id", "release-captain");
    let agent_id = run.agent_id.clone();
    run.report(
        "release-captain",
        agent_id,
        &root_id,
        (14_100, 28_700),
        agent,
        Some((FAILURE, exception)),
    );
    let exception = run.exception(28_750, "deploy.errors.RolloutFailed", FAILURE);
    let root = run
        .attributes("CHAIN")
        .text("input.value", "Roll out lantern-shop 4.2.0")
        .text("input.mime_type", "text/plain");
    run.report(
        "Release 4.2.0",
        root_id,
        &[],
        (14_000, 28_800),
        root,
        Some((FAILURE, exception)),
    );
}

impl Run<'_> {
    fn attributes(&self, kind: &str) -> Attributes {
        Attributes::new()
            .text("openinference.span.kind", kind)
            .text("session.id", self.session_id.clone())
    }

    fn exception(
        &self,
        at: Millis,
        kind: &str,
        message: &str,
    ) -> proto::otlp::trace::v1::span::Event {
        let attributes = Attributes::new()
            .text("exception.type", kind)
            .text("exception.message", message)
            .text("exception.stacktrace", TRACEBACK)
            .text("exception.escaped", "False");
        self.emitter.event(at, "exception", attributes)
    }

    /// One model request; gives the id of the tool call that it asks for, if any.
    fn model(
        &mut self,
        time: (Millis, Millis),
        text: &str,
        call: Option<(&str, &Value)>,
    ) -> String {
        let call_id = self.ids.prefixed("call_");
        let mut attributes = self
            .attributes("LLM")
            .text("llm.system", "openai")
            .text("llm.provider", "openai")
            .text("llm.model_name", MODEL)
            .text(
                "llm.invocation_parameters",
                json!({"temperature": 0}).to_string(),
            );
        for (number, message) in self.messages.iter().enumerate() {
            attributes = flattened(
                attributes,
                &format!("llm.input_messages.{number}.message"),
                message,
            );
        }
        let mut answer = json!({"role": "assistant", "content": text});
        if let Some((name, arguments)) = call {
            answer["tool_calls"] =
                json!([{"id": call_id, "name": name, "arguments": arguments.to_string()}]);
        }
        attributes = flattened(attributes, "llm.output_messages.0.message", &answer);
        let (input, output) = (
            Value::from(self.messages.clone()).to_string(),
            answer.to_string(),
        );
        let attributes = attributes
            .int("llm.token_count.prompt", input.len() / 4)
            .int("llm.token_count.completion", output.len() / 4)
            .int("llm.token_count.total", (input.len() + output.len()) / 4)
            .text("input.value", input)
            .text("input.mime_type", "application/json")
            .text("output.value", output)
            .text("output.mime_type", "application/json");
        self.messages.push(answer);
        let (span_id, agent_id) = (self.ids.span(), self.agent_id.clone());
        self.report("response", span_id, &agent_id, time, attributes, None);
        call_id
    }

    fn tool(
        &mut self,
        call_id: &str,
        name: &str,
        time: (Millis, Millis),
        arguments: &Value,
        result: Result<&str, &str>,
    ) {
        let (Ok(text) | Err(text)) = result;
        let attributes = self
            .attributes("TOOL")
            .text("tool.name", name)
            .text("tool.id", call_id)
            .text("input.value", arguments.to_string())
            .text("input.mime_type", "application/json")
            .text("output.value", text)
            .text("output.mime_type", "text/plain");
        let failure = result.err().map(|message| {
            (
                message,
                self.exception(time.1, "deploy.errors.HealthCheckFailed", message),
            )
        });
        let (span_id, agent_id) = (self.ids.span(), self.agent_id.clone());
        self.report(name, span_id, &agent_id, time, attributes, failure);
        self.messages
            .push(json!({"role": "tool", "content": text, "tool_call_id": call_id}));
    }

    fn report(
        &mut self,
        name: &str,
        span_id: Vec<u8>,
        parent_id: &[u8],
        time: (Millis, Millis),
        attributes: Attributes,
        failure: Option<(&str, proto::otlp::trace::v1::span::Event)>,
    ) {
        let (outcome, events) = failure
            .map_or((Outcome::Ok, Vec::new()), |(message, exception)| {
                (Outcome::Error(message), vec![exception])
            });
        self.emitter.span(NewSpan {
            trace_id: &self.trace_id,
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

/// A message as OpenInference flattens it beneath `prefix`.
fn flattened(attributes: Attributes, prefix: &str, message: &Value) -> Attributes {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut attributes = attributes.text(&format!("{prefix}.role"), text(&message["role"]));
    if !message["content"].as_str().unwrap_or_default().is_empty() {
        attributes = attributes.text(&format!("{prefix}.content"), text(&message["content"]));
    }
    if message["tool_call_id"].is_string() {
        attributes = attributes.text(
            &format!("{prefix}.tool_call_id"),
            text(&message["tool_call_id"]),
        );
    }
    for (number, call) in message["tool_calls"]
        .as_array()
        .into_iter()
        .flatten()
        .enumerate()
    {
        let call_prefix = format!("{prefix}.tool_calls.{number}.tool_call");
        attributes = attributes
            .text(&format!("{call_prefix}.id"), text(&call["id"]))
            .text(&format!("{call_prefix}.function.name"), text(&call["name"]))
            .text(
                &format!("{call_prefix}.function.arguments"),
                text(&call["arguments"]),
            );
    }
    attributes
}
