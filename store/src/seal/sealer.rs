//! Authenticated encryption of single values.

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex};

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom as _, SystemRandom};

use crate::instance::lock;

/// Random bytes that are drawn at a time.
const DRAWN: usize = 256 * NONCE_LEN;

/// Seals and opens values for one purpose, by AES-256-GCM. A sealed value is its nonce of 12 random bytes,
/// the encrypted bytes, and a tag of 16 bytes. Random nonces are safe for some 4,000 million values of one
/// key (NIST SP 800-38D, 8.3).
#[derive(Clone)]
pub struct Sealer {
    key: Arc<LessSafeKey>,
    nonces: Arc<Mutex<Nonces>>,
}

/// Random bytes that were drawn and not used.
struct Nonces {
    drawn: [u8; DRAWN],
    used: usize,
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer")
    }
}

impl Sealer {
    pub(super) fn new(key: &[u8; 32]) -> io::Result<Self> {
        let key = UnboundKey::new(&AES_256_GCM, key)
            .map_err(|_| io::Error::other("the key cannot be used"))?;
        Ok(Self {
            key: Arc::new(LessSafeKey::new(key)),
            nonces: Arc::new(Mutex::new(Nonces {
                drawn: [0; DRAWN],
                used: DRAWN,
            })),
        })
    }

    /// Bytes that sealing adds.
    pub const OVERHEAD: usize = NONCE_LEN + 16;

    /// Seals `plain` together with what it belongs to, which is not in the result.
    ///
    /// # Errors
    /// When the system has no random numbers to give.
    pub fn seal(&self, belongs_to: &[u8], plain: &[u8]) -> io::Result<Vec<u8>> {
        let nonce = lock(&self.nonces).next()?;
        let mut sealed = Vec::with_capacity(plain.len() + Self::OVERHEAD);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(plain);
        let tag = self
            .key
            .seal_in_place_separate_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(belongs_to),
                sealed.get_mut(NONCE_LEN..).unwrap_or_default(),
            )
            .map_err(|_| io::Error::other("the value is too long to be encrypted"))?;
        sealed.extend_from_slice(tag.as_ref());
        Ok(sealed)
    }

    /// Undoes [`Self::seal`]; `None` when the bytes were changed, belong to something else, or were sealed
    /// with another key.
    pub fn open(&self, belongs_to: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, encrypted) = sealed.split_first_chunk::<NONCE_LEN>()?;
        let mut plain = encrypted.to_vec();
        let length = self
            .key
            .open_in_place(
                Nonce::assume_unique_for_key(*nonce),
                Aad::from(belongs_to),
                &mut plain,
            )
            .ok()?
            .len();
        plain.truncate(length);
        Some(plain)
    }
}

impl Nonces {
    fn next(&mut self) -> io::Result<[u8; NONCE_LEN]> {
        if self.used == DRAWN {
            fill_random(&mut self.drawn)?;
            self.used = 0;
        }
        let mut nonce = [0; NONCE_LEN];
        nonce.copy_from_slice(&self.drawn[self.used..self.used + NONCE_LEN]);
        self.used += NONCE_LEN;
        Ok(nonce)
    }
}

/// Random bytes of the system.
pub(super) fn fill_random(bytes: &mut [u8]) -> io::Result<()> {
    SystemRandom::new()
        .fill(bytes)
        .map_err(|_| io::Error::other("the system gives no random numbers"))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn what_was_changed_does_not_open() {
        let sealer = Sealer::new(&[3; 32]).unwrap();
        for plain in [&b""[..], b"x", &[7; 70_000]] {
            let sealed = sealer.seal(b"here", plain).unwrap();
            assert_eq!(sealed.len(), plain.len() + Sealer::OVERHEAD);
            assert_eq!(sealer.open(b"here", &sealed).as_deref(), Some(plain));
            assert_eq!(sealer.open(b"there", &sealed), None);
            assert_eq!(Sealer::new(&[4; 32]).unwrap().open(b"here", &sealed), None);
            for at in [0, sealed.len() / 2, sealed.len() - 1] {
                let mut changed = sealed.clone();
                changed[at] ^= 1;
                assert_eq!(sealer.open(b"here", &changed), None, "byte {at}");
            }
            assert_eq!(sealer.open(b"here", &sealed[..sealed.len() - 1]), None);
        }
        assert_eq!(sealer.open(b"here", b"short"), None);
    }

    #[test]
    fn no_nonce_comes_twice_also_between_clones() {
        let sealer = Sealer::new(&[3; 32]).unwrap();
        let clone = sealer.clone();
        let mut seen = HashSet::new();
        for n in 0..2_000 {
            let of = if n % 3 == 0 { &clone } else { &sealer };
            let sealed = of.seal(b"", b"same").unwrap();
            assert!(seen.insert(sealed[..NONCE_LEN].to_vec()));
        }
    }
}
