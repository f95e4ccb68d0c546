//! When a caller stops waiting. tonic alone answers a passed deadline with CANCELLED; here it is
//! DEADLINE_EXCEEDED, a little before the caller's own clock runs out, so that the answer still gets there.

use std::time::Duration;

use http::HeaderMap;
use tokio::time::Instant;

/// For callers that name no deadline.
const DEFAULT: Duration = Duration::from_secs(60);
/// No caller holds a request longer.
const LONGEST: Duration = Duration::from_secs(600);
/// The answer's way back.
const WAY_BACK: Duration = Duration::from_millis(20);

/// The moment at which the answer must be on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline {
    at: Instant,
    asked: bool,
}

impl Deadline {
    /// From the request's `grpc-timeout`.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Self {
        let asked = headers.get("grpc-timeout").and_then(|value| value.to_str().ok()).and_then(parse);
        let wait = asked.unwrap_or(DEFAULT).min(LONGEST);
        Self { at: Instant::now() + wait.saturating_sub(WAY_BACK.min(wait / 4)), asked: asked.is_some() }
    }

    /// The moment.
    #[must_use]
    pub fn at(self) -> Instant {
        self.at
    }

    /// The moment, if the caller named one: a stream has no other end.
    #[must_use]
    pub fn asked_for(self) -> Option<Instant> {
        self.asked.then_some(self.at)
    }

    /// How long one may still work if something must be said before the deadline.
    #[must_use]
    pub fn remaining(self) -> Duration {
        let left = self.at.saturating_duration_since(Instant::now());
        left.saturating_sub(Duration::from_millis(250).min(left / 4))
    }
}

/// The header's text: up to eight digits and a unit, as the gRPC protocol defines it.
fn parse(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let number: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(number.checked_mul(3600)?)),
        "M" => Some(Duration::from_secs(number.checked_mul(60)?)),
        "S" => Some(Duration::from_secs(number)),
        "m" => Some(Duration::from_millis(number)),
        "u" => Some(Duration::from_micros(number)),
        "n" => Some(Duration::from_nanos(number)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_is_read_and_nonsense_is_none() {
        assert_eq!(parse("2H"), Some(Duration::from_secs(7200)));
        assert_eq!(parse("2M"), Some(Duration::from_secs(120)));
        assert_eq!(parse("99999999S"), Some(Duration::from_secs(99_999_999)));
        assert_eq!(parse("5m"), Some(Duration::from_millis(5)));
        assert_eq!(parse("5u"), Some(Duration::from_micros(5)));
        assert_eq!(parse("5n"), Some(Duration::from_nanos(5)));
        for bad in ["", "S", "5", "-5S", "5x", "100000000S", "5é"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_answer_leaves_before_the_caller_gives_up() {
        let mut headers = HeaderMap::new();
        headers.insert("grpc-timeout", "1S".parse().unwrap());
        let deadline = Deadline::of(&headers);
        assert!(deadline.at() < Instant::now() + Duration::from_secs(1));
        assert!(deadline.remaining() > Duration::from_millis(600));
        assert!(deadline.remaining() < Duration::from_secs(1));
    }
}
