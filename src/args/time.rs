//! Times and durations on the command line.

use std::time::{SystemTime, UNIX_EPOCH};

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime};

const SECOND_NS: f64 = 1e9;

/// Unix nanoseconds of a moment: RFC 3339 (`2026-11-21T10:00:00+01:00`), a day or a minute in UTC
/// (`2026-11-21`, `2026-11-21T10:00`), or as long ago as `30m`, `12h`, `7d`.
pub(crate) fn moment(text: &str) -> Result<i64, String> {
    let wrong = || {
        "give a time in UTC as 2026-11-21 or 2026-11-21T10:00, or how long ago as 30m, 12h or 7d"
            .to_owned()
    };
    let text = text.trim();
    if let Ok(ago) = duration(text) {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_err(|error| error.to_string())?;
        let now = i64::try_from(now.as_nanos()).map_err(|error| error.to_string())?;
        return Ok(now.saturating_sub(ago));
    }
    let in_utc = text.replacen(' ', "T", 1);
    let time = DateTime::parse_from_rfc3339(&in_utc)
        .map(|time| time.naive_utc())
        .or_else(|_| NaiveDateTime::parse_from_str(&in_utc, "%Y-%m-%dT%H:%M:%S"))
        .or_else(|_| NaiveDateTime::parse_from_str(&in_utc, "%Y-%m-%dT%H:%M"))
        .or_else(|_| {
            NaiveDate::parse_from_str(&in_utc, "%Y-%m-%d").map(|day| day.and_time(NaiveTime::MIN))
        })
        .map_err(|_| wrong())?;
    time.and_utc().timestamp_nanos_opt().ok_or_else(wrong)
}

/// Nanoseconds of `250ms`, `90s`, `1.5m`, `12h`, `7d` or `2w`.
pub(crate) fn duration(text: &str) -> Result<i64, String> {
    let wrong = || "give a number and a unit, as in 250ms, 90s, 30m, 12h, 7d or 2w".to_owned();
    let text = text.trim();
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .ok_or_else(wrong)?;
    let (number, unit) = text.split_at(end);
    let number: f64 = number.parse().map_err(|_| wrong())?;
    let unit_ns = match unit {
        "ms" => SECOND_NS / 1e3,
        "s" => SECOND_NS,
        "m" | "min" => 60.0 * SECOND_NS,
        "h" => 3_600.0 * SECOND_NS,
        "d" => 86_400.0 * SECOND_NS,
        "w" => 7.0 * 86_400.0 * SECOND_NS,
        _ => return Err(wrong()),
    };
    Ok((number * unit_ns) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units() {
        assert_eq!(duration("250ms"), Ok(250_000_000));
        assert_eq!(duration("1.5m"), Ok(90_000_000_000));
        assert_eq!(duration("7d"), Ok(604_800_000_000_000));
        for wrong in ["", "7", "d", "1.2.3s", "-1s", "5 parsecs"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn moments_are_dates_times_or_ages() {
        assert_eq!(moment("1970-01-02"), Ok(86_400_000_000_000));
        assert_eq!(moment("1970-01-01 00:01"), Ok(60_000_000_000));
        assert_eq!(moment("1970-01-01T01:00:00+01:00"), Ok(0));
        assert_eq!(moment("1970-01-01T00:00:01Z"), Ok(1_000_000_000));
        assert!(moment("1h").is_ok_and(|ns| ns > 0));
        assert!(moment("yesterday").is_err());
    }
}
