//! How long a store waits after a failure. Pure.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::Duration;

/// The wait after the first failure; it doubles with each further one.
const FIRST: Duration = Duration::from_secs(1);
/// The longest wait: a remote that came back is noticed within it.
pub const LONGEST: Duration = Duration::from_secs(300);

/// The wait after `failures` failures in a row (from 1). It is spread by up to a fifth, by the object's uid, so that a
/// thousand stores that failed together do not come back together.
#[must_use]
pub fn wait(uid: &str, failures: u32) -> Duration {
    let doubled = FIRST.saturating_mul(1_u32 << failures.saturating_sub(1).min(16));
    let base = doubled.min(LONGEST);
    let mut hasher = DefaultHasher::new();
    (uid, failures).hash(&mut hasher);
    let percent = u32::try_from(hasher.finish() % 21).unwrap_or(0);
    base - base * percent / 100
}

/// The wait that a remote asked for, within reason: never below ours for a first failure, never above the longest.
#[must_use]
pub fn asked(by_remote: Duration) -> Duration {
    by_remote.clamp(FIRST, LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_five_minutes_and_are_spread() {
        for failures in 1..40 {
            let wait = wait("a", failures);
            assert!(wait <= LONGEST && wait >= FIRST * 4 / 5, "{failures}: {wait:?}");
        }
        assert!(wait("a", 5) > wait("a", 2));
        assert!(wait("a", 30) >= LONGEST * 4 / 5);
        let spread: std::collections::HashSet<_> = (0..50).map(|n| wait(&format!("uid-{n}"), 9)).collect();
        assert!(spread.len() > 10, "{spread:?}");
        assert_eq!(wait("a", 4), wait("a", 4));
    }

    #[test]
    fn what_a_remote_asks_for_is_kept_within_reason() {
        assert_eq!(asked(Duration::ZERO), FIRST);
        assert_eq!(asked(Duration::from_secs(86_400)), LONGEST);
        assert_eq!(asked(Duration::from_secs(20)), Duration::from_secs(20));
    }
}
