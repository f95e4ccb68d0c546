//! The fault script: which call to which remote goes wrong, when, and how.
//!
//! A rule has a compact text form for the command line, `remote:route:when:what[:times=n]`, such as
//! `rackbeat:POST /orders/drafts:p=0.05:close-after` or `shopify:OrderById:nth=3:status=503/2`.
//! The control API uses the same words in a JSON object.

mod text;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::seed::Seeded;

pub use text::FaultSyntax;

/// Which of the two simulated remotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Remote {
    /// The simulated Shopify.
    Shopify,
    /// The simulated Rackbeat.
    Rackbeat,
}

impl fmt::Display for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Shopify => "shopify",
            Self::Rackbeat => "rackbeat",
        })
    }
}

/// What goes wrong with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Answered with this status; nothing is done. Text: `status=503` or `status=429/2` (Retry-After in seconds).
    Status(u16, Option<u32>),
    /// Done and answered, but only after this many milliseconds. Text: `slow=1500`.
    Slow(u64),
    /// Never answered and nothing done. Text: `timeout`.
    Timeout,
    /// Done, but never answered. Text: `timeout-after`.
    TimeoutAfter,
    /// The connection is closed before anything is done. Text: `close-before`.
    CloseBefore,
    /// Done and committed, then the connection is closed without an answer. Text: `close-after`.
    CloseAfter,
    /// Done; half of the body is sent, then the connection is closed. Text: `truncated`.
    Truncated,
    /// A proxy's HTML page with this status; the call is done only if the status is a success.
    /// Text: `html` (502) or `html=200`.
    Html(u16),
}

/// When a rule strikes, counted over the calls that match its route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Only at the nth matching call, the first being 1. Text: `nth=3`.
    Nth(u64),
    /// At each matching call. Text: `every`.
    Every,
    /// With this probability in millionths. Text: `p=0.05`.
    Probability(u32),
}

/// One line of the fault script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Whose calls.
    pub remote: Remote,
    /// Which calls: an operation's name, or `METHOD /path` where `*` stands for one segment, a longer
    /// path also matches, and a final `$` forbids that. `*` alone matches everything.
    pub route: String,
    /// At which of them.
    pub when: When,
    /// At most so many times; `None` for no bound.
    pub times: Option<u64>,
    /// What goes wrong.
    pub what: Fault,
}

impl Rule {
    /// A rule without a bound on how often it strikes.
    #[must_use]
    pub fn new(remote: Remote, route: &str, when: When, what: Fault) -> Self {
        Self { remote, route: route.to_owned(), when, times: None, what }
    }

    /// The same rule, striking at most `times` times.
    #[must_use]
    pub fn at_most(mut self, times: u64) -> Self {
        self.times = Some(times);
        self
    }

    fn matches(&self, remote: Remote, route: &str) -> bool {
        if self.remote != remote {
            return false;
        }
        if self.route == "*" {
            return true;
        }
        let (pattern, whole) = match self.route.strip_suffix('$') {
            Some(pattern) => (pattern, true),
            None => (self.route.as_str(), false),
        };
        let (Some((method, path)), Some((seen_method, seen))) =
            (pattern.split_once(' '), route.split_once(' '))
        else {
            return pattern == route;
        };
        if method != "*" && method != seen_method {
            return false;
        }
        let mut seen = seen.trim_matches('/').split('/');
        let found = path
            .trim_matches('/')
            .split('/')
            .all(|want| seen.next().is_some_and(|have| want == "*" || want == have));
        found && !(whole && seen.next().is_some())
    }
}

#[derive(Debug)]
struct Entry {
    rule: Rule,
    seen: u64,
    struck: u64,
}

#[derive(Debug)]
struct Script {
    entries: Vec<Entry>,
    stream: Seeded,
    struck: u64,
}

/// The shared, seeded script of both remotes. Clones share their rules.
#[derive(Debug, Clone)]
pub struct Faults(Arc<Mutex<Script>>);

impl Faults {
    /// An empty script; probabilities are drawn from `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(Script {
            entries: Vec::new(),
            stream: Seeded::labelled(seed, "faults"),
            struck: 0,
        })))
    }

    fn lock(&self) -> MutexGuard<'_, Script> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a rule behind the others; of several that strike at one call, the first is applied.
    pub fn add(&self, rule: Rule) {
        self.lock().entries.push(Entry { rule, seen: 0, struck: 0 });
    }

    /// Drops all rules; the count of faults that struck stays.
    pub fn clear(&self) {
        self.lock().entries.clear();
    }

    /// Counts the call and says what goes wrong with it.
    #[must_use]
    pub fn decide(&self, remote: Remote, route: &str) -> Option<Fault> {
        let mut script = self.lock();
        let Script { entries, stream, struck } = &mut *script;
        let mut chosen = None;
        for entry in entries.iter_mut().filter(|e| e.rule.matches(remote, route)) {
            entry.seen += 1;
            let strikes = match entry.rule.when {
                When::Nth(n) => entry.seen == n,
                When::Every => true,
                When::Probability(ppm) => stream.chance(ppm),
            };
            let left = entry.rule.times.is_none_or(|times| entry.struck < times);
            if strikes && left && chosen.is_none() {
                entry.struck += 1;
                *struck += 1;
                chosen = Some(entry.rule.what);
            }
        }
        chosen
    }

    /// How many faults have struck since the start.
    #[must_use]
    pub fn struck(&self) -> u64 {
        self.lock().struck
    }

    /// The rules with their counts: `[{remote, route, when, times, what, seen, struck}]`.
    #[must_use]
    pub fn to_json(&self) -> Value {
        self.lock()
            .entries
            .iter()
            .map(|entry| {
                let mut row = entry.rule.to_json();
                row["seen"] = entry.seen.into();
                row["struck"] = entry.struck.into();
                row
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{Fault, Faults, Remote, Rule, When};

    #[test]
    fn a_pattern_matches_longer_paths_unless_it_ends_in_a_dollar() {
        let strikes = |pattern: &str, route: &str| {
            let faults = Faults::new(1);
            faults.add(Rule::new(Remote::Rackbeat, pattern, When::Every, Fault::Timeout));
            faults.decide(Remote::Rackbeat, route).is_some()
        };
        assert!(strikes("POST /orders", "POST /orders/drafts"));
        assert!(!strikes("POST /orders$", "POST /orders/drafts"));
        assert!(strikes("POST /orders/*/book", "POST /orders/1001/book"));
        assert!(!strikes("POST /orders/*/book", "POST /orders/1001/reopen"));
        assert!(!strikes("GET /orders", "POST /orders"));
        assert!(!strikes("POST /order", "POST /orders"));
    }

    #[test]
    fn the_nth_call_strikes_once_and_times_bounds_every() {
        let faults = Faults::new(1);
        faults.add(Rule::new(Remote::Shopify, "OrderById", When::Nth(2), Fault::CloseAfter));
        let seen: Vec<bool> = (0..4).map(|_| faults.decide(Remote::Shopify, "OrderById").is_some()).collect();
        assert_eq!(seen, [false, true, false, false]);
        faults.clear();
        faults.add(Rule::new(Remote::Shopify, "*", When::Every, Fault::CloseAfter).at_most(2));
        assert_eq!((0..5).filter(|_| faults.decide(Remote::Shopify, "x").is_some()).count(), 2);
        assert_eq!(faults.struck(), 3);
    }
}
