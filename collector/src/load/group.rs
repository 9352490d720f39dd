//! Requests that are loaded together.

use proto::agent::Payload;
use proto::{Hashing, Request};
use store::{PackedPayload, PackedRecords, Packer};

use crate::conventions::{
    Bodies, Understood, understand_logs, understand_metrics, understand_traces,
};
use crate::receive::admission::Permit;

/// What a group of requests says, ready to be resolved and stored.
#[derive(Default)]
pub(crate) struct Group {
    pub(super) understood: Understood,
    /// The texts of `understood`, cut and packed.
    pub(super) packed: Vec<PackedPayload>,
    /// The records of `understood`, compressed.
    pub(super) packed_records: Vec<PackedRecords>,
    pub(super) requests: usize,
    /// Sum of the bodies.
    pub(super) bytes: usize,
    /// Everything up to here in the journal is in this group or an earlier one.
    pub(super) position: u64,
    /// The requests' shares of the memory budget.
    pub(super) permits: Vec<Permit>,
}

impl Group {
    /// An empty group for a store that identifies texts so.
    pub(super) fn new(hashing: Hashing) -> Self {
        let mut group = Self::default();
        group.understood.hashing = hashing;
        group
    }

    /// Understands one request, which is at `position` in the journal, and adds what it says.
    pub(super) fn add(
        &mut self,
        position: u64,
        request: Request,
        bodies: Option<&dyn Bodies>,
        packer: &mut Packer,
    ) {
        let records_before = self.understood.received.len();
        self.understood.request_id = i64::try_from(position).unwrap_or(i64::MAX);
        match request {
            Request::Traces(request) => understand_traces(request, &mut self.understood),
            Request::Logs(request) => understand_logs(request, bodies, &mut self.understood),
            Request::Metrics(request) => understand_metrics(request, &mut self.understood),
        }
        let payloads: Vec<Payload> = std::mem::take(&mut self.understood.payloads);
        self.packed
            .extend(payloads.into_iter().map(|payload| packer.pack(payload)));
        let received = self.understood.received.get(records_before..);
        self.packed_records
            .extend(packer.pack_records(received.unwrap_or_default()));
    }

    /// Counts a request of which everything is added.
    pub(super) fn close_request(&mut self, position: u64, bytes: usize, permit: Option<Permit>) {
        self.requests += 1;
        self.bytes += bytes;
        self.position = self.position.max(position);
        self.permits.extend(permit);
    }
}
