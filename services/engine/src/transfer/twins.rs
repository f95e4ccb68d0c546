//! Two orders with one reference: made by two workers at once, or by a create whose reply was lost. The remotes know
//! no fencing, so twins are looked for before booking and once more a while after.

use shopbeat_domain::erp::ErpOrder;
use shopbeat_domain::failure::FailureKind;
use shopbeat_domain::job::ParkCode;
use shopbeat_domain::mapping::{self, Block, Finding, Plan};
use shopbeat_domain::order::Order;
use shopbeat_domain::transfer::{Reached, Step};

use super::{Stop, Transferring};

/// Which of the orders with our reference is the one: booked before draft, then the lowest number. Every worker
/// that sees the same orders chooses the same.
pub(super) fn to_keep(found: &[ErpOrder]) -> Option<&ErpOrder> {
    living(found).min_by_key(|order| (!order.flags.booked, order.number))
}

fn living(found: &[ErpOrder]) -> impl Iterator<Item = &ErpOrder> {
    found.iter().filter(|order| !order.flags.cancelled && !is_marked(order))
}

/// A draft that could not be deleted was given this heading; it is nobody's order any more.
const MARK: &str = "DUPLICATE";

fn is_marked(order: &ErpOrder) -> bool {
    order.heading.starts_with(MARK)
}

impl Transferring<'_> {
    /// Before booking: keeps one of the orders with our reference and removes the others.
    pub(super) async fn settle_twins(&mut self, order: &Order) -> Result<(), Stop> {
        let found = self.bearers(order).await?;
        self.keep_one(&found).await?;
        self.note(Step::Alone).await
    }

    /// The orders with our reference, and our own even if the search does not show it: a search may lag behind, and
    /// a person may have written over heading and note.
    pub(super) async fn bearers(&mut self, order: &Order) -> Result<Vec<ErpOrder>, Stop> {
        let mut found = self.context.erp.find_orders(&self.reference, order.head.created_at).await?;
        if self.journal.number.is_some_and(|number| found.iter().all(|order| order.number != number)) {
            match self.read_back().await {
                Ok(own) => found.push(own),
                Err(Stop::Failed(failure)) if failure.is_missing() => {}
                Err(stop) => return Err(stop),
            }
        }
        Ok(found)
    }

    pub(super) async fn keep_one(&mut self, found: &[ErpOrder]) -> Result<(), Stop> {
        let Some(keep) = to_keep(found) else { return Ok(()) };
        let booked: Vec<&ErpOrder> = living(found).filter(|order| order.flags.booked).collect();
        if let [first, second, ..] = booked.as_slice() {
            let message = format!(
                "orders {} and {} bear {} and are booked",
                first.number, second.number, self.reference
            );
            return Err(Block::new(ParkCode::TwinBooked, second.number.to_string(), message).into());
        }
        for twin in living(found).filter(|order| order.number != keep.number) {
            self.remove_twin(twin).await?;
        }
        if self.journal.number != Some(keep.number) {
            self.journal.number = Some(keep.number);
            self.journal.reached = if keep.flags.booked { Reached::Booked } else { Reached::Draft };
            self.journal.steps.retain(|(step, _)| *step < Step::Draft);
            self.seen = None;
            self.note(Step::Draft).await?;
            // The one that is kept was made from the same order; it is held against the plan like our own.
            Box::pin(self.compare_kept()).await?;
        }
        Ok(())
    }

    async fn compare_kept(&mut self) -> Result<(), Stop> {
        let kept = self.read_back().await?;
        let Some(proof) = self.journal.proof.clone() else { return self.note(Step::Compared).await };
        match mapping::compare(&Plan { proof }, &kept, &self.context.store.settings.orders) {
            Finding::Equal { .. } => self.note(Step::Compared).await,
            _ if kept.flags.booked => {
                self.journal
                    .remark(format!("order {} was booked meanwhile and differs from the plan", kept.number));
                self.note(Step::Compared).await
            }
            Finding::Blocked(block) => Err(block.into()),
            // Its maker is about to correct it; so are we, on the next try.
            Finding::VatIgnored(_) | Finding::Residue(_) => {
                Err(self.again("a twin is still being corrected"))
            }
        }
    }

    fn again(&self, message: &str) -> Stop {
        use shopbeat_domain::failure::{Failure, Remote};
        Failure::new(Remote::Rackbeat, FailureKind::Conflict, "twins", message).into()
    }

    /// Removes a twin: only an unbooked draft that says what we sent. One that a person worked on is marked.
    async fn remove_twin(&mut self, twin: &ErpOrder) -> Result<(), Stop> {
        let now = match self.context.erp.order(twin.number).await {
            Ok(now) => now,
            Err(failure) if failure.is_missing() => return Ok(()),
            Err(failure) => return Err(failure.into()),
        };
        if now.flags.booked {
            return Err(self.again("a twin was booked meanwhile"));
        }
        self.still_ours().await?;
        if self.is_untouched(&now) {
            match self.context.erp.delete_draft(now.number).await {
                Ok(()) => {
                    self.journal.remark(format!("a second draft, {}, was removed", now.number));
                    return self.save().await;
                }
                Err(failure) if failure.is_missing() => return Ok(()),
                Err(failure) if matches!(failure.kind, FailureKind::Refused(_)) => {}
                Err(failure) => return Err(failure.into()),
            }
        }
        let heading = format!("{MARK} {}", now.heading);
        self.context.erp.rename(now.number, &heading).await?;
        self.journal
            .remark(format!("a second draft, {}, could not be removed and was marked {MARK}", now.number));
        self.save().await
    }

    fn is_untouched(&self, twin: &ErpOrder) -> bool {
        let Some(proof) = self.journal.proof.clone() else { return false };
        let found = mapping::compare(&Plan { proof }, twin, &self.context.store.settings.orders);
        !matches!(found, Finding::Blocked(block) if block.code == ParkCode::LineDiffers)
    }
}
