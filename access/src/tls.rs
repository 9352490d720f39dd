//! TLS, by rustls with ring: certificates of the user's or of our own making.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::{CryptoProvider, ring as rustls_ring};
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};

const CERTIFICATE_FILE: &str = "tls-cert.pem";
const KEY_FILE: &str = "tls-key.pem";
/// First word of the line, before the certificate in its file, that lists the names it is for.
const NAMES: &str = "Names:";

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("cannot read {}", path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("cannot write {}", path.display())]
    Write {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{} holds no {what} in PEM", path.display())]
    Pem { path: PathBuf, what: &'static str },
    #[error("certificate and key do not go together: {problem}")]
    Unfit { problem: String },
    #[error("cannot make a certificate: {problem}")]
    Make { problem: String },
}

/// A certificate with its key, ready to serve.
#[derive(Debug, Clone)]
pub struct Tls {
    pub(crate) config: Arc<ServerConfig>,
    /// File of the certificate.
    pub certificate: PathBuf,
    /// SHA-256 of the certificate, as pairs of hex digits with colons between.
    pub fingerprint: String,
}

impl Tls {
    /// A certificate, with those that vouch for it behind it, and its key, from files in PEM.
    ///
    /// # Errors
    /// When a file cannot be read, or they do not go together.
    pub fn load(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        let read = |path: &Path| {
            fs::read(path).map_err(|source| TlsError::Read {
                path: path.to_owned(),
                source,
            })
        };
        let chain = certificates(&read(certificate)?, certificate)?;
        let private = PrivateKeyDer::from_pem_slice(&read(key)?).map_err(|_| TlsError::Pem {
            path: key.to_owned(),
            what: "private key",
        })?;
        let unfit = |error: tokio_rustls::rustls::Error| TlsError::Unfit {
            problem: error.to_string(),
        };
        let fingerprint = fingerprint(&chain[0]);
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&TLS13, &TLS12])
            .map_err(unfit)?
            .with_no_client_auth()
            .with_single_cert(chain, private)
            .map_err(unfit)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self {
            config: Arc::new(config),
            certificate: certificate.to_owned(),
            fingerprint,
        })
    }

    /// A certificate that vouches for itself, for these names and addresses, in a folder. It is made
    /// when there is none, or when the one that is there is not for all of them.
    ///
    /// # Errors
    /// When it cannot be made, written or read.
    pub fn self_signed(folder: &Path, names: &[String]) -> Result<Self, TlsError> {
        let (certificate, key) = (folder.join(CERTIFICATE_FILE), folder.join(KEY_FILE));
        let covers = |text: &str| {
            let known = text.lines().find_map(|line| line.strip_prefix(NAMES));
            let known: Vec<&str> = known.unwrap_or_default().split_whitespace().collect();
            names.iter().all(|name| known.contains(&name.as_str()))
        };
        let is_there =
            key.is_file() && fs::read_to_string(&certificate).is_ok_and(|text| covers(&text));
        if !is_there {
            let problem = |error: rcgen::Error| TlsError::Make {
                problem: error.to_string(),
            };
            let mut params = rcgen::CertificateParams::new(names).map_err(problem)?;
            let mut subject = rcgen::DistinguishedName::new();
            subject.push(rcgen::DnType::CommonName, "Spanreel");
            params.distinguished_name = subject;
            let pair = rcgen::KeyPair::generate().map_err(problem)?;
            let made = params.self_signed(&pair).map_err(problem)?;
            write_private(&key, &pair.serialize_pem())?;
            let text = format!("{NAMES} {}\n{}", names.join(" "), made.pem());
            write_private(&certificate, &text)?;
        }
        Self::load(&certificate, &key)
    }
}

/// What clients of ours trust: the usual authorities, and the certificates of `ca`, a file in PEM.
///
/// # Errors
/// When the file cannot be read or holds no certificate.
pub fn client_config(ca: Option<&Path>) -> Result<ClientConfig, TlsError> {
    let mut roots = RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    if let Some(path) = ca {
        let text = fs::read(path).map_err(|source| TlsError::Read {
            path: path.to_owned(),
            source,
        })?;
        for certificate in certificates(&text, path)? {
            roots.add(certificate).map_err(|_| TlsError::Pem {
                path: path.to_owned(),
                what: "usable certificate",
            })?;
        }
    }
    let config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13, &TLS12])
        .map_err(|error| TlsError::Unfit {
            problem: error.to_string(),
        })?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

/// Makes ring the cryptography of every TLS client of this process that names none; doing so again
/// changes nothing.
pub fn use_ring() {
    let _ = rustls_ring::default_provider().install_default();
}

/// Connects a client to a server with TLS; for gRPC, `config` names `h2` as its protocol.
///
/// # Errors
/// When nobody answers, or the server's certificate is not trusted for `host`.
pub async fn connect(
    config: Arc<ClientConfig>,
    host: &str,
    port: u16,
) -> io::Result<TokioIo<TlsStream<TcpStream>>> {
    let name = host
        .trim_start_matches('[')
        .trim_end_matches(']')
        .to_owned();
    let stream = TcpStream::connect((name.as_str(), port)).await?;
    let name = ServerName::try_from(name).map_err(io::Error::other)?;
    let stream = TlsConnector::from(config).connect(name, stream).await?;
    Ok(TokioIo::new(stream))
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls_ring::default_provider())
}

/// The certificates of a text in PEM: at least one.
fn certificates(text: &[u8], path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err(TlsError::Pem {
            path: path.to_owned(),
            what: "certificate",
        }),
    }
}

fn fingerprint(certificate: &CertificateDer<'_>) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, certificate);
    let pairs: Vec<String> = digest
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02X}"))
        .collect();
    pairs.join(":")
}

/// Replaces a file by one that only its owner can read.
fn write_private(path: &Path, text: &str) -> Result<(), TlsError> {
    let beside = path.with_extension("pem.new");
    let written = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&beside)
        .and_then(|mut file| {
            file.write_all(text.as_bytes())
                .and_then(|()| file.sync_all())
        })
        .and_then(|()| fs::rename(&beside, path));
    written.map_err(|source| TlsError::Write {
        path: path.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn a_certificate_is_made_once_and_anew_for_more_names() {
        let folder = tempfile::tempdir().unwrap();
        let few = names(&["localhost", "127.0.0.1", "::1"]);
        let first = Tls::self_signed(folder.path(), &few).unwrap();
        assert_eq!(first.fingerprint.len(), 32 * 3 - 1);
        let again = Tls::self_signed(folder.path(), &few[..2]).unwrap();
        assert_eq!(first.fingerprint, again.fingerprint);
        let more = Tls::self_signed(folder.path(), &names(&["localhost", "reel.example"])).unwrap();
        assert_ne!(first.fingerprint, more.fingerprint);
        for file in [CERTIFICATE_FILE, KEY_FILE] {
            let mode = fs::metadata(folder.path().join(file))
                .unwrap()
                .permissions()
                .mode();
            assert_eq!(mode & 0o777, 0o600, "{file}");
        }
        assert!(client_config(Some(&more.certificate)).is_ok());
        assert!(client_config(None).is_ok());
    }

    #[test]
    fn wrong_files_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let tls = Tls::self_signed(folder.path(), &names(&["localhost"])).unwrap();
        let key = folder.path().join(KEY_FILE);
        let other = tempfile::tempdir().unwrap();
        Tls::self_signed(other.path(), &names(&["localhost"])).unwrap();
        let others = other.path().join(KEY_FILE);
        assert!(matches!(
            Tls::load(&tls.certificate, &others),
            Err(TlsError::Unfit { .. })
        ));
        assert!(matches!(
            Tls::load(&key, &key),
            Err(TlsError::Pem {
                what: "certificate",
                ..
            })
        ));
        assert!(matches!(
            Tls::load(&tls.certificate, &tls.certificate),
            Err(TlsError::Pem { .. })
        ));
        let nowhere = folder.path().join("nowhere");
        assert!(matches!(
            Tls::load(&nowhere, &key),
            Err(TlsError::Read { .. })
        ));
        assert!(matches!(
            client_config(Some(&key)),
            Err(TlsError::Pem { .. })
        ));
    }
}
