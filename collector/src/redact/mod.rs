//! Redaction: secrets and personal data are replaced in a request before anything of it is on disk.
//!
//! Pure but for counters. What is replaced is gone: a mark stands in its place, and how many of each
//! kind there were is noted on the record as [`COUNTED`] attributes, so that sessions can be asked.
//! Everything else of a request, ids, times and names of attributes, stays as it is.
//!
//! - `formats`, `header`, `assign`, `personal`: what is looked for, and why;
//! - `judge`, `place`: what looks drawn, and where a token may begin;
//! - `scan`: one text; `walk`: all texts of a request; `key`: what digests are made with.

mod assign;
mod formats;
mod header;
mod judge;
mod key;
mod personal;
mod place;
mod scan;
mod settings;
mod walk;

use std::sync::atomic::{AtomicU64, Ordering};

use proto::Request;

pub use key::load_or_draw as load_or_draw_key;
use scan::{Finding, MARK, Scanner, is_drawn};
pub use settings::{Mode, Settings, SettingsError};

/// Beginning of the attributes that say how often something of a kind was replaced in a record; the
/// kind follows.
pub const COUNTED: &str = "spanreel.redacted.";

/// Length of the key that digests in marks are made with.
pub const KEY_BYTES: usize = 32;

/// Bytes of a digest that are shown. Two tell secrets of a session apart, and leave so many secrets
/// with the same digest that it leads nobody to one.
const DIGEST_BYTES: usize = 2;

/// Every built-in kind: its name, what it finds, and whether only `strict` looks for it.
pub fn kinds_told() -> impl Iterator<Item = (&'static str, String, bool)> {
    scan::all_kinds().map(|(kind, is_personal)| {
        let of_formats = formats::FORMATS
            .iter()
            .filter(move |format| format.kind == kind)
            .map(|format| format.reason);
        let others = formats::OTHERS
            .iter()
            .filter(move |(name, _, _)| *name == kind)
            .map(|(_, what, _)| *what);
        let reasons: Vec<&str> = of_formats.chain(others).collect();
        (kind, reasons.join("; "), is_personal)
    })
}

fn kinds() -> impl Iterator<Item = &'static str> {
    scan::all_kinds().map(|(kind, _)| kind)
}

/// Replaces what settings say. Shared by all receivers.
pub struct Redactor {
    scanner: Scanner,
    key: [u8; KEY_BYTES],
    /// Per kind, since the start.
    counts: Vec<AtomicU64>,
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The key is nobody's business.
        f.debug_struct("Redactor")
            .field("kinds", &self.scanner.kinds().len())
            .finish_non_exhaustive()
    }
}

/// How often each kind was replaced in one record, by number of the kind.
#[derive(Default)]
struct Tally(Vec<(usize, u32)>);

impl Tally {
    fn add(&mut self, kind: usize) {
        match self.0.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, count)) => *count += 1,
            None => self.0.push((kind, 1)),
        }
    }
}

impl Redactor {
    /// `None` in mode `off`. Digests are made with `key`: keep it for a data folder, so that equal
    /// secrets get equal marks, and never show it.
    ///
    /// # Errors
    /// When the patterns of the settings cannot be compiled together.
    pub fn new(settings: &Settings, key: [u8; KEY_BYTES]) -> Result<Option<Self>, SettingsError> {
        if settings.mode() == Mode::Off {
            return Ok(None);
        }
        let scanner = Scanner::new(settings).map_err(SettingsError::of_patterns)?;
        let counts = scanner.kinds().iter().map(|_| AtomicU64::new(0)).collect();
        Ok(Some(Self {
            scanner,
            key,
            counts,
        }))
    }

    /// How much of each kind was replaced since the start; kinds that were not met are left out.
    pub fn counts(&self) -> Vec<(&str, u64)> {
        let kinds = self.scanner.kinds().iter();
        kinds
            .zip(&self.counts)
            .map(|(kind, count)| (kind.as_str(), count.load(Ordering::Relaxed)))
            .filter(|(_, count)| *count > 0)
            .collect()
    }

    /// Replaces what is secret in all texts of a request. True when something was.
    pub fn redact(&self, request: &mut Request) -> bool {
        walk::Walk::new(self).request(request)
    }

    /// `text` with marks in place of secrets; `None` when there are none.
    pub fn redacted(&self, text: &str) -> Option<String> {
        let mut found = Vec::new();
        let mut tally = Tally::default();
        self.replace(text, None, &mut found, &mut tally)
    }

    fn replace(
        &self,
        text: &str,
        name: Option<&str>,
        found: &mut Vec<Finding>,
        tally: &mut Tally,
    ) -> Option<String> {
        self.scanner.find(text, name, found);
        if found.is_empty() {
            return None;
        }
        let mut out = String::with_capacity(text.len());
        let mut from = 0;
        for finding in found.iter() {
            let secret = &text[finding.start..finding.end];
            let quote = quote_of_number(text, finding);
            out.push_str(&text[from..finding.start]);
            out.push_str(quote);
            self.mark(finding.kind, secret, &mut out);
            out.push_str(quote);
            from = finding.end;
            tally.add(finding.kind);
            self.counts[finding.kind].fetch_add(1, Ordering::Relaxed);
        }
        out.push_str(&text[from..]);
        Some(out)
    }

    fn mark(&self, kind: usize, secret: &str, out: &mut String) {
        let kind = &self.scanner.kinds()[kind];
        out.push_str(MARK);
        out.push_str(kind);
        if is_drawn(kind) {
            let digest = blake3::keyed_hash(&self.key, secret.as_bytes());
            out.push(':');
            out.push_str(&hex::encode(&digest.as_bytes()[..DIGEST_BYTES]));
        }
        out.push(']');
    }
}

/// A number that is the value of a JSON field needs quotes around its mark, escaped as those of the
/// field's name are.
fn quote_of_number<'a>(text: &'a str, finding: &Finding) -> &'a str {
    let before = text[..finding.start].trim_end_matches(' ');
    let after = text[finding.end..].trim_start_matches(' ');
    let Some(name) = before.strip_suffix(':') else {
        return "";
    };
    if !name.ends_with('"') || !after.starts_with([',', '}']) {
        return "";
    }
    let backslashes = name[..name.len() - 1]
        .bytes()
        .rev()
        .take_while(|byte| *byte == b'\\')
        .count();
    &name[name.len() - 1 - backslashes..]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redactor(settings: &str) -> Redactor {
        let settings = Settings::parse(settings).unwrap();
        Redactor::new(&settings, [7; KEY_BYTES]).unwrap().unwrap()
    }

    #[test]
    fn equal_secrets_look_equal_and_guessable_ones_show_nothing() {
        let redactor = redactor(r#"{"redact": "strict"}"#);
        let token = "ghp_q7Rt2Lk9Zx4Vb8Nm1Pc6Qw3Er5Ty7Ui9Op1A";
        let other = "ghp_A7Rt2Lk9Zx4Vb8Nm1Pc6Qw3Er5Ty7Ui9Op1A";
        let text = redactor
            .redacted(&format!("{token} {other} {token}"))
            .unwrap();
        let marks: Vec<&str> = text.split(' ').collect();
        assert_eq!(marks[0], marks[2]);
        assert_ne!(marks[0], marks[1]);
        assert!(marks[0].starts_with("[redacted:github_token:") && marks[0].len() == 28);
        assert_eq!(
            redactor
                .redacted("password=hunter2 for ada@acme.io")
                .unwrap(),
            "password=[redacted:secret_value] for [redacted:email]"
        );
        assert_eq!(
            redactor.counts(),
            [("github_token", 3), ("secret_value", 1), ("email", 1)]
        );
        assert_eq!(redactor.redacted(&text), None, "a mark is no secret");
    }

    #[test]
    fn json_stays_json() {
        let redactor = redactor(r#"{"redact": "strict"}"#);
        let texts = [
            r#"{"card": 4111111111111111, "token":"a\"b-secret"}"#,
            r#"{"a":"{\"card\":4111111111111111,\"password\":\"x\\\\y\\\"zz\"}"}"#,
            r#"["line\nada@acme.io\n", "\u0041da@acme.io"]"#,
        ];
        for text in texts {
            let redacted = redactor.redacted(text).unwrap();
            let json: serde_json::Value = serde_json::from_str(&redacted).unwrap();
            assert!(redacted.contains("[redacted:"), "{redacted}");
            if let Some(inner) = json["a"].as_str() {
                serde_json::from_str::<serde_json::Value>(inner).unwrap();
            }
        }
    }

    #[test]
    fn patterns_of_the_user_come_in_and_what_is_allowed_stays() {
        let redactor = redactor(
            r#"{"redact": "secrets", "patterns": {"ticket": "TICKET-\\d+", "inner": "<<(\\w+)>>"},
                "allow": ["^ghp_AAAA"]}"#,
        );
        assert_eq!(
            redactor
                .redacted("TICKET-12 <<me>> ghp_AAAA2Lk9Zx4Vb8Nm1Pc6Qw3Er5Ty7Ui9Op1A")
                .unwrap(),
            "[redacted:ticket] <<[redacted:inner]>> ghp_AAAA2Lk9Zx4Vb8Nm1Pc6Qw3Er5Ty7Ui9Op1A"
        );
        assert_eq!(redactor.redacted("ada@acme.io"), None);
    }

    #[test]
    fn any_text_is_survived() {
        let redactor = redactor(r#"{"redact": "strict"}"#);
        let words = [
            "password",
            "=",
            "\"",
            "\\",
            "é",
            "://",
            "@",
            "eyJ",
            ".",
            "-----BEGIN PRIVATE KEY-----",
            "Bearer ",
            "sk-",
            "authorization:",
            "4111",
            " ",
            "cookie:",
            "\n",
            "\u{1f600}",
            "AKIA",
            "%3D",
        ];
        let mut state = 1_u64;
        for _ in 0..3000 {
            let mut text = String::new();
            for _ in 0..12 {
                state = state
                    .wrapping_mul(6364136223846793005)
                    .wrapping_add(1442695040888963407);
                text.push_str(words[(state >> 33) as usize % words.len()]);
            }
            redactor.redacted(&text);
        }
    }
}
