//! Moments: short and local for people, RFC 3339 for programs.

use jiff::tz::TimeZone;
use jiff::{Timestamp, civil};
use serde_json::Value;

fn read(at: Option<&prost_types::Timestamp>) -> Option<Timestamp> {
    at.and_then(|at| Timestamp::new(at.seconds, at.nanos).ok())
}

/// `2026-11-24 07:32` in this machine's time zone, or a dash.
#[must_use]
pub(crate) fn short(at: Option<&prost_types::Timestamp>) -> String {
    short_in(at, TimeZone::system())
}

fn short_in(at: Option<&prost_types::Timestamp>, zone: TimeZone) -> String {
    read(at).map_or_else(|| "-".to_owned(), |at| at.to_zoned(zone).strftime("%Y-%m-%d %H:%M").to_string())
}

/// `07:32:05` in this machine's time zone, or a dash.
#[must_use]
pub(crate) fn clock(at: Option<&prost_types::Timestamp>) -> String {
    let zone = TimeZone::system();
    read(at).map_or_else(|| "-".to_owned(), |at| at.to_zoned(zone).strftime("%H:%M:%S").to_string())
}

/// How long ago: `3.2s`, `5m`, `2h`, `4d`; a dash for no moment.
#[must_use]
pub(crate) fn ago(at: Option<&prost_types::Timestamp>, now: Timestamp) -> String {
    let Some(at) = read(at) else { return "-".to_owned() };
    let millis = now.duration_since(at).as_millis().max(0);
    match millis / 1000 {
        0..=9 => format!("{}.{}s", millis / 1000, millis % 1000 / 100),
        seconds @ 10..=119 => format!("{seconds}s"),
        seconds @ 120..=7199 => format!("{}m", seconds / 60),
        seconds @ 7200..=172_799 => format!("{}h", seconds / 3600),
        seconds => format!("{}d", seconds / 86_400),
    }
}

/// RFC 3339 in UTC, or null.
#[must_use]
pub(crate) fn json(at: Option<&prost_types::Timestamp>) -> Value {
    read(at).map_or(Value::Null, |at| Value::String(at.to_string()))
}

/// Reads `2026-11-24T07:32:00Z`, or `2026-11-24`: the begin of that day here.
///
/// # Errors
/// What would be right.
pub(crate) fn parse(text: &str) -> Result<prost_types::Timestamp, String> {
    let day = |text: &str| text.parse::<civil::Date>().and_then(|day| day.to_zoned(TimeZone::system()));
    let at = text.parse::<Timestamp>().or_else(|_| day(text).map(|begin| begin.timestamp()));
    let at =
        at.map_err(|_| "give a day such as 2026-11-24 or a moment such as 2026-11-24T07:32:00Z".to_owned())?;
    Ok(prost_types::Timestamp { seconds: at.as_second(), nanos: at.subsec_nanosecond().max(0) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_short_for_people_and_exact_for_programs() {
        let at = prost_types::Timestamp { seconds: 1_795_505_520, nanos: 500_000_000 };
        assert_eq!(short_in(Some(&at), TimeZone::UTC), "2026-11-24 07:32");
        assert_eq!(json(Some(&at)), "2026-11-24T07:32:00.5Z");
        assert_eq!((short(None), json(None)), ("-".to_owned(), Value::Null));
    }

    #[test]
    fn how_long_ago_is_said_in_the_unit_that_tells_most() {
        let now = Timestamp::from_second(1_000_000).unwrap();
        for (millis, text) in [
            (-5, "0.0s"),
            (1_250, "1.2s"),
            (59_000, "59s"),
            (180_000, "3m"),
            (7_200_000, "2h"),
            (400_000_000, "4d"),
        ] {
            let at = now - jiff::SignedDuration::from_millis(millis);
            let (seconds, nanos) = (at.as_second(), at.subsec_nanosecond());
            assert_eq!(ago(Some(&prost_types::Timestamp { seconds, nanos }), now), text);
        }
        assert_eq!(ago(None, now), "-");
    }

    #[test]
    fn a_moment_or_a_day_is_read_and_anything_else_is_refused_with_an_example() {
        assert_eq!(parse("2026-11-24T07:32:00Z").unwrap().seconds, 1_795_505_520);
        assert!(parse("2026-11-24").is_ok());
        assert!(parse("yesterday").unwrap_err().contains("2026-11-24"));
    }
}
