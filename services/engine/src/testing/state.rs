//! The embedded state with hooks on the calls of an order's way; those of stock and products are in `state_goods`.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use secrecy::SecretString;
use shopbeat_domain::failure::{Failure, FailureKind, Remote};
use shopbeat_domain::ids::{AgreementId, OrderId, StoreId};
use shopbeat_domain::job::{Claim, JobCounts, JobRecord, Lane, Offer, Settled, Subject, Verdict};
use shopbeat_domain::ports::{
    Answer, IdMap, Ids, Jobs, Journal, Lease, Leases, Pulse, Pulses, Registry, Replays, Runs, SecretOwner,
    State,
};
use shopbeat_domain::replay::Replay;
use shopbeat_domain::run::Run;
use shopbeat_domain::store::{Agreement, Store};
use shopbeat_domain::transfer::Transfer;

use super::Hooks;

pub(super) struct Hooked<P: ?Sized> {
    pub(super) hooks: Hooks,
    pub(super) inner: Arc<P>,
}

/// A moment before which the state remembers nothing, if a test says so.
#[derive(Clone, Default)]
pub(super) struct Epoch(pub(super) Arc<Mutex<Option<Timestamp>>>);

/// Owners whose leases cannot be taken or renewed: as a process that hangs, or that the state's network lost.
#[derive(Clone, Default)]
pub(super) struct Frozen(pub(super) Arc<Mutex<Option<String>>>);

struct Freezing {
    frozen: Frozen,
    inner: Arc<dyn Leases>,
}

impl Freezing {
    fn check(&self, owner: &str) -> Answer<()> {
        if self.frozen.0.lock().unwrap().as_deref() == Some(owner) {
            return Err(Failure::new(Remote::State, FailureKind::Unreachable, "lease", "planned"));
        }
        Ok(())
    }
}

#[async_trait]
impl Leases for Freezing {
    async fn take(&self, name: &str, owner: &str, time: Duration) -> Answer<Option<Lease>> {
        self.check(owner)?;
        self.inner.take(name, owner, time).await
    }
    async fn renew(&self, lease: &Lease, time: Duration) -> Answer<bool> {
        self.check(&lease.owner)?;
        self.inner.renew(lease, time).await
    }
    async fn free(&self, lease: &Lease) -> Answer<()> {
        self.check(&lease.owner)?;
        self.inner.free(lease).await
    }
    async fn holders(&self, names: &[String]) -> Answer<Vec<Option<String>>> {
        self.inner.holders(names).await
    }
    async fn holder(&self, name: &str) -> Answer<Option<String>> {
        self.inner.holder(name).await
    }
}

struct Remembering {
    hooks: Hooks,
    epoch: Epoch,
    inner: Arc<dyn Registry>,
}

/// Puts hooks on a state.
pub(super) fn hooked(state: State, hooks: &Hooks, epoch: &Epoch, frozen: &Frozen) -> State {
    let hooks = || hooks.clone();
    State {
        registry: Arc::new(Remembering {
            hooks: hooks(),
            epoch: epoch.clone(),
            inner: state.registry.clone(),
        }),
        jobs: Arc::new(Hooked { hooks: hooks(), inner: state.jobs.clone() }),
        journal: Arc::new(Hooked { hooks: hooks(), inner: state.journal.clone() }),
        ids: Arc::new(Hooked { hooks: hooks(), inner: state.ids.clone() }),
        runs: Arc::new(Hooked { hooks: hooks(), inner: state.runs.clone() }),
        replays: Arc::new(Hooked { hooks: hooks(), inner: state.replays.clone() }),
        heaps: Arc::new(Hooked { hooks: hooks(), inner: state.heaps.clone() }),
        board: Arc::new(Hooked { hooks: hooks(), inner: state.board.clone() }),
        holds: Arc::new(Hooked { hooks: hooks(), inner: state.holds.clone() }),
        records: Arc::new(Hooked { hooks: hooks(), inner: state.records.clone() }),
        pulses: Arc::new(Hooked { hooks: hooks(), inner: state.pulses.clone() }),
        leases: Arc::new(Freezing { frozen: frozen.clone(), inner: state.leases.clone() }),
        ..state
    }
}

#[async_trait]
impl Jobs for Hooked<dyn Jobs> {
    async fn offer(
        &self,
        store: &StoreId,
        offers: &[Offer],
        mark: Option<(&str, Timestamp)>,
        now: Timestamp,
    ) -> Answer<u64> {
        self.hooks.call(Remote::State, "state.offer", self.inner.offer(store, offers, mark, now)).await
    }
    async fn claim(
        &self,
        store: &StoreId,
        lanes: &[Lane],
        hold: Duration,
        now: Timestamp,
    ) -> Answer<Option<Claim>> {
        self.hooks.call(Remote::State, "state.claim", self.inner.claim(store, lanes, hold, now)).await
    }
    async fn extend(&self, claim: &Claim, hold: Duration, now: Timestamp) -> Answer<bool> {
        self.hooks.call(Remote::State, "state.extend", self.inner.extend(claim, hold, now)).await
    }
    async fn settle(
        &self,
        claim: &Claim,
        verdict: &Verdict,
        journal: Option<&Transfer>,
        release: bool,
        now: Timestamp,
    ) -> Answer<Settled> {
        let settle = self.inner.settle(claim, verdict, journal, release, now);
        self.hooks.call(Remote::State, "state.settle", settle).await
    }
    async fn job(&self, store: &StoreId, subject: &Subject) -> Answer<Option<JobRecord>> {
        self.inner.job(store, subject).await
    }
    async fn parked(&self, store: &StoreId, after: Option<&str>, limit: u32) -> Answer<Vec<JobRecord>> {
        self.inner.parked(store, after, limit).await
    }
    async fn counts(&self, store: &StoreId) -> Answer<JobCounts> {
        self.inner.counts(store).await
    }
    async fn next_due(&self, store: &StoreId) -> Answer<Option<Timestamp>> {
        self.inner.next_due(store).await
    }
    async fn wait(&self, store: &StoreId, at_most: Duration) -> Answer<()> {
        self.inner.wait(store, at_most).await
    }
}

#[async_trait]
impl Journal for Hooked<dyn Journal> {
    async fn transfer(&self, store: &StoreId, order: OrderId) -> Answer<Option<Transfer>> {
        self.hooks.call(Remote::State, "state.transfer", self.inner.transfer(store, order)).await
    }
    async fn save(&self, claim: &Claim, transfer: &Transfer) -> Answer<()> {
        self.hooks.call(Remote::State, "state.save", self.inner.save(claim, transfer)).await
    }
    async fn transfers(&self, store: &StoreId, after: Option<OrderId>, limit: u32) -> Answer<Vec<Transfer>> {
        self.inner.transfers(store, after, limit).await
    }
}

#[async_trait]
impl Ids for Hooked<dyn Ids> {
    async fn look_up(&self, map: &IdMap, keys: &[String]) -> Answer<Vec<Option<String>>> {
        self.hooks.call(Remote::State, "state.look_up", self.inner.look_up(map, keys)).await
    }
    async fn put_if_absent(&self, map: &IdMap, key: &str, value: &str) -> Answer<String> {
        self.hooks.call(Remote::State, "state.put_if_absent", self.inner.put_if_absent(map, key, value)).await
    }
    async fn put(&self, map: &IdMap, entries: &[(String, String)]) -> Answer<()> {
        self.hooks.call(Remote::State, "state.put", self.inner.put(map, entries)).await
    }
    async fn forget(&self, map: &IdMap, key: &str) -> Answer<()> {
        self.hooks.call(Remote::State, "state.forget", self.inner.forget(map, key)).await
    }
}

#[async_trait]
impl Runs for Hooked<dyn Runs> {
    async fn run(&self, store: &StoreId, id: &str) -> Answer<Option<Run>> {
        self.hooks.call(Remote::State, "state.run", self.inner.run(store, id)).await
    }
    async fn latest_run(&self, store: &StoreId) -> Answer<Option<Run>> {
        self.inner.latest_run(store).await
    }
    async fn cancel_run(&self, store: &StoreId, id: &str) -> Answer<()> {
        self.hooks.call(Remote::State, "state.cancel_run", self.inner.cancel_run(store, id)).await
    }
    async fn is_cancelled(&self, store: &StoreId, id: &str) -> Answer<bool> {
        self.hooks.call(Remote::State, "state.is_cancelled", self.inner.is_cancelled(store, id)).await
    }
    async fn begin_run(&self, run: &Run, now: Timestamp) -> Answer<Run> {
        self.hooks.call(Remote::State, "state.begin_run", self.inner.begin_run(run, now)).await
    }
    async fn save_run(&self, claim: &Claim, run: &Run) -> Answer<()> {
        self.hooks.call(Remote::State, "state.save_run", self.inner.save_run(claim, run)).await
    }
}

#[async_trait]
impl Replays for Hooked<dyn Replays> {
    async fn replay(&self, store: &StoreId, id: &str) -> Answer<Option<Replay>> {
        self.hooks.call(Remote::State, "state.replay", self.inner.replay(store, id)).await
    }
    async fn latest_replay(&self, store: &StoreId) -> Answer<Option<Replay>> {
        self.inner.latest_replay(store).await
    }
    async fn begin_replay(&self, replay: &Replay, now: Timestamp) -> Answer<Replay> {
        self.hooks.call(Remote::State, "state.begin_replay", self.inner.begin_replay(replay, now)).await
    }
    async fn save_replay(&self, claim: &Claim, replay: &Replay) -> Answer<()> {
        self.hooks.call(Remote::State, "state.save_replay", self.inner.save_replay(claim, replay)).await
    }
    async fn end_replay(&self, replay: &Replay) -> Answer<()> {
        self.hooks.call(Remote::State, "state.end_replay", self.inner.end_replay(replay)).await
    }
}

#[async_trait]
impl Pulses for Hooked<dyn Pulses> {
    async fn pulses(&self, stores: &[StoreId], now: Timestamp) -> Answer<Vec<Pulse>> {
        self.hooks.call(Remote::State, "state.pulses", self.inner.pulses(stores, now)).await
    }
}

#[async_trait]
impl Registry for Remembering {
    async fn epoch(&self, now: Timestamp) -> Answer<Timestamp> {
        let set = *self.epoch.0.lock().unwrap();
        match set {
            Some(epoch) => Ok(epoch),
            None => self.inner.epoch(now).await,
        }
    }
    async fn store(&self, id: &StoreId) -> Answer<Option<Store>> {
        self.inner.store(id).await
    }
    async fn stores(&self) -> Answer<Vec<Store>> {
        self.inner.stores().await
    }
    async fn put_store(&self, store: &Store) -> Answer<Store> {
        self.hooks.call(Remote::State, "state.put_store", self.inner.put_store(store)).await
    }
    async fn agreement(&self, id: &AgreementId) -> Answer<Option<Agreement>> {
        self.inner.agreement(id).await
    }
    async fn agreements(&self) -> Answer<Vec<Agreement>> {
        self.inner.agreements().await
    }
    async fn bind_agreement(&self, agreement: &Agreement) -> Answer<()> {
        self.hooks.call(Remote::State, "state.bind_agreement", self.inner.bind_agreement(agreement)).await
    }
    async fn put_secret(&self, owner: &SecretOwner, field: &str, secret: &SecretString) -> Answer<()> {
        self.hooks.call(Remote::State, "state.put_secret", self.inner.put_secret(owner, field, secret)).await
    }
    async fn secret(&self, owner: &SecretOwner, field: &str) -> Answer<Option<SecretString>> {
        self.hooks.call(Remote::State, "state.secret", self.inner.secret(owner, field)).await
    }
    async fn forget_secret(&self, owner: &SecretOwner, field: &str) -> Answer<()> {
        self.hooks.call(Remote::State, "state.forget_secret", self.inner.forget_secret(owner, field)).await
    }
}
