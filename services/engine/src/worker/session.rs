//! The time in which a worker holds its store's lease.

use std::time::Duration;

use shopbeat_domain::failure::Failure;
use shopbeat_domain::limits;
use shopbeat_domain::ports::{Answer, Lease};
use shopbeat_domain::store::Store;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::held::LeaseClock;
use super::job::{self, JobEnd};
use super::lane::{Lane, Open};
use super::{pause, wants_worker};
use crate::intake::set_hold;
use crate::ports::Ports;
use crate::sweep;
use crate::transfer::later;

/// Works until the shutdown, until the lease is lost, or until the store wants no worker.
pub(super) async fn run(ports: &Ports, store: &Store, lease: &Lease, shutdown: &CancellationToken) -> Answer<()> {
    let clock = LeaseClock::until(later(ports.now(), ports.timing.lease));
    // Everything of this session ends with it, whichever part ends first.
    let over = shutdown.child_token();
    let _ends = over.clone().drop_guard();
    let mut dispatcher = Dispatcher { ports, store: store.clone(), clock: clock.clone(), lane: Lane::default(), jobs: JoinSet::new() };
    tokio::select! {
        ended = dispatcher.run(&over) => ended?,
        () = keep_lease(ports, lease, &clock) => {}
        () = sweep::keep_swept(ports, store, &over) => {}
        () = sweep::keep_subscribed(ports, store, &over) => {}
    }
    dispatcher.drain().await;
    Ok(())
}

/// Renews the lease; comes back when it is lost. While the state is away it goes on trying: the clock runs out by
/// itself and stops the writes.
async fn keep_lease(ports: &Ports, lease: &Lease, clock: &LeaseClock) {
    loop {
        ports.clock.sleep(ports.timing.renewal()).await;
        let asked = ports.now();
        match ports.state.leases.renew(lease, ports.timing.lease).await {
            Ok(true) => clock.set(later(asked, ports.timing.lease)),
            Ok(false) => {
                clock.set(asked);
                tracing::warn!(lease.name = lease.name, "the lease is somebody else's");
                return;
            }
            Err(failure) => tracing::warn!(lease.name = lease.name, error = %failure, "the lease was not renewed"),
        }
    }
}

struct Dispatcher<'a> {
    ports: &'a Ports,
    store: Store,
    clock: LeaseClock,
    lane: Lane,
    jobs: JoinSet<JobEnd>,
}

/// What the dispatcher does next.
enum Next {
    /// Something was started; look again.
    Look,
    /// Wait for a job's end, or this long.
    Wait(Duration),
    /// Wait for an offer, a job's end, or this long.
    Idle(Duration),
    /// No worker is wanted.
    Over,
}

impl Dispatcher<'_> {
    async fn run(&mut self, over: &CancellationToken) -> Answer<()> {
        loop {
            while let Some(ended) = self.jobs.try_join_next() {
                self.ended(ended).await;
            }
            if over.is_cancelled() {
                return Ok(());
            }
            match self.next().await? {
                Next::Look => {}
                Next::Over => return Ok(()),
                Next::Wait(time) => self.wait(time, None, over).await,
                Next::Idle(time) => {
                    let ports = self.ports;
                    let id = self.store.id.clone();
                    let woken = async move {
                        if ports.state.jobs.wait(&id, time).await.is_err() {
                            ports.clock.sleep(limits::BACKOFF_FIRST.min(time)).await;
                        }
                    };
                    self.wait(time, Some(Box::pin(woken)), over).await;
                }
            }
        }
    }

    /// Waits for a job's end, the time, the shutdown, or the wake-up.
    async fn wait(
        &mut self,
        time: Duration,
        woken: Option<futures::future::BoxFuture<'_, ()>>,
        over: &CancellationToken,
    ) {
        let woken = woken.unwrap_or_else(|| Box::pin(std::future::pending()));
        let busy = !self.jobs.is_empty();
        let ended = tokio::select! {
            ended = self.jobs.join_next(), if busy => ended,
            () = woken => None,
            () = pause(self.ports, time, over) => None,
        };
        if let Some(ended) = ended {
            self.ended(ended).await;
        }
    }

    /// Claims and starts a job if the store and the lane allow it.
    async fn next(&mut self) -> Answer<Next> {
        let Some(store) = self.ports.state.registry.store(&self.store.id).await? else { return Ok(Next::Over) };
        if !wants_worker(&store) {
            return Ok(Next::Over);
        }
        self.store = store;
        if !self.store.may_write() {
            return Ok(Next::Idle(limits::IDLE_LOOK));
        }
        let now = self.ports.now();
        let room = match self.lane.look(now) {
            Open::Not(until) => return Ok(Next::Wait(until.duration_since(now).unsigned_abs())),
            Open::Probe => 1,
            Open::Wide => limits::ORDERS_AT_ONCE,
        };
        if self.jobs.len() >= room {
            return Ok(Next::Wait(limits::IDLE_LOOK));
        }
        match self.ports.state.jobs.claim(&self.store.id, self.ports.timing.lease, now).await? {
            Some(claim) => {
                let (ports, store, clock) = (self.ports.clone(), self.store.clone(), self.clock.clone());
                self.jobs.spawn(job::run(ports, store, claim, clock));
                Ok(Next::Look)
            }
            None => {
                let due = self.ports.state.jobs.next_due(&self.store.id).await?;
                let wait = due.map_or(limits::IDLE_LOOK, |at| at.duration_since(now).try_into().unwrap_or_default());
                Ok(Next::Idle(wait.clamp(Duration::from_millis(1), limits::IDLE_LOOK)))
            }
        }
    }

    async fn ended(&mut self, ended: Result<JobEnd, tokio::task::JoinError>) {
        match ended {
            Ok(JobEnd::Through) => self.lane.succeeded(),
            Ok(JobEnd::Dropped) => self.trouble_with_state(),
            Ok(JobEnd::Trouble { failure, asked, hold }) => {
                let now = self.ports.now();
                let until = self.lane.failed(now, asked, self.ports.random.as_ref());
                tracing::warn!(store.id = %self.store.id, error = %failure, %until, "the lane waits");
                if let Some(hold) = hold
                    && job::puts_on_hold(self.lane.failures())
                    && let Err(failure) = set_hold(self.ports, &self.store.id, Some(hold)).await
                {
                    self.ports.observer.call_failed(&self.store.id, &failure);
                }
            }
            Err(error) => tracing::error!(store.id = %self.store.id, %error, "a job's task ended unexpectedly"),
        }
    }

    fn trouble_with_state(&mut self) {
        let now = self.ports.now();
        self.lane.failed(now, None, self.ports.random.as_ref());
    }

    /// Lets the running jobs end, for a while; what is cut off then is claimed again by the next worker.
    async fn drain(&mut self) {
        let ports = self.ports.clone();
        let all = async {
            while let Some(ended) = self.jobs.join_next().await {
                if let Err(error) = ended {
                    tracing::error!(%error, "a job's task ended unexpectedly");
                }
            }
        };
        tokio::select! {
            () = all => {}
            () = ports.clock.sleep(limits::DRAIN.min(ports.timing.lease)) => {}
        }
        self.jobs.abort_all();
    }
}

/// Tells a failure that no job met.
pub(crate) fn tell(ports: &Ports, store: &Store, what: &str, failure: &Failure) {
    tracing::warn!(store.id = %store.id, error = %failure, "{what}");
    ports.observer.call_failed(&store.id, failure);
}
