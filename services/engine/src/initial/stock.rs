//! Quantities, by an absolute adjustment at one location. An item that has a quantity already, or had an import
//! before, is left alone: two stores that sell the same item do not overwrite each other.

use std::collections::HashMap;

use rust_decimal::Decimal;
use shopbeat_domain::catalog::Variant;
use shopbeat_domain::erp::{Item, ItemKind};
use shopbeat_domain::failure::Refusal;
use shopbeat_domain::ids::{ItemNumber, StockLocation, StoreId};
use shopbeat_domain::job::ParkCode;
use shopbeat_domain::mapping::Block;
use shopbeat_domain::ports::IdMap;
use shopbeat_domain::run::Run;

use super::Context;
use crate::transfer::Stop;

/// Where stock goes, and what is there.
pub(super) struct StockImport {
    location: StockLocation,
    /// Items that were there when the run began, or went on: whether they may get a quantity.
    present: HashMap<String, bool>,
    /// Whether items that the run makes keep stock.
    made_keep_stock: bool,
}

/// Who said to bring an item's stock.
enum Claimed {
    /// This run, just now or before it was cut off.
    Ours,
    /// This run, and it did.
    Done,
    /// Another run, or nobody needs to.
    Others,
}

pub(super) async fn prepare(
    context: &Context<'_>,
    items: &[Item],
    made_keep_stock: bool,
) -> Result<StockImport, Stop> {
    let locations = context.erp.locations().await?;
    let wanted = context.store.settings.products.stock_location;
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
    let takes = |item: &Item| item.keeps_stock && item.kind == ItemKind::Product && item.stock.is_zero();
    let present = items.iter().map(|item| (item.number.as_str().to_owned(), takes(item))).collect();
    Ok(StockImport { location: location.number, present, made_keep_stock })
}

impl StockImport {
    /// Brings one variant's quantity.
    pub(super) async fn bring(
        &mut self,
        context: &Context<'_>,
        run: &mut Run,
        variant: &Variant,
        number: &ItemNumber,
    ) -> Result<(), Stop> {
        let quantity = quantity(variant, opens_orders(context));
        if !variant.tracked || quantity <= Decimal::ZERO {
            run.counts.stock_kept += 1;
            return Ok(());
        }
        match self.claim(context, run, number).await? {
            Claimed::Others => {
                run.counts.stock_kept += 1;
                return Ok(());
            }
            Claimed::Ours if !run.plan.dry_run => self.write(context, run, number, quantity).await?,
            Claimed::Ours | Claimed::Done => {}
        }
        run.counts.stock_written += 1;
        Ok(())
    }

    /// The first to claim an item writes it: the claim names the run, so that a run that was cut off between claim
    /// and write knows its own and writes it (again: the target is absolute).
    async fn claim(&self, context: &Context<'_>, run: &Run, number: &ItemNumber) -> Result<Claimed, Stop> {
        let ids = &context.ports.state.ids;
        let map = IdMap::StockImport(context.store.agreement.clone());
        let key = [number.as_str().to_owned()];
        let ours = claim_text(run);
        let stands = ids.look_up(&map, &key).await?.into_iter().next().flatten();
        match &stands {
            Some(claim) if *claim == ours => return Ok(Claimed::Ours),
            Some(claim) if *claim == done_text(run) => return Ok(Claimed::Done),
            Some(claim) if !is_void(context, claim).await? => return Ok(Claimed::Others),
            Some(_) | None => {}
        }
        if !self.present.get(number.as_str()).copied().unwrap_or(self.made_keep_stock) {
            return Ok(Claimed::Others);
        }
        if run.plan.dry_run {
            return Ok(Claimed::Ours);
        }
        match stands {
            Some(void) => self.take_over(context, run, number, &void).await,
            None => Ok(whose(&ids.put_if_absent(&map, number.as_str(), &ours).await?, &ours)),
        }
    }

    /// Takes over a void claim; under a lease, since another store's run may want it as well.
    async fn take_over(
        &self,
        context: &Context<'_>,
        run: &Run,
        number: &ItemNumber,
        void: &str,
    ) -> Result<Claimed, Stop> {
        let state = &context.ports.state;
        let map = IdMap::StockImport(context.store.agreement.clone());
        let name = format!("stock-import/{}/{number}", context.store.agreement);
        let Some(lease) = state.leases.take(&name, &run.id, context.ports.timing.lease).await? else {
            return Ok(Claimed::Others);
        };
        if state.ids.look_up(&map, &[number.as_str().to_owned()]).await?.first()
            == Some(&Some(void.to_owned()))
        {
            state.ids.forget(&map, number.as_str()).await?;
        }
        let ours = claim_text(run);
        let stands = state.ids.put_if_absent(&map, number.as_str(), &ours).await?;
        state.leases.free(&lease).await?;
        Ok(whose(&stands, &ours))
    }

    async fn write(
        &mut self,
        context: &Context<'_>,
        run: &Run,
        number: &ItemNumber,
        quantity: Decimal,
    ) -> Result<(), Stop> {
        context.held.still_ours(context.ports, context.claim).await?;
        let reason = format!("Initial sync from {} ({})", context.store.shop, run.id);
        match context.erp.set_stock(number, self.location, quantity, &reason).await {
            // It is that already: a try whose reply was lost.
            Err(failure) if failure.is_refusal(Refusal::NoChange) => {}
            other => other?,
        }
        let done = done_text(run);
        let map = IdMap::StockImport(context.store.agreement.clone());
        Ok(context.ports.state.ids.put(&map, &[(number.as_str().to_owned(), done)]).await?)
    }
}

fn claim_text(run: &Run) -> String {
    format!("{} {}", run.store, run.id)
}

fn done_text(run: &Run) -> String {
    claim_text(run) + " done"
}

fn whose(stands: &str, ours: &str) -> Claimed {
    if stands == ours { Claimed::Ours } else { Claimed::Others }
}

/// Whether the run that claimed an item ended without bringing it: nobody would ever bring it then.
async fn is_void(context: &Context<'_>, claim: &str) -> Result<bool, Stop> {
    let mut words = claim.split(' ');
    let (Some(store), Some(run), None) = (words.next(), words.next(), words.next()) else { return Ok(false) };
    let Ok(store) = StoreId::parse(store) else { return Ok(false) };
    let run = context.ports.state.runs.run(&store, run).await?;
    Ok(run.is_none_or(|run| run.is_over()))
}

/// Whether orders from before the import are transferred, too: then their units still lie there, and are taken off
/// in Rackbeat when those orders come over.
fn opens_orders(context: &Context<'_>) -> bool {
    let store = context.store;
    // A start that nobody chose is the second of the connect.
    let earlier = |since: jiff::Timestamp| since.as_second() < store.connected_at.as_second();
    store.settings.orders.enabled && store.settings.orders.since.is_some_and(earlier)
}

fn quantity(variant: &Variant, on_hand: bool) -> Decimal {
    let units = variant.levels.iter().map(|level| if on_hand { level.on_hand } else { level.available });
    Decimal::from(units.sum::<i64>())
}
