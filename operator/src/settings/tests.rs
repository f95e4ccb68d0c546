use std::collections::BTreeSet;

use serde_json::{Value, json};
use shopbeat_domain::settings::{LIST, Settings};

use super::*;
use crate::mask::difference;
use crate::resource::tests::{camel, read};

/// For each setting values that it does not have by itself, as the resource writes them and as the list of settings does.
fn samples() -> Vec<(&'static str, Value, &'static str)> {
    vec![
        ("orders.enabled", json!(false), "false"),
        ("orders.since", json!("2026-11-01T00:00:00.5Z"), "2026-11-01T00:00:00.5Z"),
        ("orders.since", json!("1969-12-31T23:59:59.25Z"), "1969-12-31T23:59:59.25Z"),
        ("orders.since", json!("2026-11-01T02:00:00+02:00"), "2026-11-01T00:00:00Z"),
        ("orders.trigger", json!("Received"), "received"),
        ("orders.trigger", json!("Fulfilled"), "fulfilled"),
        ("orders.target", json!("Draft"), "draft"),
        ("orders.target", json!("ReadyToShip"), "ready_to_ship"),
        ("orders.target", json!("Packed"), "packed"),
        ("orders.target", json!("Shipped"), "shipped"),
        ("orders.target", json!("Invoiced"), "invoiced"),
        ("orders.target", json!("ShippedAndInvoiced"), "shipped_and_invoiced"),
        ("orders.test", json!("Transfer"), "transfer"),
        ("orders.freight_product", json!("FREIGHT"), "FREIGHT"),
        ("orders.rounding_product", json!("ROUNDING"), "ROUNDING"),
        ("orders.rounding_tolerance", json!("0.25"), "0.25"),
        ("orders.layout", json!(2), "2"),
        ("orders.employee", json!(3), "3"),
        ("customers.vat_zone", json!("Eu"), "eu"),
        ("customers.vat_zone", json!("Abroad"), "abroad"),
        ("customers.vat_zone", json!("DomesticExempt"), "domestic_exempt"),
        ("customers.group", json!(4), "4"),
        ("customers.payment_terms", json!(5), "5"),
        ("customers.without_email", json!("UseDefault"), "use_default"),
        ("customers.default_customer", json!(9_007_199_254_740_993_i64), "9007199254740993"),
        ("products.master", json!("Rackbeat"), "rackbeat"),
        ("products.master", json!("Shopify"), "shopify"),
        ("products.products", json!(false), "false"),
        ("products.boms", json!(false), "false"),
        ("products.fields", json!(["Name", "Price", "Barcode"]), "name,price,barcode"),
        (
            "products.fields",
            json!(["Description", "Category", "Weight", "Cost"]),
            "description,category,weight,cost",
        ),
        ("products.group", json!(6), "6"),
        ("products.unit", json!(7), "7"),
        ("products.publish", json!("Active"), "active"),
        ("products.filter", json!({"field": {"slug": "webshop", "value": "yes"}}), "field:webshop=yes"),
        ("products.filter", json!({"groups": [1, 3]}), "groups:1,3"),
        ("products.on_delete", json!("Bar"), "bar"),
        ("products.stock_location", json!(8), "8"),
        ("prices.rackbeat_excludes_vat", json!(false), "false"),
        ("prices.vat_zone", json!("Eu"), "eu"),
        (
            "prices.vat_table",
            json!([{"group": 1, "percent": "25"}, {"group": 2, "percent": "12.5"}]),
            "1=25,2=12.5",
        ),
        ("prices.rate", json!("0.67"), "0.67"),
        ("stock.enabled", json!(true), "true"),
        ("stock.quantity", json!("Physical"), "physical"),
        ("stock.locations", json!([{"to": 7001}, {"from": 2, "to": 7002}]), "all=7001,2=7002"),
        ("stock.buffer", json!(9), "9"),
        ("stock.negative", json!("Send"), "send"),
    ]
}

/// A spec in which one setting says something.
fn with(path: &str, value: &Value) -> crd::ShopifyStoreSpec {
    let (section, field) = path.split_once('.').unwrap();
    read(&json!({section: {camel(field): value}})).spec
}

#[test]
fn every_setting_arrives_in_the_api_by_itself_and_nothing_else_changes() {
    let plain = settings(&read(&json!({})).spec).unwrap();
    let mut told = BTreeSet::new();
    for (path, value, _) in samples() {
        let changed = settings(&with(path, &value)).unwrap();
        let difference = difference(&changed, &plain);
        assert_eq!(difference.other, [path], "{value}");
        told.insert(path);
    }
    assert_eq!(told, LIST.iter().map(|setting| setting.path).collect());
}

#[test]
fn every_value_arrives_as_what_it_says() {
    for (path, value, text) in samples() {
        let arrived = as_text(&settings(&with(path, &value)).unwrap(), path);
        assert_eq!(arrived, text, "{path}");
        // The list of settings takes the same text for the same value.
        let mut domain = Settings::default();
        let setting = shopbeat_domain::settings::setting(path).unwrap();
        setting.set(&mut domain, text).unwrap();
        assert_eq!(setting.get(&domain), text, "{path}");
    }
}

#[test]
fn a_resource_that_says_nothing_asks_for_the_defaults_but_stock() {
    let plain = settings(&read(&json!({})).spec).unwrap();
    for setting in LIST {
        let expected = if setting.path == "stock.enabled" { "false".to_owned() } else { setting.default() };
        assert_eq!(as_text(&plain, setting.path), expected, "{}", setting.path);
    }
}

/// A setting of the API as the list writes it.
fn as_text(settings: &v1::Settings, path: &str) -> String {
    fn text(value: Option<&impl ToString>) -> String {
        value.map(ToString::to_string).unwrap_or_default()
    }
    fn name(of: &str, kind: &str) -> String {
        of.strip_prefix(kind).unwrap().to_ascii_lowercase()
    }
    let orders = settings.orders.as_ref().unwrap();
    let customers = settings.customers.as_ref().unwrap();
    let products = settings.products.as_ref().unwrap();
    let prices = settings.prices.as_ref().unwrap();
    let stock = settings.stock.as_ref().unwrap();
    match path {
        "orders.enabled" => text(orders.enabled.as_ref()),
        "orders.since" => orders.since.map(moment).unwrap_or_default(),
        "orders.trigger" => name(orders.trigger().as_str_name(), "TRIGGER_"),
        "orders.target" => name(orders.target().as_str_name(), "TARGET_"),
        "orders.test" => name(orders.test().as_str_name(), "TEST_ORDERS_"),
        "orders.freight_product" => text(orders.freight_product.as_ref()),
        "orders.rounding_product" => text(orders.rounding_product.as_ref()),
        "orders.rounding_tolerance" => text(orders.rounding_tolerance.as_ref()),
        "orders.layout" => text(orders.layout.as_ref()),
        "orders.employee" => text(orders.employee.as_ref()),
        "customers.vat_zone" => name(customers.vat_zone().as_str_name(), "VAT_ZONE_"),
        "customers.group" => text(customers.group.as_ref()),
        "customers.payment_terms" => text(customers.payment_terms.as_ref()),
        "customers.without_email" => name(customers.without_email().as_str_name(), "WITHOUT_EMAIL_"),
        "customers.default_customer" => text(customers.default_customer.as_ref()),
        "products.master" => name(products.master().as_str_name(), "MASTER_"),
        "products.products" => text(products.products.as_ref()),
        "products.boms" => text(products.boms.as_ref()),
        "products.fields" => {
            let names = products.fields().map(|field| name(field.as_str_name(), "PRODUCT_FIELD_"));
            names.collect::<Vec<_>>().join(",")
        }
        "products.group" => text(products.group.as_ref()),
        "products.unit" => text(products.unit.as_ref()),
        "products.publish" => name(products.publish().as_str_name(), "PUBLISH_"),
        "products.filter" => products.filter.as_ref().map(filter_text).unwrap_or_default(),
        "products.on_delete" => name(products.on_delete().as_str_name(), "ON_DELETE_"),
        "products.stock_location" => text(products.stock_location.as_ref()),
        "prices.rackbeat_excludes_vat" => text(prices.rackbeat_excludes_vat.as_ref()),
        "prices.vat_zone" => name(prices.vat_zone().as_str_name(), "VAT_ZONE_"),
        "prices.vat_table" => {
            let rows = prices.vat_table.iter().map(|row| format!("{}={}", row.group, row.percent));
            rows.collect::<Vec<_>>().join(",")
        }
        "prices.rate" => text(prices.rate.as_ref()),
        "stock.enabled" => text(stock.enabled.as_ref()),
        "stock.quantity" => name(stock.quantity().as_str_name(), "STOCK_KIND_"),
        "stock.locations" => {
            let from = |route: &v1::StockRoute| route.from.map_or("all".to_owned(), |from| from.to_string());
            let routes = stock.locations.iter().map(|route| format!("{}={}", from(route), route.to));
            routes.collect::<Vec<_>>().join(",")
        }
        "stock.buffer" => text(stock.buffer.as_ref()),
        "stock.negative" => name(stock.negative().as_str_name(), "NEGATIVE_"),
        other => panic!("{other} is not looked at"),
    }
}

fn moment(at: prost_types::Timestamp) -> String {
    // The API's rule: nanoseconds count upwards from the second.
    assert!((0..1_000_000_000).contains(&at.nanos), "{at:?}");
    Timestamp::new(at.seconds, at.nanos).unwrap().to_string()
}

fn filter_text(filter: &v1::ProductFilter) -> String {
    match filter.by.as_ref().unwrap() {
        By::Field(field) => format!("field:{}={}", field.slug, field.value),
        By::Groups(groups) => {
            format!("groups:{}", groups.groups.iter().map(u64::to_string).collect::<Vec<_>>().join(","))
        }
    }
}

#[test]
fn what_an_older_definition_let_through_is_told_by_its_field() {
    let spec = read(&json!({
        "orders": {"since": "yesterday", "layout": -1},
        "products": {"filter": {}},
        "stock": {"buffer": -1},
    }))
    .spec;
    let invalid = settings(&spec).unwrap_err();
    let fields: Vec<&str> = invalid.iter().map(|invalid| invalid.field.as_str()).collect();
    assert_eq!(fields, ["orders.since", "orders.layout", "products.filter", "stock.buffer"]);
    let told = crate::validate::told(&invalid);
    assert!(told.contains("orders.since: \"yesterday\" is no moment; give one such as"), "{told}");
}

#[test]
fn one_shot_work_is_asked_for_only_with_its_text() {
    let spec = |changes: Value| read(&changes).spec;
    assert_eq!(initial_sync("acme", &spec(json!({}))), Ok(None));
    assert_eq!(initial_sync("acme", &spec(json!({"initialSync": {"products": true}}))), Ok(None));
    let asked = json!({"initialSync": {
        "products": true, "stock": true, "run": "first", "dryRun": true, "policy": "Sum", "count": "OnHand", "location": 2,
    }});
    let expected = v1::RunInitialSyncRequest {
        store_id: "acme".to_owned(),
        products: true,
        stock: true,
        dry_run: true,
        policy: v1::StockPolicy::Sum.into(),
        count: v1::StockCount::OnHand.into(),
        location: Some(2),
        token: "first".to_owned(),
    };
    assert_eq!(initial_sync("acme", &spec(asked)), Ok(Some(expected)));

    assert_eq!(replay("acme", &spec(json!({}))), Ok(None));
    let asked = json!({"replay": {"id": "a", "from": "2026-11-01T00:00:00Z", "to": "2026-11-02T00:00:00Z"}});
    let request = replay("acme", &spec(asked)).unwrap().unwrap();
    assert_eq!((request.store_id.as_str(), request.id.as_str()), ("acme", "a"));
    assert_eq!(moment(request.from.unwrap()), "2026-11-01T00:00:00Z");
    assert_eq!(moment(request.to.unwrap()), "2026-11-02T00:00:00Z");
    let bad = replay("acme", &spec(json!({"replay": {"id": "a", "from": "soon"}}))).unwrap_err();
    assert_eq!(bad[0].field, "replay.from");
}
