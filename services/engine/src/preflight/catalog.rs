//! The shop's catalogue, read as the initial sync reads it: SKUs that make no item number, things that are not brought
//! over, products that Rackbeat bars; and what the initial sync will take.

use std::collections::BTreeSet;

use futures::TryStreamExt;
use shopbeat_domain::catalog::{SkuCheck, SkuDefect, Variant, odd_characters};
use shopbeat_domain::ids::ItemNumber;
use shopbeat_domain::limits;
use shopbeat_domain::ports::{Export, ExportedCatalog};
use shopbeat_domain::preflight::{Check, Finding, Report};
use shopbeat_domain::run::RunPlan;

use super::books::Books;
use super::{Subject, told};
use crate::initial::cost;
use crate::initial::export::{Ready, open};
use crate::initial::stock::quantity;
use crate::problem::Problem;

/// What an estimate is made for.
const PLAN: RunPlan = RunPlan {
    products: true,
    stock: true,
    dry_run: false,
    policy: shopbeat_domain::run::StockPolicy::Keep,
    count: shopbeat_domain::run::StockCount::Available,
    location: None,
};

/// Looks at every variant; answers the product groups of the items that the shop sells.
pub(super) async fn look(
    subject: &Subject<'_>,
    books: Option<&Books>,
    report: &mut Report,
) -> Result<BTreeSet<u64>, Problem> {
    let Some(ExportedCatalog { variants, skus, mut rows }) = export(subject, report).await? else {
        return Ok(BTreeSet::new());
    };
    report.variants = variants;
    let mut in_use = BTreeSet::new();
    let mut calls = 0;
    while let Some(variant) = rows.try_next().await? {
        let Some(number) = defects(subject, &variant, &skus, report) else { continue };
        if subject.settings.stock.enabled && !variant.tracked {
            let message = format!("Shopify does not count the stock of \"{}\"", variant.name());
            report.add(about(subject, Check::Untracked, &variant, message));
        }
        let Some((present, groups)) = books.and_then(|books| books.items.as_ref()) else { continue };
        let known = present.get(&number);
        if variant.active && known.is_some_and(|known| known.barred) {
            let message = format!("{number} (\"{}\") is on sale and barred in Rackbeat", variant.name());
            report.add(about(subject, Check::BarredProduct, &variant, message));
        }
        in_use.extend(groups.get(number.as_str()));
        let has_stock = variant.tracked && quantity(&variant, false).is_sign_positive();
        let plan = RunPlan { stock: has_stock && !quantity(&variant, false).is_zero(), ..PLAN };
        calls += cost::calls(&plan, known, books.is_some_and(|books| makes_stock(subject, books)));
    }
    if books.is_some_and(|books| books.items.is_some()) {
        report.estimate = Some(cost::estimate(calls));
    }
    Ok(in_use)
}

/// Whether products that an initial sync makes keep stock.
fn makes_stock(subject: &Subject<'_>, books: &Books) -> bool {
    let group = subject.settings.products.group;
    books.groups.iter().any(|known| known.number == group && known.has_inventory)
}

/// Has the shop write its catalogue and waits for it.
async fn export(subject: &Subject<'_>, report: &mut Report) -> Result<Option<ExportedCatalog>, Problem> {
    let shop = subject.shop;
    let Some(bulk) = told(shop.start_export().await, Check::MissingScope, report)? else { return Ok(None) };
    loop {
        match shop.export(bulk).await? {
            Export::Running(_) => subject.ports.clock.sleep(limits::EXPORT_POLL).await,
            Export::Ready { url, objects } => {
                return Ok(Some(open(shop, &Ready { url, objects }, None).await?));
            }
            Export::Failed(code) => {
                let message =
                    format!("Shopify could not write the export of the catalogue: {code}; try again");
                return Err(Problem::precondition("EXPORT_FAILED", message));
            }
        }
    }
}

/// Tells what keeps a variant from becoming an item; its number if nothing does.
fn defects(
    subject: &Subject<'_>,
    variant: &Variant,
    skus: &SkuCheck,
    report: &mut Report,
) -> Option<ItemNumber> {
    let name = variant.name();
    if variant.gift_card {
        let message = format!("\"{name}\" is a gift card");
        report.add(about(subject, Check::GiftCardProduct, variant, message));
        return None;
    }
    if variant.bundle {
        report.add(about(subject, Check::Bundle, variant, format!("\"{name}\" is a bundle")));
        return None;
    }
    let odd = odd_characters(&variant.sku);
    if !odd.is_empty() {
        let odd: Vec<String> = odd.iter().map(|odd| format!("{odd:?}")).collect();
        let message = format!("the SKU of \"{name}\" holds {}", odd.join(", "));
        report.add(about(subject, Check::SkuOddCharacters, variant, message));
    }
    let (check, message) = match skus.item(&variant.sku) {
        Ok(number) => return Some(number),
        Err(SkuDefect::Missing) => (Check::SkuMissing, format!("\"{name}\" has no SKU")),
        Err(SkuDefect::Duplicate) => {
            (Check::SkuDuplicate, format!("\"{name}\" has a SKU that other variants have as well"))
        }
        Err(SkuDefect::TooLong) => {
            let length = variant.sku.trim().chars().count();
            let most = limits::ITEM_NUMBER_LENGTH;
            (
                Check::SkuTooLong,
                format!("the SKU of \"{name}\" has {length} characters, Rackbeat takes {most}"),
            )
        }
    };
    report.add(about(subject, check, variant, message));
    None
}

/// A finding about a variant: by its SKU, or its name where it has none, with the place in the shop's admin.
fn about(subject: &Subject<'_>, check: Check, variant: &Variant, message: String) -> Finding {
    let sku = variant.sku.trim();
    let link = format!(
        "https://admin.shopify.com/store/{}/products/{}/variants/{}",
        subject.domain.handle(),
        variant.product,
        variant.id
    );
    let about = if sku.is_empty() { variant.name() } else { sku.to_owned() };
    Finding { check, subject: about, message, link: Some(link) }
}
