//! Every table of the embedded engine, on one page.

use redb::{ReadableTable, TableDefinition, WriteTransaction};

use shopbeat_domain::job::JobPhase;

use super::Done;
use super::row::Row;

/// `(store, subject)` → [`super::row::Row`] as JSON.
pub(super) const JOBS: TableDefinition<(&str, &str), &[u8]> = TableDefinition::new("jobs");
/// `(store, class, sequence)` → subject. The class composes lane and "ahead", so the first key is the next job.
pub(super) const READY: TableDefinition<(&str, u8, u64), &str> = TableDefinition::new("ready");
/// `(store, phase, due, subject)`: delayed jobs, claims by their end, parked jobs by their retry.
pub(super) const DUE: TableDefinition<(&str, &str, i64, &str), ()> = TableDefinition::new("due");
/// `(store, subject)` of parked jobs.
pub(super) const PARKED: TableDefinition<(&str, &str), ()> = TableDefinition::new("parked");
/// `(store, name)` → the last sequence number and fence, and the number of jobs per phase.
pub(super) const NUMBERS: TableDefinition<(&str, &str), u64> = TableDefinition::new("numbers");
/// `(store, name)` → watermark.
pub(super) const MARKS: TableDefinition<(&str, &str), i64> = TableDefinition::new("marks");
/// `(store, hour, column)` → count.
pub(super) const LEDGER: TableDefinition<(&str, i64, &str), u64> = TableDefinition::new("ledger");
/// `(store, delivery)` → when it may be forgotten.
pub(super) const DELIVERIES: TableDefinition<(&str, &str), i64> = TableDefinition::new("deliveries");
/// `(store, order)` → journal as JSON.
pub(super) const JOURNALS: TableDefinition<(&str, u64), &[u8]> = TableDefinition::new("journals");
/// `(store, run)` → run as JSON.
pub(super) const RUNS: TableDefinition<(&str, &str), &[u8]> = TableDefinition::new("runs");
/// store → the run that was begun last.
pub(super) const LATEST_RUN: TableDefinition<&str, &str> = TableDefinition::new("latest-run");
/// `(store, run)` of runs whose end was asked for.
pub(super) const CANCELLED_RUNS: TableDefinition<(&str, &str), ()> = TableDefinition::new("cancelled-runs");
/// `(store, replay)` → replay as JSON.
pub(super) const REPLAYS: TableDefinition<(&str, &str), &[u8]> = TableDefinition::new("replays");
/// store → the replay that was begun last.
pub(super) const LATEST_REPLAY: TableDefinition<&str, &str> = TableDefinition::new("latest-replay");
/// A thing on a heap: mark, since, tries, doubt, due.
pub(super) type Thing = (u64, i64, u32, bool, i64);
/// `(heap, key)` → what is known of it.
pub(super) const HEAPS: TableDefinition<(&str, &str), Thing> = TableDefinition::new("heaps");
/// `(heap, due, key)`: what is on a heap by its time.
pub(super) const HEAP_DUE: TableDefinition<(&str, i64, &str), ()> = TableDefinition::new("heap-due");
/// `(board, item)` → number and text.
pub(super) const BOARDS: TableDefinition<(&str, &str), (u64, String)> = TableDefinition::new("boards");
/// `(store, order, item)` → units that the order holds.
pub(super) const HOLDS: TableDefinition<(&str, u64, &str), u64> = TableDefinition::new("holds");
/// `(store, item)` → units that all orders hold.
pub(super) const HELD: TableDefinition<(&str, &str), u64> = TableDefinition::new("held");
/// `(family, key)` → record.
pub(super) const RECORDS: TableDefinition<(&str, &str), &str> = TableDefinition::new("records");
/// `(heap, board or family, name)` → how many things are in it, and the last number given out.
pub(super) const COUNTS: TableDefinition<(&str, &str), u64> = TableDefinition::new("counts");
/// `(agreement, number)` → entry of the billing journal as JSON.
pub(super) const BILLING: TableDefinition<(&str, u64), &[u8]> = TableDefinition::new("billing");
/// `(map, key)` → value.
pub(super) const IDS: TableDefinition<(&str, &str), &str> = TableDefinition::new("ids");
/// store → record as JSON.
pub(super) const STORES: TableDefinition<&str, &[u8]> = TableDefinition::new("stores");
/// agreement → record as JSON.
pub(super) const AGREEMENTS: TableDefinition<&str, &[u8]> = TableDefinition::new("agreements");
/// Rackbeat account → the agreement that is bound to it.
pub(super) const ACCOUNTS: TableDefinition<u64, &str> = TableDefinition::new("accounts");
/// `(agreement, owner and field)` → sealed record.
pub(super) const SECRETS: TableDefinition<(&str, &str), &[u8]> = TableDefinition::new("secrets");
/// Single numbers: the epoch.
pub(super) const META: TableDefinition<&str, i64> = TableDefinition::new("meta");
/// `(when, table, store, key)`: what may be forgotten then, if nothing renewed it.
pub(super) const EXPIRY: TableDefinition<(i64, &str, &str, &str), ()> = TableDefinition::new("expiry");

/// Makes all tables, so that readers find them.
pub(super) fn create(transaction: &WriteTransaction) -> Done<()> {
    transaction.open_table(JOBS)?;
    transaction.open_table(READY)?;
    transaction.open_table(DUE)?;
    transaction.open_table(PARKED)?;
    transaction.open_table(NUMBERS)?;
    transaction.open_table(MARKS)?;
    transaction.open_table(LEDGER)?;
    transaction.open_table(DELIVERIES)?;
    transaction.open_table(JOURNALS)?;
    transaction.open_table(RUNS)?;
    transaction.open_table(LATEST_RUN)?;
    transaction.open_table(CANCELLED_RUNS)?;
    transaction.open_table(REPLAYS)?;
    transaction.open_table(LATEST_REPLAY)?;
    transaction.open_table(HEAPS)?;
    transaction.open_table(HEAP_DUE)?;
    transaction.open_table(BOARDS)?;
    transaction.open_table(HOLDS)?;
    transaction.open_table(HELD)?;
    transaction.open_table(RECORDS)?;
    transaction.open_table(COUNTS)?;
    transaction.open_table(BILLING)?;
    transaction.open_table(IDS)?;
    transaction.open_table(STORES)?;
    transaction.open_table(AGREEMENTS)?;
    transaction.open_table(ACCOUNTS)?;
    transaction.open_table(SECRETS)?;
    transaction.open_table(META)?;
    transaction.open_table(EXPIRY)?;
    Ok(())
}

/// What kinds of records expire.
pub(super) mod kind {
    /// A delivery id.
    pub(in super::super) const DELIVERY: &str = "delivery";
    /// A job with nothing to do, its journal with it.
    pub(in super::super) const JOB: &str = "job";
    /// An hour of the ledger.
    pub(in super::super) const LEDGER: &str = "ledger";
    /// A run.
    pub(in super::super) const RUN: &str = "run";
    /// A replay.
    pub(in super::super) const REPLAY: &str = "replay";
}

/// So many expired records are removed per write: more than a write can add.
const SWEPT_PER_WRITE: usize = 8;

/// Removes a few records past their time.
pub(super) fn forget_expired(transaction: &WriteTransaction, now: i64) -> Done<()> {
    let mut expiry = transaction.open_table(EXPIRY)?;
    let mut due = Vec::new();
    for entry in expiry.range(..(now, "", "", ""))?.take(SWEPT_PER_WRITE) {
        let (key, _) = entry?;
        let (at, table, store, key) = key.value();
        due.push((at, table.to_owned(), store.to_owned(), key.to_owned()));
    }
    for (at, table, store, key) in due {
        expiry.remove((at, table.as_str(), store.as_str(), key.as_str()))?;
        match table.as_str() {
            kind::DELIVERY => {
                let mut deliveries = transaction.open_table(DELIVERIES)?;
                deliveries.remove((store.as_str(), key.as_str()))?;
            }
            kind::JOB => forget_idle(transaction, &store, &key, now)?,
            kind::LEDGER => {
                let Ok(hour) = key.parse::<i64>() else { continue };
                let mut ledger = transaction.open_table(LEDGER)?;
                ledger.retain_in((store.as_str(), hour, "")..(store.as_str(), hour + 1, ""), |_, _| false)?;
            }
            kind::RUN => {
                let mut runs = transaction.open_table(RUNS)?;
                runs.remove((store.as_str(), key.as_str()))?;
                transaction.open_table(CANCELLED_RUNS)?.remove((store.as_str(), key.as_str()))?;
            }
            kind::REPLAY => {
                transaction.open_table(REPLAYS)?.remove((store.as_str(), key.as_str()))?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// Forgets a job that has had nothing to do for [`RECORD_MEMORY`], and its journal.
fn forget_idle(transaction: &WriteTransaction, store: &str, subject: &str, now: i64) -> Done<()> {
    let mut jobs = transaction.open_table(JOBS)?;
    let row = jobs.get((store, subject))?.and_then(|bytes| Row::read(bytes.value()));
    if row.is_none_or(|row| row.phase != JobPhase::Idle || row.until > now) {
        return Ok(());
    }
    jobs.remove((store, subject))?;
    if let Some(order) = subject.strip_prefix("order:").and_then(|order| order.parse::<u64>().ok()) {
        transaction.open_table(JOURNALS)?.remove((store, order))?;
    }
    Ok(())
}
