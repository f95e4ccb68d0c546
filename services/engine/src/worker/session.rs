//! The time in which a worker holds its store's lease.

use std::time::Duration;

use shopbeat_domain::failure::Failure;
use shopbeat_domain::job::Subject;
use shopbeat_domain::limits;
use shopbeat_domain::ports::{Answer, Lease};
use shopbeat_domain::store::{Hold, Store};
use tokio::task::{Id, JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use super::held::LeaseClock;
use super::job::{self, JobEnd};
use super::lane::{Lane, Open};
use super::{hold, pause, wants_worker};
use crate::intake::set_hold;
use crate::ports::Ports;
use crate::sweep;
use crate::transfer::later;

/// Works until the shutdown, until the lease is lost, or until the store wants no worker.
pub(super) async fn run(
    ports: &Ports,
    store: &Store,
    lease: &Lease,
    shutdown: &CancellationToken,
) -> Answer<()> {
    let clock = LeaseClock::until(later(ports.now(), ports.timing.lease));
    // Everything of this session ends with it, whichever part ends first.
    let over = shutdown.child_token();
    let _ends = over.clone().drop_guard();
    let mut dispatcher = Dispatcher {
        ports,
        store: store.clone(),
        clock: clock.clone(),
        lane: Lane::default(),
        jobs: JoinSet::new(),
        probe: None,
    };
    tokio::select! {
        ended = dispatcher.run(&over) => ended?,
        () = keep_lease(ports, lease, &clock) => {}
        () = sweep::keep_swept(ports, store, &over) => {}
        () = sweep::keep_subscribed(ports, store, &over) => {}
        () = hold::keep_probing(ports, store, &over) => {}
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
            Err(failure) => {
                tracing::warn!(lease.name = lease.name, error = %failure, "the lease was not renewed");
            }
        }
    }
}

struct Dispatcher<'a> {
    ports: &'a Ports,
    store: Store,
    clock: LeaseClock,
    lane: Lane,
    jobs: JoinSet<JobEnd>,
    /// The job that probes a lane in trouble. It goes beside what is under way: a run of the initial sync may be for
    /// hours, and orders must not wait for it.
    probe: Option<Id>,
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
            while let Some(ended) = self.jobs.try_join_next_with_id() {
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
            ended = self.jobs.join_next_with_id(), if busy => ended,
            () = woken => None,
            () = pause(self.ports, time, over) => None,
        };
        if let Some(ended) = ended {
            self.ended(ended).await;
        }
    }

    /// Claims and starts a job if the store and the lane allow it.
    async fn next(&mut self) -> Answer<Next> {
        let Some(store) = self.ports.state.registry.store(&self.store.id).await? else {
            return Ok(Next::Over);
        };
        if !wants_worker(&store) {
            return Ok(Next::Over);
        }
        self.store = store;
        if !self.store.may_write() {
            return Ok(Next::Idle(limits::IDLE_LOOK));
        }
        let now = self.ports.now();
        let probes = match self.lane.look(now) {
            Open::Not(until) => return Ok(Next::Wait(until.duration_since(now).unsigned_abs())),
            Open::Probe => true,
            Open::Wide => false,
        };
        if self.jobs.len() >= limits::ORDERS_AT_ONCE || (probes && self.probe.is_some()) {
            return Ok(Next::Wait(limits::IDLE_LOOK));
        }
        match self.ports.state.jobs.claim(&self.store.id, self.ports.timing.lease, now).await? {
            Some(claim) => {
                let (ports, store, clock) = (self.ports.clone(), self.store.clone(), self.clock.clone());
                let is_order = matches!(claim.subject, Subject::Order(_));
                let job = self.jobs.spawn(job::run(ports, store, claim, clock));
                // A run that is claimed in trouble may be for hours as well: the next order probes beside it.
                if probes && is_order {
                    self.probe = Some(job.id());
                }
                Ok(Next::Look)
            }
            None => {
                let due = self.ports.state.jobs.next_due(&self.store.id).await?;
                let wait =
                    due.map_or(limits::IDLE_LOOK, |at| at.duration_since(now).try_into().unwrap_or_default());
                Ok(Next::Idle(wait.clamp(Duration::from_millis(1), limits::IDLE_LOOK)))
            }
        }
    }

    async fn ended(&mut self, ended: Result<(Id, JobEnd), JoinError>) {
        let id = ended.as_ref().map_or_else(JoinError::id, |(id, _)| *id);
        self.probe.take_if(|probe| *probe == id);
        match ended.map(|(_, end)| end) {
            Ok(JobEnd::Through) => self.lane.succeeded(),
            Ok(JobEnd::Dropped) => self.trouble_with_state(),
            Ok(JobEnd::Trouble { failure, asked, hold, further }) => {
                if further {
                    self.lane.succeeded();
                }
                self.trouble(&failure, asked, hold).await;
            }
            Err(error) => {
                tracing::error!(store.id = %self.store.id, %error, "a job's task ended unexpectedly");
            }
        }
    }

    /// Closes the lane; after several refusals of the credentials in a row the store is put on hold.
    async fn trouble(&mut self, failure: &Failure, asked: Option<Duration>, hold: Option<Hold>) {
        let (now, random) = (self.ports.now(), self.ports.random.as_ref());
        let until = match hold {
            Some(_) => self.lane.refused(now, asked, random),
            None => self.lane.failed(now, asked, random),
        };
        tracing::warn!(store.id = %self.store.id, error = %failure, %until, "the lane waits");
        if hold.is_none() || !job::puts_on_hold(self.lane.refusals()) {
            return;
        }
        match set_hold(self.ports, &self.store.id, hold).await {
            Ok(()) => self.lane.forget_refusals(),
            Err(failure) => self.ports.observer.call_failed(&self.store.id, &failure),
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
