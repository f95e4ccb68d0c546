//! Leases in plain memory: only this process has this state open.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use shopbeat_domain::ports::{Answer, Clock, Lease, Leases};

use crate::record::{length, millis};

/// One name's holder; one that has ended stays for its fence.
struct Held {
    owner: String,
    fence: u64,
    until: i64,
}

/// Above this many names, those that are free are forgotten now and then.
const NAMES: usize = 10_000;

#[derive(Default)]
struct Book {
    held: HashMap<String, Held>,
    /// Of all names together, so that a forgotten name's next fence is higher, too.
    fence: u64,
}

pub(super) struct InMemory {
    clock: Arc<dyn Clock>,
    book: Mutex<Book>,
}

impl InMemory {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, book: Mutex::default() }
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> i64 {
        millis(self.clock.now())
    }
}

impl Held {
    fn is_of(&self, lease: &Lease, now: i64) -> bool {
        self.owner == lease.owner && self.fence == lease.fence && self.until > now
    }
}

#[async_trait]
impl Leases for InMemory {
    async fn take(&self, name: &str, owner: &str, time: Duration) -> Answer<Option<Lease>> {
        let now = self.now();
        let until = now.saturating_add(length(time));
        let mut book = self.book();
        if let Some(held) = book.held.get_mut(name)
            && held.until > now
        {
            if held.owner != owner {
                return Ok(None);
            }
            held.until = until;
            return Ok(Some(Lease { name: name.to_owned(), owner: owner.to_owned(), fence: held.fence }));
        }
        if book.held.len() >= NAMES {
            book.held.retain(|_, held| held.until > now);
        }
        book.fence += 1;
        let fence = book.fence;
        book.held.insert(name.to_owned(), Held { owner: owner.to_owned(), fence, until });
        Ok(Some(Lease { name: name.to_owned(), owner: owner.to_owned(), fence }))
    }

    async fn renew(&self, lease: &Lease, time: Duration) -> Answer<bool> {
        let now = self.now();
        let mut book = self.book();
        let held = book.held.get_mut(&lease.name).filter(|held| held.is_of(lease, now));
        Ok(held.map(|held| held.until = now.saturating_add(length(time))).is_some())
    }

    async fn free(&self, lease: &Lease) -> Answer<()> {
        let now = self.now();
        let mut book = self.book();
        if book.held.get(&lease.name).is_some_and(|held| held.is_of(lease, now)) {
            book.held.remove(&lease.name);
        }
        Ok(())
    }

    async fn holders(&self, names: &[String]) -> Answer<Vec<Option<String>>> {
        let now = self.now();
        let book = self.book();
        let holder = |name: &String| {
            book.held.get(name).filter(|held| held.until > now).map(|held| held.owner.clone())
        };
        Ok(names.iter().map(holder).collect())
    }

    async fn holder(&self, name: &str) -> Answer<Option<String>> {
        let now = self.now();
        let book = self.book();
        Ok(book.held.get(name).filter(|held| held.until > now).map(|held| held.owner.clone()))
    }
}
