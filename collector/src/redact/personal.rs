//! What names a person: e-mail addresses, payment cards, bank accounts.

use std::ops::Range;

use super::formats::{CARD_NUMBER, IBAN};
use super::place::{is_boundary, run_after, run_before};

/// Domains that belong to nobody (RFC 2606 and 6761).
const NOBODYS: [&str; 8] = [
    "example.com",
    "example.org",
    "example.net",
    ".example",
    ".test",
    ".invalid",
    ".localhost",
    ".local",
];
/// Endings of file names that stand where a top-level domain would.
const FILE_ENDINGS: [&str; 14] = [
    "png", "jpg", "jpeg", "gif", "svg", "webp", "avif", "css", "js", "mjs", "ts", "tsx", "json",
    "html",
];
/// Senders that are programs.
const PROGRAMS: [&str; 4] = ["git", "noreply", "no-reply", "donotreply"];

/// The address around the `@` at `at`.
pub(super) fn email(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    let is_local = |byte: u8| byte.is_ascii_alphanumeric() || b"._%+-".contains(&byte);
    let is_domain = |byte: u8| byte.is_ascii_alphanumeric() || b".-".contains(&byte);
    let start = run_before(bytes, at, 64, is_local);
    let end = run_after(bytes, at + 1, 253, is_domain);
    let local = String::from_utf8_lossy(bytes.get(start..at)?).to_ascii_lowercase();
    let domain = String::from_utf8_lossy(&bytes[at + 1..end]).to_ascii_lowercase();
    let trimmed = domain.trim_end_matches(['.', '-']);
    let (host, ending) = trimmed.rsplit_once('.')?;
    let is_address = local.bytes().any(|byte| byte.is_ascii_alphanumeric())
        && ending.len() >= 2
        && ending.bytes().all(|byte| byte.is_ascii_alphabetic())
        && !host.is_empty()
        && !host.split('.').any(str::is_empty)
        && !FILE_ENDINGS.contains(&ending)
        && !PROGRAMS.contains(&local.as_str())
        && !NOBODYS.iter().any(|nobody| {
            trimmed == nobody.trim_start_matches('.')
                || trimmed.ends_with(nobody)
                    && (nobody.starts_with('.') || trimmed.ends_with(&format!(".{nobody}")))
        });
    is_address.then_some(start..at + 1 + trimmed.len())
}

/// Hands card numbers and bank account numbers to `tell`.
pub(super) fn numbers(bytes: &[u8], mut tell: impl FnMut(&'static str, Range<usize>)) {
    let mut at = 0;
    while at < bytes.len() {
        let byte = bytes[at];
        if !byte.is_ascii_digit() && !byte.is_ascii_uppercase() {
            at += 1;
            continue;
        }
        let is_free = is_boundary(bytes, at)
            && !matches!(
                at.checked_sub(1).map(|before| bytes[before]),
                Some(b'.' | b'-' | b'/' | b'+')
            );
        if is_free {
            let found = if byte.is_ascii_digit() {
                card(bytes, at).map(|end| (CARD_NUMBER, end))
            } else {
                iban(bytes, at).map(|end| (IBAN, end))
            };
            if let Some((kind, end)) = found {
                tell(kind, at..end);
                at = end;
                continue;
            }
        }
        at = run_after(bytes, at, usize::MAX, |byte| byte.is_ascii_alphanumeric()).max(at + 1);
    }
}

/// Where the card number that begins at `at` ends.
fn card(bytes: &[u8], at: usize) -> Option<usize> {
    let is_digit = |byte: u8| byte.is_ascii_digit();
    let mut groups = [0; 5];
    let mut count = 0;
    let mut end = at;
    let mut ends = [0; 5];
    let mut separator = None;
    while count < groups.len() {
        let group_end = run_after(bytes, end, 20, is_digit);
        if group_end == end {
            break;
        }
        groups[count] = group_end - end;
        ends[count] = group_end;
        count += 1;
        let next = bytes.get(group_end).copied();
        if !matches!(next, Some(b' ' | b'-')) || separator.is_some_and(|known| Some(known) != next)
        {
            break;
        }
        separator = next;
        end = group_end + 1;
    }
    let used = match groups {
        [13..=19, ..] => 1,
        [4, 4, 4, 4, 3] if count == 5 => 5,
        [4, 4, 4, 4, _] if count >= 4 => 4,
        [4, 6, 5 | 4, _, _] if count >= 3 => 3,
        _ => return None,
    };
    let end = ends[used - 1];
    if bytes
        .get(end)
        .is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
    {
        return None;
    }
    let digits: Vec<u8> = bytes[at..end]
        .iter()
        .filter(|byte| byte.is_ascii_digit())
        .map(|byte| byte - b'0')
        .collect();
    (is_issued(&digits) && has_check_digit(&digits)).then_some(end)
}

/// Whether an issuer's numbers begin so and are so long.
fn is_issued(digits: &[u8]) -> bool {
    let head = digits
        .iter()
        .take(4)
        .fold(0_u32, |sum, digit| sum * 10 + u32::from(*digit));
    match (head, digits.len()) {
        (4000..=4999, 13 | 16 | 19)
        | (5100..=5599 | 2221..=2720, 16)
        | (3400..=3499 | 3700..=3799, 15)
        | (3000..=3059 | 3600..=3699 | 3800..=3999, 14..=19)
        | (6011 | 6440..=6599 | 3528..=3589 | 6200..=6299, 16..=19)
        | (5018 | 5020 | 5038 | 6304 | 6759 | 6761..=6763, 13..=19) => {}
        _ => return false,
    }
    digits
        .iter()
        .any(|digit| *digit != digits[digits.len() - 1])
}

/// Luhn's check.
fn has_check_digit(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| {
            let digit = u32::from(*digit);
            match (place % 2, digit * 2) {
                (0, _) => digit,
                (_, doubled @ 10..) => doubled - 9,
                (_, doubled) => doubled,
            }
        })
        .sum();
    sum.is_multiple_of(10)
}

/// Country and length of its account numbers (ISO 13616 registry).
const IBAN_LENGTHS: [(&[u8; 2], usize); 42] = [
    (b"AD", 24),
    (b"AE", 23),
    (b"AT", 20),
    (b"BE", 16),
    (b"BG", 22),
    (b"BR", 29),
    (b"CH", 21),
    (b"CY", 28),
    (b"CZ", 24),
    (b"DE", 22),
    (b"DK", 18),
    (b"EE", 20),
    (b"ES", 24),
    (b"FI", 18),
    (b"FR", 27),
    (b"GB", 22),
    (b"GR", 27),
    (b"HR", 21),
    (b"HU", 28),
    (b"IE", 22),
    (b"IL", 23),
    (b"IS", 26),
    (b"IT", 27),
    (b"LI", 21),
    (b"LT", 20),
    (b"LU", 20),
    (b"LV", 21),
    (b"MC", 27),
    (b"MT", 31),
    (b"NL", 18),
    (b"NO", 15),
    (b"PL", 28),
    (b"PT", 25),
    (b"QA", 29),
    (b"RO", 24),
    (b"RS", 22),
    (b"SA", 24),
    (b"SE", 24),
    (b"SI", 19),
    (b"SK", 24),
    (b"TR", 26),
    (b"UA", 29),
];

/// Where the bank account number that begins at `at` ends.
fn iban(bytes: &[u8], at: usize) -> Option<usize> {
    let country: [u8; 2] = bytes.get(at..at + 2)?.try_into().ok()?;
    let (_, length) = IBAN_LENGTHS.iter().find(|(known, _)| **known == country)?;
    if !bytes.get(at + 2..at + 4)?.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let mut signs = Vec::with_capacity(*length);
    let mut end = at;
    while signs.len() < *length {
        let byte = *bytes.get(end)?;
        // Written in groups of four.
        if byte == b' ' && signs.len().is_multiple_of(4) {
            end += 1;
            continue;
        }
        if !byte.is_ascii_digit() && !byte.is_ascii_uppercase() {
            return None;
        }
        signs.push(byte);
        end += 1;
    }
    if bytes
        .get(end)
        .is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
    {
        return None;
    }
    signs.rotate_left(4);
    let rest = signs.iter().fold(0_u32, |rest, sign| match sign {
        b'0'..=b'9' => (rest * 10 + u32::from(sign - b'0')) % 97,
        letter => (rest * 100 + u32::from(letter - b'A') + 10) % 97,
    });
    (rest == 1).then_some(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<&str> {
        let mut found = Vec::new();
        numbers(text.as_bytes(), |_, range| found.push(&text[range]));
        found
    }

    #[test]
    fn numbers_have_their_check_digits() {
        assert_eq!(
            found("card 4111 1111 1111 1111 12/27"),
            ["4111 1111 1111 1111"]
        );
        assert_eq!(found("\"378282246310005\""), ["378282246310005"]);
        assert_eq!(found("pay 5555-5555-5555-4444."), ["5555-5555-5555-4444"]);
        assert_eq!(
            found("4111111111111112 0.4111111111111111 x4111111111111111"),
            [""; 0]
        );
        assert_eq!(found("1763748000123456 1763748000123"), [""; 0]);
        assert_eq!(
            found("to DE89 3704 0044 0532 0130 00 today"),
            ["DE89 3704 0044 0532 0130 00"]
        );
        assert_eq!(found("DE88370400440532013000"), [""; 0]);
    }

    #[test]
    fn addresses_are_of_people() {
        let find = |text: &'static str| {
            email(text.as_bytes(), text.find('@').unwrap()).map(|range| &text[range])
        };
        assert_eq!(
            find("mail ada.l+x@sub.acme.io."),
            Some("ada.l+x@sub.acme.io")
        );
        assert_eq!(find(r"a\nada@acme.io\n"), Some("ada@acme.io"));
        for other in [
            "git@github.com:a/b",
            "icon@2x.png",
            "actions/checkout@v4.2",
            "user@example.com",
            "a@b",
            "noreply@acme.io",
            "@types/node",
            "pkg@1.2.3",
            "me@host.test",
        ] {
            assert_eq!(find(other), None, "{other}");
        }
    }
}
