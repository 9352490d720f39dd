//! Admission by bytes: one budget for everything that is in memory between a socket and the store.
//!
//! Bytes are reserved before they are read, so that a sender that is too fast is told to come back
//! later while memory stays where it is. The reservation travels with the request until it is loaded.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bytes per semaphore unit.
const UNIT_BYTES: usize = 1024;

/// The least that a request reserves: its share of queues, tasks and allocator overhead. It bounds how
/// many tiny requests can wait at once.
const MIN_UNITS: usize = 4;

/// The shared budget. Clones share it.
#[derive(Debug, Clone)]
pub struct Budget {
    units: Arc<Semaphore>,
    total: usize,
}

impl Budget {
    /// A budget of `bytes`, rounded down to KiB, at least 64 KiB.
    pub fn new(bytes: u64) -> Self {
        let units = usize::try_from(bytes / UNIT_BYTES as u64).unwrap_or(usize::MAX);
        let total = units.clamp(64, (u32::MAX as usize).min(Semaphore::MAX_PERMITS));
        Self {
            units: Arc::new(Semaphore::new(total)),
            total,
        }
    }

    /// A reservation of nothing yet.
    pub fn permit(&self) -> Permit {
        Permit {
            budget: Some(self.clone()),
            held: None,
        }
    }

    /// Bytes reserved at present.
    pub fn used_bytes(&self) -> u64 {
        ((self.total - self.units.available_permits()) * UNIT_BYTES) as u64
    }

    /// The whole budget in bytes.
    pub fn total_bytes(&self) -> u64 {
        (self.total * UNIT_BYTES) as u64
    }
}

/// A reservation in a [`Budget`]; given back on drop.
#[derive(Debug)]
pub struct Permit {
    /// `None`: not counted.
    budget: Option<Budget>,
    held: Option<OwnedSemaphorePermit>,
}

impl Permit {
    /// A reservation outside any budget, for work that bounds itself, such as a replay one by one.
    pub fn uncounted() -> Self {
        Self {
            budget: None,
            held: None,
        }
    }

    /// Bytes reserved.
    pub fn bytes(&self) -> usize {
        self.held
            .as_ref()
            .map_or(0, OwnedSemaphorePermit::num_permits)
            * UNIT_BYTES
    }

    /// Reserves up to `bytes` in all; false, with nothing changed, when the budget has not that much.
    pub fn try_grow_to(&mut self, bytes: usize) -> bool {
        let Some((budget, missing)) = self.missing(bytes) else {
            return true;
        };
        let more = Arc::clone(&budget.units).try_acquire_many_owned(missing);
        self.merge(more.ok())
    }

    /// As [`Permit::try_grow_to`], waiting up to `wait` for others to give back.
    pub async fn grow_to(&mut self, bytes: usize, wait: Duration) -> bool {
        if self.try_grow_to(bytes) {
            return true;
        }
        let Some((budget, missing)) = self.missing(bytes) else {
            return true;
        };
        let more = Arc::clone(&budget.units).acquire_many_owned(missing);
        let more = tokio::time::timeout(wait, more).await;
        self.merge(more.ok().and_then(Result::ok))
    }

    /// Gives back what is reserved beyond `bytes`.
    pub fn shrink_to(&mut self, bytes: usize) {
        let keep = bytes.div_ceil(UNIT_BYTES).max(MIN_UNITS);
        if let Some(held) = &mut self.held {
            drop(held.split(held.num_permits().saturating_sub(keep)));
        }
    }

    /// Units to acquire for `bytes` in all. A request larger than the whole budget takes all of it:
    /// it can pass while nothing else is in memory.
    fn missing(&self, bytes: usize) -> Option<(&Budget, u32)> {
        let budget = self.budget.as_ref()?;
        let wanted = bytes.div_ceil(UNIT_BYTES).max(MIN_UNITS).min(budget.total);
        let held = self
            .held
            .as_ref()
            .map_or(0, OwnedSemaphorePermit::num_permits);
        let missing = u32::try_from(wanted.saturating_sub(held)).ok()?;
        (missing > 0).then_some((budget, missing))
    }

    fn merge(&mut self, more: Option<OwnedSemaphorePermit>) -> bool {
        match (more, &mut self.held) {
            (None, _) => return false,
            (Some(more), Some(held)) => held.merge(more),
            (Some(more), held @ None) => *held = Some(more),
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn bytes_are_given_back_when_the_permit_goes() {
        let budget = Budget::new(1024 * 1024);
        let mut first = budget.permit();
        assert!(first.try_grow_to(600 * 1024));
        assert!(first.try_grow_to(700 * 1024));
        assert_eq!(budget.used_bytes(), 700 * 1024);
        let mut second = budget.permit();
        assert!(!second.try_grow_to(400 * 1024));
        assert!(!second.grow_to(400 * 1024, Duration::from_millis(1)).await);
        first.shrink_to(10 * 1024);
        assert!(second.grow_to(400 * 1024, Duration::from_millis(1)).await);
        drop(first);
        drop(second);
        assert_eq!(budget.used_bytes(), 0);
    }

    #[test]
    fn a_request_beyond_the_budget_passes_alone() {
        let budget = Budget::new(128 * 1024);
        let mut permit = budget.permit();
        assert!(permit.try_grow_to(usize::MAX));
        assert!(!budget.permit().try_grow_to(1));
    }
}
