//! Settings about products, prices and stock.

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;
use shopbeat_domain::ids::{LocationId, StockLocation};
use shopbeat_domain::product::ProductField;
use shopbeat_domain::settings::{PriceSettings, ProductFilter, ProductSettings, StockRoute, StockSettings};
use shopbeat_proto::v1;
use shopbeat_proto::v1::product_filter::By;

use super::super::choice::{Choice as _, choose};
use super::super::{Violations, decimal, read_decimal};

pub(super) fn products(settings: &ProductSettings) -> v1::ProductSettings {
    let ProductSettings {
        master,
        products,
        boms,
        fields,
        group,
        unit,
        publish,
        filter,
        on_delete,
        stock_location,
    } = settings;
    v1::ProductSettings {
        master: master.number(),
        products: Some(*products),
        boms: Some(*boms),
        fields: fields.iter().flatten().map(|field| product_field(*field).into()).collect(),
        group: Some(*group),
        unit: *unit,
        publish: publish.number(),
        filter: filter.as_ref().map(product_filter),
        on_delete: on_delete.number(),
        stock_location: stock_location.map(|location| location.0),
    }
}

fn product_filter(filter: &ProductFilter) -> v1::ProductFilter {
    let by = match filter {
        ProductFilter::Field { slug, value } => {
            By::Field(v1::CustomFieldFilter { slug: slug.clone(), value: value.clone() })
        }
        ProductFilter::Groups(groups) => {
            By::Groups(v1::GroupFilter { groups: groups.iter().copied().collect() })
        }
    };
    v1::ProductFilter { by: Some(by) }
}

/// A field as a message has it.
#[must_use]
pub fn product_field(field: ProductField) -> v1::ProductField {
    match field {
        ProductField::Name => v1::ProductField::Name,
        ProductField::Price => v1::ProductField::Price,
        ProductField::Barcode => v1::ProductField::Barcode,
        ProductField::Description => v1::ProductField::Description,
        ProductField::Category => v1::ProductField::Category,
        ProductField::Weight => v1::ProductField::Weight,
        ProductField::Cost => v1::ProductField::Cost,
    }
}

/// A field from a message.
pub fn read_product_field(violations: &mut Violations, field: &str, number: i32) -> Option<ProductField> {
    let read = match v1::ProductField::try_from(number) {
        Ok(v1::ProductField::Name) => Some(ProductField::Name),
        Ok(v1::ProductField::Price) => Some(ProductField::Price),
        Ok(v1::ProductField::Barcode) => Some(ProductField::Barcode),
        Ok(v1::ProductField::Description) => Some(ProductField::Description),
        Ok(v1::ProductField::Category) => Some(ProductField::Category),
        Ok(v1::ProductField::Weight) => Some(ProductField::Weight),
        Ok(v1::ProductField::Cost) => Some(ProductField::Cost),
        Ok(v1::ProductField::Unspecified) | Err(_) => None,
    };
    if read.is_none() {
        let names = ProductField::ALL.map(ProductField::name).join(", ");
        violations.add(field, format!("{number} is no field of a product; give {names}"));
    }
    read
}

pub(super) fn prices(settings: &PriceSettings) -> v1::PriceSettings {
    let PriceSettings { rackbeat_excludes_vat, vat_zone, vat_table, rate } = settings;
    v1::PriceSettings {
        rackbeat_excludes_vat: Some(*rackbeat_excludes_vat),
        vat_zone: vat_zone.number(),
        vat_table: vat_table
            .iter()
            .map(|(group, percent)| v1::GroupVat { group: *group, percent: decimal(*percent) })
            .collect(),
        rate: rate.map(decimal),
    }
}

pub(super) fn stock(settings: &StockSettings) -> v1::StockSettings {
    let StockSettings { enabled, quantity, locations, buffer, negative } = settings;
    v1::StockSettings {
        enabled: Some(*enabled),
        quantity: quantity.number(),
        locations: locations
            .iter()
            .map(|StockRoute { from, to }| v1::StockRoute { from: from.map(|from| from.0), to: to.0 })
            .collect(),
        buffer: Some(*buffer),
        negative: negative.number(),
    }
}

pub(super) fn read_products(
    violations: &mut Violations,
    field: &str,
    message: v1::ProductSettings,
) -> ProductSettings {
    let v1::ProductSettings {
        master,
        products,
        boms,
        fields,
        group,
        unit,
        publish,
        filter,
        on_delete,
        stock_location,
    } = message;
    let default = ProductSettings::default();
    let chosen: BTreeSet<ProductField> = fields
        .iter()
        .filter_map(|number| read_product_field(violations, &format!("{field}.fields"), *number))
        .collect();
    ProductSettings {
        master: choose(violations, &format!("{field}.master"), master),
        products: products.unwrap_or(default.products),
        boms: boms.unwrap_or(default.boms),
        fields: (!fields.is_empty()).then_some(chosen),
        group: group.unwrap_or(default.group),
        unit,
        publish: choose(violations, &format!("{field}.publish"), publish),
        filter: filter.and_then(|filter| read_filter(violations, &format!("{field}.filter"), filter)),
        on_delete: choose(violations, &format!("{field}.on_delete"), on_delete),
        stock_location: stock_location.map(StockLocation),
    }
}

fn read_filter(violations: &mut Violations, field: &str, filter: v1::ProductFilter) -> Option<ProductFilter> {
    match filter.by {
        Some(By::Field(v1::CustomFieldFilter { slug, value })) => {
            let slug = violations.needed(&format!("{field}.field.slug"), &slug)?.to_owned();
            let value = violations.needed(&format!("{field}.field.value"), &value)?.to_owned();
            Some(ProductFilter::Field { slug, value })
        }
        Some(By::Groups(v1::GroupFilter { groups })) if !groups.is_empty() => {
            Some(ProductFilter::Groups(groups.into_iter().collect()))
        }
        Some(By::Groups(_)) => {
            violations.add(format!("{field}.groups"), "are needed: Rackbeat's numbers of product groups");
            None
        }
        None => {
            violations.add(field, "says nothing; give field or groups, or leave it out");
            None
        }
    }
}

pub(super) fn read_prices(
    violations: &mut Violations,
    field: &str,
    message: &v1::PriceSettings,
) -> PriceSettings {
    let v1::PriceSettings { rackbeat_excludes_vat, vat_zone, vat_table, rate } = message;
    let default = PriceSettings::default();
    PriceSettings {
        rackbeat_excludes_vat: rackbeat_excludes_vat.unwrap_or(default.rackbeat_excludes_vat),
        vat_zone: choose(violations, &format!("{field}.vat_zone"), *vat_zone),
        vat_table: read_table(violations, &format!("{field}.vat_table"), vat_table),
        rate: rate.as_ref().and_then(|text| read_decimal(violations, &format!("{field}.rate"), text)),
    }
}

fn read_table(violations: &mut Violations, field: &str, rows: &[v1::GroupVat]) -> BTreeMap<u64, Decimal> {
    let mut table = BTreeMap::new();
    for v1::GroupVat { group, percent } in rows {
        let Some(percent) = read_decimal(violations, field, percent) else { continue };
        if table.insert(*group, percent).is_some() {
            violations.add(field, format!("group {group} stands twice; name each once"));
        }
    }
    table
}

pub(super) fn read_stock(
    violations: &mut Violations,
    field: &str,
    message: &v1::StockSettings,
) -> StockSettings {
    let v1::StockSettings { enabled, quantity, locations, buffer, negative } = message;
    let default = StockSettings::default();
    if locations.iter().any(|route| route.to == 0) {
        violations.add(format!("{field}.locations"), "0 is no location of Shopify's; give the id of one");
    }
    StockSettings {
        enabled: enabled.unwrap_or(default.enabled),
        quantity: choose(violations, &format!("{field}.quantity"), *quantity),
        locations: locations
            .iter()
            .map(|v1::StockRoute { from, to }| StockRoute {
                from: from.map(StockLocation),
                to: LocationId(*to),
            })
            .collect(),
        buffer: buffer.unwrap_or(default.buffer),
        negative: choose(violations, &format!("{field}.negative"), *negative),
    }
}
