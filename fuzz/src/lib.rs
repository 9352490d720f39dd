//! What the fuzz targets share: the way of a decoded request up to the rows that would be written.

use std::cell::RefCell;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use collector::conventions::{Understood, understand_logs, understand_metrics, understand_traces};
use collector::prices::Prices;
use collector::resolve::{Memory, Resolver};
use proto::id::TraceId;
use proto::{Encoding, Request};
use store::{Batch, LoadedAct, Packer};

/// Acts that the resolver may keep: more than one input makes.
const CACHED_ACTS: usize = 10_000;

/// A store that holds nothing.
#[derive(Default)]
struct Nothing(i64);

impl Memory for Nothing {
    fn load_acts(&mut self, _: &[TraceId], _: &[Arc<str>]) -> Result<Vec<LoadedAct>, store::Error> {
        Ok(Vec::new())
    }

    fn next_act_id(&mut self) -> i64 {
        self.0 += 1;
        self.0
    }
}

thread_local! {
    /// Making one takes longer than a small input.
    static PACKER: RefCell<Packer> = RefCell::new(Packer::new(proto::Hashing::default()).expect("a compressor"));
}

fn prices() -> Arc<Prices> {
    static PRICES: OnceLock<Arc<Prices>> = OnceLock::new();
    let load = || Prices::load(Path::new("no such folder")).expect("the shipped price table");
    Arc::clone(PRICES.get_or_init(|| Arc::new(load())))
}

/// Understands the requests as one group, cuts and packs their texts, resolves their acts, and resolves
/// them once more as a sender's retry.
///
/// # Panics
/// When a text is not cut into all of its bytes, or a retry makes a row.
pub fn take_in(requests: Vec<Request>) {
    let mut understood = Understood::default();
    for (number, request) in (1..).zip(requests) {
        understood.request_id = number;
        match request {
            Request::Traces(request) => understand_traces(request, &mut understood),
            Request::Logs(request) => understand_logs(request, None, &mut understood),
            Request::Metrics(request) => understand_metrics(request, &mut understood),
        }
    }
    for payload in understood.payloads {
        let mut end = 0;
        for piece in store::split(&payload.bytes) {
            assert_eq!(piece.start, end, "pieces follow each other");
            assert!(piece.end > piece.start, "no piece is empty");
            end = piece.end;
        }
        assert_eq!(end, payload.bytes.len(), "pieces hold the whole text");
        PACKER.with_borrow_mut(|packer| packer.pack(payload));
    }
    let mut resolver = Resolver::new(CACHED_ACTS, prices());
    let mut memory = Nothing::default();
    let again = understood.acts.clone();
    let mut batch = Batch::default();
    resolver
        .prepare(&understood.acts, &mut memory)
        .expect("a memory that never fails");
    resolver.resolve(understood.acts, &mut memory, &mut batch);
    let mut retried = Batch::default();
    resolver.resolve(again, &mut memory, &mut retried);
    assert!(retried.new_acts.is_empty(), "a retry makes no row");
}

/// Writes `request` in the other encoding and back, which must give the same request.
///
/// # Panics
/// When it does not.
pub fn round_trip(request: &Request) {
    let signal = request.signal();
    let json = proto::to_json(request);
    let back = proto::decode(signal, Encoding::Json, json.as_bytes())
        .unwrap_or_else(|error| panic!("own JSON is not read: {error}: {json}"));
    assert_eq!(proto::to_json(&back.request), json);
}
