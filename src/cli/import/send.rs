//! Sending to the server's OTLP/HTTP address.

use std::time::Duration;

use collector::import::otlp_file::Body;
use reqwest::{Client, StatusCode};

use crate::args::CredentialArgs;
use crate::client;
use crate::failure::Failure;

pub(super) struct Sender {
    client: Client,
    endpoint: String,
}

impl Sender {
    /// Requests are sent when they have become about this large.
    pub(super) const BATCH_BYTES: usize = 2 << 20;

    pub(super) fn new(endpoint: &str, credentials: &CredentialArgs) -> Result<Self, Failure> {
        let wrong = || {
            Failure::Usage(format!(
                "`{endpoint}` is not an address; one looks like http://127.0.0.1:4318"
            ))
        };
        let parsed = reqwest::Url::parse(endpoint).map_err(|_| wrong())?;
        if !matches!(parsed.scheme(), "http" | "https") || parsed.host_str().is_none() {
            return Err(wrong());
        }
        let client = client::http(credentials)?.connect_timeout(Duration::from_secs(5));
        Ok(Self {
            client: client::built(client)?,
            endpoint: endpoint.trim_end_matches('/').to_owned(),
        })
    }

    /// Makes sure that a server answers before anything is read.
    pub(super) async fn greet(&self) -> Result<(), Failure> {
        let empty = Body {
            signal: proto::Signal::Traces,
            encoding: proto::Encoding::Protobuf,
            bytes: Vec::new(),
        };
        self.send(empty).await
    }

    /// Sends one request; tries again while the server says that it may be tried again.
    pub(super) async fn send(&self, body: Body) -> Result<(), Failure> {
        let url = format!("{}/v1/{}", self.endpoint, body.signal);
        let content_type = match body.encoding {
            proto::Encoding::Protobuf => "application/x-protobuf",
            proto::Encoding::Json => "application/json",
        };
        for wait_ms in [200, 500, 1_000, 3_000, 6_000, 0] {
            let answer = self
                .client
                .post(&url)
                .header("content-type", content_type)
                .body(body.bytes.clone())
                .send()
                .await
                .map_err(|error| self.unreachable(&error))?;
            let status = answer.status();
            if status.is_success() {
                return Ok(());
            }
            let is_passing = matches!(
                status,
                StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE
            );
            if !is_passing || wait_ms == 0 {
                let said = answer.text().await.unwrap_or_default();
                let said: String = said.chars().filter(|c| !c.is_control()).take(300).collect();
                return Err(Failure::Unavailable(format!(
                    "the server at {} did not take it: {status} {said}",
                    self.endpoint
                )));
            }
            tokio::time::sleep(Duration::from_millis(wait_ms)).await;
        }
        Ok(())
    }

    fn unreachable(&self, error: &reqwest::Error) -> Failure {
        let why = if error.is_connect() { "" } else { " any more" };
        Failure::Unavailable(format!(
            "no server answers at {}{why}: start one with `spanreel` in another terminal, or name its OTLP/HTTP address with --endpoint",
            self.endpoint
        ))
    }
}
