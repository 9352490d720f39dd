//! Differences between what happened and what SQL says that are understood: each is something that
//! the emitter did not send, or sent differently.

/// SQL's answer and where it comes from.
struct Explained {
    recording: &'static str,
    what: &'static str,
    found: &'static str,
    cause: &'static str,
}

/// Why the answer to a question is not what happened; `None` = that is not understood.
pub(super) fn explanation(recording: &str, what: &str, found: &str) -> Option<&'static str> {
    EXPLAINED
        .iter()
        .find(|e| e.recording == recording && e.what == what && e.found == found)
        .map(|e| e.cause)
}

const EXPLAINED: &[Explained] = &[
    Explained {
        recording: "claude-code-grpc",
        what: "hook fires",
        found: "PostToolUse=2 PreToolUse=12 SessionStart=2 Stop=2 SubagentStop=2 UserPromptSubmit=2",
        cause: "SessionEnd hooks run after the exporter has stopped",
    },
    Explained {
        recording: "claude-code-default-flags",
        what: "tool calls",
        found: "Agent=2 Bash=18 Edit=1 Read=4 ToolSearch=1 Write=1 mcp_tool=2",
        cause: "without OTEL_LOG_TOOL_DETAILS every MCP tool is called mcp_tool",
    },
    Explained {
        recording: "claude-code-default-flags",
        what: "requests failed",
        found: "0",
        cause: "two overloaded answers were tried again inside one request; only its span tells, and without CLAUDE_CODE_ENHANCED_TELEMETRY_BETA there are no spans",
    },
    Explained {
        recording: "claude-code-default-flags",
        what: "hook fires",
        found: "PostToolUse=2 PreToolUse=18 SessionStart=3 Stop=3 SubagentStop=2 UserPromptSubmit=3",
        cause: "SessionEnd hooks run after the exporter has stopped",
    },
    Explained {
        recording: "claude-code-killed",
        what: "hook fires",
        found: "PreToolUse=2 SessionStart=2 UserPromptSubmit=2",
        cause: "SessionEnd hooks run after the exporter has stopped",
    },
    Explained {
        recording: "openai-agents-openinference-grpc",
        what: "denials",
        found: "1",
        cause: "the guardrail that tripped in the second run is a denial, too",
    },
    Explained {
        recording: "sdk-genai-semconv-http",
        what: "loops, times",
        found: "3 6 6",
        cause: "a third script asked the model the same question three times with nothing between",
    },
    Explained {
        recording: "openai-agents-openinference-grpc",
        what: "failed tool calls",
        found: "1",
        cause: "the emitter reports the MCP tool's error as a success; only the text tells",
    },
    Explained {
        recording: "pydantic-ai-grpc",
        what: "requests failed",
        found: "0",
        cause: "the SDK retries inside the request that is then answered; no span or attribute tells",
    },
    Explained {
        recording: "openai-agents-openinference-grpc",
        what: "requests failed",
        found: "0",
        cause: "the SDK retries inside the request that is then answered; no span or attribute tells",
    },
    Explained {
        recording: "strands-grpc",
        what: "requests failed",
        found: "0",
        cause: "the SDK retries inside the request that is then answered; no span or attribute tells",
    },
    Explained {
        recording: "langgraph-openllmetry-grpc-gzip",
        what: "requests failed",
        found: "0",
        cause: "the SDK retries inside the request that is then answered; no span or attribute tells",
    },
    Explained {
        recording: "sdk-genai-semconv-http",
        what: "requests failed",
        found: "1",
        cause: "the two 503 were retried inside requests that were then answered, which nothing tells; the failed request is a connection error, which the model never saw",
    },
    Explained {
        recording: "claude-code-default-flags",
        what: "MCP calls",
        found: "0",
        cause: "without OTEL_LOG_TOOL_DETAILS neither server nor tool of an MCP call is sent",
    },
    Explained {
        recording: "codex-grpc",
        what: "tokens in, out",
        found: "218864 474",
        cause: "its own sum is of the main thread (194214 430); the subagent's requests are counted here, too",
    },
    Explained {
        recording: "gemini-cli-grpc",
        what: "tool calls",
        found: "complete_task=1 grep_search=1 invoke_agent=1 lookup_sku=1 read_file=3 reserve=1 run_shell_command=11 write_file=1",
        cause: "two of the calls that the model asked for never ran: the CLI's own loop detector broke the answers off; an MCP tool is named apart from its server",
    },
    Explained {
        recording: "gemini-cli-grpc",
        what: "loops, times",
        found: "4 4",
        cause: "of six equal calls that the second session's model asked for four ran; the answers with the other two were broken off and are not sent",
    },
    Explained {
        recording: "opencode-effect-httpjson",
        what: "requests answered",
        found: "16",
        cause: "the process ends before it sends the spans of the last steps: those of two requests of the first prompt, and all of the second",
    },
    Explained {
        recording: "opencode-effect-httpjson",
        what: "tool calls",
        found: "bash=9 grep=1 inventory_lookup_sku=1 inventory_reserve=1 read=3 task=1",
        cause: "the span of the last call (write) is among those that were never sent",
    },
    Explained {
        recording: "opencode-effect-httpjson",
        what: "MCP calls",
        found: "0",
        cause: "server and tool are joined into one name by an underscore, which both may hold; neither is sent apart",
    },
    Explained {
        recording: "opencode-effect-httpjson",
        what: "failed tool calls",
        found: "9",
        cause: "the subagent's grep failed as well (ripgrep could not be fetched)",
    },
    Explained {
        recording: "opencode-effect-httpjson",
        what: "tokens in, out",
        found: "120688 412",
        cause: "its own sum (194581 19198) holds three requests that were never sent, and leaves out those of the title and of the subagent, which are counted here; request by request the numbers agree",
    },
    Explained {
        recording: "vercel-ai-v6-grpc",
        what: "requests failed",
        found: "3",
        cause: "a run against an address where no model listens is two failed requests more",
    },
];
