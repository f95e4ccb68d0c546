//! What the engine tells while it works; metrics hang on it.

use std::time::Duration;

use shopbeat_domain::failure::Failure;
use shopbeat_domain::ids::StoreId;
use shopbeat_domain::job::{Lane, Verdict};

/// Hears what happens. Calls must return at once.
pub trait Observer: Send + Sync {
    /// A job ended.
    fn job_settled(&self, store: &StoreId, lane: Lane, verdict: &Verdict, took: Duration);
    /// A call failed.
    fn call_failed(&self, store: &StoreId, failure: &Failure);
    /// A sweep read this many orders, of which this many had to be looked at.
    fn swept(&self, store: &StoreId, read: u64, queued: u64);
    /// One call wrote this many quantities to a shop.
    fn stock_written(&self, store: &StoreId, quantities: usize);
    /// An item's quantities stand in the shop, this long after Rackbeat's change was told (or found by a sweep).
    fn stock_told(&self, store: &StoreId, took: Duration);
    /// So many items showed another quantity than was thought.
    fn stock_stale(&self, store: &StoreId, items: usize);
}

/// Hears nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Observer for Silent {
    fn job_settled(&self, _: &StoreId, _: Lane, _: &Verdict, _: Duration) {}
    fn call_failed(&self, _: &StoreId, _: &Failure) {}
    fn swept(&self, _: &StoreId, _: u64, _: u64) {}
    fn stock_written(&self, _: &StoreId, _: usize) {}
    fn stock_told(&self, _: &StoreId, _: Duration) {}
    fn stock_stale(&self, _: &StoreId, _: usize) {}
}
