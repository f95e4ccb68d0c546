//! Each variant becomes a product of its own.

use std::collections::HashSet;

use rust_decimal::{Decimal, RoundingStrategy};
use shopbeat_domain::catalog::{SkipReason, Variant, plain_text};
use shopbeat_domain::erp::{Item, NewProduct};
use shopbeat_domain::failure::Refusal;
use shopbeat_domain::ids::ItemNumber;
use shopbeat_domain::job::ParkCode;
use shopbeat_domain::limits;
use shopbeat_domain::mapping::Block;
use shopbeat_domain::ports::IdMap;
use shopbeat_domain::run::{Run, SKIPPED_SHOWN, Skipped};

use super::export::Catalog;
use super::stock::StockImport;
use super::{Context, stock};
use crate::retry::{self, Decision};
use crate::transfer::Stop;

/// What stands in Rackbeat already, and what the settings say of new products.
struct Import<'a> {
    context: &'a Context<'a>,
    present: HashSet<String>,
    vat_percent: Decimal,
    stock: Option<StockImport>,
}

/// Brings over every variant after the run's cursor; false if the store was paused or put on hold on the way.
pub(super) async fn import(context: &Context<'_>, run: &mut Run, catalog: &Catalog) -> Result<bool, Stop> {
    let mut import = Import::prepare(context, run).await?;
    let cursor = run.cursor;
    let left = catalog.variants.iter().filter(|variant| cursor.is_none_or(|cursor| variant.id > cursor));
    for variant in left {
        if !context.may_go_on().await? {
            return Ok(false);
        }
        let before = run.counts;
        let brought = match catalog.skus.item(&variant.sku) {
            Ok(number) => import.bring(run, variant, &number).await,
            Err(defect) => {
                run.counts.skipped += 1;
                name_skipped(run, variant, SkipReason::Sku(defect));
                Ok(())
            }
        };
        if let Err(stop) = brought {
            // This one is brought again; what is done before it is kept, and counted once.
            run.counts = before;
            context.save(run).await?;
            return Err(stop);
        }
        run.counts.done += 1;
        run.cursor = Some(variant.id);
        context.held.got_further();
        if run.counts.done.is_multiple_of(limits::IMPORT_SAVE_EVERY) {
            context.save(run).await?;
        }
    }
    Ok(true)
}

impl<'a> Import<'a> {
    async fn prepare(context: &'a Context<'a>, run: &Run) -> Result<Self, Stop> {
        let present = items(context).await?;
        let settings = &context.store.settings.products;
        let groups = context.erp.product_groups().await?;
        let Some(group) = groups.into_iter().find(|group| group.number == settings.group) else {
            let message = format!(
                "Rackbeat has no product group {}; set products.group to one that is there",
                settings.group
            );
            return Err(Block::new(ParkCode::RunFailed, settings.group.to_string(), message).into());
        };
        let stock = if run.plan.stock {
            Some(stock::prepare(context, &present, group.has_inventory).await?)
        } else {
            None
        };
        let present = present.into_iter().map(|item| item.number.as_str().to_owned()).collect();
        Ok(Self { context, present, vat_percent: group.vat_domestic, stock })
    }

    /// Brings one variant. What Rackbeat refuses is skipped by name: one bad product is no reason to leave out the
    /// rest.
    async fn bring(&mut self, run: &mut Run, variant: &Variant, number: &ItemNumber) -> Result<(), Stop> {
        let present = self.present.contains(number.as_str());
        if present {
            run.counts.products_present += 1;
        } else if run.plan.products {
            if !run.plan.dry_run
                && let Some(words) = refused_alone(self.create(variant, number).await)?
            {
                run.counts.skipped += 1;
                name_skipped(run, variant, SkipReason::Refused(words));
                return Ok(());
            }
            run.counts.products_created += 1;
            self.present.insert(number.as_str().to_owned());
        }
        let there = self.present.contains(number.as_str());
        if there && !run.plan.dry_run {
            self.remember(variant, number).await?;
        }
        match &mut self.stock {
            Some(stock) if there => {
                if let Some(words) = refused_alone(stock.bring(self.context, run, variant, number).await)? {
                    run.counts.stock_kept += 1;
                    name_skipped(run, variant, SkipReason::StockRefused(words));
                }
            }
            Some(_) => run.counts.stock_kept += 1,
            None => {}
        }
        Ok(())
    }

    async fn create(&self, variant: &Variant, number: &ItemNumber) -> Result<(), Stop> {
        let settings = &self.context.store.settings.products;
        let product = NewProduct {
            number: number.clone(),
            name: variant.name(),
            group: settings.group,
            unit: settings.unit,
            description: plain_text(&variant.description_html),
            sales_price: self.price(variant.price),
            cost: variant.cost,
            weight_kg: variant.weight_kg,
        };
        self.context.held.still_ours(self.context.ports, self.context.claim).await?;
        match self.context.erp.create_product(&product).await {
            // Made by a try whose reply was lost, or by a person meanwhile.
            Err(failure) if failure.is_refusal(Refusal::Duplicate) => Ok(()),
            other => Ok(other?),
        }
    }

    /// The price as Rackbeat shall have it: without VAT if so set, by the product group's true rate.
    fn price(&self, price: Decimal) -> Decimal {
        let store = self.context.store;
        let excludes = store.settings.products.prices_exclude_vat;
        let factor = Decimal::ONE + self.vat_percent / Decimal::ONE_HUNDRED;
        let price = match (store.taxes_included, excludes) {
            (true, true) => price / factor,
            (false, false) => price * factor,
            (true, false) | (false, true) => price,
        };
        price
            .round_dp_with_strategy(limits::PRICE_DECIMALS, RoundingStrategy::MidpointAwayFromZero)
            .normalize()
    }

    async fn remember(&self, variant: &Variant, number: &ItemNumber) -> Result<(), Stop> {
        let ids = &self.context.ports.state.ids;
        let store = self.context.store;
        let known = IdMap::KnownItem(store.agreement.clone());
        ids.put(&known, &[(number.as_str().to_owned(), "1".to_owned())]).await?;
        let variants = IdMap::VariantItem(store.id.clone());
        ids.put(&variants, &[(variant.id.to_string(), number.as_str().to_owned())]).await?;
        Ok(())
    }
}

fn name_skipped(run: &mut Run, variant: &Variant, reason: SkipReason) {
    if run.skipped.len() < SKIPPED_SHOWN {
        let (name, sku) = (variant.name(), variant.sku.clone());
        run.skipped.push(Skipped { variant: variant.id, name, sku, reason });
    }
}

/// The words of a failure that concerns this one variant, as `retry` would park a job for it; a remote in trouble or a
/// missing right concerns them all.
fn refused_alone(brought: Result<(), Stop>) -> Result<Option<String>, Stop> {
    match brought {
        Ok(()) => Ok(None),
        Err(Stop::Failed(failure)) if matches!(retry::decide(&failure), Decision::Park(_)) => {
            Ok(Some(failure.words()))
        }
        Err(stop) => Err(stop),
    }
}

/// Every item that is there.
async fn items(context: &Context<'_>) -> Result<Vec<Item>, Stop> {
    let mut all = Vec::new();
    let mut page = 1;
    loop {
        let answer = context.erp.items(page).await?;
        all.extend(answer.rows);
        if answer.next.is_none() {
            return Ok(all);
        }
        page += 1;
    }
}
