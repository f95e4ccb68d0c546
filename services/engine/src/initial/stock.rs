//! The quantity of one item, by an absolute adjustment at one location. Whose quantity stands is decided by the run's
//! policy; each is written down before it is set ([`super::claims`]), so that two stores that sell the same item do not
//! overwrite each other, and a try that was cut off is found out about instead of repeated.

use rust_decimal::Decimal;
use shopbeat_domain::catalog::Variant;
use shopbeat_domain::failure::{Failure, FailureKind, Refusal, Remote};
use shopbeat_domain::ids::{ItemNumber, StockLocation};
use shopbeat_domain::job::ParkCode;
use shopbeat_domain::mapping::Block;
use shopbeat_domain::ports::IdMap;
use shopbeat_domain::run::{KeptStock, RowStock, Run, RunPlan, StockCount, StockPolicy};
use shopbeat_domain::store::Store;

use super::Context;
use super::claims::{Claims, Import, item_key, store_key};
use crate::transfer::Stop;

/// A lock on an item outlives the calls made under it by far; its holder gives it back, or comes back for it.
const LOCK: u32 = 4;

/// How a run brings stock.
pub(super) struct StockImport {
    run: String,
    plan: RunPlan,
    location: StockLocation,
    on_hand: bool,
}

/// An item in Rackbeat as far as it is known.
#[derive(Debug, Clone, Copy)]
pub(super) struct There {
    /// Made by this run a moment ago: it has no stock, unless another import gave it some.
    pub(super) fresh: bool,
    /// Units when the items were listed; `None`: it was not there then.
    pub(super) stock: Option<Decimal>,
    /// Stock can be put on it.
    pub(super) takes_stock: bool,
}

/// One item on its way.
pub(super) struct Parcel<'a> {
    pub(super) variant: &'a Variant,
    pub(super) number: &'a ItemNumber,
    pub(super) there: There,
    /// What was written down of it when its batch was read; `None`: to be looked up.
    pub(super) claims: Option<&'a Claims>,
}

/// What is to be done with an item whose quantity is changed whatever stands there.
enum Decided {
    Row(RowStock),
    /// A try of this run was cut off.
    GoOn(Import),
    Set {
        from: Decimal,
        to: Decimal,
        claimed: bool,
    },
}

impl StockImport {
    pub(super) async fn prepare(context: &Context<'_>, run: &Run) -> Result<Self, Stop> {
        let locations = context.erp.locations().await?;
        let wanted = run.plan.location.or(context.store.settings.products.stock_location);
        let found = match wanted {
            Some(number) => locations.iter().find(|location| location.number == number),
            None => locations.iter().find(|location| location.is_default).or(locations.first()),
        };
        let Some(location) = found else {
            let name = wanted.map_or_else(|| "default".to_owned(), |number| number.to_string());
            let message =
                format!("Rackbeat has no location {name}; set products.stock_location to one that is there");
            return Err(Block::new(ParkCode::RunFailed, name, message).into());
        };
        let on_hand = run.plan.count == StockCount::OnHand || opens_orders(context.store);
        let (id, plan) = (run.id.clone(), run.plan);
        Ok(Self { run: id, plan, location: location.number, on_hand })
    }

    /// Whether what was written down is worth reading for a whole batch: where a quantity is changed in any case, it
    /// is read under the item's lock.
    pub(super) fn reads_ahead(&self) -> bool {
        self.plan.policy == StockPolicy::Keep
    }

    /// Brings one item's quantity.
    pub(super) async fn bring(&self, context: &Context<'_>, parcel: &Parcel<'_>) -> Result<RowStock, Stop> {
        if !parcel.variant.tracked {
            return Ok(RowStock::Kept(KeptStock::NotCounted));
        }
        if !parcel.there.takes_stock {
            return Ok(RowStock::Kept(KeptStock::KeepsNone));
        }
        let units = quantity(parcel.variant, self.on_hand);
        match self.plan.policy {
            StockPolicy::Keep | StockPolicy::Sum if units <= Decimal::ZERO => {
                Ok(RowStock::Kept(KeptStock::Nothing))
            }
            StockPolicy::Keep => self.keep(context, parcel, units).await,
            StockPolicy::Sum | StockPolicy::Overwrite => self.change(context, parcel, units).await,
        }
    }

    /// The done record of an item that this run has set.
    pub(super) fn done(
        &self,
        context: &Context<'_>,
        number: &ItemNumber,
        from: Decimal,
        to: Decimal,
    ) -> [(String, String); 2] {
        let text = Import { done: true, ..self.import(context, from, to) }.text();
        [(item_key(number), text.clone()), (store_key(number, &context.store.id), text)]
    }

    /// Only an item without a quantity gets one, and the first to claim it sets it.
    async fn keep(
        &self,
        context: &Context<'_>,
        parcel: &Parcel<'_>,
        units: Decimal,
    ) -> Result<RowStock, Stop> {
        let stands = match parcel.claims {
            Some(claims) => claims.item.clone(),
            None => self.claims(context, parcel.number).await?.item,
        };
        match &stands {
            Some(import) if self.is_ours(context, import) && import.done => return Ok(import.row(units)),
            Some(import) if self.is_ours(context, import) => {
                return self.go_on(context, parcel.number, import, units).await;
            }
            Some(import) if !is_void(context, import).await? => {
                return Ok(RowStock::Kept(KeptStock::ImportedBefore));
            }
            Some(_) | None => {}
        }
        let from = match parcel.there {
            There { stock: Some(stock), .. } => stock,
            There { fresh: true, .. } if stands.is_none() => Decimal::ZERO,
            There { .. } => self.stands_now(context, parcel.number).await?,
        };
        if !from.is_zero() {
            return Ok(RowStock::Kept(KeptStock::HasQuantity));
        }
        let row = RowStock::Set { from, to: units };
        if self.plan.dry_run {
            return Ok(row);
        }
        let ours = self.import(context, from, units);
        let stands = match &stands {
            Some(void) => self.take_over(context, parcel.number, void, &ours).await?,
            None => self.claim(context, parcel.number, &ours).await?,
        };
        if !stands {
            return Ok(RowStock::Kept(KeptStock::ImportedBefore));
        }
        self.set(context, parcel.number, units).await?;
        Ok(row)
    }

    /// Added to what stands there, or put in its place: under a lock, since others may do the same.
    async fn change(
        &self,
        context: &Context<'_>,
        parcel: &Parcel<'_>,
        units: Decimal,
    ) -> Result<RowStock, Stop> {
        if self.plan.dry_run {
            return Ok(match self.decide(context, parcel, units).await? {
                Decided::Row(row) => row,
                Decided::GoOn(import) => import.row(units),
                Decided::Set { from, to, .. } => RowStock::Set { from, to },
            });
        }
        let state = &context.ports.state;
        let name = lock_name(context, parcel.number);
        let time = context.ports.timing.lease * LOCK;
        let Some(lease) = state.leases.take(&name, &self.run, time).await? else {
            return Err(busy("another store's run is at this item").into());
        };
        let row = self.locked(context, parcel, units).await;
        let freed = state.leases.free(&lease).await;
        let row = row?;
        freed?;
        Ok(row)
    }

    async fn locked(
        &self,
        context: &Context<'_>,
        parcel: &Parcel<'_>,
        units: Decimal,
    ) -> Result<RowStock, Stop> {
        let number = parcel.number;
        let (from, to, claimed) = match self.decide(context, parcel, units).await? {
            Decided::Row(row) => return Ok(row),
            Decided::GoOn(import) => return self.go_on(context, number, &import, units).await,
            Decided::Set { from, to, claimed } => (from, to, claimed),
        };
        let ours = self.import(context, from, to);
        // A run that keeps quantities takes no lock: whoever is first with a new item has it.
        if !claimed && !self.claim(context, number, &ours).await? {
            return Err(busy("another store's run has just claimed this item").into());
        }
        let intent = [(item_key(number), ours.text()), (store_key(number, &context.store.id), ours.text())];
        context.ports.state.ids.put(&self.map(context), &intent).await?;
        self.set(context, number, to).await?;
        Ok(RowStock::Set { from, to })
    }

    async fn decide(
        &self,
        context: &Context<'_>,
        parcel: &Parcel<'_>,
        units: Decimal,
    ) -> Result<Decided, Stop> {
        let sum = self.plan.policy == StockPolicy::Sum;
        let claims = self.claims(context, parcel.number).await?;
        match &claims.store {
            Some(own) if self.is_ours(context, own) && own.done => return Ok(Decided::Row(own.row(units))),
            Some(own) if self.is_ours(context, own) => return Ok(Decided::GoOn(own.clone())),
            Some(own) if sum && own.done => {
                return Ok(Decided::Row(RowStock::Kept(KeptStock::ImportedBefore)));
            }
            Some(own) if sum => {
                // An earlier run was cut off here and never went on.
                let (from, to) = own.step.unwrap_or((Decimal::ZERO, units));
                let now = self.stands_now(context, parcel.number).await?;
                if now == to {
                    return Ok(Decided::Row(RowStock::Kept(KeptStock::ImportedBefore)));
                }
                if now != from {
                    return Ok(Decided::Row(cut_off(now)));
                }
            }
            Some(_) | None => {}
        }
        if let Some(other) = claims.item.as_ref().filter(|import| import.store != context.store.id) {
            let lives = !is_run_over(context, other).await?;
            if lives && !other.done {
                return Err(busy("another store's run is setting this item").into());
            }
            if lives && !sum {
                return Ok(Decided::Row(RowStock::Kept(KeptStock::ImportedBefore)));
            }
        }
        let claimed = claims.item.is_some();
        let from = if parcel.there.fresh && !claimed {
            Decimal::ZERO
        } else {
            self.stands_now(context, parcel.number).await?
        };
        let to = if sum { from + units } else { units.max(Decimal::ZERO) };
        if from == to {
            let why = if to.is_zero() { KeptStock::Nothing } else { KeptStock::HasQuantity };
            return Ok(Decided::Row(RowStock::Kept(why)));
        }
        Ok(Decided::Set { from, to, claimed })
    }

    /// A try of this run was cut off between its record and its end: looks whether it got through. Setting it again
    /// blindly would undo a sale that was booked meanwhile, or add twice.
    async fn go_on(
        &self,
        context: &Context<'_>,
        number: &ItemNumber,
        import: &Import,
        units: Decimal,
    ) -> Result<RowStock, Stop> {
        let (from, to) = import.step.unwrap_or((Decimal::ZERO, units));
        let now = self.stands_now(context, number).await?;
        if now == from {
            self.set(context, number, to).await?;
        } else if now != to {
            return Ok(cut_off(now));
        }
        Ok(RowStock::Set { from, to })
    }

    async fn set(&self, context: &Context<'_>, number: &ItemNumber, to: Decimal) -> Result<(), Stop> {
        context.held.still_ours(context.ports, context.claim).await?;
        let reason = format!("Initial sync from {} ({})", context.store.shop, self.run);
        match context.erp.set_stock(number, self.location, to, &reason).await {
            // It is that already: a try whose reply was lost.
            Err(failure) if failure.is_refusal(Refusal::NoChange) => Ok(()),
            other => Ok(other?),
        }
    }

    /// What lies at the run's location; an item that a dry run only would make holds nothing.
    async fn stands_now(&self, context: &Context<'_>, number: &ItemNumber) -> Result<Decimal, Stop> {
        match context.erp.stock_at(number, self.location).await {
            Err(failure) if self.plan.dry_run && failure.is_missing() => Ok(Decimal::ZERO),
            other => Ok(other?),
        }
    }

    /// Writes the record of an item that has none; false if somebody else's stands.
    async fn claim(&self, context: &Context<'_>, number: &ItemNumber, ours: &Import) -> Result<bool, Stop> {
        let text = ours.text();
        let ids = &context.ports.state.ids;
        Ok(ids.put_if_absent(&self.map(context), &item_key(number), &text).await? == text)
    }

    /// Takes over the claim of a run that ended without bringing it: nobody would ever bring it then. Under the lock,
    /// since another store's run may want it as well.
    async fn take_over(
        &self,
        context: &Context<'_>,
        number: &ItemNumber,
        void: &Import,
        ours: &Import,
    ) -> Result<bool, Stop> {
        let state = &context.ports.state;
        let name = lock_name(context, number);
        let Some(lease) = state.leases.take(&name, &self.run, context.ports.timing.lease).await? else {
            return Ok(false);
        };
        if self.claims(context, number).await?.item.as_ref() == Some(void) {
            state.ids.forget(&self.map(context), &item_key(number)).await?;
        }
        let taken = self.claim(context, number, ours).await?;
        state.leases.free(&lease).await?;
        Ok(taken)
    }

    async fn claims(&self, context: &Context<'_>, number: &ItemNumber) -> Result<Claims, Stop> {
        let ids = context.ports.state.ids.as_ref();
        let read = Claims::read(ids, &self.map(context), &context.store.id, &[number]).await?;
        Ok(read.into_iter().next().unwrap_or_default())
    }

    pub(super) fn map(&self, context: &Context<'_>) -> IdMap {
        IdMap::StockImport(context.store.agreement.clone())
    }

    fn import(&self, context: &Context<'_>, from: Decimal, to: Decimal) -> Import {
        let step = Some((from.normalize(), to.normalize()));
        Import { store: context.store.id.clone(), run: self.run.clone(), step, done: false }
    }

    fn is_ours(&self, context: &Context<'_>, import: &Import) -> bool {
        import.store == context.store.id && import.run == self.run
    }
}

fn lock_name(context: &Context<'_>, number: &ItemNumber) -> String {
    format!("stock-import/{}/{number}", context.store.agreement)
}

/// Nothing is wrong with the item: it is tried again in a moment.
fn busy(what: &str) -> Failure {
    Failure::new(Remote::State, FailureKind::Busy { retry_after: None }, "stock import", what)
}

fn cut_off(now: Decimal) -> RowStock {
    RowStock::Refused(format!(
        "setting it was cut off, and it is {} now, neither what it was nor what it was to be; look at it in Rackbeat",
        now.normalize()
    ))
}

/// Whether the run that claimed an item ended without bringing it.
async fn is_void(context: &Context<'_>, import: &Import) -> Result<bool, Stop> {
    Ok(!import.done && is_run_over(context, import).await?)
}

async fn is_run_over(context: &Context<'_>, import: &Import) -> Result<bool, Stop> {
    let run = context.ports.state.runs.run(&import.store, &import.run).await?;
    Ok(run.is_none_or(|run| run.is_over()))
}

/// Whether orders from before the import are transferred, too: then their units still lie there, and are taken off
/// in Rackbeat when those orders come over.
pub(crate) fn opens_orders(store: &Store) -> bool {
    // A start that nobody chose is the second of the connect.
    let earlier = |since: jiff::Timestamp| since.as_second() < store.connected_at.as_second();
    store.settings.orders.enabled && store.settings.orders.since.is_some_and(earlier)
}

/// The shop's units over all of its locations.
pub(crate) fn quantity(variant: &Variant, on_hand: bool) -> Decimal {
    let units = variant.levels.iter().map(|level| if on_hand { level.on_hand } else { level.available });
    Decimal::from(units.sum::<i64>())
}
