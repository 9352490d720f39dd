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

#[cfg(test)]
mod tests {
    use super::*;

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
