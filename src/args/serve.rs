//! Arguments of `serve`.

use std::env;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args as ClapArgs;
use collector::redact::Mode;

use super::{AccessArgs, EncryptionArgs, data_folder};
use crate::failure::Failure;

const SERVE_EXAMPLES: &str = "\
Examples:
  spanreel serve
  spanreel serve --data ./runs --ui 127.0.0.1:8080
  SPANREEL_OTLP_GRPC=127.0.0.1:14317 spanreel serve
  spanreel serve --ui 0.0.0.0:7771 --tls-self-signed    needs a token: spanreel token add";

/// Record: receive OTLP, store it, serve UI and API (the default command)
#[derive(Debug, Clone, ClapArgs)]
#[command(after_help = SERVE_EXAMPLES)]
pub struct ServeArgs {
    /// Folder that holds everything recorded [default: the platform's data folder]
    #[arg(
        long,
        value_name = "DIR",
        env = "SPANREEL_DATA",
        hide_env_values = true
    )]
    pub data: Option<PathBuf>,

    /// Address of the UI and the API
    #[arg(long, value_name = "ADDRESS", env = "SPANREEL_UI", default_value = "127.0.0.1:7771", value_parser = address)]
    pub ui: SocketAddr,

    /// Address for OTLP over gRPC
    #[arg(long, value_name = "ADDRESS", env = "SPANREEL_OTLP_GRPC", default_value = "127.0.0.1:4317", value_parser = address)]
    pub otlp_grpc: SocketAddr,

    /// Address for OTLP over HTTP (protobuf and JSON)
    #[arg(long, value_name = "ADDRESS", env = "SPANREEL_OTLP_HTTP", default_value = "127.0.0.1:4318", value_parser = address)]
    pub otlp_http: SocketAddr,

    /// Largest OTLP request taken, in MiB after decompression
    #[arg(long, value_name = "MIB", env = "SPANREEL_MAX_REQUEST_MIB", default_value_t = 64, value_parser = clap::value_parser!(u64).range(1..=1024))]
    pub max_request_mib: u64,

    /// Memory that the database may use, in MiB; more lets large queries run without the disk
    #[arg(long, value_name = "MIB", env = "SPANREEL_MEMORY_MIB", default_value_t = 288, value_parser = clap::value_parser!(u64).range(128..))]
    pub memory_mib: u64,

    /// Folder that Claude Code keeps raw API bodies in (OTEL_LOG_RAW_API_BODIES=file:DIR): read those
    /// that records name, and no file outside it
    #[arg(
        long,
        value_name = "DIR",
        env = "SPANREEL_READ_BODY_REFS",
        hide_env_values = true
    )]
    pub read_body_refs: Option<PathBuf>,

    /// Replace secrets in what is received before it is on disk: off, secrets, strict; goes before
    /// privacy.json in the data folder
    #[arg(long, value_name = "MODE", env = "SPANREEL_REDACT", value_parser = redaction_mode)]
    pub redact: Option<Mode>,

    #[command(flatten)]
    pub encryption: EncryptionArgs,

    #[command(flatten)]
    pub access: AccessArgs,

    /// What to log to standard error: error, warn, info, debug, trace, or per part ("collector=debug")
    #[arg(
        long,
        value_name = "FILTER",
        env = "SPANREEL_LOG",
        default_value = "info"
    )]
    pub log: String,

    /// Whether what has expired is removed; a command that opens the folder for itself removes nothing.
    #[arg(skip = true)]
    pub removes_expired: bool,

    /// Whether the alerts of the data folder are sent; a command that only reads sends none.
    #[arg(skip = true)]
    pub sends_alerts: bool,
}

impl ServeArgs {
    /// A server of one's own on `data`, which is encrypted so, on ports that nobody else knows, that keeps quiet.
    pub fn for_folder(data: Option<PathBuf>, encryption: EncryptionArgs) -> Self {
        let any_port = SocketAddr::from(([127, 0, 0, 1], 0));
        Self {
            data: data.or_else(|| env::var_os("SPANREEL_DATA").map(PathBuf::from)),
            ui: any_port,
            otlp_grpc: any_port,
            otlp_http: any_port,
            max_request_mib: 64,
            memory_mib: 288,
            read_body_refs: None,
            redact: None,
            encryption,
            access: AccessArgs::default(),
            log: "error".to_owned(),
            removes_expired: false,
            sends_alerts: false,
        }
    }

    /// The data folder of these arguments.
    pub fn data_folder(&self) -> Result<PathBuf, Failure> {
        data_folder(self.data.as_deref())
    }
}

/// An address with a port; `localhost` stands for 127.0.0.1.
pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    text.replacen("localhost", "127.0.0.1", 1)
        .parse()
        .map_err(|_| "give an address and a port, as in 127.0.0.1:7771".to_owned())
}

/// A mode of redaction.
pub(super) fn redaction_mode(text: &str) -> Result<Mode, String> {
    Mode::parse(text).ok_or_else(|| {
        "give off (nothing), secrets (keys, tokens, passwords) or strict (personal data as well)"
            .to_owned()
    })
}
