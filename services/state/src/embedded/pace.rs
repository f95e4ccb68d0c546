//! Rackbeat's budget in plain memory.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use shopbeat_domain::job::Lane;
use shopbeat_domain::ports::{Answer, Pace};

use crate::pacing;

/// When each budget will be whole again, in microseconds.
#[derive(Default)]
pub(super) struct InMemory(Mutex<HashMap<String, i64>>);

#[async_trait]
impl Pace for InMemory {
    async fn take(&self, budget: &str, lane: Lane, now: Timestamp) -> Answer<Option<Duration>> {
        let mut budgets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = now.as_microsecond();
        match pacing::take(budgets.get(budget).copied().unwrap_or(now), lane, now) {
            Ok(whole) => {
                budgets.insert(budget.to_owned(), whole);
                Ok(None)
            }
            Err(wait) => Ok(Some(Duration::from_micros(wait.unsigned_abs()))),
        }
    }
}
