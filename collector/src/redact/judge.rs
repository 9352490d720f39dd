//! Whether a value looks like a secret, or like something that stands for one.

/// Shannon entropy of the bytes, in bits per byte.
pub(super) fn entropy_bits(bytes: &[u8]) -> f64 {
    let mut counts = [0_u32; 256];
    for byte in bytes {
        counts[usize::from(*byte)] += 1;
    }
    let len = bytes.len() as f64;
    counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| {
            let share = f64::from(*count) / len;
            -share * share.log2()
        })
        .sum()
}

/// Words that manuals and tests put where a secret goes.
const STAND_INS: [&[u8]; 15] = [
    b"example",
    b"xxxx",
    b"your",
    b"placeholder",
    b"dummy",
    b"sample",
    b"redacted",
    b"changeme",
    b"change_me",
    b"change-me",
    b"0123456789",
    b"1234567890",
    b"abcdefgh",
    b"...",
    b"****",
];

/// Whether a value is a template, or a stand-in such as manuals use.
pub(super) fn is_placeholder(value: &[u8]) -> bool {
    let Some(first) = value.first() else {
        return true;
    };
    if b"$<{%*@[".contains(first) || value.iter().all(|byte| byte == first) {
        return true;
    }
    let has = |word: &[u8]| {
        value
            .windows(word.len())
            .any(|window| window.eq_ignore_ascii_case(word))
    };
    has(b"${") || has(b"{{") || STAND_INS.iter().any(|word| has(word))
}

#[derive(PartialEq, Eq, Clone, Copy)]
enum Class {
    Lower,
    Upper,
    Digit,
    Other,
}

fn class(byte: u8) -> Class {
    match byte {
        b'a'..=b'z' => Class::Lower,
        b'A'..=b'Z' => Class::Upper,
        b'0'..=b'9' => Class::Digit,
        _ => Class::Other,
    }
}

/// Shortest value, and shortest stretch within it without a separator, that can look random.
const RANDOM_BYTES: usize = 16;
const RANDOM_STRETCH: usize = 12;
/// Random characters of base64 measure 4 bits and more at this length, hexadecimal ones 3 and more.
const RANDOM_ENTROPY: f64 = 2.9;

/// Whether a value looks as if a machine had drawn it: long, without a regular word in it.
///
/// Names are words joined by separators or by capitals; in a drawn value the kind of character
/// changes every few places within one stretch.
pub(super) fn looks_random(value: &[u8]) -> bool {
    if value.len() < RANDOM_BYTES
        || value.iter().any(|byte| !byte.is_ascii_graphic())
        || entropy_bits(value) < RANDOM_ENTROPY
    {
        return false;
    }
    value
        .split(|byte| b"-_./:,@~".contains(byte))
        .any(|stretch| {
            let changes = stretch
                .windows(2)
                .filter(|pair| class(pair[0]) != class(pair[1]))
                .count();
            let has = |wanted: Class| stretch.iter().any(|byte| class(*byte) == wanted);
            // Words that are joined by capitals change case, too.
            let fewest = if has(Class::Lower) && has(Class::Upper) {
                stretch.len() * 2
            } else {
                stretch.len()
            };
            stretch.len() >= RANDOM_STRETCH
                && changes * 5 >= fewest
                && has(Class::Digit)
                && (has(Class::Lower) || has(Class::Upper))
        })
}

/// Whether a value looks like a password that somebody was made to choose: eight characters or more
/// with a digit and three of lower case, upper case, digits and signs.
pub(super) fn looks_like_password(value: &[u8]) -> bool {
    if !(8..=64).contains(&value.len())
        || value
            .iter()
            .any(|byte| !byte.is_ascii_graphic() || b"(){}<>/".contains(byte))
    {
        return false;
    }
    let has = |wanted: Class| value.iter().any(|byte| class(*byte) == wanted);
    let has_sign = value
        .iter()
        .any(|byte| class(*byte) == Class::Other && !b"._-".contains(byte));
    let kinds = [
        has(Class::Lower),
        has(Class::Upper),
        has(Class::Digit),
        has_sign,
    ];
    has(Class::Digit) && kinds.into_iter().filter(|has| *has).count() >= 3
}

/// Values that say what belongs in a place, or that there is nothing.
const WORDS_FOR_NOTHING: [&[u8]; 20] = [
    b"null",
    b"none",
    b"nil",
    b"true",
    b"false",
    b"undefined",
    b"string",
    b"str",
    b"text",
    b"bool",
    b"boolean",
    b"number",
    b"integer",
    b"object",
    b"required",
    b"optional",
    b"default",
    b"empty",
    b"hidden",
    b"secret",
];

/// Whether a value is a word for no value, or for the type of one.
pub(super) fn is_word_for_nothing(value: &[u8]) -> bool {
    WORDS_FOR_NOTHING
        .iter()
        .any(|word| value.eq_ignore_ascii_case(word))
}

/// What examples write for a password in an address.
const EXAMPLE_PASSWORDS: [&[u8]; 10] = [
    b"password",
    b"passwd",
    b"pass",
    b"pwd",
    b"secret",
    b"user",
    b"username",
    b"pw",
    b"mypassword",
    b"token",
];

/// Whether this is what examples write for a password in an address.
pub(super) fn is_example_password(value: &[u8]) -> bool {
    EXAMPLE_PASSWORDS
        .iter()
        .any(|word| value.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drawn_values_look_random_and_names_do_not() {
        for drawn in [
            "9f86d081884c7d659a2feaa0c55ad015",
            "wJalrXUtnFEMI7K7MDENGbPxRfiCYzK1m2n3b4v5",
            "f3c1b9a0-7d2e-4a51-9c3b-0e8d7f6a5b4c",
        ] {
            assert!(looks_random(drawn.as_bytes()), "{drawn}");
        }
        for name in [
            "my-service-token-v2",
            "projects/acme/secrets/billing-2024",
            "getServiceAccountToken2",
            "20240601T120000Z0000",
            "input_tokens_total_2",
            "two words 1a2b3c4d5e6f",
        ] {
            assert!(!looks_random(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn stand_ins_are_known() {
        for value in [
            "",
            "xxxxxxxx",
            "YOUR_API_KEY",
            "${TOKEN}",
            "<token>",
            "AKIAIOSFODNN7EXAMPLE",
        ] {
            assert!(is_placeholder(value.as_bytes()), "{value}");
        }
        assert!(!is_placeholder(b"Tr0ub4dor&3"));
        assert!(looks_like_password(b"Tr0ub4dor&3"));
        assert!(!looks_like_password(b"correcthorse"));
    }
}
