//! Arguments that say who is let in, and those with which a command shows who it is.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Subcommand, ValueEnum};

/// Who is let in, and how connections are encrypted.
#[derive(Debug, Clone, Default, ClapArgs)]
pub struct AccessArgs {
    /// Certificate to serve with, PEM, with those that vouch for it behind it
    #[arg(
        long,
        value_name = "FILE",
        env = "SPANREEL_TLS_CERT",
        requires = "tls_key",
        hide_env_values = true
    )]
    pub tls_cert: Option<PathBuf>,

    /// Private key of the certificate, PEM
    #[arg(
        long,
        value_name = "FILE",
        env = "SPANREEL_TLS_KEY",
        requires = "tls_cert",
        hide_env_values = true
    )]
    pub tls_key: Option<PathBuf>,

    /// Serve with a certificate of Spanreel's own making, kept in the data folder
    #[arg(long, conflicts_with = "tls_cert")]
    pub tls_self_signed: bool,

    /// Ask for tokens on loopback addresses too; on others they are asked for anyway
    #[arg(long)]
    pub require_token: bool,

    /// Listen beyond loopback without TLS: something in front of it has to encrypt
    #[arg(long, conflicts_with_all = ["tls_cert", "tls_self_signed"])]
    pub insecure_plaintext: bool,

    /// Name under which browsers and clients may ask for UI and API; may be given several times
    #[arg(
        long,
        value_name = "NAME",
        env = "SPANREEL_ALLOWED_HOST",
        value_delimiter = ','
    )]
    pub allowed_host: Vec<String>,
}

/// With what a command shows a server who it is, and knows the server.
#[derive(Debug, Clone, Default, ClapArgs)]
pub struct CredentialArgs {
    /// File that holds the token to show; SPANREEL_TOKEN holds the token itself
    #[arg(
        long,
        value_name = "FILE",
        env = "SPANREEL_TOKEN_FILE",
        hide_env_values = true
    )]
    pub token_file: Option<PathBuf>,

    /// Certificates to trust besides the usual ones, PEM: the server's own, where it made one
    #[arg(long, value_name = "FILE", env = "SPANREEL_CA", hide_env_values = true)]
    pub ca: Option<PathBuf>,
}

const TOKEN_EXAMPLES: &str = "\
Tokens are asked for wherever a server listens beyond this machine (and with --require-token). A running
server knows new and removed ones within a second.

Examples:
  spanreel token add laptop --right ingest
  spanreel token add me --right admin
  spanreel token add shop-ci --right ingest --project shop
  spanreel token add shop-team --right read --project shop --project shop-api
  spanreel token list
  spanreel token remove laptop";

/// Make, list and remove the tokens that servers and people show
#[derive(Debug, Clone, ClapArgs)]
#[command(after_help = TOKEN_EXAMPLES)]
pub struct TokenArgs {
    #[command(subcommand)]
    pub command: TokenCommand,
}

#[derive(Debug, Clone, Subcommand)]
pub enum TokenCommand {
    /// Make a token and print it: this is the only time that it can be seen
    Add {
        /// Whose it is
        #[arg(value_name = "NAME")]
        name: String,

        /// What it is good for; may be given several times
        #[arg(long, value_enum, value_name = "RIGHT", required = true)]
        right: Vec<TokenRight>,

        /// Limit it to this project: what it sends belongs there, and it reads nothing else; a token that
        /// only reads may have several
        #[arg(long, value_name = "PROJECT")]
        project: Vec<String>,

        #[command(flatten)]
        folder: FolderArgs,
    },
    /// List the tokens, without their texts
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,

        #[command(flatten)]
        folder: FolderArgs,
    },
    /// Take a token away
    Remove {
        #[arg(value_name = "NAME")]
        name: String,

        #[command(flatten)]
        folder: FolderArgs,
    },
}

/// The data folder of the server that the tokens are for.
#[derive(Debug, Clone, Default, ClapArgs)]
pub struct FolderArgs {
    /// Data folder of the server [default: the platform's data folder]
    #[arg(
        long,
        value_name = "DIR",
        env = "SPANREEL_DATA",
        hide_env_values = true
    )]
    pub data: Option<PathBuf>,
}

/// What a token is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TokenRight {
    /// Send records and hook fires
    Ingest,
    /// Read everything, SQL included
    Read,
    /// Change and delete, and all of the others
    Admin,
}
