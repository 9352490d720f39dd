//! Which harness can send what, and the switch for it.

/// What may be missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Missing {
    Spans,
    Logs,
    Metrics,
    Hooks,
    SessionId,
    Prompt,
    RequestInput,
    RequestOutput,
    Tokens,
    Cost,
    CallInput,
    CallOutput,
    Attributes,
}

/// Whether a harness has this signal at all.
pub(super) fn sends(harness: &str, signal: Missing) -> bool {
    match signal {
        Missing::Spans => !matches!(harness, "cursor"),
        Missing::Logs | Missing::Metrics => {
            matches!(
                harness,
                "claude-code" | "codex" | "gemini-cli" | "qwen-code"
            )
        }
        Missing::Hooks => matches!(
            harness,
            "claude-code" | "codex" | "gemini-cli" | "copilot-cli" | "cursor"
        ),
        _ => true,
    }
}

/// What to switch on in a harness; `None` where nothing is known to help.
pub(super) fn fix(harness: &str, missing: Missing) -> Option<&'static str> {
    use Missing as M;
    Some(match (harness, missing) {
        (_, M::Cost) => "add the model to the price table",
        (_, M::Attributes) => {
            "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT=4096 and OTEL_SPAN_EVENT_COUNT_LIMIT=4096"
        }
        ("claude-code", M::Spans) => {
            "CLAUDE_CODE_ENHANCED_TELEMETRY_BETA=1 and OTEL_TRACES_EXPORTER=otlp"
        }
        ("claude-code", M::Logs) => "OTEL_LOGS_EXPORTER=otlp",
        ("claude-code", M::Metrics) => "OTEL_METRICS_EXPORTER=otlp",
        ("claude-code", M::Hooks) => "spanreel setup claude-code --write",
        ("claude-code", M::SessionId) => "OTEL_METRICS_INCLUDE_SESSION_ID=true",
        ("claude-code", M::Prompt) => "OTEL_LOG_USER_PROMPTS=1",
        ("claude-code", M::RequestInput) => "OTEL_LOG_RAW_API_BODIES=1",
        ("claude-code", M::RequestOutput) => {
            "OTEL_LOG_ASSISTANT_RESPONSES=1 and OTEL_LOG_RAW_API_BODIES=1"
        }
        ("claude-code", M::CallInput) => "OTEL_LOG_TOOL_DETAILS=1",
        ("claude-code", M::CallOutput) => {
            "OTEL_LOG_TOOL_CONTENT=1; for failed calls OTEL_LOG_RAW_API_BODIES=1 or the hooks of `spanreel setup claude-code --write`"
        }
        ("codex", M::Spans) => "[otel] trace_exporter in ~/.codex/config.toml",
        ("codex", M::Logs) => "[otel] exporter in ~/.codex/config.toml",
        ("codex", M::Metrics) => "[otel] metrics_exporter in ~/.codex/config.toml",
        ("codex", M::Hooks) => "spanreel setup codex --write",
        ("codex", M::Prompt) => "[otel] log_user_prompt = true in ~/.codex/config.toml",
        ("codex", M::RequestInput | M::RequestOutput) => {
            "Codex exports no messages; its rollout files in ~/.codex/sessions have them: spanreel import"
        }
        ("codex", M::CallOutput) => {
            "[otel.tool_result] max_bytes in ~/.codex/config.toml, or the hooks"
        }
        ("gemini-cli", M::Spans) => "telemetry.traces = true in ~/.gemini/settings.json",
        ("gemini-cli", M::Logs | M::Metrics) => {
            "telemetry.enabled = true in ~/.gemini/settings.json"
        }
        ("gemini-cli", M::Hooks) => "spanreel setup gemini-cli --write",
        (
            "gemini-cli",
            M::Prompt | M::RequestInput | M::RequestOutput | M::CallInput | M::CallOutput,
        ) => "telemetry.logPrompts = true and telemetry.traces = true in ~/.gemini/settings.json",
        (
            "qwen-code",
            M::Prompt | M::RequestInput | M::RequestOutput | M::CallInput | M::CallOutput,
        ) => "telemetry.logPrompts and includeSensitiveSpanAttributes in Qwen Code's settings",
        ("opencode", M::Spans) => "experimental.openTelemetry = true in opencode.json",
        ("copilot-cli", M::Spans) => "COPILOT_OTEL_ENABLED=true",
        ("copilot-cli", M::Hooks) => "spanreel setup copilot-cli --write, in the project's folder",
        (
            "copilot-cli",
            M::Prompt | M::RequestInput | M::RequestOutput | M::CallInput | M::CallOutput,
        ) => "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=true",
        (
            "copilot-chat",
            M::Prompt | M::RequestInput | M::RequestOutput | M::CallInput | M::CallOutput,
        ) => "github.copilot.chat.otel.captureContent = true in VS Code's settings",
        ("cursor", M::Hooks) => "spanreel setup cursor --write",
        ("cursor" | "codex" | "gemini-cli" | "claude-code", _) => return None,
        (_, M::SessionId) => "put session.id or gen_ai.conversation.id on the spans",
        (_, M::Prompt | M::RequestInput | M::RequestOutput | M::CallInput | M::CallOutput) => {
            "switch on content capture: OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT, or the option of your framework"
        }
        (_, M::Spans | M::Logs | M::Metrics | M::Hooks | M::Tokens) => return None,
    })
}
