//! Wrong tokens, counted by the address that they come from.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Wrong tokens in a row that an address is told of one by one.
const BURST: f64 = 10.0;
/// One more is forgiven after this long.
const FORGIVEN_AFTER: Duration = Duration::from_secs(6);
/// Addresses that are remembered: these, and as many before them.
const REMEMBERED: usize = 2048;

/// The addresses that failed of late, in bounded memory.
#[derive(Debug, Default)]
pub(crate) struct Failures(Mutex<Generations>);

/// When one is full it becomes the older one, and the one before is forgotten.
#[derive(Debug, Default)]
struct Generations {
    newer: HashMap<IpAddr, Level>,
    older: HashMap<IpAddr, Level>,
}

#[derive(Debug, Clone, Copy)]
struct Level {
    failures: f64,
    at: Instant,
}

impl Failures {
    /// Counts one. How long the address is to wait, when it has failed too often.
    pub(crate) fn count(&self, address: IpAddr, now: Instant) -> Option<Duration> {
        let address = network_of(address);
        let mut generations = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = generations.newer.get(&address);
        let known = known.or_else(|| generations.older.get(&address)).copied();
        let failures = known.map_or(0.0, |level| {
            let forgiven =
                now.duration_since(level.at).as_secs_f64() / FORGIVEN_AFTER.as_secs_f64();
            (level.failures - forgiven).max(0.0)
        });
        let is_too_many = failures > BURST - 1.0;
        let level = Level {
            failures: if is_too_many {
                failures
            } else {
                failures + 1.0
            },
            at: now,
        };
        if !is_too_many && level.failures > BURST - 1.0 {
            tracing::warn!(%address, "many wrong tokens come from this address");
        }
        if generations.newer.len() >= REMEMBERED && !generations.newer.contains_key(&address) {
            generations.older = std::mem::take(&mut generations.newer);
        }
        generations.newer.insert(address, level);
        is_too_many.then(|| FORGIVEN_AFTER.mul_f64(failures - (BURST - 1.0)))
    }
}

/// What one client has at its disposal: an address of IPv4, a /64 of IPv6.
fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_slowed_down_and_forgiven() {
        let failures = Failures::default();
        let now = Instant::now();
        let address: IpAddr = "2001:db8::1".parse().unwrap();
        let neighbour: IpAddr = "2001:db8::ffff".parse().unwrap();
        for _ in 0..10 {
            assert_eq!(failures.count(address, now), None);
        }
        let wait = failures.count(neighbour, now).unwrap();
        assert_eq!(wait, FORGIVEN_AFTER);
        assert!(
            failures
                .count("2001:db8:0:1::1".parse().unwrap(), now)
                .is_none()
        );
        assert!(failures.count("192.0.2.1".parse().unwrap(), now).is_none());
        let later = now + FORGIVEN_AFTER + Duration::from_millis(1);
        assert_eq!(failures.count(address, later), None);
        assert!(failures.count(address, later).is_some());
    }

    #[test]
    fn memory_is_bounded() {
        let failures = Failures::default();
        let now = Instant::now();
        for n in 0..100_000u32 {
            failures.count(IpAddr::from(n.to_be_bytes()), now);
        }
        let generations = failures.0.lock().unwrap();
        assert!(generations.newer.len() + generations.older.len() <= 2 * REMEMBERED);
    }
}
