//! Figures and texts as people read them in a terminal.

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::output::visible;

/// Time since the start of a session: `1:07`, `1:02:07` from an hour on.
pub(crate) fn offset(ns: i64) -> String {
    let seconds = ns.max(0) / 1_000_000_000;
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match hours {
        0 => format!("{minutes}:{seconds:02}"),
        _ => format!("{hours}:{minutes:02}:{seconds:02}"),
    }
}

/// A duration in one or two units: `12 ms`, `1.2 s`, `1 min 15 s`, `2 h 01 min`.
pub(crate) fn duration(ns: i64) -> String {
    let seconds = ns as f64 / 1e9;
    match seconds {
        s if s < 1.0 => format!("{:.0} ms", s * 1e3),
        s if s < 60.0 => format!("{s:.1} s"),
        s if s < 3_600.0 => format!(
            "{:.0} min {:02.0} s",
            (s / 60.0).floor(),
            (s % 60.0).floor()
        ),
        s => format!(
            "{:.0} h {:02.0} min",
            (s / 3_600.0).floor(),
            (s % 3_600.0 / 60.0).floor()
        ),
    }
}

/// A count to three digits: `950`, `1.2k`, `34k`, `1.25M`.
pub(crate) fn count(count: i64) -> String {
    let number = count as f64;
    match count {
        ..1_000 => count.to_string(),
        1_000..10_000 => format!("{:.1}k", number / 1e3),
        10_000..999_500 => format!("{:.0}k", number / 1e3),
        999_500..10_000_000 => format!("{:.2}M", number / 1e6),
        10_000_000..1_000_000_000 => format!("{:.1}M", number / 1e6),
        _ => format!("{:.2}G", number / 1e9),
    }
}

/// `1.2k→300`: tokens in and out; -1 is not known. Empty when neither is.
pub(crate) fn tokens(input: i64, output: i64) -> String {
    let side = |tokens: i64| {
        if tokens < 0 {
            "?".to_owned()
        } else {
            count(tokens)
        }
    };
    if input < 0 && output < 0 {
        return String::new();
    }
    format!("{}→{}", side(input), side(output))
}

/// A size in decimal units: `950 B`, `1.2 KB`, `34.1 MB`.
pub(crate) fn bytes(size_bytes: u64) -> String {
    let size = size_bytes as f64;
    match size_bytes {
        ..1_000 => format!("{size_bytes} B"),
        1_000..1_000_000 => format!("{:.1} KB", size / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", size / 1e6),
        _ => format!("{:.2} GB", size / 1e9),
    }
}

/// US dollars, with more digits where there are few cents.
pub(crate) fn cost(usd: f64) -> String {
    if usd == 0.0 {
        "$0".to_owned()
    } else if usd < 0.01 {
        format!("${usd:.4}")
    } else {
        format!("${usd:.2}")
    }
}

/// One line of at most `max` characters.
pub(crate) fn shortened(text: &str, max: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(max) {
        None => line,
        Some((end, _)) => format!("{}…", &line[..end]),
    }
}

/// Columns that a text takes on a terminal.
pub(crate) fn width(text: &str) -> usize {
    text.width()
}

/// Harmless, on one line, and at most `columns` wide; what is cut ends in `…`.
pub(crate) fn fitted(text: &str, columns: usize) -> String {
    let line = harmless_line(text);
    if line.width() <= columns {
        return line;
    }
    let mut out = String::new();
    let mut used = 0;
    for character in line.chars() {
        let wide = character.width().unwrap_or(0);
        if used + wide + 1 > columns {
            break;
        }
        used += wide;
        out.push(character);
    }
    if columns > 0 {
        out.push('…');
    }
    out
}

/// A text on one line, with nothing in it that a terminal would obey.
pub(crate) fn harmless_line(text: &str) -> String {
    visible(text).replace('\n', "⏎")
}

/// `text` with spaces behind it up to `columns`.
pub(crate) fn padded(text: &str, columns: usize) -> String {
    let space = columns.saturating_sub(text.width());
    format!("{text}{}", " ".repeat(space))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_and_counts_read_well() {
        let offsets = [0, 67_900_000_000, 3_727_000_000_000, -5].map(offset);
        assert_eq!(offsets, ["0:00", "1:07", "1:02:07", "0:00"]);
        let counts = [0, 999, 1_234, 34_400, 999_499, 1_250_000].map(count);
        assert_eq!(counts, ["0", "999", "1.2k", "34k", "999k", "1.25M"]);
        assert_eq!(tokens(1_234, -1), "1.2k→?");
        assert_eq!(tokens(-1, -1), "");
        assert_eq!(
            (bytes(200_031).as_str(), cost(0.004).as_str()),
            ("200.0 KB", "$0.0040")
        );
    }

    #[test]
    fn texts_fit_by_columns_not_characters() {
        assert_eq!(fitted("日本語です", 5), "日本…");
        assert_eq!(fitted("short", 5), "short");
        assert_eq!(fitted("a\nb\x1b[31m", 20), "a⏎b␛[31m");
        assert_eq!(fitted("x", 0), "");
        assert_eq!(padded("日", 4), "日  ");
    }

    #[test]
    fn durations_read_well() {
        let cases = [
            (0, "0 ms"),
            (12_400_000, "12 ms"),
            (1_250_000_000, "1.2 s"),
            (75_900_000_000, "1 min 15 s"),
            (7_290_000_000_000, "2 h 01 min"),
        ];
        for (ns, words) in cases {
            assert_eq!(duration(ns), words);
        }
    }

    #[test]
    fn titles_are_one_short_line() {
        assert_eq!(shortened("fix\nthe  bug", 48), "fix the bug");
        assert_eq!(shortened("日本語です", 3), "日本語…");
    }
}
