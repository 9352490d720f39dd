//! Hooks that hand every event to `spanreel hook`, in the form that each harness wants them.
//!
//! Left out are events that a hook would disturb (creating and removing worktrees is done by the hook
//! that is installed for it), that fire while text is streaming, or that need more settings.

use serde_json::{Value, json};

use super::{Change, Format, Purpose, Recorder, SettingsFile};

const WHY: &str = "tells the recorder what the harness is about to do and what its hooks decided";

/// Seconds after which a harness gives up; the command itself gives up long before.
const TIMEOUT_SECONDS: i64 = 5;

const CLAUDE_CODE: &[&str] = &[
    "SessionStart",
    "Setup",
    "UserPromptSubmit",
    "UserPromptExpansion",
    "PreToolUse",
    "PermissionRequest",
    "PermissionDenied",
    "PostToolUse",
    "PostToolUseFailure",
    "PostToolBatch",
    "Notification",
    "SubagentStart",
    "SubagentStop",
    "TaskCreated",
    "TaskCompleted",
    "Stop",
    "StopFailure",
    "TeammateIdle",
    "InstructionsLoaded",
    "ConfigChange",
    "CwdChanged",
    "DirectoryAdded",
    "PreCompact",
    "PostCompact",
    "Elicitation",
    "ElicitationResult",
    "SessionEnd",
];

const CODEX: &[&str] = &[
    "SessionStart",
    "UserPromptSubmit",
    "PreToolUse",
    "PermissionRequest",
    "PostToolUse",
    "PreCompact",
    "PostCompact",
    "SubagentStart",
    "SubagentStop",
    "Stop",
];

const GEMINI_CLI: &[&str] = &[
    "SessionStart",
    "BeforeAgent",
    "BeforeTool",
    "AfterTool",
    "Notification",
    "PreCompress",
    "AfterAgent",
    "SessionEnd",
];

/// In this spelling the documents name the event.
const COPILOT_CLI: &[&str] = &[
    "SessionStart",
    "UserPromptSubmit",
    "PreToolUse",
    "PostToolUse",
    "PostToolUseFailure",
    "PreCompact",
    "ErrorOccurred",
    "SubagentStop",
    "Stop",
    "SessionEnd",
];

const CURSOR: &[&str] = &[
    "sessionStart",
    "beforeSubmitPrompt",
    "preToolUse",
    "postToolUse",
    "postToolUseFailure",
    "afterAgentResponse",
    "preCompact",
    "subagentStart",
    "subagentStop",
    "stop",
    "sessionEnd",
];

pub(super) fn claude_code(recorder: &Recorder) -> SettingsFile {
    let changes = grouped(CLAUDE_CODE, &command(recorder, None), TIMEOUT_SECONDS);
    file("~/.claude/settings.json", changes).in_folder_of("CLAUDE_CONFIG_DIR")
}

pub(super) fn codex(recorder: &Recorder) -> SettingsFile {
    let command = command(recorder, Some("codex"));
    let changes = grouped(CODEX, &command, TIMEOUT_SECONDS);
    file("~/.codex/hooks.json", changes).in_folder_of("CODEX_HOME")
}

/// Its timeouts are in milliseconds.
pub(super) fn gemini_cli(recorder: &Recorder) -> SettingsFile {
    let command = command(recorder, Some("gemini-cli"));
    let changes = grouped(GEMINI_CLI, &command, TIMEOUT_SECONDS * 1000);
    file("~/.gemini/settings.json", changes)
}

pub(super) fn copilot_cli(recorder: &Recorder) -> SettingsFile {
    let command = command(recorder, Some("copilot-cli"));
    let mut changes = vec![super::set(&["version"], 1, "form of the file")];
    changes.extend(COPILOT_CLI.iter().map(|event| {
        let hook = json!({"type": "command", "bash": command, "timeoutSec": TIMEOUT_SECONDS});
        item(event, hook)
    }));
    file("./.github/hooks/spanreel.json", changes)
}

pub(super) fn cursor(recorder: &Recorder) -> SettingsFile {
    let command = command(recorder, Some("cursor"));
    let mut changes = vec![super::set(&["version"], 1, "form of the file")];
    changes.extend(
        CURSOR
            .iter()
            .map(|event| item(event, json!({"command": command}))),
    );
    file("~/.cursor/hooks.json", changes)
}

/// The settings that have a harness ask the recorder before each call of a tool and refuse what it has
/// just repeated or been denied; `None` for a harness whose hooks cannot refuse by an exit code.
/// `command` is the whole command line, `spanreel guard`.
pub(crate) fn guard(harness: &str, command: &str) -> Option<SettingsFile> {
    Some(match harness {
        "claude-code" => file(
            ".claude/settings.json",
            grouped(&["PreToolUse"], command, TIMEOUT_SECONDS),
        ),
        "codex" => file(
            "~/.codex/hooks.json",
            grouped(&["PreToolUse"], command, TIMEOUT_SECONDS),
        ),
        "gemini-cli" => file(
            "~/.gemini/settings.json",
            grouped(&["BeforeTool"], command, TIMEOUT_SECONDS * 1000),
        ),
        "cursor" => file(
            "~/.cursor/hooks.json",
            vec![
                super::set(&["version"], 1, "form of the file"),
                item("preToolUse", json!({"command": command})),
            ],
        ),
        _ => return None,
    })
}

fn command(recorder: &Recorder, harness: Option<&str>) -> String {
    match harness {
        None => format!("{} hook", recorder.program),
        Some(harness) => format!("{} hook --harness {harness}", recorder.program),
    }
}

/// The form that Claude Code has and Codex and Gemini CLI took over: groups of hooks per event.
fn grouped(events: &[&'static str], command: &str, timeout: i64) -> Vec<Change> {
    let hook = json!({"hooks": [{"type": "command", "command": command, "timeout": timeout}]});
    events
        .iter()
        .map(|event| item(event, hook.clone()))
        .collect()
}

fn item(event: &'static str, value: Value) -> Change {
    Change {
        path: vec!["hooks", event],
        value,
        append: true,
        why: WHY,
    }
}

fn file(path: &'static str, changes: Vec<Change>) -> SettingsFile {
    SettingsFile::new(path, Format::Json, Purpose::Hooks, changes)
}
