//! Who is let in where, and what has to be there before a server listens beyond this machine.

use std::net::SocketAddr;
use std::path::Path;

use access::{Gate, Listener, Right, Tls, TokenFile};
use tokio::net::TcpListener;

use crate::args::ServeArgs;
use crate::cli::token;
use crate::failure::Failure;

/// How the server's listeners are guarded.
pub(crate) struct Doors<'a> {
    args: &'a ServeArgs,
    tokens: TokenFile,
    /// The certificate, where connections are encrypted.
    pub(crate) tls: Option<Tls>,
}

impl<'a> Doors<'a> {
    /// Refuses what would let everybody in, or tell everybody on the way.
    pub(crate) fn new(args: &'a ServeArgs, data_dir: &Path) -> Result<Self, Failure> {
        let access = &args.access;
        let tokens = TokenFile::of(data_dir);
        let known = tokens.load().map_err(token::failure)?;
        for (flag, address, right) in [
            ("--ui", args.ui, Right::Read),
            ("--otlp-grpc", args.otlp_grpc, Right::Ingest),
            ("--otlp-http", args.otlp_http, Right::Ingest),
        ] {
            let is_exposed = !address.ip().is_loopback();
            let is_encrypted = access.tls_self_signed || access.tls_cert.is_some();
            if (is_exposed || access.require_token) && !known.iter().any(|token| token.may(right)) {
                let word = right.as_str();
                return Err(Failure::Usage(format!(
                    "{flag} {address} asks for tokens, and none is known with the right `{word}`: make one with `spanreel token add NAME --right {word} --data {}`, then start again",
                    data_dir.display()
                )));
            }
            if is_exposed && !is_encrypted && !access.insecure_plaintext {
                return Err(Failure::Usage(format!(
                    "{flag} {address} is open to other machines, and tokens and recordings would go there unencrypted: add --tls-self-signed (or --tls-cert FILE --tls-key FILE), or --insecure-plaintext where something in front of it encrypts"
                )));
            }
            if is_exposed && !is_encrypted {
                tracing::warn!(
                    %address,
                    "{flag} is open to other machines without TLS (--insecure-plaintext): unless something in front of it encrypts, whoever is on the way reads tokens and recordings"
                );
            }
        }
        let tls = match (&access.tls_cert, &access.tls_key) {
            (Some(certificate), Some(key)) => Some(Tls::load(certificate, key)),
            _ if access.tls_self_signed => {
                std::fs::create_dir_all(data_dir).map_err(|error| {
                    Failure::Unavailable(format!("{}: {error}", data_dir.display()))
                })?;
                Some(Tls::self_signed(data_dir, &names(args)))
            }
            _ => None,
        };
        let tls = tls
            .transpose()
            .map_err(|error| Failure::Usage(format!("no TLS: {:#}", anyhow::Error::from(error))))?;
        Ok(Self { args, tokens, tls })
    }

    /// Who is let in at an address; `port` is the one that was had.
    pub(crate) fn gate(&self, address: SocketAddr, port: u16) -> Result<Gate, Failure> {
        if address.ip().is_loopback() && !self.args.access.require_token {
            return Ok(Gate::open());
        }
        Gate::closed(self.tokens.clone(), port).map_err(token::failure)
    }

    pub(crate) fn listener(&self, tcp: TcpListener, gate: Gate) -> Listener {
        Listener::new(tcp, self.tls.as_ref(), gate)
    }
}

/// Under which names and addresses the server's own certificate is to hold.
fn names(args: &ServeArgs) -> Vec<String> {
    let mut names = ["localhost", "127.0.0.1", "::1"]
        .map(str::to_owned)
        .to_vec();
    let bound = [args.ui, args.otlp_grpc, args.otlp_http].map(|address| address.ip());
    let bound = bound
        .iter()
        .filter(|ip| !ip.is_unspecified())
        .map(ToString::to_string);
    for name in bound.chain(args.access.allowed_host.iter().cloned()) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}
