//! Times as the API writes them: RFC 3339, UTC, nanoseconds.

use std::time::{SystemTime, UNIX_EPOCH};

/// Nanoseconds since the Unix epoch.
pub(crate) fn now_ns() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| {
            i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
        })
}

/// The furthest time on either side of 1970 that the engine holds as a timestamp, in whole days.
const FURTHEST_NS: i64 = 106_751 * 86_400_000_000_000;

/// The nearest time that can be compared with stored ones.
pub(crate) fn comparable_ns(unix_ns: i64) -> i64 {
    unix_ns.clamp(-FURTHEST_NS, FURTHEST_NS)
}

/// `2026-11-21T01:06:41.683000000Z`.
pub(crate) fn rfc3339(unix_ns: i64) -> String {
    let seconds = unix_ns.div_euclid(1_000_000_000);
    let nanos = unix_ns.rem_euclid(1_000_000_000);
    let days = seconds.div_euclid(86_400);
    let in_day = seconds.rem_euclid(86_400);
    let (year, month, day) = civil(days);
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{nanos:09}Z",
        in_day / 3600,
        in_day / 60 % 60,
        in_day % 60
    )
}

/// Year, month and day of a count of days since 1970-01-01 in the proleptic Gregorian calendar,
/// counted in eras of 400 years that start on a 1st of March.
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12 + 1;
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (year, month, day)
}

/// Unix nanoseconds of a time that a user gives: RFC 3339, with or without time of day and zone (UTC
/// then), or an age before `now_ns` as `90s`, `30m`, `12h`, `7d`, `2w`. `None` for anything else.
pub(crate) fn parse_when(text: &str, now_ns: i64) -> Option<i64> {
    let text = text.trim();
    match age_ns(text) {
        Some(age_ns) => now_ns.checked_sub(age_ns),
        None => parse_time(text),
    }
}

/// Nanoseconds of an age as `90s`, `30m`, `12h`, `7d`, `2w`; `None` for anything else.
pub(crate) fn age_ns(text: &str) -> Option<i64> {
    let unit_s: i64 = match text.chars().last()? {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        'w' => 604_800,
        _ => return None,
    };
    let count: i64 = text[..text.len() - 1].parse().ok().filter(|n| *n >= 0)?;
    count.checked_mul(unit_s)?.checked_mul(1_000_000_000)
}

fn parse_time(text: &str) -> Option<i64> {
    let number = |text: &str, digits: usize| {
        let is_plain = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
        is_plain.then(|| text.parse::<i64>().ok()).flatten()
    };
    let (date, rest) = text.split_at_checked(10)?;
    let mut fields = date.split('-');
    let year = number(fields.next()?, 4)?;
    let month = number(fields.next()?, 2).filter(|month| (1..=12).contains(month))?;
    let day = number(fields.next()?, 2).filter(|day| (1..=31).contains(day))?;
    let days = days_of(year, month, day);
    if civil(days) != (year, month, day) || fields.next().is_some() {
        return None;
    }
    let mut ns = days.checked_mul(86_400_000_000_000)?;
    let Some(rest) = rest.strip_prefix(['T', 't', ' ']) else {
        return rest.is_empty().then_some(ns);
    };
    let zone = rest.find(['Z', 'z', '+', '-']).unwrap_or(rest.len());
    let (clock, zone) = rest.split_at(zone);
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, ""));
    let mut fields = clock.split(':');
    let hour = number(fields.next()?, 2).filter(|hour| *hour < 24)?;
    let minute = number(fields.next()?, 2).filter(|minute| *minute < 60)?;
    let second = fields.next().map_or(Some(0), |second| number(second, 2))?;
    if second > 59 || fields.next().is_some() || fraction.len() > 9 {
        return None;
    }
    let fraction_ns = match fraction.len() {
        0 => 0,
        digits => number(fraction, digits)? * 10_i64.pow(9 - digits as u32),
    };
    ns = ns.checked_add((hour * 3_600 + minute * 60 + second) * 1_000_000_000 + fraction_ns)?;
    if let Some(offset) = zone.strip_prefix(['+', '-']) {
        let (hours, minutes) = offset.split_once(':')?;
        let offset_s = number(hours, 2)? * 3_600 + number(minutes, 2)? * 60;
        let sign = if zone.starts_with('+') { -1 } else { 1 };
        return ns.checked_add(sign * offset_s * 1_000_000_000);
    }
    matches!(zone, "" | "Z" | "z").then_some(ns)
}

/// Days since 1970-01-01 of a date; the inverse of [`civil`].
fn days_of(year: i64, month: i64, day: i64) -> i64 {
    let shifted = if month <= 2 { year - 1 } else { year };
    let era = shifted.div_euclid(400);
    let year_of_era = shifted.rem_euclid(400);
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_times_and_ages() {
        let now = 1_795_223_201_683_000_000;
        let second = 1_000_000_000;
        for (text, ns) in [
            ("2026-11-21T01:06:41.683Z", Some(now)),
            ("2026-11-21t01:06:41.683000000", Some(now)),
            ("2026-11-21 02:06:41.683+01:00", Some(now)),
            ("2026-11-20T20:06:41.683-05:00", Some(now)),
            ("2000-02-29", Some(951_782_400 * second)),
            ("1970-01-01T00:01", Some(60 * second)),
            ("90s", Some(now - 90 * second)),
            ("7d", Some(now - 604_800 * second)),
            ("1w", Some(now - 604_800 * second)),
            ("2026-02-30", None),
            ("2026-13-01", None),
            ("2026-11-21T25:00", None),
            ("2026-11-21x", None),
            ("-7d", None),
            ("yesterday", None),
            ("99999999999999999w", None),
            ("日本語日本語", None),
            ("", None),
        ] {
            assert_eq!(parse_when(text, now), ns, "{text}");
        }
    }

    #[test]
    fn writes_times() {
        let cases = [
            (0, "1970-01-01T00:00:00.000000000Z"),
            (-1, "1969-12-31T23:59:59.999999999Z"),
            (951_782_400_000_000_000, "2000-02-29T00:00:00.000000000Z"),
            (1_795_223_201_683_000_000, "2026-11-21T01:06:41.683000000Z"),
            (i64::MAX, "2262-04-11T23:47:16.854775807Z"),
        ];
        for (ns, text) in cases {
            assert_eq!(rfc3339(ns), text);
        }
    }
}
