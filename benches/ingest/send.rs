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
    /// From the moment that a batch was due to its answer.
    pub(crate) latencies: Vec<Duration>,
    /// Answers that said to retry.
    pub(crate) busy: usize,
}

/// Sends every batch, over as many connections, and returns when all are acknowledged. With `every`, a
/// batch is due each such time, and one that could not be sent when it was due is late from then on.
pub(crate) fn send(
    address: SocketAddr,
    batches: &[Bytes],
    connections: usize,
    every: Option<Duration>,
) -> Sent {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let begun = Instant::now();
    let due = |n: usize| every.map(|every| begun + every * n as u32);
    let batches = batches.iter().cloned().enumerate();
    let batches: VecDeque<_> = batches.map(|(n, batch)| (due(n), batch)).collect();
    let queue = Arc::new(Mutex::new(batches));
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

type Queue = Arc<Mutex<VecDeque<(Option<Instant>, Bytes)>>>;

async fn send_from(channel: Channel, queue: Queue) -> Sent {
    let mut client = tonic::client::Grpc::new(channel);
    let mut sent = Sent::default();
    loop {
        let Some((due, batch)) = queue.lock().unwrap().pop_front() else {
            return sent;
        };
        if let Some(due) = due {
            tokio::time::sleep_until(due.into()).await;
        }
        client.ready().await.unwrap();
        let begun = due.unwrap_or_else(Instant::now);
        loop {
            client.ready().await.unwrap();
            let path = http::uri::PathAndQuery::from_static(EXPORT);
            match client
                .unary(Request::new(batch.clone()), path, RawCodec)
                .await
            {
                Ok(_) => {
                    sent.latencies.push(begun.elapsed());
                    break;
                }
                Err(status)
                    if matches!(status.code(), Code::Unavailable | Code::ResourceExhausted) =>
                {
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
