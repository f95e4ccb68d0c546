//! The account: whether it lets us in, what the settings name there, and the VAT rates that stand between the prices.

use std::collections::{BTreeSet, HashMap};

use shopbeat_domain::erp::{ItemKind, ProductGroup};
use shopbeat_domain::ids::ItemNumber;
use shopbeat_domain::ports::{Answer, Erp, ShopIdentity};
use shopbeat_domain::preflight::{Check, Report};
use shopbeat_domain::settings::{ProductFilter, setting};

use super::{Depth, Subject, finding, listed, told};
use crate::initial::present::Present;
use crate::problem::Problem;

/// What the account holds, as far as it decides something.
pub(super) struct Books {
    pub(super) groups: Vec<ProductGroup>,
    /// Its items, and the product group of each; only where the catalogue is looked at.
    pub(super) items: Option<(Present, HashMap<Box<str>, u64>)>,
}

/// Reads the account and checks what the settings name there; `None`: it does not let us in.
pub(super) async fn read(
    subject: &Subject<'_>,
    depth: Depth,
    report: &mut Report,
) -> Result<Option<Books>, Problem> {
    let erp = subject.erp;
    if told(erp.account().await, Check::RackbeatRefused, report)?.is_none() {
        return Ok(None);
    }
    let groups = told(erp.product_groups().await, Check::RackbeatRefused, report)?;
    let Some(groups) = groups else { return Ok(None) };
    items(subject, report).await?;
    named(subject, &groups, report);
    locations(subject, report).await?;
    let items = match depth {
        Depth::Quick => None,
        Depth::Whole => told(listing(erp).await, Check::RackbeatRefused, report)?,
    };
    Ok(Some(Books { groups, items }))
}

/// All items, and their product groups.
async fn listing(erp: &dyn Erp) -> Answer<(Present, HashMap<Box<str>, u64>)> {
    let present = Present::read(erp).await?;
    let mut groups = HashMap::new();
    for kind in [ItemKind::Product, ItemKind::Lot] {
        let mut page = 1;
        loop {
            let answer = erp.products(kind, page).await?;
            groups.extend(answer.rows.iter().map(|row| (Box::from(row.number.as_str()), row.group)));
            if answer.next.is_none() {
                break;
            }
            page += 1;
        }
    }
    Ok((present, groups))
}

/// Products that the settings name.
async fn items(subject: &Subject<'_>, report: &mut Report) -> Result<(), Problem> {
    let orders = &subject.settings.orders;
    let named = [
        ("orders.freight_product", &orders.freight_product),
        ("orders.rounding_product", &orders.rounding_product),
    ];
    for (path, number) in named {
        if let Some(number) = number {
            item(subject, path, number, report).await?;
        }
    }
    Ok(())
}

async fn item(
    subject: &Subject<'_>,
    path: &'static str,
    number: &ItemNumber,
    report: &mut Report,
) -> Result<(), Problem> {
    let message = match subject.erp.item(number).await {
        Ok(item) if !item.barred => return Ok(()),
        Ok(_) => format!("{number} is barred in Rackbeat; unbar it or name another"),
        Err(failure) if failure.is_missing() => {
            format!("Rackbeat has no product {number}; create it there or name another")
        }
        Err(failure) => {
            let _ = told::<()>(Err(failure), Check::RackbeatRefused, report)?;
            return Ok(());
        }
    };
    report.add(finding(Check::Setting, path, message));
    Ok(())
}

/// The product groups that the settings name, and where: those of new products and of the filter.
pub(super) fn named_groups(subject: &Subject<'_>) -> BTreeSet<u64> {
    let products = &subject.settings.products;
    let mut named = BTreeSet::from([products.group]);
    if let Some(ProductFilter::Groups(groups)) = &products.filter {
        named.extend(groups);
    }
    named
}

fn named(subject: &Subject<'_>, groups: &[ProductGroup], report: &mut Report) {
    let settings = subject.settings;
    let mut named: Vec<(&str, u64)> = vec![("products.group", settings.products.group)];
    if let Some(ProductFilter::Groups(groups)) = &settings.products.filter {
        named.extend(groups.iter().map(|group| ("products.filter", *group)));
    }
    named.extend(settings.prices.vat_table.keys().map(|group| ("prices.vat_table", *group)));
    for (path, group) in named {
        if !groups.iter().any(|known| known.number == group) {
            let known = listed(groups.iter().map(|known| known.number));
            let message = format!("Rackbeat has no product group {group}; it has {known}");
            report.add(finding(Check::Setting, path, message));
        }
    }
}

async fn locations(subject: &Subject<'_>, report: &mut Report) -> Result<(), Problem> {
    let settings = subject.settings;
    let routes = settings.stock.locations.iter().filter_map(|route| route.from);
    let routes = routes.map(|from| (Check::LocationUnknown, from.to_string(), from));
    let imported = settings
        .products
        .stock_location
        .map(|location| (Check::Setting, "products.stock_location".to_owned(), location));
    let named: Vec<_> = routes.chain(imported).collect();
    if named.is_empty() {
        return Ok(());
    }
    let Some(known) = told(subject.erp.locations().await, Check::RackbeatRefused, report)? else {
        return Ok(());
    };
    for (check, about, location) in named {
        if !known.iter().any(|known| known.number == location) {
            let known = listed(known.iter().map(|known| known.number));
            let message = format!("Rackbeat has no location {location}; it has {known}");
            report.add(finding(check, about, message));
        }
    }
    Ok(())
}

/// The VAT rate that stands for each product group in use; where prices need one and none is there, it is told.
pub(super) fn rates(
    subject: &Subject<'_>,
    identity: &ShopIdentity,
    books: &Books,
    in_use: &BTreeSet<u64>,
    report: &mut Report,
) {
    let prices = &subject.settings.prices;
    // With tax on one side only, the rate stands between the two.
    let matters = identity.taxes_included == prices.rackbeat_excludes_vat;
    let zone = setting("prices.vat_zone").map(|zone| zone.get(subject.settings)).unwrap_or_default();
    let country = identity.country.as_deref().unwrap_or("country unknown");
    for number in in_use {
        let set = prices.vat_table.get(number).copied();
        let group = books.groups.iter().find(|group| group.number == *number);
        let Some(rate) = set.or(group.map(|group| group.vat(prices.vat_zone))) else { continue };
        report.rates.push((*number, rate));
        if matters && set.is_none() && rate.is_zero() {
            let name = group.map_or("", |group| group.name.as_str());
            let message = format!(
                "product group {number} ({name}) has no VAT in the zone {zone} (shop: {country}), and prices are with \
                 tax on one side only: they would go over as they are; if it is 0 % indeed, say so in prices.vat_table"
            );
            report.add(finding(Check::VatRate, number.to_string(), message));
        }
    }
}
