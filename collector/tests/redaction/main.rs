//! How well redaction finds what it ought to find, on texts that are drawn by a fixed seed:
//! `cargo test --workspace --test redaction -- --nocapture` prints the tables.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test ends by a panic and prints what it measured"
)]

mod alike;
mod draw;
mod issuers;
mod planted;

use std::collections::BTreeMap;

use collector::redact::{KEY_BYTES, Mode, Redactor, Settings, kinds_told};

use alike::{Alike, alike};
use draw::Draw;
use planted::{Planted, place, planted};

const SEED: u64 = 6;
/// Of each form of secret, and of each sort of look-alike.
const SECRETS_EACH: usize = 20;
const ALIKE_EACH: usize = 100;

fn redactor(mode: Mode) -> Redactor {
    Redactor::new(&Settings::default().with_mode(mode), [3; KEY_BYTES])
        .unwrap()
        .unwrap()
}

#[derive(Default)]
struct Row {
    planted: usize,
    found: usize,
    /// Found, but called something else.
    misnamed: usize,
    /// Marks in texts that hold no secret.
    wrong: usize,
}

/// The kinds of the marks in a text.
fn marks(text: &str) -> impl Iterator<Item = &str> {
    text.split("[redacted:").skip(1).filter_map(|rest| {
        let mark = rest.split(']').next()?;
        mark.split(':').next()
    })
}

struct Measured {
    rows: BTreeMap<String, Row>,
    wrong_by_sort: BTreeMap<&'static str, usize>,
    missed: Vec<String>,
    alike_count: usize,
    alike_touched: usize,
}

fn measure(mode: Mode) -> Measured {
    let redactor = redactor(mode);
    let is_strict = mode == Mode::Strict;
    let mut draw = Draw::new(SEED);
    let mut rows: BTreeMap<String, Row> = BTreeMap::new();
    let mut missed = Vec::new();
    for planted in planted(&mut draw, SECRETS_EACH) {
        let text = text_of(&planted, &mut draw);
        if planted.is_personal && !is_strict {
            continue;
        }
        let row = rows.entry(planted.kind.to_owned()).or_default();
        row.planted += 1;
        let redacted = redactor.redacted(&text).unwrap_or_else(|| text.clone());
        // Not a piece of it may stay that is long enough to be of use.
        if leaves(&redacted, &planted.secret) {
            missed.push(format!("{}: {text}", planted.kind));
            continue;
        }
        row.found += 1;
        if !marks(&redacted).any(|kind| kind == planted.kind) {
            row.misnamed += 1;
        }
    }
    let mut wrong_by_sort = BTreeMap::new();
    let (mut alike_count, mut alike_touched) = (0, 0);
    for Alike {
        sort,
        text,
        is_for_strict,
    } in alike(&mut draw, ALIKE_EACH)
    {
        if is_for_strict && is_strict {
            continue;
        }
        alike_count += 1;
        let Some(redacted) = redactor.redacted(&text) else {
            continue;
        };
        alike_touched += 1;
        let before = marks(&text).count();
        for kind in marks(&redacted).skip(before) {
            rows.entry(kind.to_owned()).or_default().wrong += 1;
            *wrong_by_sort.entry(sort).or_default() += 1;
        }
    }
    Measured {
        rows,
        wrong_by_sort,
        missed,
        alike_count,
        alike_touched,
    }
}

fn text_of(planted: &Planted, draw: &mut Draw) -> String {
    let text = place(planted, draw);
    if planted.kind == "slack_webhook" {
        let whole = format!("https://hooks.slack.com/services/{}", planted.secret);
        return text.replace(&planted.secret, &whole);
    }
    text
}

/// Whether eight characters of a secret, or all of a shorter one, are still there.
fn leaves(redacted: &str, secret: &str) -> bool {
    let signs: Vec<char> = secret.chars().filter(|sign| *sign != '\n').collect();
    let is_there = |piece: &[char]| redacted.contains(&piece.iter().collect::<String>());
    // The middle tells secrets apart; prefixes are the same for everybody.
    let at = signs.len() / 2;
    is_there(&signs[at.saturating_sub(4)..signs.len().min(at + 4)])
        || is_there(&signs[signs.len().saturating_sub(8)..])
}

fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 {
        1.0
    } else {
        part as f64 / whole as f64
    }
}

fn print(mode: Mode, measured: &Measured) -> (f64, f64) {
    println!("\nmode {}", mode.as_str());
    println!(
        "{:<20} {:>7} {:>6} {:>6} {:>9} {:>10} {:>8}",
        "kind", "planted", "found", "wrong", "precision", "recall", "misnamed"
    );
    let (mut planted, mut found, mut wrong) = (0, 0, 0);
    for (kind, row) in &measured.rows {
        println!(
            "{kind:<20} {:>7} {:>6} {:>6} {:>9.3} {:>10.3} {:>8}",
            row.planted,
            row.found,
            row.wrong,
            share(row.found, row.found + row.wrong),
            share(row.found, row.planted),
            row.misnamed
        );
        planted += row.planted;
        found += row.found;
        wrong += row.wrong;
    }
    let (precision, recall) = (share(found, found + wrong), share(found, planted));
    println!(
        "{:<20} {planted:>7} {found:>6} {wrong:>6} {precision:>9.3} {recall:>10.3}",
        "all"
    );
    println!(
        "look-alikes: {} texts, {} touched {:?}",
        measured.alike_count, measured.alike_touched, measured.wrong_by_sort
    );
    for missed in measured.missed.iter().take(12) {
        println!("missed {}", missed.replace('\u{1b}', "ESC"));
    }
    (precision, recall)
}

#[test]
fn secrets_are_found_and_look_alikes_are_left() {
    for (mode, least_precision, least_recall) in
        [(Mode::Secrets, 0.99, 0.97), (Mode::Strict, 0.98, 0.99)]
    {
        let measured = measure(mode);
        let planted: usize = measured.rows.values().map(|row| row.planted).sum();
        assert!(planted >= 500 && measured.alike_count >= 2000);
        let (precision, recall) = print(mode, &measured);
        assert!(
            precision >= least_precision,
            "{mode:?}: precision {precision}"
        );
        assert!(recall >= least_recall, "{mode:?}: recall {recall}");
    }
}

#[test]
fn every_detector_has_secrets_to_find() {
    let planted = planted(&mut Draw::new(SEED), 1);
    let has = |kind: &str| planted.iter().any(|planted| planted.kind == kind);
    let without: Vec<&str> = kinds_told()
        .map(|(kind, _, _)| kind)
        .filter(|kind| !has(kind))
        .collect();
    assert_eq!(without, [""; 0]);
}

#[test]
fn every_detector_is_documented() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/privacy.md");
    let page = std::fs::read_to_string(page).unwrap();
    for (kind, reason, is_personal) in kinds_told() {
        let strict = if is_personal { " (`strict`)" } else { "" };
        let row = format!("| `{kind}` | {reason}{strict} |");
        assert!(page.contains(&row), "docs/privacy.md has no line {row}");
    }
}
