//! What people and other services ask about a connected store's orders and runs.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use shopbeat_domain::eligibility::{self, Eligibility};
use shopbeat_domain::ids::{OrderId, StoreId};
use shopbeat_domain::job::{IgnoreRule, JobCounts, JobPhase, JobRecord, Offer, Outcome, Subject};
use shopbeat_domain::order::Order;
use shopbeat_domain::ports::LedgerRow;
use shopbeat_domain::store::{Desired, Store};
use shopbeat_domain::transfer::Transfer;

use crate::ports::Ports;
use crate::problem::{Problem, Violation};
use crate::worker;

#[path = "desk_runs.rs"]
mod runs;

/// Which order is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderAsk {
    /// By Shopify's id.
    Id(OrderId),
    /// By its name, `#1042`.
    Name(String),
}

/// What is known of one order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderReport {
    /// The order.
    pub order: OrderId,
    /// Its job.
    pub job: JobRecord,
    /// Its journal, if it ever came to that.
    pub transfer: Option<Transfer>,
}

/// How a store is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreReport {
    /// The store.
    pub store: Store,
    /// Its queue.
    pub jobs: JobCounts,
    /// Its ledger, oldest hour first.
    pub ledger: Vec<LedgerRow>,
    /// The worker that holds it.
    pub worker: Option<String>,
}

/// Answers questions and takes orders about connected stores.
#[derive(Clone)]
pub struct Desk {
    ports: Ports,
}

/// A waiter looks this often at the job it waits for.
const LOOK: Duration = Duration::from_millis(40);

impl Desk {
    /// A desk over these ports.
    #[must_use]
    pub fn new(ports: Ports) -> Self {
        Self { ports }
    }

    /// A connected store.
    ///
    /// # Errors
    /// Unknown, or disconnected.
    pub async fn store(&self, id: &StoreId) -> Result<Store, Problem> {
        let store = self.ports.state.registry.store(id).await?;
        let connected = store.filter(|store| store.disconnected_at.is_none());
        connected.ok_or_else(|| Problem::Unknown { what: "store", name: id.to_string() })
    }

    /// All connected stores, by id.
    ///
    /// # Errors
    /// When the state is away.
    pub async fn stores(&self) -> Result<Vec<Store>, Problem> {
        let mut stores = self.ports.state.registry.stores().await?;
        stores.retain(|store| store.disconnected_at.is_none());
        Ok(stores)
    }

    /// A store with its queue and its ledger of the last 90 days.
    ///
    /// # Errors
    /// Unknown, or the state is away.
    pub async fn report(&self, id: &StoreId) -> Result<StoreReport, Problem> {
        let store = self.store(id).await?;
        let now = self.ports.now();
        let memory = SignedDuration::try_from(shopbeat_domain::limits::RECORD_MEMORY).unwrap_or_default();
        let from = now.saturating_sub(memory).unwrap_or(Timestamp::UNIX_EPOCH);
        let state = &self.ports.state;
        Ok(StoreReport {
            jobs: state.jobs.counts(id).await?,
            ledger: state.ledger.rows(id, from, now).await?,
            worker: state.leases.holder(&worker::lease_name(id)).await?,
            store,
        })
    }

    /// Transfers one order now, ahead of others, and waits for it at most `wait`. Asked again, it gives the same
    /// number. If the time is up, the answer tells a job that is still pending, and the job goes on.
    ///
    /// # Errors
    /// Unknown store or order; a precondition (paused, several orders of that name, trigger not reached, ignored
    /// by a rule, parked) with its reason; a remote that is down.
    pub async fn transfer_order(
        &self,
        id: &StoreId,
        ask: &OrderAsk,
        force: bool,
        wait: Duration,
    ) -> Result<OrderReport, Problem> {
        let until = crate::transfer::later(self.ports.now(), wait);
        let store = self.writable(id).await?;
        let order = self.resolve(&store, ask).await?;
        if !force && let Some(report) = self.finished(id, order).await? {
            return Ok(report);
        }
        self.check(&store, order, force).await?;
        let subject = Subject::Order(order);
        let before = self.ports.state.jobs.job(id, &subject).await?.map_or(0, |job| job.settled);
        let offer = Offer { ahead: true, force, ..Offer::order(order) };
        self.ports.state.jobs.offer(id, &[offer], None, self.ports.now()).await?;
        loop {
            let report = self.known(id, order).await?;
            if report.job.settled > before && is_answer(&report.job) {
                return settled(report);
            }
            if self.ports.now() >= until {
                return Ok(report);
            }
            self.ports.clock.sleep(LOOK).await;
        }
    }

    async fn finished(&self, id: &StoreId, order: OrderId) -> Result<Option<OrderReport>, Problem> {
        let Some(job) = self.ports.state.jobs.job(id, &Subject::Order(order)).await? else { return Ok(None) };
        if job.outcome != Outcome::Transferred {
            return Ok(None);
        }
        let transfer = self.ports.state.journal.transfer(id, order).await?;
        Ok(transfer.map(|transfer| OrderReport { order, job, transfer: Some(transfer) }))
    }

    /// Says at once why an order would not go over, without a trace in the ledger.
    async fn check(&self, store: &Store, order: OrderId, force: bool) -> Result<(), Problem> {
        if self.ports.state.journal.transfer(&store.id, order).await?.is_some() {
            return Ok(());
        }
        let shop = self.ports.remotes.shop(store).await?;
        let order = match shop.order(order).await {
            Ok(order) => order,
            Err(failure) if failure.is_missing() => {
                return Err(Problem::Unknown { what: "order", name: order.to_string() });
            }
            Err(failure) => return Err(failure.into()),
        };
        match eligibility::decide(&order, &store.settings.orders, force) {
            Eligibility::Transfer => Ok(()),
            Eligibility::Wait => Err(not_reached(&order, store)),
            Eligibility::Ignore(rule) => Err(ignored(rule)),
        }
    }

    async fn resolve(&self, store: &Store, ask: &OrderAsk) -> Result<OrderId, Problem> {
        let name = match ask {
            OrderAsk::Id(id) => return Ok(*id),
            OrderAsk::Name(name) => name.trim(),
        };
        if name.is_empty() {
            let problem = "is empty; give an order's id or its name, such as #1042";
            return Err(Problem::BadInput(vec![Violation::new("order", problem)]));
        }
        let found = self.ports.remotes.shop(store).await?.orders_named(name).await?;
        match found.as_slice() {
            [] => Err(Problem::Unknown { what: "order", name: name.to_owned() }),
            [one] => Ok(one.id),
            several => {
                let ids: Vec<String> = several.iter().map(|head| head.id.to_string()).collect();
                let message = format!("several orders are called {name}; name one by id: {}", ids.join(", "));
                Err(Problem::precondition("ORDER_NAME_AMBIGUOUS", message))
            }
        }
    }

    /// What is known of one order.
    ///
    /// # Errors
    /// Unknown store, or an order that was never seen.
    pub async fn order(&self, id: &StoreId, ask: &OrderAsk) -> Result<OrderReport, Problem> {
        let store = self.store(id).await?;
        let order = self.resolve(&store, ask).await?;
        match (self.known(id, order).await, ask) {
            (Err(Problem::Unknown { what, .. }), OrderAsk::Name(name)) => {
                Err(Problem::Unknown { what, name: format!("{name}, id {order}: it was never seen") })
            }
            (report, _) => report,
        }
    }

    async fn known(&self, id: &StoreId, order: OrderId) -> Result<OrderReport, Problem> {
        let job = self.ports.state.jobs.job(id, &Subject::Order(order)).await?;
        let job = job.ok_or_else(|| Problem::Unknown { what: "order", name: order.to_string() })?;
        let transfer = self.ports.state.journal.transfer(id, order).await?;
        Ok(OrderReport { order, job, transfer })
    }

    /// Parked orders, after a subject's text, at most `limit`.
    ///
    /// # Errors
    /// Unknown store, or the state is away.
    pub async fn parked(
        &self,
        id: &StoreId,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<JobRecord>, Problem> {
        self.store(id).await?;
        Ok(self.ports.state.jobs.parked(id, after, limit).await?)
    }

    /// Puts parked orders back; `recreate` also makes orders anew that a person removed in Rackbeat. Answers which.
    ///
    /// # Errors
    /// Unknown store or order; an order that is neither parked nor (with `recreate`) removed.
    pub async fn retry(
        &self,
        id: &StoreId,
        orders: &[OrderId],
        recreate: bool,
    ) -> Result<Vec<OrderId>, Problem> {
        self.store(id).await?;
        let mut offers = Vec::with_capacity(orders.len());
        for order in orders {
            let report = self.known(id, *order).await?;
            let removed = report.job.outcome == Outcome::RemovedInRackbeat;
            if report.job.phase != JobPhase::Parked && !(removed && recreate) {
                let message = if removed {
                    format!(
                        "order {order} was removed in Rackbeat by a person; retry with recreate to make it anew"
                    )
                } else {
                    format!("order {order} is not parked: it is {}", report.job.outcome.name())
                };
                return Err(Problem::precondition("ORDER_NOT_PARKED", message));
            }
            offers.push(Offer { force: recreate, ..Offer::order(*order) });
        }
        self.ports.state.jobs.offer(id, &offers, None, self.ports.now()).await?;
        Ok(orders.to_vec())
    }

    /// Puts all parked orders back. Answers which.
    ///
    /// # Errors
    /// Unknown store, or the state is away.
    pub async fn retry_all(&self, id: &StoreId) -> Result<Vec<OrderId>, Problem> {
        const PAGE: u32 = 500;
        let mut all = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let page = self.parked(id, after.as_deref(), PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.subject.to_string());
            all.extend(page.iter().filter_map(|job| match job.subject {
                Subject::Order(order) => Some(order),
                Subject::InitialSync(_) | Subject::Replay(_) | Subject::Stock | Subject::Products => None,
            }));
        }
        let offers: Vec<Offer> = all.iter().map(|order| Offer::order(*order)).collect();
        self.ports.state.jobs.offer(id, &offers, None, self.ports.now()).await?;
        Ok(all)
    }

    pub(super) async fn writable(&self, id: &StoreId) -> Result<Store, Problem> {
        let store = self.store(id).await?;
        if let Some(hold) = store.hold {
            return Err(Problem::precondition("STORE_ON_HOLD", format!("store {id} is on hold: {hold}")));
        }
        match store.desired {
            Desired::Running => Ok(store),
            Desired::Paused | Desired::Stopped => {
                let message = format!("store {id} is paused; resume it first");
                Err(Problem::precondition("STORE_PAUSED", message))
            }
        }
    }
}

/// Whether a job says what became of its order: not while it is queued or running, nor while it is put off.
fn is_answer(job: &JobRecord) -> bool {
    // It stands in Rackbeat: an event that came meanwhile runs the job again, and nobody has to wait for that.
    if job.outcome == Outcome::Transferred {
        return true;
    }
    match job.phase {
        JobPhase::Ready | JobPhase::Claimed => false,
        JobPhase::Delayed => job.outcome != Outcome::Pending,
        JobPhase::Parked | JobPhase::Idle => true,
    }
}

fn not_reached(order: &Order, store: &Store) -> Problem {
    let trigger = store.settings.orders.trigger;
    let message = format!(
        "order {} has not reached the trigger {trigger:?} yet; force transfers it now",
        order.head.name
    );
    Problem::precondition("TRIGGER_NOT_REACHED", message)
}

fn ignored(rule: IgnoreRule) -> Problem {
    let reason = match rule {
        IgnoreRule::BeforeStart => "BEFORE_START",
        IgnoreRule::CancelledBefore => "CANCELLED_BEFORE",
        IgnoreRule::NothingOwed => "NOTHING_OWED",
        IgnoreRule::TestOrder => "TEST_ORDER",
        IgnoreRule::OrdersOff => "ORDERS_OFF",
        IgnoreRule::GoneInShopify => "GONE_IN_SHOPIFY",
    };
    let forcible = matches!(rule, IgnoreRule::BeforeStart | IgnoreRule::OrdersOff);
    let hint = if forcible { "; force transfers it anyway" } else { "" };
    Problem::precondition(reason, format!("the order is left alone by rule {}{hint}", rule.name()))
}

fn settled(report: OrderReport) -> Result<OrderReport, Problem> {
    match report.job.outcome {
        Outcome::Transferred => Ok(report),
        Outcome::Pending => {
            let message = "the order has not reached its trigger yet; force transfers it now";
            Err(Problem::precondition("TRIGGER_NOT_REACHED", message))
        }
        Outcome::Ignored(IgnoreRule::GoneInShopify) => {
            Err(Problem::Unknown { what: "order", name: report.order.to_string() })
        }
        Outcome::Ignored(rule) => Err(ignored(rule)),
        Outcome::Parked => {
            let message = report.job.park.map_or_else(
                || "the order is parked".to_owned(),
                |park| format!("parked, {}: {}; {}", park.code.name(), park.message, park.code.remedy()),
            );
            Err(Problem::precondition("ORDER_PARKED", message))
        }
        Outcome::RemovedInRackbeat => {
            let message =
                "the order was removed in Rackbeat by a person; RetryParked with recreate makes it anew";
            Err(Problem::precondition("REMOVED_IN_RACKBEAT", message))
        }
    }
}

#[cfg(test)]
#[path = "desk_tests.rs"]
mod tests;
