//! How a command ends when it does not end well: what the user is told, and the exit code.

use std::fmt;
use std::process::ExitCode;

/// Why a command gives up. Each variant has its exit code, as `sysexits.h` numbers them.
#[derive(Debug)]
pub enum Failure {
    /// The command line or the SQL in it is wrong (64). The text says what and how it is put right.
    Usage(String),
    /// A port, a server or the data folder cannot be had (69). The text says what to do.
    Unavailable(String),
    /// Anything else (70).
    Internal(anyhow::Error),
}

impl Failure {
    /// 64, 69 or 70.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Usage(_) => 64,
            Self::Unavailable(_) => 69,
            Self::Internal(_) => 70,
        })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(text) | Self::Unavailable(text) => f.write_str(text),
            Self::Internal(error) => write!(f, "{error:#}"),
        }
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Internal(error)
    }
}
