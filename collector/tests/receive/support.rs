//! A receiver on real sockets with a real journal, and small clients for it.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use collector::ingest::Accepted;
use collector::journal::{self, Journal};
use collector::receive::admission::Budget;
use collector::receive::{self, Counters};
use collector::redact::Redactor;
use prost::Message;
use proto::otlp::collector::trace::v1::ExportTraceServiceRequest;
use proto::otlp::trace::v1::{ResourceSpans, ScopeSpans, Span};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};

pub(crate) const MIB: usize = 1 << 20;

/// Deadline of everything that should happen at once.
pub(crate) const SOON: Duration = Duration::from_secs(20);

pub(crate) struct Options {
    pub(crate) max_body_bytes: usize,
    pub(crate) budget_bytes: u64,
    pub(crate) body_timeout: Duration,
    pub(crate) redactor: Option<Arc<Redactor>>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            max_body_bytes: 4 * MIB,
            budget_bytes: 64 << 20,
            body_timeout: Duration::from_secs(10),
            redactor: None,
        }
    }
}

pub(crate) struct Server {
    pub(crate) grpc: SocketAddr,
    pub(crate) http: SocketAddr,
    pub(crate) shutdown: CancellationToken,
    pub(crate) task: tokio::task::JoinHandle<()>,
    pub(crate) loader: mpsc::Receiver<Accepted>,
    pub(crate) journal: Journal,
    pub(crate) counters: Arc<Counters>,
    pub(crate) budget: Budget,
    pub(crate) dir: tempfile::TempDir,
}

impl Server {
    pub(crate) async fn start(options: Options) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let journal = Journal::open(journal_config(&dir), 0).unwrap();
        let (sender, loader) = mpsc::channel();
        let ingest = journal.start(sender).unwrap();
        let grpc = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let http = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addresses = (grpc.local_addr().unwrap(), http.local_addr().unwrap());
        let shutdown = CancellationToken::new();
        let counters = Arc::new(Counters::default());
        let budget = Budget::new(options.budget_bytes);
        let config = receive::Config {
            max_body_bytes: options.max_body_bytes,
            admission_wait: Duration::from_millis(50),
            body_timeout: options.body_timeout,
            drain_timeout: Duration::from_secs(10),
            redactor: options.redactor,
        };
        let task = tokio::spawn(receive::serve(
            vec![grpc.into(), http.into()],
            config,
            budget.clone(),
            ingest,
            Arc::clone(&counters),
            shutdown.clone(),
        ));
        Self {
            grpc: addresses.0,
            http: addresses.1,
            shutdown,
            task,
            loader,
            journal,
            counters,
            budget,
            dir,
        }
    }

    /// What the loader is given next.
    pub(crate) fn accepted(&self) -> Accepted {
        self.loader
            .recv_timeout(SOON)
            .expect("nothing was accepted")
    }

    /// Nothing waits for the loader.
    pub(crate) fn nothing_accepted(&self) {
        let next = self.loader.recv_timeout(Duration::from_millis(20));
        assert_eq!(next.err(), Some(RecvTimeoutError::Timeout));
    }

    /// Sends one HTTP/1.1 request from another thread.
    pub(crate) async fn http(&self, request: HttpRequest) -> HttpAnswer {
        let address = self.http;
        tokio::task::spawn_blocking(move || request.send(address))
            .await
            .unwrap()
    }

    pub(crate) async fn channel(&self) -> tonic::transport::Channel {
        let endpoint = tonic::transport::Endpoint::new(format!("http://{}", self.grpc)).unwrap();
        endpoint.connect().await.unwrap()
    }
}

pub(crate) fn journal_config(dir: &tempfile::TempDir) -> journal::Config {
    journal::Config {
        dir: dir.path().join("journal"),
        segment_bytes: 1 << 20,
        encryption: None,
    }
}

pub(crate) fn journal_files(dir: &tempfile::TempDir) -> Vec<PathBuf> {
    let mut files: Vec<_> = std::fs::read_dir(dir.path().join("journal"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files
}

/// A trace request with spans of these names; a name that starts with `bad` gets an all-zero id.
pub(crate) fn traces(names: &[&str]) -> ExportTraceServiceRequest {
    let span = |(index, name): (usize, &&str)| Span {
        trace_id: if name.starts_with("bad") {
            vec![0; 16]
        } else {
            vec![1; 16]
        },
        span_id: (index as u64 + 1).to_be_bytes().to_vec(),
        name: (*name).to_owned(),
        ..Span::default()
    };
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            scope_spans: vec![ScopeSpans {
                spans: names.iter().enumerate().map(span).collect(),
                ..ScopeSpans::default()
            }],
            ..ResourceSpans::default()
        }],
    }
}

/// The request of [`traces`] as JSON, without a body of its own type.
pub(crate) fn traces_json(names: &[&str]) -> String {
    let spans: Vec<_> = traces(names).resource_spans[0].scope_spans[0]
        .spans
        .iter()
        .map(|span| {
            serde_json::json!({
                "traceId": hex::encode(&span.trace_id),
                "spanId": hex::encode(&span.span_id),
                "name": span.name,
            })
        })
        .collect();
    serde_json::json!({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}).to_string()
}

/// Names of the spans that reached the loader.
pub(crate) fn span_names(accepted: &Accepted) -> Vec<String> {
    let proto::Request::Traces(request) = &accepted.request else {
        panic!("not traces: {:?}", accepted.request);
    };
    let spans = request
        .resource_spans
        .iter()
        .flat_map(|resource| &resource.scope_spans)
        .flat_map(|scope| &scope.spans);
    spans.map(|span| span.name.clone()).collect()
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// An HTTP/1.1 request as bytes on a socket.
#[derive(Clone)]
pub(crate) struct HttpRequest {
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) chunked: bool,
}

impl HttpRequest {
    pub(crate) fn post(path: &'static str, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self {
            method: "POST",
            path,
            headers: vec![("content-type", content_type.to_owned())],
            body: body.into(),
            chunked: false,
        }
    }

    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    pub(crate) fn chunked(mut self) -> Self {
        self.chunked = true;
        self
    }

    fn head(&self) -> String {
        let Self { method, path, .. } = self;
        let mut head = format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\n");
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if self.chunked {
            head.push_str("transfer-encoding: chunked\r\n\r\n");
        } else {
            head.push_str(&format!("content-length: {}\r\n\r\n", self.body.len()));
        }
        head
    }

    /// Writes the whole request, then reads the answer, as plain clients do.
    pub(crate) fn send(&self, address: SocketAddr) -> HttpAnswer {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(SOON)).unwrap();
        self.write(&mut stream);
        HttpAnswer::read(&mut stream)
    }

    pub(crate) fn write(&self, stream: &mut TcpStream) {
        stream.write_all(self.head().as_bytes()).unwrap();
        if !self.chunked {
            stream.write_all(&self.body).unwrap();
            return;
        }
        for chunk in self.body.chunks(1000) {
            stream
                .write_all(format!("{:x}\r\n", chunk.len()).as_bytes())
                .unwrap();
            stream.write_all(chunk).unwrap();
            stream.write_all(b"\r\n").unwrap();
        }
        stream.write_all(b"0\r\n\r\n").unwrap();
    }
}

#[derive(Debug)]
pub(crate) struct HttpAnswer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl HttpAnswer {
    pub(crate) fn read(stream: &mut TcpStream) -> Self {
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") {
            assert_eq!(stream.read(&mut byte).unwrap(), 1, "no answer");
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
        let mut answer = Self {
            status: head[9..12].parse().unwrap(),
            body: Vec::new(),
            head,
        };
        let length = answer.header("content-length").unwrap().parse().unwrap();
        answer.body = vec![0; length];
        stream.read_exact(&mut answer.body).unwrap();
        answer
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(": ")?;
            (found == name).then_some(value)
        })
    }

    /// The message of a `google.rpc.Status`, in whichever encoding the answer has.
    pub(crate) fn message(&self) -> String {
        match self.header("content-type") {
            Some("application/json") => {
                let body: serde_json::Value = serde_json::from_slice(&self.body).unwrap();
                assert!(body["code"].is_i64(), "{body}");
                body["message"].as_str().unwrap().to_owned()
            }
            Some("application/x-protobuf") => {
                tonic_types::Status::decode(&self.body[..]).unwrap().message
            }
            other => panic!("unexpected content type {other:?}"),
        }
    }
}

/// Half of a request: the head and some of the body, with the rest to come.
pub(crate) fn start_request(address: SocketAddr, body: &[u8], first: usize) -> TcpStream {
    let request = HttpRequest::post("/v1/traces", "application/x-protobuf", body);
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    stream.write_all(request.head().as_bytes()).unwrap();
    stream.write_all(&body[..first]).unwrap();
    stream
}

pub(crate) fn hang_up(stream: &TcpStream) {
    stream.shutdown(Shutdown::Both).unwrap();
}

/// Calls a gRPC method with bytes that need not be a valid message.
pub(crate) async fn call_raw(
    channel: tonic::transport::Channel,
    path: &'static str,
    message: Vec<u8>,
) -> Result<Vec<u8>, tonic::Status> {
    let mut client = tonic::client::Grpc::new(channel);
    client.ready().await.unwrap();
    let path = http::uri::PathAndQuery::from_static(path);
    let response = client
        .unary(tonic::Request::new(message), path, RawCodec)
        .await?;
    Ok(response.into_inner())
}

#[derive(Clone, Copy)]
struct RawCodec;

impl Codec for RawCodec {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for RawCodec {
    type Item = Vec<u8>;
    type Error = tonic::Status;

    fn encode(&mut self, item: Vec<u8>, out: &mut EncodeBuf<'_>) -> Result<(), tonic::Status> {
        bytes::BufMut::put_slice(out, &item);
        Ok(())
    }
}

impl Decoder for RawCodec {
    type Item = Vec<u8>;
    type Error = tonic::Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, tonic::Status> {
        let len = bytes::Buf::remaining(buffer);
        Ok(Some(bytes::Buf::copy_to_bytes(buffer, len).to_vec()))
    }
}
