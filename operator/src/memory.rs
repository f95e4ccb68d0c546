//! What the operator remembers of a store from one look to the next. All of it can be lost: it only saves work.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::backoff;
use crate::carry::Carried;
use crate::resource::ShopifyStoreStatus;
use crate::status::Trouble;

/// A call that failed, and is not made again before its time: a look that something else caused must not hurry it.
#[derive(Debug, Clone)]
pub struct Gate {
    inputs: u64,
    failures: u32,
    not_before: Instant,
    trouble: Trouble,
}

/// What is gated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Gated {
    /// Connecting the store and changing its settings.
    Registration,
    /// Beginning an initial sync.
    InitialSync,
    /// Beginning a replay.
    Replay,
    /// Applying the worker.
    Worker,
    /// Disconnecting the store.
    Disconnect,
}

/// What is remembered of one store.
#[derive(Debug, Default)]
pub struct Memory {
    /// The status that was written last, and when: our own cache of the API server's objects may be behind.
    pub written: Option<(ShopifyStoreStatus, Instant)>,
    /// The resource had no status when it was first seen: its first Ready is counted.
    pub fresh: bool,
    /// The Secrets' versions, the text that asked for a reconnect, and what was made of them.
    pub secrets: Option<(SecretVersions, Option<String>, Result<String, Trouble>)>,
    /// The digests of settings as wanted and as the service made them of it: no difference, however they look.
    pub settled: Option<(u64, u64)>,
    /// What was carried to the service, be its status written yet or not.
    pub carried: Option<Carried>,
    /// Generations of objects that are as wanted, however they look (the API server fills in and rounds).
    pub settled_objects: HashMap<&'static str, i64>,
    gates: HashMap<Gated, Gate>,
}

/// Versions of the two Secrets of a store, with what else their reading depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretVersions {
    /// Version of the shop's; `None`: it does not exist.
    pub shopify: Option<String>,
    /// Version of the account's.
    pub rackbeat: Option<String>,
    /// The resource's generation: it may name other Secrets, or another grant.
    pub generation: Option<i64>,
}

impl Memory {
    /// Of a store that is seen for the first time.
    #[must_use]
    pub fn new(fresh: bool) -> Self {
        Self { fresh, ..Self::default() }
    }

    /// Notes that a call with these inputs failed. Answers when it may be made again.
    pub fn shut(
        &mut self,
        what: Gated,
        uid: &str,
        inputs: u64,
        trouble: Trouble,
        asked: Option<Duration>,
    ) -> Instant {
        let before = self.gates.get(&what).filter(|gate| gate.inputs == inputs);
        let failures = before.map_or(0, |gate| gate.failures) + 1;
        let wait = backoff::wait(uid, failures).max(asked.map_or(Duration::ZERO, backoff::asked));
        let not_before = Instant::now() + wait;
        self.gates.insert(what, Gate { inputs, failures, not_before, trouble });
        not_before
    }

    /// The trouble and the time of a call that must not be made yet.
    #[must_use]
    pub fn shut_until(&self, what: Gated, inputs: u64) -> Option<(Instant, Trouble)> {
        let gate = self.gates.get(&what).filter(|gate| gate.inputs == inputs)?;
        (Instant::now() < gate.not_before).then(|| (gate.not_before, gate.trouble.clone()))
    }

    /// How often a call failed in a row.
    #[must_use]
    pub fn failures_of(&self, what: Gated) -> u32 {
        self.gates.get(&what).map_or(0, |gate| gate.failures)
    }

    /// The call succeeded.
    pub fn open(&mut self, what: Gated) {
        self.gates.remove(&what);
    }
}

/// What is remembered of all stores, by the uid of their resource.
#[derive(Debug, Default)]
pub struct Memories {
    memories: Mutex<HashMap<String, Memory>>,
    /// Failed looks in a row. Apart from the rest, which a look that breaks off takes with it.
    failures: Mutex<HashMap<String, u32>>,
}

impl Memories {
    /// Takes a store's memory out. One look at a store is made at a time.
    #[must_use]
    pub fn take(&self, uid: &str) -> Option<Memory> {
        self.memories.lock().unwrap_or_else(PoisonError::into_inner).remove(uid)
    }

    /// Puts it back.
    pub fn keep(&self, uid: &str, memory: Memory) {
        self.memories.lock().unwrap_or_else(PoisonError::into_inner).insert(uid.to_owned(), memory);
    }

    /// Counts a failed look. Answers how many there were in a row.
    pub fn failed(&self, uid: &str) -> u32 {
        let mut all = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let failures = all.entry(uid.to_owned()).or_default();
        *failures = failures.saturating_add(1);
        *failures
    }

    /// A look did not fail.
    pub fn succeeded(&self, uid: &str) {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).remove(uid);
    }

    /// Whether nothing is remembered of anything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.memories.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
            && self.failures.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// Forgets a store.
    pub fn forget(&self, uid: &str) {
        let _forgotten = self.take(uid);
        self.succeeded(uid);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::Reason;

    #[test]
    fn a_look_that_breaks_off_again_and_again_is_made_ever_later() {
        let memories = Memories::default();
        for times in 1..=3 {
            // What is taken out is lost when the look breaks off.
            let _lost = memories.take("uid");
            assert_eq!(memories.failed("uid"), times);
        }
        memories.succeeded("uid");
        assert_eq!(memories.failed("uid"), 1);
        memories.forget("uid");
        assert!(memories.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_failed_call_waits_its_time_unless_its_inputs_change() {
        let mut memory = Memory::default();
        let trouble = Trouble::new(Reason::ConnectRefused, "no");
        let first = memory.shut(Gated::Registration, "uid", 1, trouble.clone(), None);
        assert_eq!(memory.shut_until(Gated::Registration, 1), Some((first, trouble.clone())));
        assert_eq!(memory.shut_until(Gated::Registration, 2), None);
        assert_eq!(memory.shut_until(Gated::Replay, 1), None);
        tokio::time::advance(Duration::from_secs(2)).await;
        assert_eq!(memory.shut_until(Gated::Registration, 1), None);
        memory.shut(Gated::Registration, "uid", 1, trouble.clone(), None);
        let third = memory.shut(Gated::Registration, "uid", 1, trouble.clone(), None);
        assert!(third > Instant::now() + Duration::from_secs(3));
        assert_eq!(memory.failures_of(Gated::Registration), 3);
        memory.shut(Gated::Registration, "uid", 2, trouble, Some(Duration::from_secs(50)));
        assert_eq!(memory.failures_of(Gated::Registration), 1);
        assert!(
            memory.shut_until(Gated::Registration, 2).unwrap().0 >= Instant::now() + Duration::from_secs(50)
        );
        memory.open(Gated::Registration);
        assert_eq!(memory.shut_until(Gated::Registration, 2), None);
    }
}
