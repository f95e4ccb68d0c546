//! The time in which a worker holds its store's lease.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use shopbeat_domain::failure::Failure;
use shopbeat_domain::job::{Lane as JobLane, Offer};
use shopbeat_domain::limits;
use shopbeat_domain::ports::{Answer, Lease};
use shopbeat_domain::store::{Hold, Store};
use tokio::task::{Id, JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use super::held::LeaseClock;
use super::job::{self, JobEnd};
use super::lane::{Lane, Open};
use super::report::{Meets, Reporter};
use super::{hold, pause, wants_worker};
use crate::intake::set_hold;
use crate::ports::Ports;
use crate::sweep;
use crate::transfer::later;
use crate::{agreement, billing, goods, replay};

/// Works until the shutdown, until the lease is lost, or until the store wants no worker.
pub(super) async fn run(
    ports: &Ports,
    store: &Store,
    lease: &Lease,
    shutdown: &CancellationToken,
) -> Answer<()> {
    // Whoever died may have changed the store and not told billing, or marked something and not said so.
    billing::reconcile(ports, &store.id).await?;
    ports.state.jobs.offer(&store.id, &[Offer::stock(), Offer::products()], None, ports.now()).await?;
    // A worker of an older program has set it aside as unreadable.
    replay::wake_latest(ports, &store.id).await?;
    let reporter = Arc::new(Reporter::begin(ports, store, lease).await?);
    let clock = LeaseClock::until(later(ports.now(), ports.timing.lease));
    // Everything of this session ends with it, whichever part ends first.
    let over = shutdown.child_token();
    let _ends = over.clone().drop_guard();
    let mut dispatcher = Dispatcher {
        ports,
        store: store.clone(),
        clock: clock.clone(),
        lanes: HashMap::new(),
        jobs: JoinSet::new(),
        running: HashMap::new(),
        probe: None,
        reporter: Arc::clone(&reporter),
    };
    tokio::select! {
        ended = dispatcher.run(&over) => ended?,
        () = keep_lease(ports, lease, &clock) => {}
        () = sweep::keep_swept(ports, store, &reporter, &over) => {}
        () = sweep::keep_subscribed(ports, store, &reporter, &over) => {}
        () = goods::sweep::keep_swept(ports, store, &over) => {}
        () = agreement::keep(ports, store, &lease.owner, &reporter, &over) => {}
        () = reporter.keep(&over) => {}
        () = hold::keep_probing(ports, store, &over) => {}
    }
    dispatcher.drain().await;
    // What was told last is worth no failure: the next worker looks for itself.
    if let Err(failure) = reporter.write().await {
        tell(ports, store, "the worker's report was not written", &failure);
    }
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
    /// Each lane is in trouble by itself: that Rackbeat is away says nothing of quantities, which go to Shopify.
    lanes: HashMap<JobLane, Lane>,
    jobs: JoinSet<JobEnd>,
    /// The lanes of the running jobs.
    running: HashMap<Id, JobLane>,
    /// The order that probes its lane. It goes beside those that were under way when the trouble began.
    probe: Option<Id>,
    reporter: Arc<Reporter>,
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

/// The lanes that a job may be claimed of now, and when the first of the closed ones opens.
struct Free {
    lanes: Vec<JobLane>,
    reopens: Option<Timestamp>,
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
            self.reporter.lanes_rest();
            return Ok(Next::Idle(limits::IDLE_LOOK));
        }
        let now = self.ports.now();
        let Free { lanes, reopens } = self.free_lanes(now);
        if lanes.is_empty() {
            return Ok(Next::Wait(until(now, reopens)));
        }
        match self.ports.state.jobs.claim(&self.store.id, &lanes, self.ports.timing.lease, now).await? {
            Some(claim) => {
                let lane = claim.lane;
                let (ports, store, clock) = (self.ports.clone(), self.store.clone(), self.clock.clone());
                let reporter = Arc::clone(&self.reporter);
                let job = self.jobs.spawn(job::run(ports, store, claim, clock, reporter)).id();
                self.running.insert(job, lane);
                if lane == JobLane::Order && self.look(lane, now) == Open::Probe {
                    self.probe = Some(job);
                }
                Ok(Next::Look)
            }
            None => {
                let due = self.ports.state.jobs.next_due(&self.store.id).await?;
                // What is ready in a lane that is closed or full waits for that, not for us.
                let due = due.filter(|at| *at > now || lanes.len() == JobLane::ALL.len());
                Ok(Next::Idle(until(now, due.into_iter().chain(reopens).min())))
            }
        }
    }

    fn look(&self, lane: JobLane, now: Timestamp) -> Open {
        self.lanes.get(&lane).map_or(Open::Wide, |lane| lane.look(now))
    }

    /// Several orders at once, and beside them one job of each other lane: a shop with many orders gets its stock as
    /// well, and an initial sync of hours holds up nothing.
    fn free_lanes(&self, now: Timestamp) -> Free {
        let mut free = Free { lanes: Vec::new(), reopens: None };
        for lane in JobLane::ALL {
            let running = self.running.values().filter(|running| **running == lane).count();
            let most = if lane == JobLane::Order { limits::ORDERS_AT_ONCE } else { 1 };
            match self.look(lane, now) {
                Open::Not(until) => free.reopens = free.reopens.into_iter().chain([until]).min(),
                Open::Probe if lane == JobLane::Order && self.probe.is_some() => {}
                Open::Probe | Open::Wide if running < most => free.lanes.push(lane),
                Open::Probe | Open::Wide => {}
            }
        }
        free
    }

    async fn ended(&mut self, ended: Result<(Id, JobEnd), JoinError>) {
        let id = ended.as_ref().map_or_else(JoinError::id, |(id, _)| *id);
        self.probe.take_if(|probe| *probe == id);
        let Some(lane) = self.running.remove(&id) else { return };
        match ended.map(|(_, end)| end) {
            Ok(JobEnd::Through) => {
                self.lane(lane).succeeded();
                self.reporter.fine(Meets::Lane(lane));
            }
            Ok(JobEnd::Dropped) => {
                let (now, random) = (self.ports.now(), self.ports.random.as_ref());
                self.lane(lane).failed(now, None, random);
            }
            Ok(JobEnd::Trouble { failure, asked, hold, further }) => {
                if further {
                    self.lane(lane).succeeded();
                    self.reporter.fine(Meets::Lane(lane));
                }
                self.trouble(lane, &failure, asked, hold).await;
            }
            Err(error) => {
                tracing::error!(store.id = %self.store.id, %error, "a job's task ended unexpectedly");
            }
        }
    }

    fn lane(&mut self, lane: JobLane) -> &mut Lane {
        self.lanes.entry(lane).or_default()
    }

    /// Closes the lane; after several refusals of the credentials in a row the store is put on hold.
    async fn trouble(
        &mut self,
        lane: JobLane,
        failure: &Failure,
        asked: Option<Duration>,
        hold: Option<Hold>,
    ) {
        let (now, ports) = (self.ports.now(), self.ports);
        let random = ports.random.as_ref();
        let until = match hold {
            Some(_) => self.lane(lane).refused(now, asked, random),
            None => self.lane(lane).failed(now, asked, random),
        };
        let in_a_row = self.lane(lane).failures();
        self.reporter.met(Meets::Lane(lane), failure, in_a_row);
        tracing::warn!(store.id = %self.store.id, lane = lane.name(), error = %failure, %until, "the lane waits");
        if hold.is_none() || !job::puts_on_hold(self.lane(lane).refusals()) {
            return;
        }
        match set_hold(ports, &self.store.id, hold).await {
            Ok(()) => self.lane(lane).forget_refusals(),
            Err(failure) => ports.observer.call_failed(&self.store.id, &failure),
        }
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

/// How long to wait for a moment, at most for as long as a worker never looks.
fn until(now: Timestamp, moment: Option<Timestamp>) -> Duration {
    let wait = moment.map_or(limits::IDLE_LOOK, |at| at.duration_since(now).try_into().unwrap_or_default());
    wait.clamp(Duration::from_millis(1), limits::IDLE_LOOK)
}

/// Tells a failure that no job met.
pub(crate) fn tell(ports: &Ports, store: &Store, what: &str, failure: &Failure) {
    tracing::warn!(store.id = %store.id, error = %failure, "{what}");
    ports.observer.call_failed(&store.id, failure);
}
