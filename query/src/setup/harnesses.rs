//! The list itself.

use serde_json::json;

use super::{Code, Format, Harness, Purpose, Recorder, SettingsFile, Variable, hooks, set};

/// Largest content, in characters or bytes, that harnesses with a limit are told to send.
const CONTENT_MAX: i64 = 16 << 20;

/// Every harness and SDK with its settings for `recorder`.
pub fn harnesses(recorder: &Recorder) -> Vec<Harness> {
    let mut list = list(recorder);
    if recorder.needs_token {
        list.iter_mut().for_each(show_token);
    }
    list
}

/// Where the token goes. It is in the environment and in no settings file, which are shared and kept.
fn show_token(harness: &mut Harness) {
    let variable = |name, value: &str, why| Variable {
        name,
        value: value.to_owned(),
        why,
    };
    harness.environment.extend([
        variable(
            "OTEL_EXPORTER_OTLP_HEADERS",
            "Authorization=Bearer%20TOKEN",
            "the token that the recorder asks for: `spanreel token add NAME --right ingest` makes one",
        ),
        variable("SPANREEL_TOKEN", "TOKEN", "the same for its hooks"),
    ]);
}

fn list(recorder: &Recorder) -> Vec<Harness> {
    vec![
        claude_code(recorder),
        codex(recorder),
        gemini_cli(recorder),
        opencode(recorder),
        copilot_cli(recorder),
        copilot_vscode(recorder),
        cursor(recorder),
        vercel_ai(recorder),
        python(recorder),
        javascript(recorder),
    ]
}

fn claude_code(recorder: &Recorder) -> Harness {
    let content_max = CONTENT_MAX.to_string();
    let settings: [(&'static str, &str, &'static str); 17] = [
        ("CLAUDE_CODE_ENABLE_TELEMETRY", "1", "master switch"),
        (
            "CLAUDE_CODE_ENHANCED_TELEMETRY_BETA",
            "1",
            "spans: what happened inside what",
        ),
        ("OTEL_TRACES_EXPORTER", "otlp", "sends spans"),
        (
            "OTEL_LOGS_EXPORTER",
            "otlp",
            "sends events: prompts, tool results, hooks, costs",
        ),
        ("OTEL_METRICS_EXPORTER", "otlp", "sends metrics"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "has no default"),
        (
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            &recorder.grpc,
            "the recorder",
        ),
        ("OTEL_LOG_USER_PROMPTS", "1", "the text of prompts"),
        ("OTEL_LOG_ASSISTANT_RESPONSES", "1", "the text of answers"),
        (
            "OTEL_LOG_TOOL_DETAILS",
            "1",
            "arguments of tools, names of MCP tools, skills and agents",
        ),
        ("OTEL_LOG_TOOL_CONTENT", "1", "results of tools"),
        (
            "OTEL_LOG_RAW_API_BODIES",
            "1",
            "whole requests and responses; results of failed tools are only there",
        ),
        (
            "CLAUDE_CODE_OTEL_CONTENT_MAX_LENGTH",
            &content_max,
            "content is cut at 60 KB otherwise",
        ),
        (
            "OTEL_METRICS_INCLUDE_VERSION",
            "true",
            "the version of Claude Code",
        ),
        ("OTEL_METRICS_INCLUDE_REPOSITORY", "true", "the repository"),
        ("OTEL_LOGS_EXPORT_INTERVAL", "1000", "live within a second"),
        (
            "OTEL_TRACES_EXPORT_INTERVAL",
            "1000",
            "live within a second",
        ),
    ];
    let changes = settings
        .into_iter()
        .map(|(name, value, why)| set(&["env", name], value, why))
        .collect();
    let file = SettingsFile::new(
        "~/.claude/settings.json",
        Format::Json,
        Purpose::Telemetry,
        changes,
    );
    Harness {
        id: "claude-code",
        name: "Claude Code",
        summary: "OTLP spans, events and metrics with their content, and hooks for what telemetry leaves out (SessionEnd, the words of a denial).",
        files: vec![
            file.in_folder_of("CLAUDE_CONFIG_DIR"),
            hooks::claude_code(recorder),
        ],
        environment: Vec::new(),
        code: None,
        notes: vec![
            "The settings go into the user's file: newer versions ignore these variables in a project's settings.",
            "plugins/claude-code of the source tree is the same hooks as a plugin; use one or the other.",
            "ENABLE_BETA_TRACING_DETAILED=1 with BETA_TRACING_ENDPOINT set to the OTLP/HTTP address adds system prompts, tool definitions and hook spans; it sends logs and spans there in place of the endpoint above.",
            "Restart running sessions.",
        ],
    }
}

fn codex(recorder: &Recorder) -> Harness {
    let exporter = || json!({"otlp-grpc": {"endpoint": recorder.grpc}});
    let changes = vec![
        set(
            &["otel", "exporter"],
            exporter(),
            "events: prompts, tool calls, tokens",
        ),
        set(
            &["otel", "trace_exporter"],
            exporter(),
            "spans; without them events name no trace",
        ),
        set(
            &["otel", "metrics_exporter"],
            exporter(),
            "metrics go to the vendor otherwise",
        ),
        set(&["otel", "log_user_prompt"], true, "the text of prompts"),
        set(
            &["otel", "log_agent_responses"],
            true,
            "the text of answers",
        ),
        set(
            &["otel", "log_guardian_assessments"],
            true,
            "verdicts of the automatic reviewer",
        ),
        set(
            &["otel", "tool_result", "max_bytes"],
            CONTENT_MAX,
            "results of tools are cut at 2 KB otherwise",
        ),
    ];
    let file = SettingsFile::new(
        "~/.codex/config.toml",
        Format::Toml,
        Purpose::Telemetry,
        changes,
    );
    Harness {
        id: "codex",
        name: "OpenAI Codex",
        summary: "OTLP events, spans and metrics, and hooks.",
        files: vec![file.in_folder_of("CODEX_HOME"), hooks::codex(recorder)],
        environment: Vec::new(),
        code: None,
        notes: vec![
            "Codex asks once whether the new hooks are to be trusted.",
            "Text between tool calls, reasoning and the system prompt are not exported; the rollout files of ~/.codex/sessions have them.",
        ],
    }
}

fn gemini_cli(recorder: &Recorder) -> Harness {
    let changes = vec![
        set(&["telemetry", "enabled"], true, "master switch"),
        set(
            &["telemetry", "target"],
            "local",
            "to an endpoint of your own",
        ),
        set(
            &["telemetry", "otlpEndpoint"],
            recorder.grpc.as_str(),
            "the recorder",
        ),
        set(
            &["telemetry", "otlpProtocol"],
            "grpc",
            "the protocol of that endpoint",
        ),
        set(&["telemetry", "traces"], true, "spans"),
        set(
            &["telemetry", "logPrompts"],
            true,
            "prompts, arguments and results",
        ),
    ];
    Harness {
        id: "gemini-cli",
        name: "Gemini CLI",
        summary: "OTLP events and spans with content, and hooks.",
        files: vec![
            SettingsFile::new(
                "~/.gemini/settings.json",
                Format::Json,
                Purpose::Telemetry,
                changes,
            ),
            hooks::gemini_cli(recorder),
        ],
        environment: Vec::new(),
        code: None,
        notes: vec![
            "Messages on spans are cut near 10,000 characters; those on events are whole, and both are sent.",
        ],
    }
}

fn opencode(recorder: &Recorder) -> Harness {
    Harness {
        id: "opencode",
        name: "OpenCode",
        summary: "OTLP over HTTP: the AI SDK's spans and OpenCode's own spans and logs.",
        files: vec![SettingsFile::new(
            "~/.config/opencode/opencode.json",
            Format::Json,
            Purpose::Telemetry,
            vec![set(
                &["experimental", "openTelemetry"],
                true,
                "spans of model requests and tools",
            )],
        )],
        environment: vec![Variable {
            name: "OTEL_EXPORTER_OTLP_ENDPOINT",
            value: recorder.http.clone(),
            why: "the recorder; there is no setting for it",
        }],
        code: None,
        notes: vec!["Needs both: the setting and the variable in the environment of OpenCode."],
    }
}

fn copilot_cli(recorder: &Recorder) -> Harness {
    Harness {
        id: "copilot-cli",
        name: "GitHub Copilot CLI",
        summary: "OTLP spans over HTTP by environment variables, and hooks of the project.",
        files: vec![hooks::copilot_cli(recorder)],
        environment: vec![
            variable("COPILOT_OTEL_ENABLED", "true", "master switch"),
            variable(
                "OTEL_EXPORTER_OTLP_ENDPOINT",
                &recorder.http,
                "the recorder",
            ),
            variable(
                "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT",
                "true",
                "prompts, answers, arguments and results",
            ),
        ],
        code: None,
        notes: vec!["Hooks are read from .github/hooks of the repository that Copilot works in."],
    }
}

fn copilot_vscode(recorder: &Recorder) -> Harness {
    const KEYS: [&str; 5] = [
        "github.copilot.chat.otel.enabled",
        "github.copilot.chat.otel.exporterType",
        "github.copilot.chat.otel.otlpEndpoint",
        "github.copilot.chat.otel.captureContent",
        "github.copilot.chat.otel.maxAttributeSizeChars",
    ];
    let [enabled, exporter, endpoint, content, size] = KEYS;
    let changes = vec![
        set(&[enabled], true, "master switch"),
        set(&[exporter], "otlp-http", "the protocol"),
        set(&[endpoint], recorder.http.as_str(), "the recorder"),
        set(&[content], true, "prompts, answers, arguments and results"),
        set(&[size], 0, "0 = content is not cut"),
    ];
    let path = if cfg!(target_os = "macos") {
        "~/Library/Application Support/Code/User/settings.json"
    } else {
        "~/.config/Code/User/settings.json"
    };
    Harness {
        id: "copilot-vscode",
        name: "GitHub Copilot in VS Code",
        summary: "OTLP spans, events and metrics by the settings of VS Code.",
        files: vec![SettingsFile::new(
            path,
            Format::Json,
            Purpose::Telemetry,
            changes,
        )],
        environment: Vec::new(),
        code: None,
        notes: vec!["Reload the window."],
    }
}

fn cursor(recorder: &Recorder) -> Harness {
    Harness {
        id: "cursor",
        name: "Cursor",
        summary: "Cursor has no telemetry of its own: hooks are all there is. They give sessions, prompts, tool calls with arguments and results, and decisions.",
        files: vec![hooks::cursor(recorder)],
        environment: Vec::new(),
        code: None,
        notes: vec!["Model requests, tokens and costs are not to be had."],
    }
}

fn vercel_ai(recorder: &Recorder) -> Harness {
    Harness {
        id: "vercel-ai",
        name: "Vercel AI SDK",
        summary: "Spans of the AI SDK, sent by the OpenTelemetry SDK for Node.",
        files: Vec::new(),
        environment: otlp(recorder),
        code: Some(Code {
            language: "typescript",
            text: "\
// npm install @opentelemetry/sdk-node @opentelemetry/exporter-trace-otlp-proto
import { NodeSDK } from '@opentelemetry/sdk-node';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';

const sdk = new NodeSDK({ serviceName: 'my-agent', traceExporter: new OTLPTraceExporter() });
sdk.start();

await generateText({
  // …
  experimental_telemetry: {
    isEnabled: true,
    functionId: 'my-agent',
    metadata: { sessionId: conversationId, userId },
  },
});

await sdk.shutdown(); // sends what is left
",
        }),
        notes: vec![
            "AI SDK 7 emits nothing before registerTelemetry(new OpenTelemetry()) of @ai-sdk/otel was called.",
            "metadata.sessionId is what ties the calls of one conversation together.",
        ],
    }
}

fn python(recorder: &Recorder) -> Harness {
    let mut environment = otlp(recorder);
    environment.extend([
        variable(
            "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT",
            "SPAN_AND_EVENT",
            "content, for instrumentations of OpenTelemetry's own; older ones know only true",
        ),
        variable(
            "OTEL_SEMCONV_STABILITY_OPT_IN",
            "gen_ai_latest_experimental",
            "the current conventions",
        ),
    ]);
    Harness {
        id: "python",
        name: "Python SDK",
        summary: "Any instrumentation of OpenTelemetry, OpenInference, OpenLLMetry or Logfire, sent over OTLP.",
        files: Vec::new(),
        environment,
        code: Some(Code {
            language: "python",
            text: "\
# pip install opentelemetry-sdk opentelemetry-exporter-otlp
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

provider = TracerProvider(resource=Resource.create({\"service.name\": \"my-agent\"}))
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
trace.set_tracer_provider(provider)
# then the instrumentation of your framework, as in
# OpenAIAgentsInstrumentor().instrument(tracer_provider=provider)
# and before the end: provider.shutdown()
",
        }),
        notes: vec![
            "Put session.id or gen_ai.conversation.id on your spans: it is what ties traces to a session.",
        ],
    }
}

fn javascript(recorder: &Recorder) -> Harness {
    Harness {
        id: "javascript",
        name: "JavaScript SDK",
        summary: "Any instrumentation of OpenTelemetry, OpenInference or OpenLLMetry, sent over OTLP.",
        files: Vec::new(),
        environment: otlp(recorder),
        code: Some(Code {
            language: "typescript",
            text: "\
// npm install @opentelemetry/sdk-node @opentelemetry/exporter-trace-otlp-proto
import { NodeSDK } from '@opentelemetry/sdk-node';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';

const sdk = new NodeSDK({
  serviceName: 'my-agent',
  traceExporter: new OTLPTraceExporter(),
  instrumentations: [/* that of your framework */],
});
sdk.start();
// before the end: await sdk.shutdown();
",
        }),
        notes: vec![
            "Put session.id or gen_ai.conversation.id on your spans: it is what ties traces to a session.",
        ],
    }
}

/// What every OpenTelemetry SDK understands.
fn otlp(recorder: &Recorder) -> Vec<Variable> {
    vec![
        variable(
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            &recorder.http,
            "the recorder",
        ),
        variable(
            "OTEL_EXPORTER_OTLP_PROTOCOL",
            "http/protobuf",
            "the protocol of that endpoint",
        ),
        variable(
            "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT",
            "4096",
            "long conversations lose their oldest messages at 128",
        ),
        variable(
            "OTEL_SPAN_EVENT_COUNT_LIMIT",
            "4096",
            "for emitters that put each message on an event",
        ),
    ]
}

fn variable(name: &'static str, value: &str, why: &'static str) -> Variable {
    Variable {
        name,
        value: value.to_owned(),
        why,
    }
}
