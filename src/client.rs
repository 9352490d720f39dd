//! Clients of a server: the token that they show, and the certificates that they trust.

use std::env;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use access::{TlsError, client_config, connect};
use anyhow::Context as _;
use reqwest::ClientBuilder;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use reqwest::redirect::Policy;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};
use tower::service_fn;

use crate::args::CredentialArgs;
use crate::failure::Failure;

/// Variable that holds a token. It is no argument: those are seen by every user of the machine.
const TOKEN_VARIABLE: &str = "SPANREEL_TOKEN";

/// A client of HTTP that shows the token with every request, and goes nowhere but where it is sent.
///
/// # Errors
/// When the file of the token or of the certificates cannot be read.
pub fn http(credentials: &CredentialArgs) -> Result<ClientBuilder, Failure> {
    showing(authorization(credentials)?, credentials.ca.as_deref())
}

/// As [`http()`], with the value of the `Authorization` header where there is one, and a file of
/// certificates to trust besides the usual ones.
///
/// # Errors
/// When the file of the certificates cannot be read.
pub fn showing(
    authorization: Option<HeaderValue>,
    ca: Option<&Path>,
) -> Result<ClientBuilder, Failure> {
    let headers: HeaderMap = authorization
        .map(|value| (AUTHORIZATION, value))
        .into_iter()
        .collect();
    let tls = client_config(ca).map_err(wrong_ca)?;
    Ok(reqwest::Client::builder()
        .default_headers(headers)
        .redirect(Policy::none())
        .tls_backend_preconfigured(tls))
}

/// The value of the `Authorization` header; `None` where no token is given.
///
/// # Errors
/// When its file cannot be read, or it is none.
pub fn authorization(credentials: &CredentialArgs) -> Result<Option<HeaderValue>, Failure> {
    let token = match &credentials.token_file {
        Some(path) => Some(fs::read_to_string(path).map_err(|error| {
            Failure::Usage(format!("--token-file {}: {error}", path.display()))
        })?),
        None => env::var(TOKEN_VARIABLE).ok(),
    };
    let Some(token) = token
        .map(|token| token.trim().to_owned())
        .filter(|token| !token.is_empty())
    else {
        return Ok(None);
    };
    bearer(&token).map(Some)
}

/// The value of the `Authorization` header that shows this token; it is left out of what is logged.
///
/// # Errors
/// When it cannot be a token.
pub fn bearer(token: &str) -> Result<HeaderValue, Failure> {
    let mut value = HeaderValue::try_from(format!("Bearer {token}")).map_err(|_| {
        Failure::Usage("the token is none: it has characters that no token has".to_owned())
    })?;
    value.set_sensitive(true);
    Ok(value)
}

/// A finished client.
///
/// # Errors
/// When none can be made.
pub fn built(builder: ClientBuilder) -> Result<reqwest::Client, Failure> {
    Ok(builder.build().context("cannot make an HTTP client")?)
}

fn wrong_ca(error: TlsError) -> Failure {
    Failure::Usage(format!("--ca: {:#}", anyhow::Error::from(error)))
}

/// A connection of gRPC whose calls show the token.
pub type Authorized = InterceptedService<Channel, ShowToken>;

/// Puts the token into the metadata of each call.
#[derive(Debug, Clone)]
pub struct ShowToken(Option<MetadataValue<Ascii>>);

impl Interceptor for ShowToken {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(value) = &self.0 {
            request
                .metadata_mut()
                .insert("authorization", value.clone());
        }
        Ok(request)
    }
}

/// Connects to a server of gRPC, with TLS where the address says `https`; `wait` for the connection.
/// `None` when nobody answers.
///
/// # Errors
/// When the address is none, or the token or the certificates cannot be read.
pub async fn grpc(
    address: &str,
    credentials: &CredentialArgs,
    wait: Duration,
) -> Result<Option<Authorized>, Failure> {
    let wrong = || {
        Failure::Usage(format!(
            "`{address}` is not an address; one looks like http://127.0.0.1:4317"
        ))
    };
    let url = reqwest::Url::parse(address).map_err(|_| wrong())?;
    let host = url.host_str().ok_or_else(wrong)?.to_owned();
    let port = url.port_or_known_default().ok_or_else(wrong)?;
    // Encryption is the connector's matter, and none of the library's.
    let plain = address.replacen("https://", "http://", 1);
    let endpoint = Endpoint::from_shared(plain).map_err(|_| wrong())?;
    let endpoint = endpoint.connect_timeout(wait);
    let token = match authorization(credentials)? {
        Some(value) => Some(
            MetadataValue::try_from(value.as_bytes())
                .context("a header's value is one of metadata")?,
        ),
        None => None,
    };
    let channel = match url.scheme() {
        "http" => endpoint.connect().await,
        "https" => {
            let mut tls = client_config(credentials.ca.as_deref()).map_err(wrong_ca)?;
            tls.alpn_protocols = vec![b"h2".to_vec()];
            let tls = Arc::new(tls);
            let connector = service_fn(move |_: http::Uri| {
                let (tls, host) = (Arc::clone(&tls), host.clone());
                async move { connect(tls, &host, port).await }
            });
            endpoint.connect_with_connector(connector).await
        }
        _ => return Err(wrong()),
    };
    Ok(channel
        .ok()
        .map(|channel| InterceptedService::new(channel, ShowToken(token))))
}
