//! The one place that waits: for a state, with a deadline.

use std::time::{Duration, Instant};

/// For what takes a moment; generous, since many servers start at once on few cores.
pub const SHORT: Duration = Duration::from_secs(30);
/// For what takes many moments.
pub const LONG: Duration = Duration::from_secs(120);

/// A state is looked at this often.
const LOOK: Duration = Duration::from_millis(25);

/// Looks until it is there; `Err` says what is still missing.
///
/// # Panics
/// When it is not there in time, with what was missing at last.
pub async fn until<T>(what: &str, within: Duration, mut look: impl AsyncFnMut() -> Result<T, String>) -> T {
    let begun = Instant::now();
    loop {
        match look().await {
            Ok(found) => return found,
            Err(missing) if begun.elapsed() > within => panic!("{what}: not within {within:?}: {missing}"),
            Err(_) => tokio::time::sleep(LOOK).await,
        }
    }
}

/// For what has a period of its own, as a kubelet's probes have: it waits for no state.
pub(crate) async fn pause(period: Duration) {
    tokio::time::sleep(period).await;
}
