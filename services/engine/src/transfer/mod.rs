//! One order's way into Rackbeat. The truth is the reference in Rackbeat: the journal only saves repeated work, so
//! every step may be failed, repeated or cut off anywhere, and the order still stands there once.
//!
//! fetch → may it go over? → map → customer → items → find by reference, else create a draft → read back and compare
//! → alone? → book → walk to the target. Each step is journaled under the claim's fence.

mod customer;
mod draft;
mod follow;
mod items;
#[cfg(test)]
mod meanwhile_tests;
mod stop;
#[cfg(test)]
mod tests;
mod twins;
mod walk;

use jiff::{SignedDuration, Timestamp};
use shopbeat_domain::eligibility::{self, Eligibility};
use shopbeat_domain::erp::ErpOrder;
use shopbeat_domain::ids::{OrderId, Reference};
use shopbeat_domain::job::{Claim, IgnoreRule, Outcome, Verdict};
use shopbeat_domain::limits;
use shopbeat_domain::money::{Currency, Money};
use shopbeat_domain::order::Order;
use shopbeat_domain::ports::{Erp, Shop};
use shopbeat_domain::store::Store;
use shopbeat_domain::transfer::{Step, Transfer};

use crate::ports::Ports;
use crate::stock;
use crate::worker::Held;

pub use stop::Stop;

/// What one transfer works with.
pub struct Context<'a> {
    /// The ports.
    pub ports: &'a Ports,
    /// The store, as it is now.
    pub store: &'a Store,
    /// The agreement's currency.
    pub currency: Currency,
    /// The shop.
    pub shop: &'a dyn Shop,
    /// The account, in the order lane.
    pub erp: &'a dyn Erp,
    /// The claim, and the lease behind it.
    pub held: &'a Held,
}

/// One order on its way.
pub(crate) struct Transferring<'a> {
    context: &'a Context<'a>,
    claim: &'a Claim,
    reference: Reference,
    journal: Transfer,
    /// The order in Rackbeat as it was last read in this run; `None` = not read yet, or changed since.
    seen: Option<ErpOrder>,
}

/// How one run ended: the verdict, and the journal to write with it.
pub struct Ended {
    /// What becomes of the job.
    pub verdict: Verdict,
    /// The journal, if there is anything in it.
    pub journal: Option<Transfer>,
    /// The order holds no units any more: it is booked, or left alone for good.
    pub release: bool,
}

impl Ended {
    /// An end that has neither journal nor units.
    #[must_use]
    pub fn of(verdict: Verdict) -> Self {
        Self { verdict, journal: None, release: false }
    }
}

/// Brings one order to its current state. What was done is in the journal, whatever comes back.
///
/// # Errors
/// [`Stop`]: a remote failed, something is wrong with the order, or a later claim owns it.
pub async fn transfer(context: &Context<'_>, claim: &Claim, order: OrderId) -> Result<Ended, Stop> {
    let state = &context.ports.state;
    let target = context.store.settings.orders.target;
    let journal = state.journal.transfer(&context.store.id, order).await?;
    let begun = journal.is_some();
    let mut journal = journal
        .unwrap_or_else(|| Transfer::begin(context.store.id.clone(), order, target, context.ports.now()));
    // A target changed later is for later orders: nobody wants last month's drafts shipped by a setting.
    if !journal.did(Step::Intent) {
        journal.target = target;
    }
    let reference = Reference::new(&context.store.id, order);
    let mut transferring = Transferring { context, claim, reference, journal, seen: None };
    let verdict = transferring.run(order).await;
    let journal = transferring.journal;
    match verdict {
        Ok(verdict) => {
            let keep = begun || !journal.steps.is_empty();
            let release = journal.did(Step::Booked) || is_over(&verdict);
            Ok(Ended { verdict, journal: keep.then_some(journal), release })
        }
        Err(Stop::Parked { block, .. }) => Err(Stop::Parked { block, journal: Some(Box::new(journal)) }),
        Err(stop) => Err(stop),
    }
}

impl Transferring<'_> {
    async fn run(&mut self, id: OrderId) -> Result<Verdict, Stop> {
        let order = match self.context.shop.order(id).await {
            Ok(order) => order,
            Err(failure) if failure.is_missing() => return Ok(self.gone_in_shopify()),
            Err(failure) => return Err(failure.into()),
        };
        self.journal.order_name.clone_from(&order.head.name);
        stock::hold_order(self.context.ports, self.context.store, &order, Some(&self.journal)).await?;
        if self.journal.number.is_none() && self.journal.did(Step::Intent) {
            self.find(order.head.created_at).await?;
        }
        if self.journal.number.is_some() {
            if self.is_finished() && !self.claim.force {
                return self.look_after(&order).await;
            }
            if let Some(verdict) = self.still_there(&order).await? {
                return Ok(verdict);
            }
            // A person asked for an order that is over and there: it is looked after like any other, or it would
            // never be audited and would come again for good.
            if self.is_finished() {
                return self.look_after(&order).await;
            }
        }
        if self.journal.number.is_some() {
            self.unchanged(&order)?;
        } else {
            match self.decide(&order) {
                Eligibility::Transfer => self.make_draft(&order).await?,
                Eligibility::Wait => return Ok(self.waits(&order)),
                Eligibility::Ignore(rule) => return Ok(done(Outcome::Ignored(rule), &order, None)),
            }
        }
        self.finish_draft(&order).await?;
        self.walk().await?;
        Ok(self.transferred(&order))
    }

    fn decide(&self, order: &Order) -> Eligibility {
        eligibility::decide(order, &self.context.store.settings.orders, self.claim.force)
    }

    /// Its trigger is not reached. Shopify tells `updated_at` in whole seconds: what was read in that very second, or
    /// from a copy that lags, may be paid a moment later under the same version. Such a reading settles no version,
    /// so that the sweep brings the order up once more.
    fn waits(&self, order: &Order) -> Verdict {
        let quiet = later(order.head.updated_at, limits::VERSION_QUIET) <= self.context.ports.now();
        let version = quiet.then_some(order.head.updated_at);
        Verdict::Done { outcome: Outcome::Pending, version, again_at: None }
    }

    /// Shopify has no such order: what stands in Rackbeat stays, and it is said.
    fn gone_in_shopify(&mut self) -> Verdict {
        let outcome = if self.journal.number.is_some() {
            self.journal.remark("the order was deleted in Shopify after the transfer".to_owned());
            Outcome::Transferred
        } else {
            Outcome::Ignored(IgnoreRule::GoneInShopify)
        };
        Verdict::Done { outcome, version: None, again_at: None }
    }

    fn transferred(&self, order: &Order) -> Verdict {
        let now = self.context.ports.now();
        let wait = if self.journal.waiting_for_stock {
            Some(limits::STOCK_RETRY)
        } else if self.journal.did(Step::Audited) {
            // A draft holds units until a person books it.
            let waits = !self.journal.did(Step::Booked) && !stock::is_forgotten_draft(&self.journal, now);
            waits.then_some(limits::DRAFT_LOOK)
        } else {
            Some(limits::TWIN_AUDIT)
        };
        done(Outcome::Transferred, order, wait.map(|wait| later(now, wait)))
    }

    /// Says in the journal that Shopify's order is not what was transferred any more.
    fn remark_changes(&mut self, order: &Order) {
        let Some(proof) = &self.journal.proof else { return };
        let (was, is) = (proof.shopify_total, order.totals.current_total);
        let currency = order.currency;
        if order.cancelled_at.is_some() {
            self.journal.remark("the order was cancelled in Shopify after the transfer".to_owned());
        }
        if was != is {
            let (was, is) = (Money::new(was, currency), Money::new(is, currency));
            self.journal.remark(format!("Shopify's total changed after the transfer from {was} to {is}"));
        }
    }

    /// Journals a step under the claim's fence.
    async fn note(&mut self, step: Step) -> Result<(), Stop> {
        let now = self.context.ports.now();
        self.journal.note(step, now);
        self.save().await
    }

    async fn save(&mut self) -> Result<(), Stop> {
        self.journal.updated_at = self.context.ports.now();
        self.context.ports.state.journal.save(self.claim, &self.journal).await.map_err(Stop::from)
    }

    /// To be asked right before every write to a remote: is there enough left of claim and lease for one call?
    async fn still_ours(&self) -> Result<(), Stop> {
        self.context.held.still_ours(self.context.ports, self.claim).await
    }
}

/// Whether nothing more will be done about the order by itself.
fn is_over(verdict: &Verdict) -> bool {
    match verdict {
        Verdict::Done { outcome: Outcome::Transferred, again_at, .. } => again_at.is_none(),
        Verdict::Done { outcome: Outcome::Ignored(_) | Outcome::RemovedInRackbeat, .. } => true,
        Verdict::Done { .. } | Verdict::Later { .. } | Verdict::Parked(_) => false,
    }
}

fn done(outcome: Outcome, order: &Order, again_at: Option<Timestamp>) -> Verdict {
    Verdict::Done { outcome, version: Some(order.head.updated_at), again_at }
}

pub(crate) fn later(now: Timestamp, wait: std::time::Duration) -> Timestamp {
    SignedDuration::try_from(wait).map_or(now, |wait| now.saturating_add(wait).unwrap_or(now))
}
