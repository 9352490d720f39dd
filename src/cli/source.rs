//! Where the reading commands get their answers: a running server, or a data folder that a server of
//! their own opens for as long as the command lasts.

use std::ops::Deref;
use std::time::Duration;

use anyhow::Context as _;
use query::mcp::{Answer, Question};
use reqwest::header::RANGE;
use reqwest::{Client, Response, StatusCode};
use serde_json::Value;

use crate::args::{DEFAULT_URL, ServeArgs, SourceArgs};
use crate::client;
use crate::failure::Failure;
use crate::serve::{self, Running};

pub(crate) use query::{percent_encoded, query_string};

/// How long the server at the default address may take to answer before it counts as absent.
const LOOK_AROUND: Duration = Duration::from_millis(700);
/// How long a server that was named may take: it counts what is stored before it answers.
const NAMED_PATIENCE: Duration = Duration::from_secs(20);
/// How long a query of a command's own may take.
const SQL_PATIENCE: Duration = Duration::from_secs(60);

/// The API of the server that was found or started.
pub(crate) struct Api {
    server: Server,
    /// Set when the data folder was opened for this command.
    own: Option<Running>,
}

/// A server's API. Copies ask the same server.
#[derive(Clone)]
pub(crate) struct Server {
    client: Client,
    base: String,
}

impl Deref for Api {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

/// The running server that `args` asks for; `None` when the data folder is meant.
pub(super) async fn server(args: &SourceArgs) -> Result<Option<Server>, Failure> {
    let client = client::built(client::http(&args.credentials)?)?;
    if let Some(url) = &args.url {
        let base = base(url)?;
        let server = Server { client, base };
        return match server.greeting(NAMED_PATIENCE).await {
            Greeting::Answers => Ok(Some(server)),
            Greeting::Denies(message) => Err(denied(url, &message)),
            Greeting::Absent => Err(Failure::Unavailable(format!(
                "no Spanreel server answers at {url}: start one with `spanreel`, or leave --url out to read the data folder"
            ))),
        };
    }
    let base = base(DEFAULT_URL)?;
    let server = Server { client, base };
    if args.data.is_some() {
        return Ok(None);
    }
    match server.greeting(LOOK_AROUND).await {
        Greeting::Answers => Ok(Some(server)),
        Greeting::Denies(message) => Err(denied(DEFAULT_URL, &message)),
        Greeting::Absent => Ok(None),
    }
}

impl Api {
    /// Finds or starts the server that `args` asks for.
    pub(crate) async fn open(args: &SourceArgs) -> Result<Self, Failure> {
        if let Some(server) = server(args).await? {
            return Ok(Self { server, own: None });
        }
        let serve_args = ServeArgs::for_folder(args.data.clone(), args.encryption.clone());
        let folder = serve_args.data_folder()?;
        if !folder.is_dir() {
            return Err(Failure::Unavailable(format!(
                "nothing is recorded in {}: start the recorder with `spanreel`, or name a folder with --data or a server with --url",
                folder.display()
            )));
        }
        let own = serve::start(&serve_args).await?;
        let server = Server {
            client: client::built(client::http(&args.credentials)?)?,
            base: format!("http://{}", own.ui),
        };
        Ok(Self {
            server,
            own: Some(own),
        })
    }

    /// Where a user finds the interface, when this server goes away with the command.
    pub(super) fn lasting_address(&self) -> Option<String> {
        self.own.as_ref().map(|_| DEFAULT_URL.to_owned())
    }

    /// Closes the data folder if it was opened for this command.
    pub(crate) async fn close(self) -> Result<(), Failure> {
        match self.own {
            Some(own) => own.stop().await,
            None => Ok(()),
        }
    }
}

impl Server {
    /// `GET /api/v1{path}` with the query parameters that have a value.
    pub(crate) async fn get(
        &self,
        path: &str,
        parameters: &[(&str, Option<String>)],
    ) -> Result<Value, Failure> {
        let response = self.get_response(path, parameters).await?;
        Ok(response
            .json()
            .await
            .context("the server's answer is not the JSON that was expected")?)
    }

    /// As [`Server::get`]; the answer as it came.
    pub(crate) async fn get_bytes(
        &self,
        path: &str,
        parameters: &[(&str, Option<String>)],
    ) -> Result<Vec<u8>, Failure> {
        let response = self.get_response(path, parameters).await?;
        Ok(response.bytes().await.map_err(gone)?.to_vec())
    }

    /// `GET /api/v1{path}`, of which only `range` (as in HTTP: `0-99`, `100-`, `-100`) is wanted.
    pub(crate) async fn get_range(
        &self,
        path: &str,
        range: Option<&str>,
    ) -> Result<Response, Failure> {
        let mut request = self.client.get(format!("{}/api/v1{path}", self.base));
        if let Some(range) = range {
            request = request.header(RANGE, format!("bytes={range}"));
        }
        let response = request.send().await.map_err(gone)?;
        accepted(response).await.map_err(Refusal::into_failure)
    }

    async fn get_response(
        &self,
        path: &str,
        parameters: &[(&str, Option<String>)],
    ) -> Result<Response, Failure> {
        let given = parameters
            .iter()
            .filter_map(|(name, value)| Some((*name, value.as_deref()?)));
        let query = query_string(given);
        self.get_range(&format!("{path}{query}"), None).await
    }

    /// The rows of a query over what was recorded.
    pub(crate) async fn rows(&self, sql: &str, params: Value) -> Result<Vec<Vec<Value>>, Failure> {
        let body = serde_json::json!({"sql": sql, "params": params, "max_rows": 100_000});
        let response = self
            .post("/sql", &body, "application/json", SQL_PATIENCE)
            .await?
            .map_err(Refusal::into_failure)?;
        let mut answer: Value = response
            .json()
            .await
            .context("the server's answer is not the JSON that was expected")?;
        Ok(serde_json::from_value(answer["rows"].take())
            .context("the server's answer is not the result that was expected")?)
    }

    /// `POST /api/v1{path}` with a JSON body; `accept` is the wanted content type.
    pub(crate) async fn post(
        &self,
        path: &str,
        body: &Value,
        accept: &str,
        timeout: Duration,
    ) -> Result<Result<Response, Refusal>, Failure> {
        let url = format!("{}/api/v1{path}", self.base);
        let request = self
            .client
            .post(url)
            .header("accept", accept)
            .json(body)
            .timeout(timeout);
        Ok(accepted(request.send().await.map_err(gone)?).await)
    }

    /// A request that changes something: its answer, null when it has no body.
    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, Failure> {
        let method = reqwest::Method::from_bytes(method.as_bytes())
            .context("the method of a request is a word")?;
        let url = format!("{}/api/v1{path}", self.base);
        let mut request = self.client.request(method, url);
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = accepted(request.send().await.map_err(gone)?)
            .await
            .map_err(Refusal::into_failure)?;
        if response.status() == StatusCode::NO_CONTENT {
            return Ok(Value::Null);
        }
        Ok(response
            .json()
            .await
            .context("the server's answer is not the JSON that was expected")?)
    }

    /// `GET /api/v1{path}` of what is a text.
    pub(super) async fn get_text(&self, path: &str) -> Result<String, Failure> {
        let response = self.get_range(path, None).await?;
        Ok(response
            .text()
            .await
            .context("the server's answer breaks off")?)
    }

    /// An answer as it came, for a question that was put together elsewhere.
    pub(super) async fn ask(&self, question: &Question) -> Result<Answer, Failure> {
        let url = format!("{}/api/v1{}", self.base, question.path);
        let mut request = match &question.body {
            Some(body) => self.client.post(url).json(body),
            None => self.client.get(url),
        };
        if let Some(range) = question.range_header() {
            request = request.header(RANGE, range);
        }
        let response = request.send().await.map_err(gone)?;
        let content_range = response.headers().get("content-range");
        let content_range = content_range.and_then(|value| value.to_str().ok());
        let content_range = content_range.map(str::to_owned);
        let status = response.status().as_u16();
        let body = response.bytes().await.map_err(gone)?;
        Ok(Answer {
            status,
            content_range,
            body,
        })
    }

    /// The live stream: its events from now on.
    pub(super) async fn live(&self) -> Result<Response, Failure> {
        let url = format!("{}/api/v1/live", self.base);
        let response = self.client.get(url).send().await.map_err(gone)?;
        accepted(response).await.map_err(Refusal::into_failure)
    }

    async fn greeting(&self, within: Duration) -> Greeting {
        let request = self
            .client
            .get(format!("{}/api/v1/stats", self.base))
            .timeout(within);
        let Ok(response) = request.send().await else {
            return Greeting::Absent;
        };
        let status = response.status();
        let body: Value = response.json().await.unwrap_or_default();
        let message = body["error"]["message"].as_str();
        match message {
            _ if status.is_success() && body["otlp"].is_object() => Greeting::Answers,
            Some(message) if DENIED.contains(&status) => Greeting::Denies(message.to_owned()),
            // One that cannot count, because something is damaged, is there as well.
            _ if body["error"]["request_id"].is_string() => Greeting::Answers,
            _ => Greeting::Absent,
        }
    }
}

/// Statuses with which a server says that it does not know who asks, or not well enough.
const DENIED: [StatusCode; 3] = [
    StatusCode::UNAUTHORIZED,
    StatusCode::FORBIDDEN,
    StatusCode::TOO_MANY_REQUESTS,
];

/// Who is at an address.
enum Greeting {
    /// A server that answers us.
    Answers,
    /// One that does not, and says why.
    Denies(String),
    Absent,
}

fn denied(url: &str, message: &str) -> Failure {
    Failure::Unavailable(format!("the server at {url} does not answer us: {message}"))
}

/// What the API answers in place of a result.
pub(crate) struct Refusal {
    pub(crate) message: String,
    /// Characters of the SQL text before the place that the message is about.
    pub(crate) position: Option<usize>,
    status: StatusCode,
}

impl Refusal {
    pub(crate) fn into_failure(self) -> Failure {
        if self.status.is_client_error() {
            Failure::Usage(self.message)
        } else {
            Failure::Unavailable(self.message)
        }
    }
}

async fn accepted(response: Response) -> Result<Response, Refusal> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let body: Value = response.json().await.unwrap_or_default();
    let message = match body["error"]["message"].as_str() {
        Some(message) => message.to_owned(),
        None => format!("the server answered {status}"),
    };
    let position = body["error"]["position"]
        .as_u64()
        .and_then(|position| usize::try_from(position).ok());
    Err(Refusal {
        message,
        position,
        status,
    })
}

pub(crate) fn gone(error: reqwest::Error) -> Failure {
    if error.is_timeout() {
        Failure::Unavailable(
            "the server did not answer in time; --timeout gives it longer".to_owned(),
        )
    } else {
        Failure::Unavailable(format!(
            "the server went away: {:#}",
            anyhow::Error::from(error.without_url())
        ))
    }
}

fn base(url: &str) -> Result<String, Failure> {
    let wrong =
        |why: &str| Failure::Usage(format!("--url {url}: {why}; one looks like {DEFAULT_URL}"));
    let with_scheme = if url.starts_with("http://") || url.starts_with("https://") {
        url.to_owned()
    } else {
        format!("http://{url}")
    };
    let parsed = reqwest::Url::parse(&with_scheme).map_err(|_| wrong("not an address"))?;
    if parsed.host_str().is_none() || parsed.path() != "/" {
        return Err(wrong("give host and port only"));
    }
    Ok(with_scheme.trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_with_and_without_scheme() {
        assert_eq!(base("127.0.0.1:7771").unwrap(), "http://127.0.0.1:7771");
        assert_eq!(
            base("https://localhost:7771/").unwrap(),
            "https://localhost:7771"
        );
        for wrong in [
            "http://",
            "http://localhost:7771/sessions",
            "not an address",
        ] {
            assert!(base(wrong).is_err(), "{wrong}");
        }
    }
}
