//! Recordings of real harnesses, which lie beside the repository in `../shared/corpus`.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use crate::program::{Server, post, repository};

/// Every recording, each with what is known to have happened (`ground_truth` of its `meta.json`).
pub(crate) const NAMES: [&str; 16] = [
    "claude-code-grpc",
    "claude-code-default-flags",
    "claude-code-killed",
    "codex-grpc",
    "gemini-cli-grpc",
    "opencode-effect-httpjson",
    "pydantic-ai-grpc",
    "openai-agents-openinference-grpc",
    "langgraph-openllmetry-grpc-gzip",
    "strands-grpc",
    "vercel-ai-v6-grpc",
    "sdk-genai-semconv-http",
    "edge-attrs-http",
    "edge-5000-spans-grpc",
    "edge-js-httpjson",
    "edge-late-parent-grpc",
];

/// One recorded run.
pub(crate) struct Recording {
    folder: PathBuf,
}

/// One request as it was sent, without its compression.
#[derive(Clone)]
pub(crate) struct Request {
    /// `traces`, `logs` or `metrics`.
    pub(crate) signal: String,
    pub(crate) is_json: bool,
    pub(crate) body: Vec<u8>,
}

impl Recording {
    /// The recording, or `None` (said aloud) where there are none beside the repository.
    pub(crate) fn find(name: &'static str) -> Option<Self> {
        let folder = repository("../shared/corpus").join(name);
        if !folder.is_dir() {
            println!("{name}: skipped, there are no recordings beside the repository");
            return None;
        }
        Some(Self { folder })
    }

    /// All that are there.
    pub(crate) fn all() -> Vec<Self> {
        NAMES.iter().filter_map(|name| Self::find(name)).collect()
    }

    /// What it is called.
    pub(crate) fn name(&self) -> String {
        let name = self.folder.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    }

    /// A folder of the recording, if it has it.
    pub(crate) fn folder(&self, name: &str) -> Option<PathBuf> {
        Some(self.folder.join(name)).filter(|folder| folder.is_dir())
    }

    /// A file of the recording, if it has it.
    pub(crate) fn file(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.folder.join(name)).ok()
    }

    /// What is known to have happened.
    pub(crate) fn truth(&self) -> Value {
        let meta = self.file("meta.json").expect("meta.json");
        let meta: Value = serde_json::from_str(&meta).expect("JSON");
        meta["ground_truth"].clone()
    }

    /// Whether a text is anywhere in what was sent.
    pub(crate) fn sends(&self, text: &str) -> bool {
        let has = |body: &[u8]| body.windows(text.len()).any(|part| part == text.as_bytes());
        self.requests().iter().any(|request| has(&request.body))
    }

    /// Its requests in the order in which they were sent.
    pub(crate) fn requests(&self) -> Vec<Request> {
        let index = self.file("raw/index.jsonl").expect("index");
        let request = |line: &str| {
            let entry: Value = serde_json::from_str(line).expect("JSON");
            let file = entry["file"].as_str().expect("file");
            Request {
                signal: entry["signal"].as_str().expect("signal").to_owned(),
                is_json: file.ends_with(".json"),
                body: fs::read(self.folder.join("raw").join(file)).expect("body"),
            }
        };
        index.lines().map(request).collect()
    }
}

impl Request {
    /// Sends it; it must be taken.
    pub(crate) fn send(&self, server: &Server) {
        let content_type = if self.is_json {
            "application/json"
        } else {
            "application/x-protobuf"
        };
        let url = format!("{}/v1/{}", server.http, self.signal);
        let (status, answer) = post(&url, content_type, self.body.clone()).expect("an answer");
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(&answer));
    }
}
