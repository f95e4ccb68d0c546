//! Rackbeat's budget in plain memory.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use shopbeat_domain::job::Lane;
use shopbeat_domain::ports::{Answer, Pace};

use crate::pacing::Budget;

#[derive(Default)]
pub(super) struct InMemory(Mutex<HashMap<String, Budget>>);

#[async_trait]
impl Pace for InMemory {
    async fn take(&self, budget: &str, lane: Lane, now: Timestamp) -> Answer<Option<Duration>> {
        let mut budgets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let budget = budgets.entry(budget.to_owned()).or_default();
        let taken = budget.take(lane, now.as_microsecond());
        Ok(taken.err().map(|wait| Duration::from_micros(wait.unsigned_abs())))
    }
}
