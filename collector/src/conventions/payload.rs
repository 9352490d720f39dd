//! The payloads of one request, each text once, and its repeated words shared.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use proto::Hashing;
use proto::agent::{Payload, PayloadRef};

/// Longest string, in bytes, that stays inside an attributes object.
pub(super) const INLINE_MAX: usize = 2048;

/// Collects the large texts of one request by content, and hands out one allocation per word.
#[derive(Default)]
pub(super) struct Bag {
    hashing: Hashing,
    index: HashMap<[u8; 32], usize>,
    payloads: Vec<Payload>,
    words: HashSet<Arc<str>>,
    /// Texts of the message at hand, by the number that stands for each in it.
    lifted: Vec<PayloadRef>,
}

impl Bag {
    pub(super) fn new(hashing: Hashing) -> Self {
        Self {
            hashing,
            ..Self::default()
        }
    }

    /// How what identifies texts of this request is made.
    pub(super) fn hashing(&self) -> Hashing {
        self.hashing
    }

    /// Takes a text in; moved, not copied, when it is new.
    pub(super) fn add(&mut self, text: String) -> PayloadRef {
        let address = self.hashing.address(text.as_bytes());
        if let std::collections::hash_map::Entry::Vacant(slot) = self.index.entry(address.hash) {
            slot.insert(self.payloads.len());
            self.payloads.push(Payload {
                address,
                bytes: text.into_bytes(),
            });
        }
        address
    }

    /// Takes a borrowed text in; copied only when it is new.
    pub(super) fn add_str(&mut self, text: &str) -> PayloadRef {
        let address = self.hashing.address(text.as_bytes());
        if let std::collections::hash_map::Entry::Vacant(slot) = self.index.entry(address.hash) {
            slot.insert(self.payloads.len());
            self.payloads.push(Payload {
                address,
                bytes: text.as_bytes().to_vec(),
            });
        }
        address
    }

    /// Takes a text of the message at hand in; returns the number that stands for it.
    pub(super) fn lift_text(&mut self, text: String) -> i32 {
        let number = i32::try_from(self.lifted.len()).unwrap_or(i32::MAX);
        let address = self.add(text);
        self.lifted.push(address);
        number
    }

    /// Texts of the message at hand.
    pub(super) fn lifted(&self) -> &[PayloadRef] {
        &self.lifted
    }

    /// Makes another message the one at hand.
    pub(super) fn set_lifted(&mut self, texts: &[PayloadRef]) {
        self.lifted.clear();
        self.lifted.extend_from_slice(texts);
    }

    /// The text behind an address of this bag; empty for an address that is not in it.
    pub(super) fn text(&self, address: &PayloadRef) -> &str {
        self.index
            .get(&address.hash)
            .and_then(|at| self.payloads.get(*at))
            .and_then(|payload| std::str::from_utf8(&payload.bytes).ok())
            .unwrap_or("")
    }

    /// One shared allocation per distinct word of the request.
    pub(super) fn word(&mut self, text: &str) -> Arc<str> {
        if let Some(word) = self.words.get(text) {
            return word.clone();
        }
        let word: Arc<str> = text.into();
        self.words.insert(word.clone());
        word
    }

    pub(super) fn into_payloads(self) -> Vec<Payload> {
        self.payloads
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_each_text_once() {
        let mut bag = Bag::default();
        let first = bag.add("same".to_owned());
        let second = bag.add_str("same");
        assert_eq!(first, second);
        assert_eq!(bag.text(&first), "same");
        assert_eq!(bag.into_payloads().len(), 1);
    }
}
