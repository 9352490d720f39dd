//! The sender: one call at a time per connection, as SDK exporters do, with bodies encoded before.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::{Buf, BufMut, Bytes};
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};

const EXPORT: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
const RETRY_PAUSE: Duration = Duration::from_millis(50);

/// How the sending went.
#[derive(Default)]
pub(crate) struct Sent {
    pub(crate) latencies: Vec<Duration>,
    /// Answers that said to retry.
    pub(crate) busy: usize,
}

/// Sends every batch, over as many connections, and returns when all are acknowledged.
pub(crate) fn send(address: SocketAddr, batches: &[Bytes], connections: usize) -> Sent {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let queue = Arc::new(Mutex::new(VecDeque::from(batches.to_vec())));
    runtime.block_on(async {
        let mut senders = Vec::new();
        for _ in 0..connections {
            let endpoint = Endpoint::new(format!("http://{address}")).unwrap();
            let channel = endpoint.connect().await.unwrap();
            senders.push(tokio::spawn(send_from(channel, Arc::clone(&queue))));
        }
        let mut all = Sent::default();
        for sender in senders {
            let sent = sender.await.unwrap();
            all.latencies.extend(sent.latencies);
            all.busy += sent.busy;
        }
        all
    })
}

async fn send_from(channel: Channel, queue: Arc<Mutex<VecDeque<Bytes>>>) -> Sent {
    let mut client = tonic::client::Grpc::new(channel);
    let mut sent = Sent::default();
    loop {
        let Some(batch) = queue.lock().unwrap().pop_front() else {
            return sent;
        };
        loop {
            client.ready().await.unwrap();
            let begun = Instant::now();
            let path = http::uri::PathAndQuery::from_static(EXPORT);
            match client
                .unary(Request::new(batch.clone()), path, RawCodec)
                .await
            {
                Ok(_) => {
                    sent.latencies.push(begun.elapsed());
                    break;
                }
                Err(status) if status.code() == Code::Unavailable => {
                    sent.busy += 1;
                    tokio::time::sleep(RETRY_PAUSE).await;
                }
                Err(status) => panic!("refused: {status}"),
            }
        }
    }
}

/// Messages as the bytes that they are.
#[derive(Clone, Copy)]
struct RawCodec;

impl Codec for RawCodec {
    type Encode = Bytes;
    type Decode = ();
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
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, out: &mut EncodeBuf<'_>) -> Result<(), Status> {
        out.put(item);
        Ok(())
    }
}

impl Decoder for RawCodec {
    type Item = ();
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<()>, Status> {
        buffer.advance(buffer.remaining());
        Ok(Some(()))
    }
}
