//! Quantities, by an absolute adjustment at one location. An item that has a quantity already, or had an import
//! before, is left alone: two stores that sell the same item do not overwrite each other.

use std::collections::HashMap;

use rust_decimal::Decimal;
use shopbeat_domain::catalog::Variant;
use shopbeat_domain::erp::Item;
use shopbeat_domain::failure::Refusal;
use shopbeat_domain::ids::{ItemNumber, StockLocation};
use shopbeat_domain::job::ParkCode;
use shopbeat_domain::mapping::Block;
use shopbeat_domain::ports::IdMap;
use shopbeat_domain::run::Run;

use super::Context;
use crate::transfer::Stop;

/// Where stock goes, and what lies there.
pub(super) struct StockImport {
    location: StockLocation,
    present: HashMap<String, Decimal>,
}

pub(super) async fn prepare(context: &Context<'_>, items: &[Item]) -> Result<StockImport, Stop> {
    let locations = context.erp.locations().await?;
    let wanted = context.store.settings.products.stock_location;
    let found = match wanted {
        Some(number) => locations.iter().find(|location| location.number == number),
        None => locations.iter().find(|location| location.is_default).or(locations.first()),
    };
    let Some(location) = found else {
        let name = wanted.map_or_else(|| "default".to_owned(), |number| number.to_string());
        let message = format!("Rackbeat has no location {name}; set products.stock_location to one that is there");
        return Err(Block::new(ParkCode::RunFailed, name, message).into());
    };
    let present = items.iter().map(|item| (item.number.as_str().to_owned(), item.stock)).collect();
    Ok(StockImport { location: location.number, present })
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
        if !variant.tracked || quantity <= Decimal::ZERO || !self.may_write(context, run, number, quantity).await? {
            run.counts.stock_kept += 1;
            return Ok(());
        }
        if !run.plan.dry_run {
            self.write(context, run, number, quantity).await?;
        }
        run.counts.stock_written += 1;
        Ok(())
    }

    /// The first to claim an item writes it: the claim names run and quantity, so that a run that was cut off
    /// between claim and write knows its own and writes it (again: the target is absolute).
    async fn may_write(
        &self,
        context: &Context<'_>,
        run: &Run,
        number: &ItemNumber,
        quantity: Decimal,
    ) -> Result<bool, Stop> {
        let ids = &context.ports.state.ids;
        let map = IdMap::StockImport(context.store.agreement.clone());
        let key = [number.as_str().to_owned()];
        let claimed = ids.look_up(&map, &key).await?.into_iter().next().flatten();
        let ours = claim_text(run, quantity);
        if let Some(claimed) = claimed {
            return Ok(claimed == ours);
        }
        if self.present.get(number.as_str()).is_some_and(|stock| !stock.is_zero()) {
            return Ok(false);
        }
        if run.plan.dry_run {
            return Ok(true);
        }
        Ok(ids.put_if_absent(&map, number.as_str(), &ours).await? == ours)
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
        let done = claim_text(run, quantity) + " done";
        let map = IdMap::StockImport(context.store.agreement.clone());
        Ok(context.ports.state.ids.put(&map, &[(number.as_str().to_owned(), done)]).await?)
    }
}

fn claim_text(run: &Run, quantity: Decimal) -> String {
    format!("{}/{} {}", run.store, run.id, quantity.normalize())
}

/// Whether orders from before the import are transferred, too: then their units still lie there, and are taken off
/// in Rackbeat when those orders come over.
fn opens_orders(context: &Context<'_>) -> bool {
    let store = context.store;
    store.settings.orders.enabled && store.settings.orders.since.is_some_and(|since| since < store.connected_at)
}

fn quantity(variant: &Variant, on_hand: bool) -> Decimal {
    let units = variant.levels.iter().map(|level| if on_hand { level.on_hand } else { level.available });
    Decimal::from(units.sum::<i64>())
}
