//! The programs that are compared: how each is started, asked how much it holds, and killed.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(120);
/// No more spans for so long: no more will come.
const STUCK: Duration = Duration::from_secs(45);

/// What is compared.
#[derive(Debug, Clone)]
pub(crate) enum Program {
    Spanreel,
    /// SideSeat's binary: `npm i sideseat` has it in `node_modules/@sideseat/platform-*/sideseat`.
    SideSeat(PathBuf),
}

impl Program {
    /// Spanreel, and what the environment names.
    pub(crate) fn all() -> Vec<Self> {
        let mut all = vec![Self::Spanreel];
        match std::env::var_os("SPANREEL_BENCH_SIDESEAT") {
            Some(path) => all.push(Self::SideSeat(path.into())),
            None => {
                println!("SideSeat is left out: SPANREEL_BENCH_SIDESEAT does not name its binary\n")
            }
        }
        all
    }

    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Spanreel => "Spanreel",
            Self::SideSeat(_) => "SideSeat",
        }
    }

    /// Starts it on a data folder and waits until it answers.
    pub(crate) fn start(&self, data: &Path) -> Server {
        let [ui, grpc, http] = [free_port(), free_port(), free_port()];
        let mut command = match self {
            Self::Spanreel => {
                let mut command = Command::new(env!("CARGO_BIN_EXE_spanreel"));
                command
                    .args(["serve", "--log", "error", "--data"])
                    .arg(data);
                command.args(["--ui", &ui.to_string()]);
                command.args(["--otlp-grpc", &grpc.to_string()]);
                command.args(["--otlp-http", &http.to_string()]);
                command
            }
            Self::SideSeat(path) => {
                let mut command = Command::new(path);
                command.args(["--no-auth", "--no-update-check"]);
                command.args(["--pricing-sync-hours", "0", "--mcp", "false"]);
                command.args(["--port", &ui.port().to_string()]);
                command.args(["--otel-grpc", "true"]);
                command.args(["--otel-grpc-port", &grpc.port().to_string()]);
                command.env("SIDESEAT_DATA_DIR", data).current_dir(data);
                command
            }
        };
        let begun = Instant::now();
        let child = command.stdout(Stdio::null()).stderr(Stdio::null());
        let server = Server {
            child: child.spawn().unwrap(),
            program: self.clone(),
            ui,
            grpc,
        };
        while server.span_count().is_none() || std::net::TcpStream::connect(grpc).is_err() {
            assert!(begun.elapsed() < PATIENCE, "{} does not start", self.name());
            std::thread::sleep(Duration::from_millis(10));
        }
        server
    }
}

/// A program that runs; killed when dropped.
pub(crate) struct Server {
    child: Child,
    program: Program,
    ui: SocketAddr,
    /// Where OTLP over gRPC is received.
    pub(crate) grpc: SocketAddr,
}

impl Server {
    /// How many spans a query finds now; `None` while nothing answers.
    pub(crate) fn span_count(&self) -> Option<u64> {
        let (answer, pointer) = match self.program {
            Program::Spanreel => {
                let question = serde_json::json!({"sql": "select count(*) from spans"});
                (self.ask("/api/v1/sql", Some(question))?, "/rows/0/0")
            }
            Program::SideSeat(_) => (
                self.get("/api/v1/project/default/otel/spans?limit=1")?,
                "/meta/total_items",
            ),
        };
        let answer: serde_json::Value = serde_json::from_slice(&answer).ok()?;
        answer.pointer(pointer)?.as_u64()
    }

    /// The body of a successful answer.
    pub(crate) fn get(&self, path: &str) -> Option<Vec<u8>> {
        self.ask(path, None)
    }

    fn ask(&self, path: &str, question: Option<serde_json::Value>) -> Option<Vec<u8>> {
        let url = format!("http://{}{path}", self.ui);
        ASKING.with(|(runtime, client)| {
            runtime.block_on(async {
                let request = match question {
                    Some(question) => client.post(url).json(&question),
                    None => client.get(url),
                };
                let answer = request.send().await.ok()?.error_for_status().ok()?;
                Some(answer.bytes().await.ok()?.to_vec())
            })
        })
    }

    /// Waits until readers see this many spans, asking so often. False when no more come for long.
    pub(crate) fn wait_for(&self, span_count: u64, every: Duration) -> bool {
        let mut seen = (0, Instant::now());
        loop {
            let count = self.span_count().unwrap_or(0);
            if count >= span_count {
                return true;
            }
            if count > seen.0 {
                seen = (count, Instant::now());
            }
            if seen.1.elapsed() > STUCK {
                println!(
                    "  {} stays at {count} of {span_count} spans",
                    self.program.name()
                );
                return false;
            }
            std::thread::sleep(every);
        }
    }

    /// As [`Self::wait_for`], until no more come. Returns the count.
    pub(crate) fn settled_count(&self, quiet: Duration) -> u64 {
        let mut seen = (0, Instant::now());
        while seen.1.elapsed() < quiet {
            let count = self.span_count().unwrap_or(0);
            if count != seen.0 {
                seen = (count, Instant::now());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        seen.0
    }

    /// Largest resident memory so far, in MiB.
    pub(crate) fn peak_mib(&self) -> u64 {
        let status = self.proc("status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        kib.unwrap_or(0) / 1024
    }

    /// Processor time used so far.
    pub(crate) fn cpu(&self) -> Duration {
        let stat = self.proc("stat");
        let fields = stat.rsplit(") ").next().unwrap_or_default();
        let ticks = fields.split_whitespace().skip(11).take(2);
        let ticks: u64 = ticks.filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
        // A tick is a hundredth of a second.
        Duration::from_millis(ticks * 10)
    }

    fn proc(&self, file: &str) -> String {
        std::fs::read_to_string(format!("/proc/{}/{file}", self.child.id())).unwrap_or_default()
    }

    /// Asks it to stop, as a service manager does, and waits until it has.
    pub(crate) fn stop(mut self) {
        let id = self.child.id().to_string();
        Command::new("kill").arg(id).status().unwrap();
        let begun = Instant::now();
        while self.child.try_wait().unwrap().is_none() && begun.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// `kill -9`.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

thread_local! {
    /// Of each thread its own: a connection lives in the runtime that opened it.
    static ASKING: (tokio::runtime::Runtime, reqwest::Client) = (
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap(),
        reqwest::Client::new(),
    );
}

/// A port that is free now.
fn free_port() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

/// Bytes of all files in a folder and below.
pub(crate) fn folder_bytes(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(meta) if meta.is_dir() => folder_bytes(&entry.path()),
            Ok(meta) => meta.len(),
            Err(_) => 0,
        })
        .sum()
}
