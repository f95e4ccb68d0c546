//! From a draft to the target state, one journaled step at a time. Each step looks where the order is before it
//! writes, so that a step whose reply was lost is found done.

use shopbeat_domain::erp::{ErpFlags, Shipment};
use shopbeat_domain::failure::{Failure, FailureKind, Refusal};
use shopbeat_domain::ids::OrderNumber;
use shopbeat_domain::settings::Target;
use shopbeat_domain::transfer::{Reached, Step};

use super::{Stop, Transferring};

/// How shipping went.
enum Shipped {
    /// All of it.
    All,
    /// Nothing on the order has stock to be kept: there is nothing to ship.
    NothingToShip,
    /// Stock is short.
    Short,
}

impl Transferring<'_> {
    /// Walks to the target.
    pub(super) async fn walk(&mut self) -> Result<(), Stop> {
        let Some(number) = self.journal.number else { return Ok(()) };
        self.journal.waiting_for_stock = false;
        if self.journal.target == Target::Draft {
            return Ok(());
        }
        self.book(number).await?;
        match self.journal.target {
            Target::Draft | Target::Booked => Ok(()),
            Target::ReadyToShip => self.mark_ready(number).await,
            Target::Packed => self.pack(number).await,
            Target::Shipped => self.ship(number).await.map(|_| ()),
            Target::Invoiced => self.invoice(number, Reached::Invoiced).await,
            Target::ShippedAndInvoiced => match self.ship(number).await? {
                Shipped::All => self.invoice(number, Reached::ShippedAndInvoiced).await,
                Shipped::NothingToShip => self.invoice(number, Reached::Invoiced).await,
                Shipped::Short => Ok(()),
            },
        }
    }

    async fn flags(&mut self) -> Result<ErpFlags, Stop> {
        Ok(self.read_back().await?.flags)
    }

    async fn book(&mut self, number: OrderNumber) -> Result<(), Stop> {
        if self.journal.did(Step::Booked) {
            return Ok(());
        }
        if !self.flags().await?.booked {
            self.still_ours().await?;
            self.seen = None;
            match self.context.erp.book(number).await {
                Ok(booked) => self.seen = Some(booked),
                Err(failure) => self.unless(failure, |flags| flags.booked).await?,
            }
        }
        self.reach(Reached::Booked);
        self.note(Step::Booked).await
    }

    /// A refusal that only says that it was done already is none.
    async fn unless(&mut self, failure: Failure, is_done: fn(&ErpFlags) -> bool) -> Result<(), Stop> {
        if !matches!(failure.kind, FailureKind::Refused(_) | FailureKind::Conflict) {
            return Err(failure.into());
        }
        if is_done(&self.flags().await?) {
            return Ok(());
        }
        let number = self.journal.number.map(|number| vec![number.to_string()]).unwrap_or_default();
        tracing::debug!(order.number = ?number, refusal = %failure, "refused, and not done");
        Err(self.create_refused(failure, &[]).await)
    }

    fn reach(&mut self, reached: Reached) {
        self.journal.reached = reached;
    }

    async fn mark_ready(&mut self, number: OrderNumber) -> Result<(), Stop> {
        if !self.journal.did(Step::Ready) {
            let flags = self.flags().await?;
            if !(flags.ready_to_ship || flags.shipped) {
                self.still_ours().await?;
                self.seen = None;
                if let Err(failure) = self.context.erp.mark_ready(number).await {
                    self.unless(failure, |flags| flags.ready_to_ship || flags.shipped).await?;
                }
            }
            self.reach(Reached::ReadyToShip);
            self.note(Step::Ready).await?;
        }
        Ok(())
    }

    async fn pack(&mut self, number: OrderNumber) -> Result<(), Stop> {
        if self.journal.did(Step::Picked) {
            return Ok(());
        }
        let flags = self.flags().await?;
        if !flags.shipped {
            match self.open_shipment(number).await? {
                // Picked by a call whose answer was lost, or by hand: a second pick would be refused.
                Ok(shipment) if shipment.picked => {}
                Ok(shipment) => {
                    self.still_ours().await?;
                    self.context.erp.pick(number, shipment.id).await?;
                }
                Err(Shipped::Short) => return self.wait_for_stock().await,
                Err(Shipped::NothingToShip | Shipped::All) => {}
            }
        }
        self.reach(Reached::Packed);
        self.note(Step::Picked).await
    }

    async fn wait_for_stock(&mut self) -> Result<(), Stop> {
        self.journal.waiting_for_stock = true;
        self.save().await
    }

    /// The lowest shipment that is not shipped; made if there is none. Listed again after it was made, so that of
    /// two made at once both makers choose the same.
    async fn open_shipment(&mut self, number: OrderNumber) -> Result<Result<Shipment, Shipped>, Stop> {
        if let Some(open) = self.lowest_open(number).await? {
            return Ok(Ok(open));
        }
        self.still_ours().await?;
        self.seen = None;
        match self.context.erp.create_shipment(number).await {
            Ok(made) => {
                let made = Shipment { id: made, picked: false, shipped: false };
                let open = self.lowest_open(number).await?.unwrap_or(made);
                self.journal.shipment = Some(open.id);
                self.note(Step::Shipment).await?;
                Ok(Ok(open))
            }
            Err(failure)
                if failure.is_refusal(Refusal::NothingToShip) || failure.is_refusal(Refusal::Locked) =>
            {
                Ok(Err(self.why_nothing_ships().await?))
            }
            Err(failure) => Err(failure.into()),
        }
    }

    async fn lowest_open(&mut self, number: OrderNumber) -> Result<Option<Shipment>, Stop> {
        let shipments = self.context.erp.shipments(number).await?;
        let open =
            shipments.into_iter().filter(|shipment| !shipment.shipped).min_by_key(|shipment| shipment.id);
        self.journal.shipment = open.as_ref().map(|open| open.id).or(self.journal.shipment);
        Ok(open)
    }

    async fn why_nothing_ships(&mut self) -> Result<Shipped, Stop> {
        let order = self.read_back().await?;
        if order.flags.shipped {
            return Ok(Shipped::All);
        }
        for item in order.lines.iter().filter_map(|line| line.item.as_ref()) {
            match self.context.erp.item(item).await {
                Ok(item) if item.keeps_stock => return Ok(Shipped::Short),
                Ok(_) => {}
                Err(failure) if failure.is_missing() => {}
                Err(failure) => return Err(failure.into()),
            }
        }
        Ok(Shipped::NothingToShip)
    }

    async fn ship(&mut self, number: OrderNumber) -> Result<Shipped, Stop> {
        if self.journal.did(Step::Shipped) {
            let skipped = self.journal.reached == Reached::Booked;
            return Ok(if skipped { Shipped::NothingToShip } else { Shipped::All });
        }
        if !self.flags().await?.shipped {
            match self.open_shipment(number).await? {
                Ok(shipment) => {
                    self.still_ours().await?;
                    self.seen = None;
                    if let Err(failure) = self.context.erp.ship(number, shipment.id).await {
                        // A shipment is made of what is there; that it still is shows only when it is shipped.
                        if failure.is_refusal(Refusal::NothingToShip) && !self.flags().await?.shipped {
                            self.wait_for_stock().await?;
                            return Ok(Shipped::Short);
                        }
                        self.unless(failure, |flags| flags.shipped).await?;
                    }
                }
                Err(Shipped::Short) => {
                    self.wait_for_stock().await?;
                    return Ok(Shipped::Short);
                }
                Err(Shipped::NothingToShip) => {
                    // The step is done by being skipped; else the order would never be over.
                    self.note(Step::Shipped).await?;
                    return Ok(Shipped::NothingToShip);
                }
                Err(Shipped::All) => {}
            }
            self.seen = None;
            if !self.flags().await?.shipped {
                self.wait_for_stock().await?;
                return Ok(Shipped::Short);
            }
        }
        self.reach(Reached::Shipped);
        self.note(Step::Shipped).await?;
        Ok(Shipped::All)
    }

    /// Makes the invoice unbooked, lists, keeps the lowest, then books it: a lost reply leaves a draft that is
    /// found, never two booked invoices.
    async fn invoice(&mut self, number: OrderNumber, reached: Reached) -> Result<(), Stop> {
        if self.journal.did(Step::Invoiced) {
            return Ok(());
        }
        let mut invoices = self.context.erp.invoices(number).await?;
        if invoices.is_empty() && !self.flags().await?.invoiced {
            self.still_ours().await?;
            self.seen = None;
            let made = self.context.erp.create_invoice(number).await?;
            self.journal.invoice = Some(made);
            self.note(Step::Invoice).await?;
            invoices = self.context.erp.invoices(number).await?;
        }
        let keep = invoices.iter().min_by_key(|invoice| (!invoice.booked, invoice.number)).cloned();
        for extra in invoices.iter().filter(|invoice| Some(*invoice) != keep.as_ref() && !invoice.booked) {
            self.still_ours().await?;
            self.context.erp.delete_invoice(extra.number).await?;
            self.journal.remark(format!("a second invoice draft, {}, was removed", extra.number));
        }
        if let Some(invoice) = keep {
            self.journal.invoice = Some(invoice.number);
            if !invoice.booked {
                self.still_ours().await?;
                self.context.erp.book_invoice(invoice.number).await?;
            }
        }
        self.reach(reached);
        self.note(Step::Invoiced).await
    }
}
