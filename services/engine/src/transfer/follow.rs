//! Orders that stand in Rackbeat already: still there? changed in Shopify? alone?

use shopbeat_domain::erp::ErpOrder;
use shopbeat_domain::job::{Outcome, ParkCode, Verdict};
use shopbeat_domain::limits;
use shopbeat_domain::mapping::{self, Block};
use shopbeat_domain::money::Money;
use shopbeat_domain::order::Order;
use shopbeat_domain::settings::Target;
use shopbeat_domain::transfer::{Reached, Step};

use super::{Stop, Transferring, done, later};

impl Transferring<'_> {
    /// Whether the target was reached, so that nothing is to be written.
    pub(super) fn is_finished(&self) -> bool {
        let journal = &self.journal;
        let last = match journal.target {
            Target::Draft => Step::Alone,
            Target::Booked => Step::Booked,
            Target::ReadyToShip => Step::Ready,
            Target::Packed => Step::Picked,
            Target::Shipped => Step::Shipped,
            Target::Invoiced | Target::ShippedAndInvoiced => Step::Invoiced,
        };
        journal.did(last) && !journal.waiting_for_stock
    }

    /// An event about a finished order, or its audit: nothing is written, changes are remarked. Once, a while after,
    /// it is looked whether it is still there and still alone.
    pub(super) async fn look_after(&mut self, order: &Order) -> Result<Verdict, Stop> {
        self.remark_changes(order);
        if !self.journal.did(Step::Audited) {
            let now = self.context.ports.now();
            let finished = self.journal.steps.iter().map(|(_, at)| *at).max().unwrap_or(now);
            let due = later(finished, limits::TWIN_AUDIT);
            if now < due {
                return Ok(done(Outcome::Transferred, order, Some(due)));
            }
            if let Some(verdict) = self.audit(order).await? {
                return Ok(verdict);
            }
        } else if !self.journal.did(Step::Booked)
            && let Some(verdict) = self.look_at_draft(order).await?
        {
            return Ok(verdict);
        }
        Ok(self.transferred(order))
    }

    async fn audit(&mut self, order: &Order) -> Result<Option<Verdict>, Stop> {
        let found = self.bearers(order).await?;
        let Some(keep) = super::twins::to_keep(&found).map(|keep| keep.number) else {
            return Ok(Some(self.removed(order)));
        };
        let ours =
            found.iter().any(|order| Some(order.number) == self.journal.number && !order.flags.cancelled);
        if ours {
            self.keep_one(&found).await?;
        } else {
            self.journal.remark(format!("followed to order {keep}, which bears the same reference"));
            self.journal.number = Some(keep);
        }
        self.note(Step::Audited).await?;
        Ok(None)
    }

    /// Whether a person has booked the draft meanwhile: from then on Rackbeat counts its units, and none are held.
    async fn look_at_draft(&mut self, order: &Order) -> Result<Option<Verdict>, Stop> {
        let verdict = self.still_there(order).await?;
        if verdict.is_none() && self.seen.as_ref().is_some_and(|there| there.flags.booked) {
            self.note(Step::Booked).await?;
        }
        Ok(verdict)
    }

    /// A transfer that was cut off goes on only if its order is still there. A person's removal is final unless a
    /// person asks for the order anew.
    pub(super) async fn still_there(&mut self, order: &Order) -> Result<Option<Verdict>, Stop> {
        match self.read_back().await {
            Ok(there) if !there.flags.cancelled => {
                self.take_over(&there);
                return Ok(None);
            }
            Ok(_) => {}
            Err(Stop::Failed(failure)) if failure.is_missing() => {}
            Err(stop) => return Err(stop),
        }
        self.seen = None;
        let found = self.context.erp.find_orders(&self.reference, order.head.created_at).await?;
        if let Some(successor) = super::twins::to_keep(&found).map(|keep| keep.number) {
            self.journal.remark(format!("followed to order {successor}, which bears the same reference"));
            self.journal.number = Some(successor);
            return Ok(None);
        }
        if self.claim.force {
            self.journal.remark("made anew, since a person asked for it".to_owned());
            self.journal.number = None;
            self.journal.reached = Reached::Nothing;
            self.journal.steps.retain(|(step, _)| *step <= Step::Intent);
            return Ok(None);
        }
        Ok(Some(self.removed(order)))
    }

    /// What stands in Rackbeat so far was made from an order that may be another by now: nobody wants a cancelled one
    /// booked, or shipped and billed when the stock comes at last.
    pub(super) fn unchanged(&self, order: &Order) -> Result<(), Block> {
        let block =
            |culprit: &str, message: String| Err(Block::new(ParkCode::ChangedOnTheWay, culprit, message));
        if order.cancelled_at.is_some() {
            return block("cancelled", "the order was cancelled in Shopify on its way".to_owned());
        }
        // Without a proof the draft is held against a plan of the order as it is now.
        let Some(proof) = &self.journal.proof else { return Ok(()) };
        let (was, is) = (proof.shopify_total, order.totals.current_total);
        if was != is {
            let (was, is) = (Money::new(was, order.currency), Money::new(is, order.currency));
            return block("total", format!("Shopify's total changed on the way from {was} to {is}"));
        }
        match mapping::blocked(order, self.context.currency) {
            Some(Block { code: ParkCode::RefundedBefore | ParkCode::EditedBefore, culprit, .. }) => {
                block(&culprit, "the order was edited or refunded in Shopify on its way".to_owned())
            }
            Some(_) | None => Ok(()),
        }
    }

    /// What Rackbeat shows counts: an order that was booked or shipped by hand meanwhile is further than we know.
    fn take_over(&mut self, there: &ErpOrder) {
        if there.flags.booked && self.journal.reached == Reached::Draft {
            self.journal.reached = Reached::Booked;
        }
    }

    fn removed(&mut self, order: &Order) -> Verdict {
        self.journal.remark("the order was removed or cancelled in Rackbeat by a person".to_owned());
        done(Outcome::RemovedInRackbeat, order, None)
    }
}
