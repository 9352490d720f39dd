//! Undoing compression within the size limit and the memory reservation.

use std::io::Read;

use bytes::Bytes;
use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};

use super::admission::Permit;
use super::refusal::Refusal;
use crate::ingest::Busy;

/// How a body is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compression {
    Identity,
    Gzip,
    Deflate,
    Zstd,
}

/// The encodings that senders may use, for messages and headers.
pub(super) const ACCEPTED: &str = "gzip, zstd, deflate, identity";

impl Compression {
    /// Reads the value of `Content-Encoding` or `grpc-encoding`.
    pub(super) fn from_header(value: &[u8]) -> Result<Self, Refusal> {
        let name = String::from_utf8_lossy(value).trim().to_ascii_lowercase();
        match name.as_str() {
            "" | "identity" | "none" => Ok(Self::Identity),
            "gzip" | "x-gzip" => Ok(Self::Gzip),
            "deflate" | "zlib" => Ok(Self::Deflate),
            "zstd" => Ok(Self::Zstd),
            _ => Err(Refusal::Unsupported(format!(
                "the compression `{}` is not supported: use one of {ACCEPTED}",
                name.chars().take(80).collect::<String>()
            ))),
        }
    }
}

/// Returns the decompressed body. Never holds more than `limit` bytes of it, whatever the compressed
/// ones promise; all of them are reserved in `permit` first.
pub(super) fn decompress(
    compression: Compression,
    bytes: Bytes,
    limit: usize,
    permit: &mut Permit,
) -> Result<Bytes, Refusal> {
    match compression {
        Compression::Identity => Ok(bytes),
        Compression::Gzip => inflate(MultiGzDecoder::new(&bytes[..]), bytes.len(), limit, permit),
        // The standard means zlib by "deflate"; some senders mean the bare stream.
        Compression::Deflate if has_zlib_header(&bytes) => {
            inflate(ZlibDecoder::new(&bytes[..]), bytes.len(), limit, permit)
        }
        Compression::Deflate => {
            inflate(DeflateDecoder::new(&bytes[..]), bytes.len(), limit, permit)
        }
        Compression::Zstd => {
            let mut decoder = zstd::stream::read::Decoder::with_buffer(&bytes[..])
                .map_err(|_| Refusal::Internal)?;
            // A window beyond the limit has no use: refuse it before it is allocated.
            let window = limit.next_power_of_two().ilog2().clamp(23, 31);
            decoder
                .window_log_max(window)
                .map_err(|_| Refusal::Internal)?;
            inflate(decoder, bytes.len(), limit, permit)
        }
    }
}

fn has_zlib_header(bytes: &[u8]) -> bool {
    let [first, second, ..] = bytes else {
        return false;
    };
    first & 0x0f == 8 && (u16::from(*first) << 8 | u16::from(*second)) % 31 == 0
}

fn inflate(
    mut reader: impl Read,
    compressed_len: usize,
    limit: usize,
    permit: &mut Permit,
) -> Result<Bytes, Refusal> {
    let mut out = Vec::new();
    let mut chunk = vec![0; 64 * 1024];
    loop {
        let n = reader.read(&mut chunk).map_err(|error| {
            Refusal::Invalid(format!(
                "the compressed body cannot be decompressed: {error}"
            ))
        })?;
        if n == 0 {
            return Ok(out.into());
        }
        let len = out.len() + n;
        if len > limit {
            return Err(Refusal::TooLarge { limit });
        }
        if len > out.capacity() {
            let capacity = (len * 2).min(limit);
            if !permit.try_grow_to(compressed_len + capacity) {
                return Err(Refusal::Busy(Busy::Memory));
            }
            out.reserve_exact(capacity - out.len());
        }
        out.extend_from_slice(&chunk[..n]);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::super::admission::Budget;
    use super::*;

    const TEXT: &[u8] = b"the same words, the same words, the same words";

    fn with_limit(
        compression: Compression,
        bytes: Vec<u8>,
        limit: usize,
    ) -> Result<Bytes, Refusal> {
        let mut permit = Budget::new(1 << 30).permit();
        decompress(compression, bytes.into(), limit, &mut permit)
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn every_compression_is_undone() {
        let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        zlib.write_all(TEXT).unwrap();
        let mut bare = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
        bare.write_all(TEXT).unwrap();
        let two_members = [gzip(&TEXT[..9]), gzip(&TEXT[9..])].concat();
        for (compression, bytes) in [
            (Compression::Identity, TEXT.to_vec()),
            (Compression::Gzip, gzip(TEXT)),
            (Compression::Gzip, two_members),
            (Compression::Deflate, zlib.finish().unwrap()),
            (Compression::Deflate, bare.finish().unwrap()),
            (Compression::Zstd, zstd::encode_all(TEXT, 3).unwrap()),
        ] {
            assert_eq!(with_limit(compression, bytes, TEXT.len()).unwrap(), TEXT);
        }
    }

    #[test]
    fn a_bomb_stops_at_the_limit() {
        let zeros = vec![0; 64 << 20];
        let limit = 1 << 20;
        for (compression, bytes) in [
            (Compression::Gzip, gzip(&zeros)),
            (Compression::Zstd, zstd::encode_all(&zeros[..], 19).unwrap()),
        ] {
            assert!(bytes.len() < 100_000);
            let refusal = with_limit(compression, bytes, limit).unwrap_err();
            assert!(
                matches!(refusal, Refusal::TooLarge { .. } | Refusal::Invalid(_)),
                "{refusal:?}"
            );
        }
    }

    #[test]
    fn cut_streams_are_invalid() {
        for (compression, mut bytes) in [
            (Compression::Gzip, gzip(TEXT)),
            (Compression::Zstd, zstd::encode_all(TEXT, 3).unwrap()),
        ] {
            bytes.truncate(bytes.len() - 6);
            assert!(matches!(
                with_limit(compression, bytes, 1000),
                Err(Refusal::Invalid(_))
            ));
        }
    }
}
