//! The journal's thread: one group at a time, one fsync per group.

use std::sync::mpsc::Sender;

use tokio::sync::mpsc::UnboundedReceiver;

use super::append::Appender;
use crate::ingest::{Accepted, Busy, Pending};

/// A group is closed at this size, so that its first waiter does not wait for everybody's bytes.
const GROUP_BYTES: usize = 8 << 20;

/// Runs until every handle is gone and the queue is empty.
///
/// While a group is being synced the next one gathers in the queue: the busier the senders, the more
/// of them share one fsync, without any waiting on purpose.
pub(super) fn run(
    mut queue: UnboundedReceiver<Pending>,
    mut appender: Appender,
    loader: &Sender<Accepted>,
) {
    let mut group = Vec::new();
    let mut loader_gone = false;
    while let Some(first) = queue.blocking_recv() {
        let mut bytes = first.body.len();
        group.push(first);
        while bytes < GROUP_BYTES {
            let Ok(pending) = queue.try_recv() else { break };
            bytes += pending.body.len();
            group.push(pending);
        }
        if loader_gone {
            refuse(&mut group, Busy::Closing);
            continue;
        }
        match appender.append(&group) {
            Ok(first) => loader_gone = !accept(first, &mut group, loader),
            Err(_) => refuse(&mut group, Busy::Disk),
        }
    }
}

/// Answers every waiter, then hands the requests on in order. False when nobody loads any more.
fn accept(first: u64, group: &mut Vec<Pending>, loader: &Sender<Accepted>) -> bool {
    let mut accepted = Vec::with_capacity(group.len());
    for (position, pending) in (first..).zip(group.drain(..)) {
        // A sender that has gone is no reason not to load what it sent.
        let _ = pending.done.send(Ok(position));
        accepted.push(Accepted {
            position,
            received_ns: pending.received_ns,
            size_bytes: pending.body.len(),
            request: pending.request,
            permit: pending.permit,
        });
    }
    for accepted in accepted {
        if loader.send(accepted).is_err() {
            tracing::error!(
                "the loader has stopped: what is in the journal is loaded at the next start, nothing new is accepted"
            );
            return false;
        }
    }
    true
}

fn refuse(group: &mut Vec<Pending>, busy: Busy) {
    for pending in group.drain(..) {
        let _ = pending.done.send(Err(busy));
    }
}
