//! One variant's way: it becomes a product of its own, and its stock is set.

use rust_decimal::Decimal;
use shopbeat_domain::catalog::{SkipReason, Variant, plain_text};
use shopbeat_domain::erp::{ErpProduct, ItemKind, NewProduct, ProductGroup};
use shopbeat_domain::failure::{Failure, FailureKind, Refusal};
use shopbeat_domain::ids::ItemNumber;
use shopbeat_domain::job::ParkCode;
use shopbeat_domain::limits;
use shopbeat_domain::mapping::Block;
use shopbeat_domain::money::Currency;
use shopbeat_domain::product::{
    Carried, Image, Pricing, ProductField, erp_image, shop_image, variant_shop_image,
};
use shopbeat_domain::run::{KeptStock, RowProduct, RowStock, Run, RunPlan, RunRow};
use shopbeat_domain::settings::Master;
use shopbeat_domain::store::RECORD_VERSION;
use tokio_util::sync::CancellationToken;

use super::Context;
use super::claims::Claims;
use super::present::Present;
use super::stock::{Parcel, StockImport, There};
use crate::retry::{self, Decision};
use crate::transfer::Stop;

/// What stands in Rackbeat already, and what the settings say of new products.
pub(super) struct Importer<'a> {
    pub(super) context: &'a Context<'a>,
    plan: RunPlan,
    pub(super) present: Present,
    group: ProductGroup,
    pricing: Pricing,
    /// The agreement's.
    currency: Currency,
    pub(super) stock: Option<StockImport>,
    /// Nothing is tried again from now on.
    pub(super) over: CancellationToken,
}

/// What became of one variant.
pub(super) struct Brought {
    pub(super) row: RunRow,
    /// It is an item in Rackbeat now, and the shop has it there.
    pub(super) item: Option<ItemOf>,
    /// It took no call.
    pub(super) was_free: bool,
}

/// An item and where the shop has it.
pub(super) struct ItemOf {
    pub(super) number: ItemNumber,
    pub(super) variant: Variant,
    /// What is known to be the same on both sides.
    pub(super) carried: Carried,
}

/// How far one variant is: what was done is not done again by the next try.
#[derive(Default)]
struct Progress {
    product: Option<(RowProduct, Option<There>)>,
    tries: u32,
    calls: bool,
}

impl<'a> Importer<'a> {
    pub(super) async fn prepare(context: &'a Context<'a>, run: &Run) -> Result<Self, Stop> {
        let present = Present::read(context.erp).await?;
        let store = context.store;
        let groups = context.erp.product_groups().await?;
        let agreement = context.ports.state.registry.agreement(&store.agreement).await?;
        let currency = agreement.map_or(store.currency, |agreement| agreement.currency);
        let pricing =
            Pricing::of(&store.settings.prices, &groups, store.taxes_included, store.currency, currency);
        let wanted = store.settings.products.group;
        let Some(group) = groups.into_iter().find(|group| group.number == wanted) else {
            let message =
                format!("Rackbeat has no product group {wanted}; set products.group to one that is there");
            return Err(Block::new(ParkCode::RunFailed, wanted.to_string(), message).into());
        };
        let stock = if run.plan.stock { Some(StockImport::prepare(context, run).await?) } else { None };
        let (plan, over) = (run.plan, CancellationToken::new());
        Ok(Self { context, plan, present, group, pricing, currency, stock, over })
    }

    /// Whether products that the run makes keep stock.
    pub(super) fn made_takes_stock(&self) -> bool {
        self.group.has_inventory
    }

    /// Brings one variant. A remote's passing trouble is waited for here for a while, since the whole run would have
    /// to read its lists anew; what Rackbeat refuses is skipped by name: one bad product is no reason to leave out the
    /// rest.
    pub(super) async fn bring(
        &self,
        variant: Variant,
        number: Result<ItemNumber, SkipReason>,
        claims: Option<Claims>,
    ) -> Result<Brought, Stop> {
        let number = match number {
            Ok(number) => number,
            Err(reason) => return Ok(self.skipped(&variant, reason)),
        };
        let mut progress = Progress::default();
        loop {
            let claims = claims.as_ref().filter(|_| progress.tries == 0);
            match self.once(&variant, &number, claims, &mut progress).await {
                Err(Stop::Failed(failure)) if self.may_try_again(&failure, progress.tries) => {
                    let ports = self.context.ports;
                    ports.observer.call_failed(&self.context.store.id, &failure);
                    let backoff = retry::backoff(progress.tries, ports.random.as_ref());
                    let wait = asked(&failure).map_or(backoff, |asked| asked.max(backoff));
                    progress.tries += 1;
                    tokio::select! {
                        () = ports.clock.sleep(wait) => {}
                        () = self.over.cancelled() => return Err(Stop::Failed(failure)),
                    }
                }
                Err(stop) => return Err(stop),
                Ok((did, stock)) => {
                    let there = matches!(did, RowProduct::Created | RowProduct::Present);
                    let row = row(&variant, did, stock);
                    let item = (there && !self.plan.dry_run).then(|| self.item(variant, number, &row.did));
                    return Ok(Brought { row, item, was_free: !progress.calls });
                }
            }
        }
    }

    /// Trouble that passes by itself, and answers that could not be read: the next try finds out what was done.
    fn may_try_again(&self, failure: &Failure, tries: u32) -> bool {
        let most = match &failure.kind {
            FailureKind::Busy { .. } | FailureKind::Unreachable | FailureKind::Unanswered => {
                limits::IMPORT_TRIES
            }
            FailureKind::Garbled => limits::GARBLED_TRIES - 1,
            FailureKind::Refused(_)
            | FailureKind::Missing
            | FailureKind::Conflict
            | FailureKind::Unauthorized(_) => 0,
        };
        tries < most && !self.over.is_cancelled()
    }

    async fn once(
        &self,
        variant: &Variant,
        number: &ItemNumber,
        claims: Option<&Claims>,
        progress: &mut Progress,
    ) -> Result<(RowProduct, RowStock), Stop> {
        let (did, there) = match &progress.product {
            Some(product) => product.clone(),
            None => {
                let product = self.product(variant, number, progress).await?;
                progress.product = Some(product.clone());
                product
            }
        };
        let stock = match (&self.stock, there) {
            (None, _) => RowStock::None,
            (Some(_), None) => RowStock::Kept(KeptStock::NoItem),
            (Some(stock), Some(there)) => {
                let parcel = Parcel { variant, number, there, claims };
                let brought = stock.bring(self.context, &parcel).await;
                let brought = refused_alone(brought)?.unwrap_or_else(RowStock::Refused);
                let kept = matches!(brought, RowStock::Kept(_));
                progress.calls |= !kept && !self.plan.dry_run;
                brought
            }
        };
        Ok((did, stock))
    }

    async fn product(
        &self,
        variant: &Variant,
        number: &ItemNumber,
        progress: &mut Progress,
    ) -> Result<(RowProduct, Option<There>), Stop> {
        if let Some(known) = self.present.get(number) {
            let there = There { fresh: false, stock: Some(known.stock), takes_stock: known.takes_stock };
            return Ok((RowProduct::Present, Some(there)));
        }
        if !self.plan.products {
            return Ok((RowProduct::Absent, None));
        }
        let takes_stock = self.group.has_inventory;
        let fresh = There { fresh: true, stock: None, takes_stock };
        if self.plan.dry_run {
            return Ok((RowProduct::Created, Some(fresh)));
        }
        progress.calls = true;
        match refused_alone(self.create(variant, number).await)? {
            Ok(true) => Ok((RowProduct::Created, Some(fresh))),
            Ok(false) => {
                // Made by a try whose reply was lost, or else by somebody else since the items were listed.
                let ours = progress.tries > 0;
                let did = if ours { RowProduct::Created } else { RowProduct::Present };
                Ok((did, Some(There { fresh: false, ..fresh })))
            }
            Err(words) => Ok((RowProduct::Skipped(SkipReason::Refused(words)), None)),
        }
    }

    /// Makes the product; false if its number is taken.
    async fn create(&self, variant: &Variant, number: &ItemNumber) -> Result<bool, Stop> {
        let product = self.new_product(variant, number);
        self.context.held.still_ours(self.context.ports, self.context.claim).await?;
        match self.context.erp.create_product(&product).await {
            Ok(()) => Ok(true),
            Err(failure) if failure.is_refusal(Refusal::Duplicate) => Ok(false),
            Err(failure) => Err(failure.into()),
        }
    }

    fn new_product(&self, variant: &Variant, number: &ItemNumber) -> NewProduct {
        let settings = &self.context.store.settings.products;
        let price = self.pricing.to_rackbeat(variant.price, self.group.number);
        let price = price.filter(|_| self.brings(ProductField::Price));
        let description =
            self.brings(ProductField::Description).then(|| plain_text(&variant.description_html));
        NewProduct {
            number: number.clone(),
            name: variant.name(),
            group: settings.group,
            unit: settings.unit,
            description: description.unwrap_or_default(),
            // Rackbeat wants a price; none crosses currencies without a rate.
            sales_price: price.unwrap_or_default(),
            cost: variant.cost.filter(|_| self.brings(ProductField::Cost)).and_then(|cost| self.cost(cost)),
            weight_kg: variant.weight_kg.filter(|_| self.brings(ProductField::Weight)),
            barcode: variant.barcode.clone().filter(|_| self.brings(ProductField::Barcode)),
        }
    }

    /// A cost in the agreement's currency; costs are without VAT on both sides.
    fn cost(&self, cost: Decimal) -> Option<Decimal> {
        let store = self.context.store;
        if store.currency == self.currency {
            return Some(cost);
        }
        let cost = cost.checked_div(store.settings.prices.rate?)?;
        Some(cost.round_dp(limits::PRICE_DECIMALS).normalize())
    }

    /// Which fields a new product gets. A store whose master is Rackbeat gets all back, the barcode too: what the
    /// product does not have would be cleared in the shop.
    fn brings(&self, field: ProductField) -> bool {
        let settings = &self.context.store.settings.products;
        match settings.master {
            Master::Shopify => settings.carries(field),
            Master::Rackbeat => true,
            Master::None => field.goes_by_default(Master::Shopify),
        }
    }

    fn item(&self, variant: Variant, number: ItemNumber, did: &RowProduct) -> ItemOf {
        let image = if *did == RowProduct::Created { self.image(&variant, &number) } else { Image::new() };
        // The running sync takes records of its own direction only, which their digests begin with; behind that, no
        // look makes this one, so that the first look compares both sides once.
        let way = match self.context.store.settings.products.master {
            Master::Shopify => "to-rackbeat",
            Master::Rackbeat | Master::None => "to-shop",
        };
        let (digest, at) = (format!("{way} initial"), Some(self.context.ports.now()));
        ItemOf { number, variant, carried: Carried { version: RECORD_VERSION, image, at, digest } }
    }

    /// What both sides show of a product that was just made, as the running sync sees it: it carries nothing of that
    /// again. Where Rackbeat is the master, only what it shows in the shop's words: a title has no option values there.
    fn image(&self, variant: &Variant, number: &ItemNumber) -> Image {
        let settings = &self.context.store.settings.products;
        if settings.master == Master::Shopify {
            return erp_image(variant, settings, &self.pricing, self.group.number);
        }
        let made = self.new_product(variant, number);
        let made = ErpProduct {
            number: made.number,
            kind: ItemKind::Product,
            name: made.name,
            description: made.description,
            sales_price: made.sales_price,
            barcode: made.barcode,
            group: self.group.number,
            group_name: self.group.name.clone(),
            weight_kg: made.weight_kg,
            barred: false,
            keeps_stock: self.group.has_inventory,
            fields: Vec::new(),
            updated_at: None,
        };
        let shown = variant_shop_image(variant);
        let mut image = shop_image(&made, settings, &self.pricing);
        image.retain(|field, text| shown.get(field) == Some(text));
        image
    }

    fn skipped(&self, variant: &Variant, reason: SkipReason) -> Brought {
        let why = match &reason {
            SkipReason::Bundle | SkipReason::GiftCard => KeptStock::NotCounted,
            SkipReason::Sku(_) | SkipReason::Refused(_) | SkipReason::StockRefused(_) => KeptStock::NoItem,
        };
        let stock = if self.plan.stock { RowStock::Kept(why) } else { RowStock::None };
        Brought { row: row(variant, RowProduct::Skipped(reason), stock), item: None, was_free: true }
    }

    /// Where a written quantity is to be remembered.
    pub(super) fn imported(&self, row: &RunRow, number: &ItemNumber) -> Vec<(String, String)> {
        match (&self.stock, &row.stock) {
            (Some(stock), RowStock::Set { from, to }) if !self.plan.dry_run => {
                stock.done(self.context, number, *from, *to).to_vec()
            }
            _ => Vec::new(),
        }
    }
}

fn row(variant: &Variant, did: RowProduct, stock: RowStock) -> RunRow {
    let (name, sku) = (variant.name(), variant.sku.clone());
    RunRow { variant: variant.id, product: variant.product, name, sku, did, stock }
}

/// The words of a failure that concerns this one variant, as `retry` would park a job for it; a remote in trouble or a
/// missing right concerns them all.
fn refused_alone<T>(brought: Result<T, Stop>) -> Result<Result<T, String>, Stop> {
    match brought {
        Ok(done) => Ok(Ok(done)),
        Err(Stop::Failed(failure)) if matches!(retry::decide(&failure), Decision::Park(_)) => {
            Ok(Err(failure.words()))
        }
        Err(stop) => Err(stop),
    }
}

/// How long a busy remote asked to be left alone.
fn asked(failure: &Failure) -> Option<std::time::Duration> {
    match retry::decide(failure) {
        Decision::LaneWaits { asked, .. } => asked,
        Decision::Strike { .. } | Decision::Park(_) => None,
    }
}

/// The item number of a variant, or why it has none.
pub(super) fn number_of(
    variant: &Variant,
    skus: &shopbeat_domain::catalog::SkuCheck,
) -> Result<ItemNumber, SkipReason> {
    if variant.gift_card {
        return Err(SkipReason::GiftCard);
    }
    if variant.bundle {
        return Err(SkipReason::Bundle);
    }
    skus.item(&variant.sku).map_err(SkipReason::Sku)
}
