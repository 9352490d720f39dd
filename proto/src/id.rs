//! Trace and span ids as OTLP defines them: 16 and 8 bytes, lower-case hex at every edge.

use std::fmt;
use std::str::FromStr;

/// An id text that is not hex of the right length.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {expected} hex digits")]
pub struct IdError {
    text: String,
    expected: usize,
}

macro_rules! id_type {
    ($(#[$doc:meta])* $name:ident, $bytes:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
        pub struct $name(pub [u8; $bytes]);

        impl $name {
            /// Reads an id as it crosses the wire; `None` unless it has the exact length and is not
            /// all zero (both are "invalid" in the OTLP specification).
            pub fn from_wire(bytes: &[u8]) -> Option<Self> {
                let id: [u8; $bytes] = bytes.try_into().ok()?;
                (id != [0; $bytes]).then_some(Self(id))
            }

            /// Lower-case hex.
            pub fn hex(&self) -> String {
                hex::encode(self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.hex())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.hex())
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                let mut id = [0; $bytes];
                hex::decode_to_slice(text, &mut id).map_err(|_| IdError {
                    text: text.chars().take(80).collect(),
                    expected: $bytes * 2,
                })?;
                Ok(Self(id))
            }
        }
    };
}

id_type!(
    /// A trace id (16 bytes).
    TraceId,
    16
);
id_type!(
    /// A span id (8 bytes).
    SpanId,
    8
);
