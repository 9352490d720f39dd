//! What to set so that a harness sends everything: one list, which the API serves and `spanreel setup`
//! prints and writes.

mod edit;
mod harnesses;
mod hooks;
mod mcp;

use serde::Serialize;
use utoipa::ToSchema;

pub use edit::{EditError, apply, undo};
pub use harnesses::harnesses;
pub(crate) use hooks::guard;
pub use mcp::mcp_file;

/// Where the recorder is, as the settings are to name it.
#[derive(Debug, Clone)]
pub struct Recorder {
    /// URL for OTLP over gRPC.
    pub grpc: String,
    /// URL for OTLP over HTTP.
    pub http: String,
    /// It takes records from those only who show a token.
    pub needs_token: bool,
    /// The command line that a harness runs as its hook, up to `hook`.
    pub program: String,
}

/// A harness or SDK, and what to set.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Harness {
    /// The word by which `spanreel setup` knows it.
    pub id: &'static str,
    pub name: &'static str,
    /// What is done, in a sentence or two.
    pub summary: &'static str,
    /// Settings files.
    pub files: Vec<SettingsFile>,
    /// Environment variables of the harness's process, for what no file can hold.
    pub environment: Vec<Variable>,
    /// Lines of a program, for SDKs.
    pub code: Option<Code>,
    /// What to know besides.
    pub notes: Vec<&'static str>,
}

/// A settings file and what to change in it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SettingsFile {
    /// `~/` is the user's home, `./` the project's folder.
    pub path: &'static str,
    /// Environment variable that names another folder for the file.
    pub folder_variable: Option<&'static str>,
    pub format: Format,
    pub purpose: Purpose,
    pub changes: Vec<Change>,
    /// The changes as a file of their own.
    pub text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// JSON; comments and trailing commas are kept where there are any.
    Json,
    Toml,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Purpose {
    Telemetry,
    Hooks,
    /// The server that tells its agent what was recorded.
    Mcp,
}

/// One value in a settings file.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Change {
    /// Keys from the top of the file.
    pub path: Vec<&'static str>,
    /// What to put there.
    pub value: serde_json::Value,
    /// The value is an item of the list at `path`, behind those that are there.
    pub append: bool,
    /// What it is for.
    pub why: &'static str,
}

/// An environment variable.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Variable {
    pub name: &'static str,
    pub value: String,
    /// What it is for.
    pub why: &'static str,
}

/// Lines of a program.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Code {
    pub language: &'static str,
    pub text: &'static str,
}

impl SettingsFile {
    fn new(path: &'static str, format: Format, purpose: Purpose, changes: Vec<Change>) -> Self {
        // An empty file takes any change; a test makes all of them.
        let text = apply("", format, &changes).unwrap_or_default();
        Self {
            path,
            folder_variable: None,
            format,
            purpose,
            changes,
            text,
        }
    }

    fn in_folder_of(self, variable: &'static str) -> Self {
        Self {
            folder_variable: Some(variable),
            ..self
        }
    }
}

fn set(path: &[&'static str], value: impl Into<serde_json::Value>, why: &'static str) -> Change {
    Change {
        path: path.to_vec(),
        value: value.into(),
        append: false,
        why,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_harness_has_something_to_set_and_every_file_a_text() {
        let recorder = Recorder {
            grpc: "http://127.0.0.1:4317".to_owned(),
            http: "http://127.0.0.1:4318".to_owned(),
            needs_token: false,
            program: "spanreel".to_owned(),
        };
        let list = harnesses(&recorder);
        let ids: std::collections::HashSet<&str> = list.iter().map(|harness| harness.id).collect();
        assert_eq!(ids.len(), list.len());
        for harness in &list {
            assert!(
                !harness.files.is_empty() || !harness.environment.is_empty(),
                "{}",
                harness.id
            );
            for file in &harness.files {
                assert!(!file.text.is_empty(), "{}: {}", harness.id, file.path);
                let again = apply(&file.text, file.format, &file.changes).unwrap();
                assert_eq!(again, file.text, "{}: {}", harness.id, file.path);
            }
        }
    }

    #[test]
    fn a_token_is_asked_for_where_one_is_needed() {
        let recorder = Recorder {
            grpc: "https://reel.example:4317".to_owned(),
            http: "https://reel.example:4318".to_owned(),
            needs_token: true,
            program: "spanreel".to_owned(),
        };
        for harness in harnesses(&recorder) {
            let headers = |variable: &&Variable| variable.name == "OTEL_EXPORTER_OTLP_HEADERS";
            let found = harness.environment.iter().filter(headers).count();
            assert_eq!(found, 1, "{}", harness.id);
        }
    }

    #[test]
    fn mcp_entries_come_and_go() {
        for harness in ["claude-code", "codex", "gemini-cli", "cursor"] {
            let file = mcp_file(harness, "/opt/the tools/spanreel").unwrap();
            assert!(file.text.contains("/opt/the tools/spanreel"), "{harness}");
            let again = apply(&file.text, file.format, &file.changes).unwrap();
            assert_eq!(again, file.text, "{harness}");
            let gone = undo(&file.text, file.format, &file.changes, None).unwrap();
            assert!(!gone.contains("spanreel"), "{harness}: {gone}");
        }
        assert!(mcp_file("python", "spanreel").is_none());
    }
}
