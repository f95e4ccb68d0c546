//! The log of calls, counted: by endpoint, and how many fell into any second or minute.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::RackbeatSim;

/// One call that reached the simulated Rackbeat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallRecord {
    /// HTTP method.
    pub method: String,
    /// Path below the base URL, without the query.
    pub path: String,
    /// Status answered, whether or not the answer arrived.
    pub status: u16,
    /// The account its token belongs to; `None` when the token was missing or wrong.
    pub account: Option<i64>,
    /// When it arrived, in the sandbox's time.
    pub at: Timestamp,
}

/// Words that stand in a path where other paths have a number or an id.
const WORDS: [&str; 6] = ["drafts", "flat", "checking", "shipments", "available", "lines"];

impl CallRecord {
    /// The endpoint: `GET /products/{}/locations`.
    #[must_use]
    pub fn endpoint(&self) -> String {
        let mut endpoint = self.method.clone();
        endpoint.push(' ');
        let mut was_id = true;
        for part in self.path.split('/').filter(|part| !part.is_empty()) {
            // Behind a resource or an action stands an id, unless it is one of the words.
            let is_id = !was_id && !WORDS.contains(&part);
            endpoint.push('/');
            endpoint.push_str(if is_id { "{}" } else { part });
            was_id = is_id;
        }
        endpoint
    }
}

/// What calls came, of one account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Traffic {
    /// All calls, those answered 429 too.
    pub total: usize,
    /// Those answered 429.
    pub throttled: usize,
    /// By endpoint, such as `GET /products/{}/locations`.
    pub by_endpoint: BTreeMap<String, usize>,
    /// The most calls within any second.
    pub busiest_second: usize,
    /// The most calls within any minute: 480 are allowed per token.
    pub busiest_minute: usize,
}

impl RackbeatSim {
    /// What came to an account since the start or the last [`Self::clear_calls`].
    #[must_use]
    pub fn traffic(&self, account: i64) -> Traffic {
        let state = self.lock();
        let mut traffic = Traffic::default();
        for call in state.calls.iter().filter(|call| call.account == Some(account)) {
            traffic.total += 1;
            traffic.throttled += usize::from(call.status == 429);
            *traffic.by_endpoint.entry(call.endpoint()).or_default() += 1;
        }
        drop(state);
        traffic.busiest_second = self.busiest(account, Duration::from_secs(1));
        traffic.busiest_minute = self.busiest(account, Duration::from_secs(60));
        traffic
    }

    /// The most calls to an account within any span of this length, wherever it begins.
    #[must_use]
    pub fn busiest(&self, account: i64, span: Duration) -> usize {
        let span = SignedDuration::try_from(span).unwrap_or(SignedDuration::MAX);
        let times = self.times(account);
        let mut first = 0;
        let mut most = 0;
        for (last, at) in times.iter().enumerate() {
            while at.duration_since(times[first]) >= span {
                first += 1;
            }
            most = most.max(last + 1 - first);
        }
        most
    }

    /// Calls to an account in each span of this length from the first call on.
    #[must_use]
    pub fn calls_per(&self, account: i64, span: Duration) -> Vec<usize> {
        let times = self.times(account);
        let mut counts = Vec::new();
        let span = span.as_millis().max(1);
        for at in &times {
            let since = at.duration_since(times[0]).as_millis();
            let slot = usize::try_from(u128::try_from(since).unwrap_or(0) / span).unwrap_or(usize::MAX);
            if counts.len() <= slot {
                counts.resize(slot + 1, 0);
            }
            counts[slot] += 1;
        }
        counts
    }

    fn times(&self, account: i64) -> Vec<Timestamp> {
        let state = self.lock();
        let calls = state.calls.iter().filter(|call| call.account == Some(account));
        let mut times: Vec<Timestamp> = calls.map(|call| call.at).collect();
        times.sort_unstable();
        times
    }
}

#[cfg(test)]
mod tests {
    use super::CallRecord;
    use jiff::Timestamp;

    #[test]
    fn an_endpoint_has_braces_where_a_path_has_a_number() {
        let endpoint = |method: &str, path: &str| {
            let (method, path) = (method.to_owned(), path.to_owned());
            CallRecord { method, path, status: 200, account: None, at: Timestamp::UNIX_EPOCH }.endpoint()
        };
        for (path, expected) in [
            ("/products", "GET /products"),
            ("/products/A%2F1", "GET /products/{}"),
            ("/products/TENT/locations/2", "GET /products/{}/locations/{}"),
            ("/items/TENT/locations/available", "GET /items/{}/locations/available"),
            ("/orders/drafts", "GET /orders/drafts"),
            ("/orders/1001/book", "GET /orders/{}/book"),
            ("/orders/1001/lines/5", "GET /orders/{}/lines/{}"),
            ("/orders/shipments/7/mark-shipped", "GET /orders/shipments/{}/mark-shipped"),
            ("/reports/checking", "GET /reports/checking"),
            ("/locations/flat", "GET /locations/flat"),
        ] {
            assert_eq!(endpoint("GET", path), expected);
        }
    }
}
