//! The program under test, as a process.

use std::ffi::OsStr;
use std::hash::{BuildHasher as _, RandomState};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

/// How long anything may take that is not instant.
const PATIENCE: Duration = Duration::from_secs(30);

/// A server process; killed when dropped.
pub(crate) struct Server {
    child: Child,
    /// `http://127.0.0.1:…` of UI and API.
    pub(crate) url: String,
    /// `http://127.0.0.1:…` of OTLP/gRPC.
    pub(crate) grpc: String,
    /// `http://127.0.0.1:…` of OTLP/HTTP.
    pub(crate) http: String,
}

impl Server {
    /// Starts one on free ports and waits until it says where it is.
    pub(crate) fn start(data: &Path) -> Self {
        Self::start_with(data, &[])
    }

    /// As [`Server::start`], with more arguments.
    pub(crate) fn start_with(data: &Path, more: &[&OsStr]) -> Self {
        Self::start_as(program(), data, more)
    }

    /// As [`Server::start_with`], of a program with an environment and a folder of its own.
    pub(crate) fn start_as(program: Command, data: &Path, more: &[&OsStr]) -> Self {
        Self::start_at("127.0.0.1:0", program, data, more)
    }

    /// As [`Server::start_as`], listening on `address`.
    pub(crate) fn start_at(address: &str, program: Command, data: &Path, more: &[&OsStr]) -> Self {
        let mut command = serving(address, program, data);
        command.args(more);
        Self::spawn(command)
    }

    /// Starts a `serve` command as it is given and waits until it says where it is.
    pub(crate) fn spawn(mut command: Command) -> Self {
        // Clients of a test would find no cryptography for TLS otherwise.
        access::use_ring();
        let mut child = command
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut lines = BufReader::new(child.stdout.take().expect("its output is a pipe")).lines();
        let mut words = Vec::new();
        // Four lines: where it records, where to look, where to send, what to try.
        for line in lines.by_ref().take(4) {
            words.extend(line.expect("text").split_whitespace().map(str::to_owned));
        }
        let address = |after: &str| {
            let at = words
                .iter()
                .position(|word| word == after)
                .unwrap_or_else(|| panic!("no {after} in {words:?}"));
            words[at + 1]
                .replace("localhost", "127.0.0.1")
                .replace("0.0.0.0", "127.0.0.1")
        };
        let (url, grpc, http) = (address("look:"), address("OTLP/gRPC"), address("OTLP/HTTP"));
        // Whatever else it prints must not stop it.
        thread::spawn(move || lines.for_each(drop));
        Self {
            child,
            url,
            grpc,
            http,
        }
    }

    /// Of its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends it as Ctrl-C and service managers do, and waits.
    pub(crate) fn stop(mut self) {
        let pid = self.pid().to_string();
        let sent = Command::new("kill")
            .args(["-TERM", &pid])
            .status()
            .expect("kill runs");
        assert!(sent.success());
        let status = self.child.wait().expect("it ends");
        assert!(status.success(), "stopped with {status}");
    }

    /// Ends it as a power cut does.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("it is there");
        self.child.wait().expect("it ends");
    }

    /// Runs a reading command against this server.
    pub(crate) fn command(&self, args: &[&str]) -> Output {
        program()
            .args(args)
            .args(["--url", &self.url])
            .output()
            .expect("the program runs")
    }

    /// The rows of a query, as objects.
    pub(crate) fn sql(&self, query: &str) -> Vec<Value> {
        let output = self.command(&["sql", "--json", "--max-rows", "100000", query]);
        assert!(
            output.status.success(),
            "{query}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        serde_json::from_slice(&output.stdout).expect("JSON")
    }

    /// The one value of a query with one row and one column.
    pub(crate) fn value(&self, query: &str) -> Value {
        let rows = self.sql(query);
        let first = rows
            .first()
            .and_then(Value::as_object)
            .and_then(|row| row.values().next());
        first.unwrap_or_else(|| panic!("no row: {query}")).clone()
    }

    /// Waits until a query's one value is the wanted one; recording is asynchronous by up to half a second.
    pub(crate) fn wait_for(&self, query: &str, wanted: &Value) {
        let since = Instant::now();
        loop {
            let value = self.value(query);
            if value == *wanted {
                return;
            }
            assert!(since.elapsed() < PATIENCE, "{query}: {value}, not {wanted}");
            thread::sleep(Duration::from_millis(100));
        }
    }

    /// Waits until everything acknowledged so far is in the database and looked through for findings.
    ///
    /// Requests are loaded in the order in which they were taken: once a last one can be queried, so
    /// can all before it.
    pub(crate) fn wait_until_loaded(&self) {
        let mark = RandomState::new().hash_one(0) >> 12;
        let point = json!({"timeUnixNano": mark.to_string(), "asInt": mark.to_string()});
        let metric = json!({"name": "test.mark", "gauge": {"dataPoints": [point]}});
        let body =
            json!({"resourceMetrics": [{"scopeMetrics": [{"metrics": [metric]}]}]}).to_string();
        let url = format!("{}/v1/metrics", self.http);
        let (status, _) = post(&url, "application/json", body.into_bytes()).expect("an answer");
        assert_eq!(status, 200);
        let arrived =
            format!("select count(*) from metrics where name = 'test.mark' and value = {mark}");
        self.wait_for(&arrived, &json!(1));
        // The detectors look soon after each commit, and write a moment later: they are asked until
        // nothing changes any more.
        let url = format!("{}/api/v1/findings/detect", self.url);
        let mut unchanged = 0;
        while unchanged < 3 {
            let (status, answer) = post(&url, "application/json", Vec::new()).expect("an answer");
            assert_eq!(status, 200, "{}", String::from_utf8_lossy(&answer));
            let report: Value = serde_json::from_slice(&answer).expect("JSON");
            let is_same = report["written"] == 0 && report["removed"] == 0;
            unchanged = if is_same { unchanged + 1 } else { 0 };
            thread::sleep(Duration::from_millis(300));
        }
    }

    /// `GET` of a path that answers JSON.
    pub(crate) fn get(&self, path: &str) -> Value {
        let (status, body) = self.get_bytes(path);
        assert_eq!(status, 200, "{path}: {}", String::from_utf8_lossy(&body));
        serde_json::from_slice(&body).expect("JSON")
    }

    /// `GET` of a path: status and body.
    pub(crate) fn get_bytes(&self, path: &str) -> (u16, Vec<u8>) {
        let url = format!("{}{path}", self.url);
        wait(async {
            let response = reqwest::get(url).await.expect("an answer");
            (
                response.status().as_u16(),
                response.bytes().await.expect("a body").to_vec(),
            )
        })
    }

    /// Plays the demo in three seconds; gives what it printed.
    pub(crate) fn play_demo(&self) -> String {
        let output = program()
            .args(["demo", "--fast", "--endpoint", &self.grpc])
            .output()
            .expect("the program runs");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).expect("text")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The program, without what the environment may say to it.
pub(crate) fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_spanreel"));
    let ours = |name: &OsStr| name.to_string_lossy().starts_with("SPANREEL_");
    for (name, _) in std::env::vars_os().filter(|(name, _)| ours(name)) {
        command.env_remove(name);
    }
    command.stdin(Stdio::null());
    command
}

/// The command that serves `data` on free ports.
pub(crate) fn serve(data: &Path) -> Command {
    serving("127.0.0.1:0", program(), data)
}

fn serving(address: &str, mut command: Command, data: &Path) -> Command {
    command.arg("serve");
    for port in ["--ui", "--otlp-grpc", "--otlp-http"] {
        command.args([port, address]);
    }
    command.arg("--data").arg(data);
    command
}

/// A data folder that is removed with the test.
pub(crate) fn data_folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

/// Sends `body` to an OTLP/HTTP path: status and body of the answer, or what went wrong on the way.
pub(crate) fn post(
    url: &str,
    content_type: &str,
    body: Vec<u8>,
) -> Result<(u16, Vec<u8>), reqwest::Error> {
    wait(async {
        let response = reqwest::Client::new()
            .post(url)
            .header("content-type", content_type)
            .body(body)
            .send()
            .await?;
        Ok((response.status().as_u16(), response.bytes().await?.to_vec()))
    })
}

/// Runs a future to its end.
pub(crate) fn wait<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(future)
}

/// A file or folder of the repository.
pub(crate) fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}
