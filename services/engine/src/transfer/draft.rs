//! From nothing to a draft in Rackbeat that says what Shopify says.

use jiff::SignedDuration;
use jiff::tz::TimeZone;
use shopbeat_domain::erp::{Draft, ErpOrder};
use shopbeat_domain::failure::{Failure, FailureKind, Refusal, Remote};
use shopbeat_domain::ids::{CustomerNumber, ItemNumber};
use shopbeat_domain::job::ParkCode;
use shopbeat_domain::limits;
use shopbeat_domain::mapping::{self, Block, Finding, Plan};
use shopbeat_domain::order::Order;
use shopbeat_domain::transfer::{Reached, Step};

use super::{Stop, Transferring, later};

/// Create, VAT written again, rounding line: more corrections than that mean that something else is wrong.
const CORRECTIONS: u32 = 4;

impl Transferring<'_> {
    /// Looks whether an order bears our reference already, and takes it over.
    pub(super) async fn find(&mut self, not_before: jiff::Timestamp) -> Result<(), Stop> {
        let found = self.context.erp.find_orders(&self.reference, not_before).await?;
        let Some(order) = super::twins::to_keep(&found) else { return Ok(()) };
        self.journal.number = Some(order.number);
        self.journal.reached = Reached::Draft;
        self.note(Step::Draft).await
    }

    /// Maps, makes sure of customer and items, and makes the draft, unless one is found.
    pub(super) async fn make_draft(&mut self, order: &Order) -> Result<(), Stop> {
        if let Some(block) = mapping::blocked(order, self.context.currency) {
            return Err(block.into());
        }
        let items = self.ensure_items(order).await?;
        let plan = mapping::plan(order, &items, &self.context.store.settings.orders)?;
        let customer = self.ensure_customer(order).await?;
        if self.must_find(order).await? {
            self.find(order.head.created_at).await?;
        }
        self.journal.proof = Some(plan.proof.clone());
        if self.journal.number.is_some() {
            return self.save().await;
        }
        self.note(Step::Intent).await?;
        self.create(order, &plan, customer, &items).await
    }

    /// The first look may be left out only if no create can have been sent: none is journaled, and the order is
    /// younger than this state's memory, which begins with its epoch and forgets. The order's date comes by Shopify's
    /// clock.
    async fn must_find(&self, order: &Order) -> Result<bool, Stop> {
        if self.journal.did(Step::Intent) {
            return Ok(true);
        }
        let now = self.context.ports.now();
        let epoch = self.context.ports.state.registry.epoch(now).await?;
        let memory = SignedDuration::try_from(limits::RECORD_MEMORY).unwrap_or_default();
        let remembered = now.saturating_sub(memory).unwrap_or(epoch).max(epoch);
        Ok(order.head.created_at <= later(remembered, limits::CLOCK_SKEW))
    }

    async fn create(
        &mut self,
        order: &Order,
        plan: &Plan,
        customer: CustomerNumber,
        items: &[ItemNumber],
    ) -> Result<(), Stop> {
        let draft = self.draft(order, plan, customer);
        self.still_ours().await?;
        match self.context.erp.create_draft(&draft).await {
            Ok(created) => {
                self.journal.number = Some(created.number);
                self.journal.reached = Reached::Draft;
                self.note(Step::Draft).await
            }
            Err(failure) if failure.is_refusal(Refusal::UnknownCustomer) => {
                self.forget_customer(order).await?;
                let kind = FailureKind::Conflict;
                Err(Failure::new(Remote::Rackbeat, kind, failure.call, "the remembered customer is gone")
                    .into())
            }
            Err(failure) => {
                let mut sent = items.to_vec();
                let freight = self.context.store.settings.orders.freight_product.clone();
                sent.extend(order.shipping_lines.iter().filter_map(|_| freight.clone()));
                Err(self.create_refused(failure, &sent).await)
            }
        }
    }

    fn draft(&self, order: &Order, plan: &Plan, customer: CustomerNumber) -> Draft {
        let settings = &self.context.store.settings;
        Draft {
            reference: self.reference.clone(),
            shop_name: order.head.name.clone(),
            note: order.note.clone(),
            customer,
            date: order.processed_at.to_zoned(TimeZone::UTC).date(),
            currency: order.currency,
            vat_zone: settings.customers.vat_zone,
            layout: settings.orders.layout,
            payment_terms: settings.customers.payment_terms,
            employee: settings.orders.employee,
            email: order.buyer.email.clone(),
            billing: order.billing.clone().or_else(|| order.shipping.clone()),
            delivery: order.shipping.clone(),
            lines: plan.lines(),
        }
    }

    /// Reads the draft back until it says what was planned, then makes sure that it is alone.
    pub(super) async fn finish_draft(&mut self, order: &Order) -> Result<(), Stop> {
        if !self.journal.did(Step::Compared) {
            self.compare(order).await?;
        }
        if !self.journal.did(Step::Alone) {
            self.settle_twins(order).await?;
        }
        Ok(())
    }

    async fn compare(&mut self, order: &Order) -> Result<(), Stop> {
        let plan = self.planned(order).await?;
        for _ in 0..CORRECTIONS {
            let draft = self.read_back().await?;
            self.journal.proof = Some(read_proof(&plan, &draft));
            if draft.flags.booked {
                return self.found_booked(&plan, &draft).await;
            }
            match mapping::compare(&plan, &draft, &self.context.store.settings.orders) {
                Finding::Equal { rounding } => {
                    if let Some(proof) = &mut self.journal.proof {
                        proof.rounding = rounding;
                    }
                    return self.note(Step::Compared).await;
                }
                Finding::Blocked(block) => return Err(self.blocked(block).await),
                finding => self.correct(finding).await?,
            }
        }
        let message = "Rackbeat keeps computing another total, whatever is corrected";
        Err(Block::new(ParkCode::TotalDiffers, "total", message).into())
    }

    /// The plan that the draft was made from; a draft found without its journal is held against a new one.
    async fn planned(&mut self, order: &Order) -> Result<Plan, Stop> {
        if let Some(proof) = &self.journal.proof {
            return Ok(Plan { proof: proof.clone() });
        }
        if let Some(block) = mapping::blocked(order, self.context.currency) {
            return Err(block.into());
        }
        let items = self.ensure_items(order).await?;
        Ok(mapping::plan(order, &items, &self.context.store.settings.orders)?)
    }

    async fn blocked(&mut self, block: Block) -> Stop {
        match self.save().await {
            Ok(()) => block.into(),
            Err(stop) => stop,
        }
    }

    async fn correct(&mut self, finding: Finding) -> Result<(), Stop> {
        let Some(number) = self.journal.number else { return Ok(()) };
        self.still_ours().await?;
        self.seen = None;
        match finding {
            Finding::VatIgnored(lines) => {
                for (id, line) in lines {
                    self.context.erp.update_line(number, id, &line).await?;
                }
            }
            Finding::Residue(residue) => {
                if let Some(item) = &self.context.store.settings.orders.rounding_product {
                    let line = mapping::rounding_line(item, residue);
                    self.context.erp.add_line(number, &line).await?;
                }
            }
            Finding::Equal { .. } | Finding::Blocked(_) => {}
        }
        Ok(())
    }

    /// The order was booked by a person, or by us before the state was lost. Nothing of it may be changed; what
    /// differs is said.
    async fn found_booked(&mut self, plan: &Plan, booked: &ErpOrder) -> Result<(), Stop> {
        match mapping::compare(plan, booked, &self.context.store.settings.orders) {
            Finding::Equal { rounding } => {
                if let Some(proof) = &mut self.journal.proof {
                    proof.rounding = rounding;
                }
            }
            Finding::Blocked(block) => {
                self.journal.remark(format!("found booked, and it differs: {}", block.message));
            }
            Finding::VatIgnored(_) | Finding::Residue(_) => {
                self.journal.remark("found booked, and its VAT or total differs from Shopify's".to_owned());
            }
        }
        self.note(Step::Compared).await
    }

    /// The order in Rackbeat, read unless nothing can have changed it since this run last did.
    pub(super) async fn read_back(&mut self) -> Result<ErpOrder, Stop> {
        if let Some(seen) = &self.seen {
            return Ok(seen.clone());
        }
        let Some(number) = self.journal.number else {
            return Err(Failure::new(Remote::Rackbeat, FailureKind::Missing, "order", "no number").into());
        };
        let order = self.context.erp.order(number).await?;
        self.seen = Some(order.clone());
        Ok(order)
    }
}

fn read_proof(plan: &Plan, draft: &ErpOrder) -> shopbeat_domain::transfer::MoneyProof {
    let mut proof = plan.proof.clone();
    proof.rackbeat_total = draft.total;
    proof.rackbeat_vat = draft.vat;
    proof
}
