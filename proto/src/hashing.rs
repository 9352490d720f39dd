//! What identifies a text: a hash of its bytes.

use std::fmt;

use crate::agent::PayloadRef;

/// How texts are hashed: by BLAKE3, or by BLAKE3 with a key, so that nobody without the key can tell
/// by a hash whether a text that they guess is what stands behind it.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Hashing(Option<[u8; 32]>);

impl Hashing {
    /// Hashing with a key.
    pub fn keyed(key: [u8; 32]) -> Self {
        Self(Some(key))
    }

    /// A hasher that nothing was given yet.
    pub fn hasher(&self) -> blake3::Hasher {
        match &self.0 {
            Some(key) => blake3::Hasher::new_keyed(key),
            None => blake3::Hasher::new(),
        }
    }

    /// The hash of `bytes`.
    pub fn hash(&self, bytes: &[u8]) -> [u8; 32] {
        let hash = match &self.0 {
            Some(key) => blake3::keyed_hash(key, bytes),
            None => blake3::hash(bytes),
        };
        hash.into()
    }

    /// The address of `bytes`.
    pub fn address(&self, bytes: &[u8]) -> PayloadRef {
        PayloadRef {
            hash: self.hash(bytes),
            size_bytes: bytes.len() as u64,
        }
    }
}

impl fmt::Debug for Hashing {
    /// Whether there is a key, and not the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "keyed" } else { "plain" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_changes_every_hash_and_is_not_told() {
        let plain = Hashing::default();
        let keyed = Hashing::keyed([7; 32]);
        assert_eq!(plain.address(b"text"), PayloadRef::of(b"text"));
        assert_ne!(keyed.hash(b"text"), plain.hash(b"text"));
        assert_ne!(keyed.hash(b"text"), Hashing::keyed([8; 32]).hash(b"text"));
        for hashing in [plain, keyed] {
            let mut hasher = hashing.hasher();
            hasher.update(b"te").update(b"xt");
            assert_eq!(*hasher.finalize().as_bytes(), hashing.hash(b"text"));
        }
        assert_eq!(format!("{keyed:?}"), "keyed");
    }
}
