//! How fast redaction looks through texts: `cargo bench --profile dev --bench redact`.
//!
//! The texts are the source files of this repository, whole, and the same as tool results in JSON, as
//! agents that read files send them. One thread; receivers look at as many requests at once as there
//! are cores.

#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a benchmark ends by a panic and prints what it measured"
)]

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use collector::redact::{KEY_BYTES, Mode, Redactor, Settings};

const AT_LEAST: Duration = Duration::from_secs(3);
const FOLDERS: [&str; 7] = [
    "collector",
    "query",
    "store",
    "proto",
    "src",
    "docs",
    "tests",
];

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut texts = Vec::new();
    for folder in FOLDERS {
        read(&root.join(folder), &mut texts);
    }
    let json: Vec<String> = texts
        .iter()
        .map(|text| serde_json::json!({"stdout": text, "exit_code": 0}).to_string())
        .collect();
    println!(
        "{:<10} {:<8} {:>8} {:>10} {:>10}",
        "texts", "mode", "MB", "MB/s", "replaced"
    );
    for (name, texts) in [("files", &texts), ("JSON", &json)] {
        for mode in [Mode::Secrets, Mode::Strict] {
            measure(name, mode, texts);
        }
    }
}

fn measure(name: &str, mode: Mode, texts: &[String]) {
    let settings = Settings::default().with_mode(mode);
    let redactor = Redactor::new(&settings, [1; KEY_BYTES])
        .expect("settings without patterns")
        .expect("a mode that looks");
    let size: usize = texts.iter().map(String::len).sum();
    let mut replaced = 0;
    let mut rounds = 0;
    let started = Instant::now();
    while started.elapsed() < AT_LEAST {
        replaced = texts
            .iter()
            .filter(|text| redactor.redacted(text).is_some())
            .count();
        rounds += 1;
    }
    let megabytes = (size * rounds) as f64 / 1e6;
    println!(
        "{name:<10} {:<8} {:>8.1} {:>10.0} {replaced:>10}",
        mode.as_str(),
        size as f64 / 1e6,
        megabytes / started.elapsed().as_secs_f64(),
    );
}

fn read(path: &Path, texts: &mut Vec<String>) {
    for entry in fs::read_dir(path).expect("a folder of the repository") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            if !path.ends_with("node_modules") {
                read(&path, texts);
            }
        } else if let Ok(text) = fs::read_to_string(&path) {
            texts.push(text);
        }
    }
}
