//! Watching all stores: one look at the state every few seconds for all who watch, and to each of them what is another
//! than they were told last. Whoever reads slowly misses what was between, never what is.

use std::collections::{BTreeMap, VecDeque};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use futures::{Stream, stream};
use shopbeat_domain::billing::Terms;
use shopbeat_domain::failure::Failure;
use shopbeat_domain::ids::{AgreementId, StoreId};
use shopbeat_domain::limits;
use shopbeat_engine::ports::Ports;
use shopbeat_engine::status::{StoreStatus, Stores};
use shopbeat_proto::v1;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status};

use super::convert::{self, Violations};
use super::{SyncApi, status};
use crate::auth::{Caller, Deadline};

pub(super) type Watched = Pin<Box<dyn Stream<Item = Result<v1::WatchStoresResponse, Status>> + Send>>;

/// All connected stores, as they were at one look.
type Snapshot = Arc<BTreeMap<StoreId, Arc<StoreStatus>>>;

/// What the look answered last; nothing before the first one.
type Seen = Option<Result<Snapshot, Failure>>;

/// Where watchers meet: the one who looks for them, if there is one.
#[derive(Clone, Default)]
pub(super) struct Hub(Arc<Mutex<Option<watch::Sender<Seen>>>>);

impl Hub {
    /// Joins those who watch; the first of them starts the look.
    fn join(&self, ports: &Ports, terms: Terms, shutdown: &CancellationToken) -> watch::Receiver<Seen> {
        let mut looking = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = &*looking {
            return sender.subscribe();
        }
        let (sender, receiver) = watch::channel(None);
        *looking = Some(sender.clone());
        let seat = Seat { hub: self.clone(), sender };
        tokio::spawn(look(seat, ports.clone(), terms, shutdown.clone()));
        receiver
    }
}

/// The place of the one who looks. Given up however the look ends: those who watch then learn it, and the next one to
/// join begins another.
struct Seat {
    hub: Hub,
    sender: watch::Sender<Seen>,
}

impl Seat {
    /// Gives the place up if nobody watches any more. Under the lock: whoever joins finds a look that goes on, or none.
    fn is_idle(&self) -> bool {
        let mut looking = self.hub.0.lock().unwrap_or_else(PoisonError::into_inner);
        let idle = self.sender.receiver_count() == 0;
        if idle {
            *looking = None;
        }
        idle
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut looking = self.hub.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Another may sit there by now.
        looking.take_if(|sender| sender.same_channel(&self.sender));
    }
}

async fn look(seat: Seat, ports: Ports, terms: Terms, shutdown: CancellationToken) {
    let sender = &seat.sender;
    let mut stores = Stores::new(ports.clone(), terms);
    let mut before = Snapshot::default();
    let mut failures = 0;
    while !shutdown.is_cancelled() && !seat.is_idle() {
        match stores.look().await {
            Ok(now) => {
                failures = 0;
                let next = following(&before, now);
                if !same(&before, &next) || !matches!(*sender.borrow(), Some(Ok(_))) {
                    before = Arc::clone(&next);
                    sender.send_replace(Some(Ok(next)));
                }
            }
            Err(failure) => {
                failures += 1;
                tracing::warn!(error = %failure, "the stores could not be looked at");
                if failures >= limits::STATUS_FAILURES || sender.borrow().is_none() {
                    sender.send_replace(Some(Err(failure)));
                }
            }
        }
        tokio::select! {
            () = ports.clock.sleep(limits::STATUS_LOOK) => {}
            () = shutdown.cancelled() => {}
        }
    }
}

/// The next snapshot: a status that is the same by value stays the one it is.
fn following(before: &Snapshot, now: Vec<StoreStatus>) -> Snapshot {
    let keep = |status: StoreStatus| match before.get(&status.store.id) {
        Some(known) if **known == status => Arc::clone(known),
        _ => Arc::new(status),
    };
    Arc::new(now.into_iter().map(|status| (status.store.id.clone(), keep(status))).collect())
}

fn same(one: &Snapshot, other: &Snapshot) -> bool {
    one.len() == other.len() && one.values().zip(other.values()).all(|(one, other)| Arc::ptr_eq(one, other))
}

/// One who watches: what they were told, and what is still to be told of the last look.
struct Watcher {
    api: SyncApi,
    caller: Caller,
    agreement: Option<AgreementId>,
    seen: watch::Receiver<Seen>,
    told: BTreeMap<StoreId, Arc<StoreStatus>>,
    changed: VecDeque<Arc<StoreStatus>>,
    complete: bool,
    until: Option<Instant>,
}

impl SyncApi {
    pub(super) fn watch_stores_of(
        &self,
        caller: &Caller,
        message: &v1::WatchStoresRequest,
        deadline: Deadline,
    ) -> Result<Watched, Status> {
        let mut violations = Violations::default();
        let agreement = (!message.agreement_id.is_empty())
            .then(|| violations.take("agreement_id", AgreementId::parse(&message.agreement_id)))
            .flatten();
        violations.done()?;
        let mut seen = self.watching.join(&self.ports, self.terms, &self.shutdown);
        // What others were told already is news here.
        seen.mark_changed();
        let watcher = Watcher {
            api: self.clone(),
            caller: caller.clone(),
            agreement,
            seen,
            told: BTreeMap::new(),
            changed: VecDeque::new(),
            complete: false,
            until: deadline.asked_for(),
        };
        Ok(Box::pin(stream::try_unfold(watcher, Watcher::next)))
    }
}

impl Watcher {
    /// The next answer that says something.
    async fn next(mut self) -> Result<Option<(v1::WatchStoresResponse, Self)>, Status> {
        loop {
            if !self.changed.is_empty() {
                let answer = self.tell(Vec::new());
                return Ok(Some((answer, self)));
            }
            self.wait().await?;
            let snapshot = match &*self.seen.borrow_and_update() {
                None => continue,
                Some(Err(failure)) => return Err(status::failure(failure)),
                Some(Ok(snapshot)) => Arc::clone(snapshot),
            };
            let gone = self.compare(&snapshot);
            if !gone.is_empty() || !self.changed.is_empty() || !self.complete {
                let answer = self.tell(gone);
                return Ok(Some((answer, self)));
            }
        }
    }

    /// Notes what is another than was told; answers what is gone.
    fn compare(&mut self, snapshot: &Snapshot) -> Vec<String> {
        let (caller, agreement) = (&self.caller, &self.agreement);
        let sees = |status: &StoreStatus| {
            let of = &status.store.agreement;
            caller.sees(of) && agreement.as_ref().is_none_or(|wanted| wanted == of)
        };
        let seen = |id: &StoreId| snapshot.get(id).filter(|status| sees(status));
        let gone: Vec<StoreId> = self.told.keys().filter(|id| seen(id).is_none()).cloned().collect();
        for status in snapshot.values().filter(|status| sees(status)) {
            let told = self.told.get(&status.store.id);
            if told.is_none_or(|told| !Arc::ptr_eq(told, status) && told != status) {
                self.changed.push_back(Arc::clone(status));
            }
        }
        for id in &gone {
            self.told.remove(id);
        }
        gone.iter().map(ToString::to_string).collect()
    }

    /// The next part of what is to be told.
    fn tell(&mut self, gone: Vec<String>) -> v1::WatchStoresResponse {
        let now = self.api.ports.now();
        let part: Vec<_> = self.changed.drain(..self.changed.len().min(limits::STATUS_CHUNK)).collect();
        let stores = part.iter().map(|status| convert::store_status(status, now)).collect();
        self.told.extend(part.into_iter().map(|status| (status.store.id.clone(), status)));
        self.complete |= self.changed.is_empty();
        v1::WatchStoresResponse { stores, gone, complete: self.complete }
    }

    async fn wait(&mut self) -> Result<(), Status> {
        let deadline = async {
            match self.until {
                Some(until) => tokio::time::sleep_until(until).await,
                None => std::future::pending().await,
            }
        };
        let draining = || {
            let message = "this process is about to end; watch the stores again";
            status::refuse(Code::Unavailable, "DRAINING", message)
        };
        let ended = || {
            status::refuse(Code::Unavailable, "WATCH_ENDED", "the look at the stores ended; watch them again")
        };
        tokio::select! {
            biased;
            () = self.api.shutdown.cancelled() => Err(draining()),
            changed = self.seen.changed() => changed.map_err(|_| ended()),
            () = deadline => {
                let message = "the deadline passed; watch the stores again";
                Err(status::refuse(Code::DeadlineExceeded, "DEADLINE_EXCEEDED", message))
            }
        }
    }
}
