//! Splitting a text into pieces that later texts share, and packing a piece.
//!
//! Pure. Concatenating the pieces gives the text back, byte for byte.

use std::ops::Range;

use fastcdc::v2020::FastCDC;

/// Longest piece, raw: 2,048 of them (one vector of the engine) fit into memory.
pub(crate) const MAX_PIECE: usize = 64 * 1024;
/// Texts up to here are one piece unless they are a list.
const WHOLE: usize = 16 * 1024;
/// Neighbouring short elements of a list share a piece up to here, since a piece costs a row.
const SMALL: usize = 1024;
/// A string of a message is a piece of its own from here.
const LONG_STRING: usize = 256;
/// How deep such strings are below the elements of the list: message, parts, part, content of a
/// result, its part.
const STRING_DEPTH: usize = 5;

const MIN_CHUNK: usize = 4 * 1024;
const AVG_CHUNK: usize = 16 * 1024;

const ZSTD_LEVEL: i32 = 3;
/// Compressing less than this gains nothing.
const MIN_COMPRESSED: usize = 128;

/// How the bytes of a piece are packed; the number is what is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Codec {
    Raw = 0,
    Zstd = 1,
}

impl Codec {
    pub(crate) fn parse(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Raw),
            1 => Some(Self::Zstd),
            _ => None,
        }
    }
}

/// The pieces of `bytes`, in order, none empty, none longer than 64 KiB.
///
/// A conversation is resent with every model request, one message longer each time, and its texts come
/// again in answers, prompts, and tool calls of their own. Long strings of messages are pieces of
/// their own, without quotes and whatever surrounds them (roles, ids, markers of caches that move on), so
/// that only new ones are stored; what is between them is cut at the elements of the list.
pub fn split(bytes: &[u8]) -> Vec<Range<usize>> {
    let mut pieces = Vec::new();
    // Nesting of the elements: those of the list, or of the lists in a large object.
    let depth = match bytes.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'[') => 1,
        Some(b'{') if bytes.len() > WHOLE => 2,
        _ => {
            push(bytes, 0..bytes.len(), &mut pieces);
            return pieces;
        }
    };
    let mut start = 0;
    let mut from = 0;
    marks(bytes, depth, |mark| match mark {
        Mark::String(string) => {
            push(bytes, start..string.start, &mut pieces);
            push(bytes, string.clone(), &mut pieces);
            (start, from) = (string.end, string.end);
        }
        Mark::End(end) => {
            // Behind a quote a piece is a string, so nothing else may begin there.
            if end == start || bytes[end - 1] == b'"' {
                return;
            }
            // A long element stands alone, so that the cuts after it do not depend on what precedes it.
            if end - from >= SMALL {
                push(bytes, start..from, &mut pieces);
                push(bytes, from..end, &mut pieces);
                start = end;
            } else if end - start >= SMALL {
                push(bytes, start..end, &mut pieces);
                start = end;
            }
            from = end;
        }
    });
    push(bytes, start..bytes.len(), &mut pieces);
    pieces
}

/// A place in JSON where it may be cut.
enum Mark {
    /// What is between the quotes of a long string.
    String(Range<usize>),
    /// Where an element ends, before the comma or bracket behind it, so that the last element is the
    /// same piece once more follow.
    End(usize),
}

/// Finds the elements at a nesting of `element_depth`, and the long strings.
///
/// Looks at brackets and quotes only: a wrong guess costs sharing, never a byte.
fn marks(bytes: &[u8], element_depth: usize, mut each: impl FnMut(Mark)) {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => {
                let start = at + 1;
                let Some(end) = string_end(bytes, start) else {
                    return;
                };
                if end - start >= LONG_STRING && depth <= element_depth + STRING_DEPTH {
                    each(Mark::String(start..end));
                }
                at = end;
            }
            b'[' | b'{' => depth += 1,
            b']' | b'}' => {
                if depth == element_depth {
                    each(Mark::End(at));
                }
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return;
                }
            }
            b',' if depth == element_depth => each(Mark::End(at)),
            _ => {}
        }
        at += 1;
    }
}

/// Where the closing quote is of a string whose text begins at `start`.
fn string_end(bytes: &[u8], start: usize) -> Option<usize> {
    let mut at = start;
    loop {
        at += memchr::memchr2(b'"', b'\\', bytes.get(at..)?)?;
        if bytes[at] == b'"' {
            return Some(at);
        }
        at += 2;
    }
}

/// Where each element of a JSON list ends, before the comma or bracket behind it; `None` for anything
/// else.
pub(crate) fn list_elements(bytes: &[u8]) -> Option<Vec<usize>> {
    let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace())?;
    if *first != b'[' {
        return None;
    }
    let mut ends = Vec::new();
    marks(bytes, 1, |mark| {
        if let Mark::End(end) = mark {
            ends.push(end);
        }
    });
    Some(ends)
}

fn push(bytes: &[u8], range: Range<usize>, pieces: &mut Vec<Range<usize>>) {
    if range.is_empty() {
        return;
    }
    if range.len() <= WHOLE {
        pieces.push(range);
        return;
    }
    let start = range.start;
    pieces.extend(
        FastCDC::new(&bytes[range], MIN_CHUNK, AVG_CHUNK, MAX_PIECE)
            .map(|chunk| start + chunk.offset..start + chunk.offset + chunk.length),
    );
}

/// Packs one piece; the smaller of raw and compressed.
pub(crate) fn pack(
    compressor: &mut zstd::bulk::Compressor<'_>,
    raw: &[u8],
) -> std::io::Result<(Codec, Vec<u8>)> {
    if raw.len() >= MIN_COMPRESSED {
        let packed = compressor.compress(raw)?;
        if packed.len() < raw.len() {
            return Ok((Codec::Zstd, packed));
        }
    }
    Ok((Codec::Raw, raw.to_vec()))
}

/// A compressor for [`pack`].
pub(crate) fn compressor() -> std::io::Result<zstd::bulk::Compressor<'static>> {
    zstd::bulk::Compressor::new(ZSTD_LEVEL)
}

/// A decompressor for [`unpack`]; making one costs more than unpacking a piece.
pub(crate) fn decompressor() -> std::io::Result<zstd::bulk::Decompressor<'static>> {
    zstd::bulk::Decompressor::new()
}

/// Undoes [`pack`], checking the length, which is at most `longest`; `None` when the bytes are damaged.
pub(crate) fn unpack(
    decompressor: &mut zstd::bulk::Decompressor<'_>,
    codec: u8,
    packed: &[u8],
    raw_size: usize,
    longest: usize,
) -> Option<Vec<u8>> {
    let raw = match Codec::parse(codec)? {
        Codec::Raw => packed.to_vec(),
        Codec::Zstd => decompressor
            .decompress(packed, raw_size.min(longest))
            .ok()?,
    };
    (raw.len() == raw_size).then_some(raw)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bytes: &[u8]) -> Vec<Range<usize>> {
        let pieces = split(bytes);
        let mut at = 0;
        for piece in &pieces {
            assert_eq!(piece.start, at);
            assert!(!piece.is_empty() && piece.len() <= MAX_PIECE);
            at = piece.end;
        }
        assert_eq!(at, bytes.len());
        pieces
    }

    /// Text that no compressor and no chunker finds regular.
    fn noise(len: usize, seed: u64) -> String {
        let mut state = seed | 1;
        (0..len)
            .map(|_| {
                state = state.wrapping_mul(6364136223846793005).wrapping_add(1);
                char::from(b'a' + ((state >> 33) % 26) as u8)
            })
            .collect()
    }

    #[test]
    fn pieces_cover_any_bytes() {
        check(b"");
        check(b"[");
        check(b"[,,,]");
        check(b"[\"\\");
        check(b"]]]],,,[[[");
        check(b"  [1, {\"a\": [\",]\"]}, 3]trailing");
        check(noise(5 * 1024 * 1024, 7).as_bytes());
        check(&vec![0; 300_000]);
        check(&vec![b','; 300_000]);
        check(&vec![b'['; 300_000]);
    }

    #[test]
    fn longer_conversation_shares_all_earlier_pieces() {
        let message = |n: u64| format!("{{\"role\":\"user\",\"text\":\"{}\"}}", noise(3000, n));
        let list = |n: u64| format!("[{}]", (0..n).map(message).collect::<Vec<_>>().join(","));
        let (short, long) = (list(10), list(11));
        let texts = |text: &str| -> Vec<String> {
            check(text.as_bytes())
                .into_iter()
                .map(|piece| text[piece].to_owned())
                .collect()
        };
        let (short, long) = (texts(&short), texts(&long));
        // A text and what stands before it, each; but for the end of the list.
        assert_eq!((short.len(), long.len()), (21, 23));
        assert_eq!(short[..20], long[..20]);
    }

    #[test]
    fn a_text_is_one_piece_wherever_a_message_has_it() {
        let (said, short) = (noise(700, 1), "hi".repeat(20));
        let parts = |text: &str| {
            format!(
                "{{\"role\":\"user\",\"parts\":[{{\"type\":\"text\",\"content\":\"{text}\"}}]}}"
            )
        };
        let marked = |text: &str| {
            format!(
                "{{\"role\":\"user\",\"content\":[{{\"type\":\"text\",\"text\":\"{text}\",\"cache_control\":{{\"type\":\"ephemeral\"}}}}]}}"
            )
        };
        for list in [
            format!("[{}]", parts(&said)),
            format!("[{}, {}, {}]", parts(&short), parts(&said), parts(&short)),
            format!("[{},{}]", marked(&said), marked(&short)),
        ] {
            let pieces: Vec<&str> = check(list.as_bytes())
                .into_iter()
                .map(|piece| &list[piece])
                .collect();
            assert_eq!(pieces.len(), 3, "{pieces:?}");
            assert_eq!(pieces[1], said);
        }
        // What a tool was called with stays together unless it is large.
        let call = format!("{{\"path\":\"a\",\"text\":\"{said}\"}}");
        assert_eq!(check(call.as_bytes()).len(), 1);
        let escaped = format!("[\"{}\\\"\",\"{}\"]", said, said);
        assert_eq!(check(escaped.as_bytes()).len(), 5);
    }

    #[test]
    fn insertion_into_a_long_text_changes_few_pieces() {
        let text = noise(500_000, 3);
        let edited = format!("{}inserted{}", &text[..1000], &text[1000..]);
        let before: std::collections::HashSet<String> = check(text.as_bytes())
            .into_iter()
            .map(|piece| text[piece].to_owned())
            .collect();
        let after = check(edited.as_bytes());
        let fresh = after
            .iter()
            .filter(|piece| !before.contains(&edited[(*piece).clone()]))
            .count();
        assert!(fresh <= 2, "{fresh} of {}", after.len());
    }

    #[test]
    fn packed_piece_unpacks_to_the_same_bytes() {
        let mut compressor = compressor().unwrap();
        let mut decompressor = decompressor().unwrap();
        for raw in [
            Vec::new(),
            vec![0; 10],
            vec![0; MAX_PIECE],
            noise(MAX_PIECE, 5).into_bytes(),
        ] {
            let (codec, packed) = pack(&mut compressor, &raw).unwrap();
            let unpacked = unpack(
                &mut decompressor,
                codec as u8,
                &packed,
                raw.len(),
                MAX_PIECE,
            );
            assert_eq!(unpacked, Some(raw));
        }
        assert_eq!(unpack(&mut decompressor, 1, b"not zstd", 10, 10), None);
        assert_eq!(unpack(&mut decompressor, 9, b"", 0, 0), None);
    }
}
