//! Finding secrets in a text: one automaton over everything that can give one away, then a closer look
//! at each place that it names.

use std::collections::HashMap;
use std::ops::Range;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use regex::bytes::{Regex, RegexBuilder};

use super::assign::{self, Strictness};
use super::formats::{
    AUTHORIZATION, CARD_NUMBER, COOKIE, Check, EMAIL, FORMATS, Format, IBAN, OTHERS, PRIVATE_KEY,
    SECRET_VALUE, URL_PASSWORD,
};
use super::judge::{entropy_bits, is_placeholder};
use super::place::{is_boundary, run_after};
use super::{header, personal, settings::Settings};

/// What is looked at behind a literal; no token is longer.
const WINDOW_BYTES: usize = 32 * 1024;
/// Shorter texts hold no secret that can be told from a word.
const SHORTEST_BYTES: usize = 4;

/// Beginning of a mark.
pub(super) const MARK: &str = "[redacted:";
/// Longest rest of a mark before its bracket: the longest name, a colon and a digest.
const LONGEST_MARK: usize = 48;

/// Number of a kind, in the order of [`Scanner::kinds`].
pub(super) type Kind = usize;

/// A part of a text that is to be replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) kind: Kind,
    /// Of findings that overlap, the lower one names the kind.
    rank: u8,
}

/// What a literal may be the sign of.
#[derive(Clone, Copy)]
enum Sign {
    /// Number in [`FORMATS`].
    Format(usize),
    /// End of a name that secrets are assigned to.
    Name,
    PrivateKey,
    Authorization,
    Bearer,
    Cookie,
    Url,
    At,
}

struct Compiled {
    format: &'static Format,
    regex: Regex,
    kind: Kind,
}

/// Finds secrets as settings say. Holds no text.
pub(super) struct Scanner {
    automaton: AhoCorasick,
    signs: Vec<(Sign, &'static str)>,
    formats: Vec<Compiled>,
    kinds: Vec<String>,
    is_on: HashMap<&'static str, Kind>,
    strictness: Strictness,
    patterns: Vec<(Regex, Kind)>,
    allowed: Vec<Regex>,
}

impl Scanner {
    /// # Errors
    /// When an expression is too large to be compiled.
    pub(super) fn new(settings: &Settings) -> Result<Self, String> {
        let failed = |error: &dyn std::fmt::Display| error.to_string();
        let mut kinds: Vec<String> = Vec::new();
        let mut is_on = HashMap::new();
        for kind in super::kinds().filter(|kind| settings.looks_for(kind)) {
            is_on.insert(kind, kinds.len());
            kinds.push(kind.to_owned());
        }
        let mut formats = Vec::new();
        let mut signs = Vec::new();
        for format in FORMATS {
            let Some(kind) = is_on.get(format.kind) else {
                continue;
            };
            let sign = Sign::Format(formats.len());
            signs.extend(format.literals.iter().map(|literal| (sign, *literal)));
            let regex = RegexBuilder::new(&format!("^(?:{})", format.regex))
                .unicode(false)
                .build()
                .map_err(|error| failed(&error))?;
            formats.push(Compiled {
                format,
                regex,
                kind: *kind,
            });
        }
        let mut sign = |kind: &str, sign: Sign, literals: &[&'static str]| {
            if is_on.contains_key(kind) {
                signs.extend(literals.iter().map(|literal| (sign, *literal)));
            }
        };
        sign(SECRET_VALUE, Sign::Name, assign::NAMES);
        sign(PRIVATE_KEY, Sign::PrivateKey, &["-----BEGIN "]);
        sign(AUTHORIZATION, Sign::Authorization, &["authorization"]);
        sign(AUTHORIZATION, Sign::Bearer, &["bearer "]);
        sign(COOKIE, Sign::Cookie, &["cookie"]);
        sign(URL_PASSWORD, Sign::Url, &["://"]);
        sign(EMAIL, Sign::At, &["@"]);
        let automaton = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::Standard)
            .kind(Some(AhoCorasickKind::DFA))
            .build(signs.iter().map(|(_, literal)| literal))
            .map_err(|error| failed(&error))?;
        let patterns = settings
            .patterns()
            .map(|(name, regex)| {
                kinds.push(name.to_owned());
                (regex.clone(), kinds.len() - 1)
            })
            .collect();
        Ok(Self {
            automaton,
            signs,
            formats,
            kinds,
            is_on,
            strictness: settings.strictness(),
            patterns,
            allowed: settings.allowed().to_vec(),
        })
    }

    /// The names of all kinds that are looked for.
    pub(super) fn kinds(&self) -> &[String] {
        &self.kinds
    }

    /// What is secret in `text`, which stands under `name` where it is the value of something: in
    /// order, without overlaps, cut at characters.
    pub(super) fn find(&self, text: &str, name: Option<&str>, found: &mut Vec<Finding>) {
        found.clear();
        let bytes = text.as_bytes();
        if bytes.len() < SHORTEST_BYTES {
            return;
        }
        for hit in self.automaton.find_overlapping_iter(bytes) {
            let (sign, literal) = self.signs[hit.pattern().as_usize()];
            match sign {
                Sign::Format(number) => {
                    // The automaton folds case for the sake of names.
                    if bytes[hit.range()] == *literal.as_bytes() {
                        self.token(&self.formats[number], bytes, hit.start(), found);
                    }
                }
                Sign::Name => {
                    let value = assign::assigned(bytes, hit.start(), hit.end(), self.strictness);
                    self.push(SECRET_VALUE, 3, value, found);
                }
                Sign::PrivateKey => {
                    self.push(
                        PRIVATE_KEY,
                        0,
                        header::private_key(bytes, hit.start()),
                        found,
                    );
                }
                Sign::Authorization => {
                    self.push(
                        AUTHORIZATION,
                        2,
                        header::authorization(bytes, hit.end()),
                        found,
                    );
                }
                Sign::Bearer => {
                    self.push(AUTHORIZATION, 2, header::bearer(bytes, hit.range()), found);
                }
                Sign::Cookie => {
                    self.push(
                        COOKIE,
                        2,
                        header::cookie(bytes, hit.start(), hit.end()),
                        found,
                    );
                }
                Sign::Url => {
                    let range = header::url_password(bytes, hit.end());
                    self.push(URL_PASSWORD, 2, range, found);
                }
                Sign::At => {
                    self.push(EMAIL, 4, personal::email(bytes, hit.start()), found);
                }
            }
        }
        if let Some(name) = name
            && self.is_on.contains_key(SECRET_VALUE)
            && assign::is_secret_value(name, bytes, self.strictness)
        {
            self.push(SECRET_VALUE, 3, Some(0..bytes.len()), found);
        }
        if let Some(name) = name
            && self.is_on.contains_key(AUTHORIZATION)
        {
            self.push(AUTHORIZATION, 2, header::value_of(name, bytes), found);
        }
        if self.is_on.contains_key(CARD_NUMBER) || self.is_on.contains_key(IBAN) {
            personal::numbers(bytes, |kind, range| self.push(kind, 4, Some(range), found));
        }
        for (regex, kind) in &self.patterns {
            for captures in regex.captures_iter(bytes) {
                if let Some(part) = captures.get(1).or_else(|| captures.get(0))
                    && !part.is_empty()
                {
                    found.push(Finding {
                        start: part.start(),
                        end: part.end(),
                        kind: *kind,
                        rank: 1,
                    });
                }
            }
        }
        if !found.is_empty() {
            self.settle(text, found);
        }
    }

    fn push(&self, kind: &str, rank: u8, range: Option<Range<usize>>, found: &mut Vec<Finding>) {
        if let (Some(kind), Some(range)) = (self.is_on.get(kind), range)
            && !range.is_empty()
        {
            found.push(Finding {
                start: range.start,
                end: range.end,
                kind: *kind,
                rank,
            });
        }
    }

    fn token(&self, of: &Compiled, bytes: &[u8], at: usize, found: &mut Vec<Finding>) {
        for before in of.format.before {
            let Some(start) = at.checked_sub(*before) else {
                continue;
            };
            // A path follows the name of its host.
            let is_path = bytes.get(start) == Some(&b'/');
            if !is_path && !is_boundary(bytes, start) {
                continue;
            }
            let window = &bytes[start..bytes.len().min(start + WINDOW_BYTES)];
            let Some(captures) = of.regex.captures(window) else {
                continue;
            };
            let (Some(whole), Some(part)) =
                (captures.get(0), captures.get(1).or_else(|| captures.get(0)))
            else {
                continue;
            };
            let next = window.get(whole.end());
            if next.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
                || !passes(of.format.check, part.as_bytes())
            {
                continue;
            }
            found.push(Finding {
                start: start + part.start(),
                end: start + part.end(),
                kind: of.kind,
                rank: 0,
            });
            return;
        }
    }

    /// Puts findings in order, joins those that overlap, widens them to whole characters, and leaves
    /// out what the user allows and what is a mark.
    fn settle(&self, text: &str, found: &mut Vec<Finding>) {
        let marks = marks(text);
        let mut marks = marks.as_slice();
        found.sort_unstable_by_key(|finding| (finding.start, finding.rank));
        let mut kept: Vec<Finding> = Vec::with_capacity(found.len());
        for mut finding in found.drain(..) {
            while !text.is_char_boundary(finding.start) {
                finding.start -= 1;
            }
            while !text.is_char_boundary(finding.end) {
                finding.end += 1;
            }
            let part = &text.as_bytes()[finding.start..finding.end];
            while marks.first().is_some_and(|mark| mark.end <= finding.start) {
                marks = &marks[1..];
            }
            if marks.first().is_some_and(|mark| mark.start < finding.end) {
                continue;
            }
            if self.allowed.iter().any(|regex| regex.is_match(part)) {
                continue;
            }
            match kept.last_mut() {
                Some(last) if finding.start < last.end => {
                    if finding.rank < last.rank {
                        (last.rank, last.kind) = (finding.rank, finding.kind);
                    }
                    last.end = last.end.max(finding.end);
                }
                _ => kept.push(finding),
            }
        }
        *found = kept;
    }
}

/// Where marks of an earlier redaction stand, in order.
fn marks(text: &str) -> Vec<Range<usize>> {
    text.match_indices(MARK)
        .filter_map(|(start, _)| {
            let inside = start + MARK.len();
            let is_inside = |byte: u8| {
                byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_:".contains(&byte)
            };
            let end = run_after(text.as_bytes(), inside, LONGEST_MARK, is_inside);
            (text.as_bytes().get(end) == Some(&b']')).then_some(start..end + 1)
        })
        .collect()
}

fn passes(check: Check, token: &[u8]) -> bool {
    match check {
        Check::Entropy(bits) => entropy_bits(token) >= bits && !is_placeholder(token),
        Check::Jwt => {
            let head = token.split(|byte| *byte == b'.').next().unwrap_or_default();
            URL_SAFE_NO_PAD
                .decode(head)
                .ok()
                .and_then(|head| serde_json::from_slice::<serde_json::Value>(&head).ok())
                .is_some_and(|head| head.get("alg").is_some())
        }
    }
}

/// Whether an equal value may be told from others by a digest. What is drawn from a large space may;
/// what can be guessed, a password or an address, may not: whoever has the data folder has the key.
pub(super) fn is_drawn(kind: &str) -> bool {
    FORMATS.iter().any(|format| format.kind == kind) || kind == PRIVATE_KEY
}

/// Every kind that is built in, once, those that only `strict` looks for last.
pub(super) fn all_kinds() -> impl Iterator<Item = (&'static str, bool)> {
    let mut told = std::collections::HashSet::new();
    let formats = FORMATS.iter().map(|format| (format.kind, false));
    let others = OTHERS
        .iter()
        .map(|(kind, _, is_personal)| (*kind, *is_personal));
    formats
        .chain(others)
        .filter(move |(kind, _)| told.insert(*kind))
}
