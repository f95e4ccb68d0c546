//! What the engine needs from the state.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use secrecy::SecretString;

use super::Answer;
use super::state_goods::{Board, Heaps, Holds, Records};
use crate::billing::BillingEntry;
use crate::ids::{AgreementId, DeliveryId, OrderId, StoreId};
use crate::job::{Claim, JobCounts, JobRecord, Lane, Offer, Settled, Subject, Verdict};
use crate::replay::Replay;
use crate::run::Run;
use crate::store::{Agreement, Store};
use crate::transfer::Transfer;

/// Whose secret.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum SecretOwner {
    /// An agreement: its Rackbeat token, webhook token.
    Agreement(AgreementId),
    /// A store of an agreement (the key is derived per agreement).
    Store(AgreementId, StoreId),
}

/// Stores, agreements and their sealed credentials.
#[async_trait]
pub trait Registry: Send + Sync {
    /// One store.
    async fn store(&self, id: &StoreId) -> Answer<Option<Store>>;
    /// All stores, by id; disconnected ones too.
    async fn stores(&self) -> Answer<Vec<Store>>;
    /// Writes a store if the stored revision is `store.revision` (0 = not there); answers it with the new revision.
    /// `Conflict` otherwise.
    async fn put_store(&self, store: &Store) -> Answer<Store>;
    /// One agreement.
    async fn agreement(&self, id: &AgreementId) -> Answer<Option<Agreement>>;
    /// All agreements, by id.
    async fn agreements(&self) -> Answer<Vec<Agreement>>;
    /// Binds an agreement to its account, for good: `Conflict` if this name is bound to another account or this
    /// account to another name. Repeating it renews company and currency.
    async fn bind_agreement(&self, agreement: &Agreement) -> Answer<()>;
    /// Seals and keeps a secret under a field's name.
    async fn put_secret(&self, owner: &SecretOwner, field: &str, secret: &SecretString) -> Answer<()>;
    /// Opens a secret. `None` if there is none; `Garbled` if it does not open.
    async fn secret(&self, owner: &SecretOwner, field: &str) -> Answer<Option<SecretString>>;
    /// Forgets a secret.
    async fn forget_secret(&self, owner: &SecretOwner, field: &str) -> Answer<()>;
    /// Since when this state remembers: renewed when it is found empty (or, on Redis, run by another server than
    /// before, since the last second may be lost). What was created in Shopify before this moment may have been
    /// transferred by a state that is gone.
    async fn epoch(&self, now: Timestamp) -> Answer<Timestamp>;
}

/// What became of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Received {
    /// New, and durably queued.
    Queued,
    /// Seen before: nothing was done.
    Repeat,
}

/// What comes in.
#[async_trait]
pub trait Inbox: Send + Sync {
    /// One atomic step: if the delivery is new, remember it for [`crate::limits::DELIVERY_MEMORY`] and take the
    /// offer as [`Jobs::offer`] does; durable before it answers.
    async fn receive(
        &self,
        store: &StoreId,
        delivery: &DeliveryId,
        offer: &Offer,
        now: Timestamp,
    ) -> Answer<Received>;
}

/// The queue of each store. One job per subject.
#[async_trait]
pub trait Jobs: Send + Sync {
    /// Takes offers and moves a watermark, in one atomic step. For each: no job yet → a new one, ready, counted by
    /// the ledger as seen and pending in the hour of `now`; idle or delayed → ready; claimed → marked dirty, runs
    /// again when settled; parked → ready only if `unpark`; settled at this `version` or later → dropped. A ready
    /// job that is offered `ahead` moves ahead. `force` is kept if any offer had it. Answers how many now wait.
    async fn offer(
        &self,
        store: &StoreId,
        offers: &[Offer],
        mark: Option<(&str, Timestamp)>,
        now: Timestamp,
    ) -> Answer<u64>;
    /// Claims the next job of these lanes: due parked and delayed ones first become ready, claims past their time are
    /// taken back; then by lane, ahead first, oldest first. The claim lasts `hold`.
    async fn claim(
        &self,
        store: &StoreId,
        lanes: &[Lane],
        hold: Duration,
        now: Timestamp,
    ) -> Answer<Option<Claim>>;
    /// Keeps a claim for `hold` from now on; false if a later claim owns the job.
    async fn extend(&self, claim: &Claim, hold: Duration, now: Timestamp) -> Answer<bool>;
    /// Ends a claim: verdict, journal (if given), ledger, and the release of the units that the order held (see
    /// [`Holds`]) in one step, refused whole if a later claim owns it.
    async fn settle(
        &self,
        claim: &Claim,
        verdict: &Verdict,
        journal: Option<&Transfer>,
        release: bool,
        now: Timestamp,
    ) -> Answer<Settled>;
    /// What is known of one subject.
    async fn job(&self, store: &StoreId, subject: &Subject) -> Answer<Option<JobRecord>>;
    /// Parked jobs by subject, after a subject's text.
    async fn parked(&self, store: &StoreId, after: Option<&str>, limit: u32) -> Answer<Vec<JobRecord>>;
    /// Counts by phase.
    async fn counts(&self, store: &StoreId) -> Answer<JobCounts>;
    /// Until when a worker that found nothing may sleep: the next time anything falls due. `None` = nothing waits.
    async fn next_due(&self, store: &StoreId) -> Answer<Option<Timestamp>>;
    /// Waits until an offer came since this worker last looked, or `at_most`. May return early for no reason.
    async fn wait(&self, store: &StoreId, at_most: Duration) -> Answer<()>;
}

/// How a store is doing, as far as it is cheap to know.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pulse {
    /// Its queue.
    pub jobs: JobCounts,
    /// Since when the job that is due longest has waited; `None`: none is due.
    pub waiting_since: Option<Timestamp>,
    /// The run of the initial sync that was begun last.
    pub latest_run: Option<String>,
    /// The replay that was begun last.
    pub latest_replay: Option<String>,
    /// The stored [`crate::report::WorkerReport`].
    pub report: Option<String>,
    /// The stored [`crate::report::LastOrder`].
    pub last_order: Option<String>,
}

/// The pulse of many stores, taken every few seconds while somebody watches.
#[async_trait]
pub trait Pulses: Send + Sync {
    /// The pulses of these stores, in their order; a store that nobody knows has an empty one. One command per store
    /// at most, all on their way at once.
    async fn pulses(&self, stores: &[StoreId], now: Timestamp) -> Answer<Vec<Pulse>>;
}

/// Journals of transfers.
#[async_trait]
pub trait Journal: Send + Sync {
    /// The journal of an order.
    async fn transfer(&self, store: &StoreId, order: OrderId) -> Answer<Option<Transfer>>;
    /// Writes it under a claim: `Conflict` if a later claim owns the job.
    async fn save(&self, claim: &Claim, transfer: &Transfer) -> Answer<()>;
    /// Journals of a store in order of order ids, after one, for listings.
    async fn transfers(&self, store: &StoreId, after: Option<OrderId>, limit: u32) -> Answer<Vec<Transfer>>;
}

/// A lease that this process holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// What is leased: `worker/<store>`, `customer/<agreement>/<key>` ...
    pub name: String,
    /// Who holds it; a text of its own per holder.
    pub owner: String,
    /// Rises with every new holder of this name.
    pub fence: u64,
}

/// Leases with an owner and a fencing number.
#[async_trait]
pub trait Leases: Send + Sync {
    /// Takes a lease if it is free (or already this owner's: then it is renewed, same fence).
    async fn take(&self, name: &str, owner: &str, time: Duration) -> Answer<Option<Lease>>;
    /// Renews it; false if it is somebody else's by now.
    async fn renew(&self, lease: &Lease, time: Duration) -> Answer<bool>;
    /// Gives it back if it is still ours.
    async fn free(&self, lease: &Lease) -> Answer<()>;
    /// Who holds it.
    async fn holder(&self, name: &str) -> Answer<Option<String>>;
    /// Who holds each of several, in their order.
    async fn holders(&self, names: &[String]) -> Answer<Vec<Option<String>>>;
}

/// Which map.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum IdMap {
    /// Shopify variant → item number, per store.
    VariantItem(StoreId),
    /// Keyed hash of an e-mail address → customer number, per agreement.
    Customer(AgreementId),
    /// Item numbers known to exist → `1`, per agreement.
    KnownItem(AgreementId),
    /// Item number → how its stock was imported, per agreement.
    StockImport(AgreementId),
}

/// Shopify id ↔ Rackbeat number. Rebuilt from the remotes if lost.
#[async_trait]
pub trait Ids: Send + Sync {
    /// Looks up several keys at once, in their order.
    async fn look_up(&self, map: &IdMap, keys: &[String]) -> Answer<Vec<Option<String>>>;
    /// Writes a key if it is not there; answers the value that stands.
    async fn put_if_absent(&self, map: &IdMap, key: &str, value: &str) -> Answer<String>;
    /// Writes several keys, replacing what is there.
    async fn put(&self, map: &IdMap, entries: &[(String, String)]) -> Answer<()>;
    /// Forgets a key.
    async fn forget(&self, map: &IdMap, key: &str) -> Answer<()>;
}

/// Cursors of sweeps. Those of orders are moved by [`Jobs::offer`], in one step with what was found.
#[async_trait]
pub trait Watermarks: Send + Sync {
    /// A watermark.
    async fn watermark(&self, store: &StoreId, name: &str) -> Answer<Option<Timestamp>>;
    /// Moves a watermark on, never back.
    async fn move_watermark(&self, store: &StoreId, name: &str, to: Timestamp) -> Answer<()>;
}

/// The billing journal of each agreement: entries are only ever added.
#[async_trait]
pub trait BillingJournal: Send + Sync {
    /// All entries, oldest first.
    async fn entries(&self, agreement: &AgreementId) -> Answer<Vec<BillingEntry>>;
    /// Adds an entry. `Conflict` unless its number is the next.
    async fn append(&self, agreement: &AgreementId, entry: &BillingEntry) -> Answer<()>;
}

/// Rackbeat's budget per token, shared by all processes.
#[async_trait]
pub trait Pace: Send + Sync {
    /// Takes one call from a budget: `None` = go; else wait this long and ask again. Less urgent lanes must leave
    /// room for more urgent ones.
    async fn take(&self, budget: &str, lane: Lane, now: Timestamp) -> Answer<Option<Duration>>;
}

/// One hour of a store in the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerRow {
    /// The hour in which these orders were first seen.
    pub hour: Timestamp,
    /// How many were first seen; counted on its own, never a sum of the rest.
    pub seen: u64,
    /// Outcomes by [`crate::job::Outcome::name`].
    pub outcomes: Vec<(String, u64)>,
}

impl LedgerRow {
    /// Whether seen equals the sum of the outcomes.
    #[must_use]
    pub fn adds_up(&self) -> bool {
        self.seen == self.outcomes.iter().map(|(_, count)| count).sum::<u64>()
    }
}

/// Counts per store, hour and outcome.
#[async_trait]
pub trait Ledger: Send + Sync {
    /// The rows of a store whose hour lies in `from ..= to`, oldest first.
    async fn rows(&self, store: &StoreId, from: Timestamp, to: Timestamp) -> Answer<Vec<LedgerRow>>;
}

/// Runs of the initial sync.
#[async_trait]
pub trait Runs: Send + Sync {
    /// One run.
    async fn run(&self, store: &StoreId, id: &str) -> Answer<Option<Run>>;
    /// The run that was begun last.
    async fn latest_run(&self, store: &StoreId) -> Answer<Option<Run>>;
    /// Asks for the end of a run; the worker that is at it ends it. Without effect on one that is over.
    async fn cancel_run(&self, store: &StoreId, id: &str) -> Answer<()>;
    /// Whether its end was asked for.
    async fn is_cancelled(&self, store: &StoreId, id: &str) -> Answer<bool>;
    /// Begins a run unless another is under way; answers the one that stands. In one step with its job.
    async fn begin_run(&self, run: &Run, now: Timestamp) -> Answer<Run>;
    /// Writes how far it is, under its claim: `Conflict` if a later claim owns the job.
    async fn save_run(&self, claim: &Claim, run: &Run) -> Answer<()>;
}

/// Replays.
#[async_trait]
pub trait Replays: Send + Sync {
    /// One replay.
    async fn replay(&self, store: &StoreId, id: &str) -> Answer<Option<Replay>>;
    /// The replay that was begun last.
    async fn latest_replay(&self, store: &StoreId) -> Answer<Option<Replay>>;
    /// Begins a replay unless there is one of this id, or another is under way; answers the one that stands. In one
    /// step with its job.
    async fn begin_replay(&self, replay: &Replay, now: Timestamp) -> Answer<Replay>;
    /// Writes how far it is, under its claim: `Conflict` if a later claim owns the job, or if it was ended meanwhile.
    async fn save_replay(&self, claim: &Claim, replay: &Replay) -> Answer<()>;
    /// Writes the end of a replay, whoever is at it; without effect on one that is over.
    async fn end_replay(&self, replay: &Replay) -> Answer<()>;
}

/// Whether the state is there, and how it is set up.
#[async_trait]
pub trait StateHealth: Send + Sync {
    /// A round trip to the state.
    async fn ping(&self) -> Answer<()>;
    /// What an operator should know about the set-up (no append-only file ...), for people.
    async fn warnings(&self) -> Answer<Vec<String>>;
}

/// All ports of one state engine.
#[derive(Clone)]
#[expect(missing_docs, reason = "each field is the port of its type")]
pub struct State {
    pub registry: Arc<dyn Registry>,
    pub inbox: Arc<dyn Inbox>,
    pub jobs: Arc<dyn Jobs>,
    pub journal: Arc<dyn Journal>,
    pub leases: Arc<dyn Leases>,
    pub ids: Arc<dyn Ids>,
    pub watermarks: Arc<dyn Watermarks>,
    pub pace: Arc<dyn Pace>,
    pub ledger: Arc<dyn Ledger>,
    pub runs: Arc<dyn Runs>,
    pub replays: Arc<dyn Replays>,
    pub pulses: Arc<dyn Pulses>,
    pub heaps: Arc<dyn Heaps>,
    pub board: Arc<dyn Board>,
    pub holds: Arc<dyn Holds>,
    pub records: Arc<dyn Records>,
    pub billing: Arc<dyn BillingJournal>,
    pub health: Arc<dyn StateHealth>,
}
