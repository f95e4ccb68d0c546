//! The resource's settings as the service's API has them. Destructured without `..`: a setting that only one side has
//! does not compile.

use std::str::FromStr as _;

use jiff::Timestamp;
use shopbeat_proto::v1;
use shopbeat_proto::v1::product_filter::By;

use crate::resource as crd;
use crate::validate::Invalid;

/// The settings of a resource, all of them.
///
/// # Errors
/// The fields that cannot stand. The API server refuses most of that before; a resource that was stored under an older
/// definition may still hold it.
pub fn settings(spec: &crd::ShopifyStoreSpec) -> Result<v1::Settings, Vec<Invalid>> {
    let mut reading = Reading::default();
    let settings = v1::Settings {
        orders: Some(orders(&mut reading, &spec.orders)),
        customers: Some(customers(&mut reading, &spec.customers)),
        products: Some(products(&mut reading, &spec.products)),
        prices: Some(prices(&mut reading, &spec.prices)),
        stock: Some(stock(&mut reading, &spec.stock)),
    };
    if reading.0.is_empty() { Ok(settings) } else { Err(reading.0) }
}

/// The initial sync that a resource asks for; `None` if it asks for none.
///
/// # Errors
/// The fields that cannot stand.
pub fn initial_sync(
    store_id: &str,
    spec: &crd::ShopifyStoreSpec,
) -> Result<Option<v1::RunInitialSyncRequest>, Vec<Invalid>> {
    let Some(asked) = &spec.initial_sync else { return Ok(None) };
    let crd::InitialSync { products, stock, run, dry_run, policy, count, location } = asked;
    let Some(run) = run else { return Ok(None) };
    let mut reading = Reading::default();
    let request = v1::RunInitialSyncRequest {
        store_id: store_id.to_owned(),
        products: *products,
        stock: *stock,
        dry_run: *dry_run,
        policy: match policy {
            crd::StockPolicy::Keep => v1::StockPolicy::Keep,
            crd::StockPolicy::Sum => v1::StockPolicy::Sum,
            crd::StockPolicy::Overwrite => v1::StockPolicy::Overwrite,
        }
        .into(),
        count: match count {
            crd::StockCount::Available => v1::StockCount::Available,
            crd::StockCount::OnHand => v1::StockCount::OnHand,
        }
        .into(),
        location: reading.maybe("initialSync.location", *location),
        token: run.clone(),
    };
    if reading.0.is_empty() { Ok(Some(request)) } else { Err(reading.0) }
}

/// The replay that a resource asks for; `None` if it asks for none.
///
/// # Errors
/// The fields that cannot stand.
pub fn replay(
    store_id: &str,
    spec: &crd::ShopifyStoreSpec,
) -> Result<Option<v1::ReplayStoreRequest>, Vec<Invalid>> {
    let Some(crd::Replay { id, from, to }) = &spec.replay else { return Ok(None) };
    let mut reading = Reading::default();
    let request = v1::ReplayStoreRequest {
        store_id: store_id.to_owned(),
        id: id.clone(),
        from: reading.moment("replay.from", from),
        to: to.as_ref().and_then(|to| reading.moment("replay.to", to)),
    };
    if reading.0.is_empty() { Ok(Some(request)) } else { Err(reading.0) }
}

/// What is wanted of a store, as the API has it.
#[must_use]
pub fn desired(state: crd::State) -> v1::Desired {
    match state {
        crd::State::Running => v1::Desired::Running,
        crd::State::Paused => v1::Desired::Paused,
        crd::State::Stopped => v1::Desired::Stopped,
    }
}

/// What was found wrong while reading.
#[derive(Default)]
struct Reading(Vec<Invalid>);

impl Reading {
    fn number(&mut self, field: &str, number: i64) -> u64 {
        u64::try_from(number).unwrap_or_else(|_| {
            self.0.push(Invalid::new(field, format!("{number} is below zero"), "give a number from 1"));
            0
        })
    }

    fn maybe(&mut self, field: &str, number: Option<i64>) -> Option<u64> {
        number.map(|number| self.number(field, number))
    }

    fn moment(&mut self, field: &str, text: &str) -> Option<prost_types::Timestamp> {
        let Ok(at) = Timestamp::from_str(text) else {
            self.0.push(Invalid::new(
                field,
                format!("{text:?} is no moment"),
                "give one such as 2026-11-01T00:00:00Z",
            ));
            return None;
        };
        // The API's moments count their nanoseconds upwards from the second before, jiff's towards zero.
        let (mut seconds, mut nanos) = (at.as_second(), at.subsec_nanosecond());
        if nanos < 0 {
            seconds -= 1;
            nanos += 1_000_000_000;
        }
        Some(prost_types::Timestamp { seconds, nanos })
    }
}

fn orders(reading: &mut Reading, settings: &crd::OrderSettings) -> v1::OrderSettings {
    let crd::OrderSettings {
        enabled,
        since,
        trigger,
        target,
        test,
        freight_product,
        rounding_product,
        rounding_tolerance,
        layout,
        employee,
    } = settings;
    v1::OrderSettings {
        enabled: Some(*enabled),
        since: since.as_ref().and_then(|since| reading.moment("orders.since", since)),
        trigger: trigger_number(*trigger).into(),
        target: target_number(*target).into(),
        test: match test {
            crd::TestOrders::Ignore => v1::TestOrders::Ignore,
            crd::TestOrders::Transfer => v1::TestOrders::Transfer,
        }
        .into(),
        freight_product: freight_product.clone(),
        rounding_product: rounding_product.clone(),
        rounding_tolerance: Some(rounding_tolerance.clone()),
        layout: reading.maybe("orders.layout", *layout),
        employee: reading.maybe("orders.employee", *employee),
    }
}

fn trigger_number(trigger: crd::Trigger) -> v1::Trigger {
    match trigger {
        crd::Trigger::Received => v1::Trigger::Received,
        crd::Trigger::Paid => v1::Trigger::Paid,
        crd::Trigger::Fulfilled => v1::Trigger::Fulfilled,
    }
}

fn target_number(target: crd::Target) -> v1::Target {
    match target {
        crd::Target::Draft => v1::Target::Draft,
        crd::Target::Booked => v1::Target::Booked,
        crd::Target::ReadyToShip => v1::Target::ReadyToShip,
        crd::Target::Packed => v1::Target::Packed,
        crd::Target::Shipped => v1::Target::Shipped,
        crd::Target::Invoiced => v1::Target::Invoiced,
        crd::Target::ShippedAndInvoiced => v1::Target::ShippedAndInvoiced,
    }
}

fn vat_zone(zone: crd::VatZone) -> v1::VatZone {
    match zone {
        crd::VatZone::Domestic => v1::VatZone::Domestic,
        crd::VatZone::Eu => v1::VatZone::Eu,
        crd::VatZone::Abroad => v1::VatZone::Abroad,
        crd::VatZone::DomesticExempt => v1::VatZone::DomesticExempt,
    }
}

fn customers(reading: &mut Reading, settings: &crd::CustomerSettings) -> v1::CustomerSettings {
    let crd::CustomerSettings { vat_zone: zone, group, payment_terms, without_email, default_customer } =
        settings;
    v1::CustomerSettings {
        vat_zone: vat_zone(*zone).into(),
        group: Some(reading.number("customers.group", *group)),
        payment_terms: Some(reading.number("customers.paymentTerms", *payment_terms)),
        without_email: match without_email {
            crd::WithoutEmail::Create => v1::WithoutEmail::Create,
            crd::WithoutEmail::UseDefault => v1::WithoutEmail::UseDefault,
        }
        .into(),
        default_customer: reading.maybe("customers.defaultCustomer", *default_customer),
    }
}

fn products(reading: &mut Reading, settings: &crd::ProductSettings) -> v1::ProductSettings {
    let crd::ProductSettings {
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
        master: match master {
            crd::Master::None => v1::Master::None,
            crd::Master::Rackbeat => v1::Master::Rackbeat,
            crd::Master::Shopify => v1::Master::Shopify,
        }
        .into(),
        products: Some(*products),
        boms: Some(*boms),
        fields: fields.iter().flatten().map(|field| product_field(*field).into()).collect(),
        group: Some(reading.number("products.group", *group)),
        unit: reading.maybe("products.unit", *unit),
        publish: match publish {
            crd::Publish::Draft => v1::Publish::Draft,
            crd::Publish::Active => v1::Publish::Active,
        }
        .into(),
        filter: filter.as_ref().map(|filter| product_filter(reading, filter)),
        on_delete: match on_delete {
            crd::OnDelete::Leave => v1::OnDelete::Leave,
            crd::OnDelete::Bar => v1::OnDelete::Bar,
        }
        .into(),
        stock_location: reading.maybe("products.stockLocation", *stock_location),
    }
}

fn product_field(field: crd::ProductField) -> v1::ProductField {
    match field {
        crd::ProductField::Name => v1::ProductField::Name,
        crd::ProductField::Price => v1::ProductField::Price,
        crd::ProductField::Barcode => v1::ProductField::Barcode,
        crd::ProductField::Description => v1::ProductField::Description,
        crd::ProductField::Category => v1::ProductField::Category,
        crd::ProductField::Weight => v1::ProductField::Weight,
        crd::ProductField::Cost => v1::ProductField::Cost,
    }
}

fn product_filter(reading: &mut Reading, filter: &crd::ProductFilter) -> v1::ProductFilter {
    let crd::ProductFilter { field, groups } = filter;
    let by = match (field, groups) {
        (Some(crd::CustomFieldFilter { slug, value }), None) => {
            Some(By::Field(v1::CustomFieldFilter { slug: slug.clone(), value: value.clone() }))
        }
        (None, Some(groups)) => Some(By::Groups(v1::GroupFilter {
            groups: groups.iter().map(|group| reading.number("products.filter.groups", *group)).collect(),
        })),
        (None, None) | (Some(_), Some(_)) => {
            reading.0.push(Invalid::new(
                "products.filter",
                "needs exactly one of field and groups",
                "leave the filter out to take all products",
            ));
            None
        }
    };
    v1::ProductFilter { by }
}

fn prices(reading: &mut Reading, settings: &crd::PriceSettings) -> v1::PriceSettings {
    let crd::PriceSettings { rackbeat_excludes_vat, vat_zone: zone, vat_table, rate } = settings;
    v1::PriceSettings {
        rackbeat_excludes_vat: Some(*rackbeat_excludes_vat),
        vat_zone: vat_zone(*zone).into(),
        vat_table: vat_table
            .iter()
            .map(|crd::GroupVat { group, percent }| v1::GroupVat {
                group: reading.number("prices.vatTable.group", *group),
                percent: percent.clone(),
            })
            .collect(),
        rate: rate.clone(),
    }
}

fn stock(reading: &mut Reading, settings: &crd::StockSettings) -> v1::StockSettings {
    let crd::StockSettings { enabled, quantity, locations, buffer, negative } = settings;
    v1::StockSettings {
        enabled: Some(*enabled),
        quantity: match quantity {
            crd::StockKind::Available => v1::StockKind::Available,
            crd::StockKind::Physical => v1::StockKind::Physical,
        }
        .into(),
        locations: locations
            .iter()
            .map(|crd::StockRoute { from, to }| v1::StockRoute {
                from: reading.maybe("stock.locations.from", *from),
                to: reading.number("stock.locations.to", *to),
            })
            .collect(),
        buffer: Some(u32::try_from(*buffer).unwrap_or_else(|_| {
            let problem = format!("{buffer} is below zero");
            reading.0.push(Invalid::new("stock.buffer", problem, "give 0 to 1000000"));
            0
        })),
        negative: match negative {
            crd::Negative::Clamp => v1::Negative::Clamp,
            crd::Negative::Send => v1::Negative::Send,
        }
        .into(),
    }
}

#[cfg(test)]
mod tests;
