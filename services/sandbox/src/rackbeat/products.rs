//! Products, lots (bills of material) and items (both together, read only).

use std::collections::BTreeMap;

use axum::http::Method;
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

use super::account::{Account, n};
use super::call::{Answer, Call, Form, Refusal, Reply, stamp};
use super::hooks::Event;
use super::list::{page, sparse};
use super::number::encode;
use super::stock;
use crate::facts::{NumberLength, StockOnCreate};

/// Keys that are kept and given back as they came.
const KEPT: [&str; 17] = [
    "description",
    "barcode",
    "variation_id",
    "physical",
    "supplier_product_number",
    "default_supplier_id",
    "discount_group",
    "image_url",
    "recommended_cost_price",
    "extra_cost",
    "min_inventory_quantity",
    "min_sales_quantity",
    "min_purchase_quantity",
    "cost_price",
    "goods_code",
    "country_code",
    "department_id",
];

#[derive(Debug, Clone)]
pub(super) struct Product {
    pub(super) number: String,
    /// Product or lot.
    pub(super) lot: bool,
    pub(super) name: String,
    pub(super) group: i64,
    pub(super) unit: i64,
    pub(super) price: Decimal,
    pub(super) barred: bool,
    pub(super) inventory: bool,
    pub(super) location: i64,
    /// Physical stock by location.
    pub(super) stock: BTreeMap<i64, Decimal>,
    /// Of it, what stands on open shipments.
    pub(super) on_shipments: BTreeMap<i64, Decimal>,
    pub(super) in_order: Decimal,
    /// Whether goods ever moved or a document used it: then it cannot be deleted.
    pub(super) used: bool,
    /// What a lot is made of.
    lines: Value,
    kept: Map<String, Value>,
    pub(super) created: Timestamp,
    pub(super) updated: Timestamp,
}

impl Product {
    pub(super) fn kind(&self) -> &'static str {
        if self.lot { "lot" } else { "product" }
    }

    pub(super) fn stock_quantity(&self) -> Decimal {
        self.stock.values().sum()
    }

    pub(super) fn event(&self, verb: &'static str) -> Event {
        Event::keyed(self.kind(), verb, "number", self.number.clone().into())
    }

    pub(super) fn to_json(&self, account: &Account) -> Value {
        let stock = self.stock_quantity();
        let group = account.group(self.group).map(super::account::Group::to_json);
        let unit = account.setup.units.iter().find(|(number, _)| *number == self.unit);
        let mut row = json!({
            "id": null, "number": self.number, "urlfriendly_number": encode(&self.number), "type": self.kind(),
            "name": self.name, "sales_price": n(self.price), "recommended_sales_price": n(self.price),
            "cost_price": 0, "barcode": null, "description": null,
            "stock_quantity": n(stock), "in_order_quantity": n(self.in_order),
            "available_quantity": n(stock - self.in_order), "purchased_quantity": 0, "used_in_production_quantity": 0,
            "default_location_id": self.location, "default_location": account.location(self.location),
            "picture_url": "", "pictures": { "thumb": "", "display": "", "large": "", "original": "" },
            "is_barred": self.barred, "is_convertable": !self.used, "inventory_enabled": self.inventory,
            "should_assure_quality": false, "group_id": self.group, "group": group,
            "unit_id": self.unit, "unit": unit.map(|(number, name)| json!({ "number": number, "name": name })),
            "serial_numbers": { "is_active": false }, "batch_control": { "is_active": false }, "metadata": [],
            "created_at": stamp(self.created), "updated_at": stamp(self.updated), "deleted_at": null,
            "pdf_url": "", "self": format!("https://app.rackbeat.com/api/{}s/{}", self.kind(), encode(&self.number)),
        });
        if let Value::Object(row) = &mut row {
            row.extend(self.kept.clone());
            if self.lot {
                row.insert("lines".to_owned(), self.lines.clone());
            }
        }
        row
    }
}

pub(super) fn route(account: &mut Account, call: &Call<'_>) -> Answer {
    let segments: Vec<&str> = call.segments.iter().map(String::as_str).collect();
    let lot = match segments.first() {
        Some(&"products") => Some(false),
        Some(&"lots") => Some(true),
        _ => None,
    };
    match (&call.method, &segments[1..], lot) {
        (&Method::GET, [], _) => list(account, call, lot),
        (&Method::POST, [], Some(lot)) => create(account, call, lot),
        (method, [segment], _) => {
            let number = call.item_number(segment).ok_or(Refusal::Missing)?;
            let found = account.products.get(&number).ok_or(Refusal::Missing)?;
            if lot.is_some_and(|lot| lot != found.lot) {
                return Err(Refusal::Missing);
            }
            match (method, lot) {
                (&Method::GET, _) => {
                    Reply::ok(json!({ kind_key(lot): sparse(call, found.to_json(account)) }))
                }
                (&Method::PUT, Some(_)) => update(account, call, &number),
                (&Method::DELETE, Some(_)) => delete(account, call, &number),
                _ => Err(Refusal::Missing),
            }
        }
        (&Method::GET, [segment, "locations", rest @ ..], _) => {
            let number = call.item_number(segment).ok_or(Refusal::Missing)?;
            let found = account.products.get(&number).ok_or(Refusal::Missing)?;
            stock::item_locations(account, call, found, lot, rest)
        }
        _ => Err(Refusal::Missing),
    }
}

fn kind_key(lot: Option<bool>) -> &'static str {
    match lot {
        Some(false) => "product",
        Some(true) => "lot",
        None => "item",
    }
}

fn list(account: &Account, call: &Call<'_>, lot: Option<bool>) -> Answer {
    let search = call.param("search").map(str::to_lowercase);
    let mut exact = Vec::new();
    for (property, value) in call.bracketed("simple_filter") {
        match property {
            "number" | "name" | "barcode" => exact.push((property, value)),
            _ => return Err(not_filterable(property)),
        }
    }
    let barcode = |product: &Product| {
        let kept = product.kept.get("barcode").and_then(Value::as_str);
        kept.unwrap_or_default().to_owned()
    };
    let mut rows: Vec<&Product> = account
        .products
        .values()
        .filter(|product| lot.is_none_or(|lot| lot == product.lot))
        .filter(|product| call.flag("is_barred").is_none_or(|barred| barred == product.barred))
        .filter(|product| {
            call.flag("is_sellable").is_none_or(|sellable| {
                sellable
                    == (!product.barred && account.group(product.group).is_none_or(|group| group.is_sellable))
            })
        })
        .filter(|product| {
            search.as_ref().is_none_or(|text| {
                product.number.to_lowercase().contains(text)
                    || product.name.to_lowercase().contains(text)
                    || barcode(product).contains(text.as_str())
            })
        })
        .filter(|product| {
            exact.iter().all(|(property, value)| match *property {
                "number" => product.number == *value,
                "name" => product.name == *value,
                _ => barcode(product) == *value,
            })
        })
        .collect();
    let descending = call.param("order_direction").is_none_or(|d| !d.eq_ignore_ascii_case("ASC"));
    match call.param("order_by") {
        Some("updated_at") => rows.sort_by_key(|product| product.updated),
        Some("created_at") => rows.sort_by_key(|product| product.created),
        Some("name") => rows.sort_by(|a, b| a.name.cmp(&b.name)),
        _ => {}
    }
    if call.param("order_by").is_some() && descending {
        rows.reverse();
    }
    let key = match lot {
        Some(false) => "products",
        Some(true) => "lots",
        None => "items",
    };
    page(call, key, &rows, |product| product.to_json(account))
}

pub(super) fn not_filterable(property: &str) -> Refusal {
    Refusal::invalid("filter", format!("Property '{property}' is not filterable"))
}

fn check_number(
    form: &mut Form<'_>,
    account: &Account,
    call: &Call<'_>,
    own: Option<&str>,
) -> Option<String> {
    let longest = match call.facts.number_length() {
        NumberLength::TwentyFive => 25,
        NumberLength::TwoHundredFiftyFive => 255,
    };
    let number = form.short("number", longest)?;
    if own != Some(number.as_str()) && account.products.contains_key(&number) {
        form.wrong("number", "The number has already been taken.");
    }
    Some(number)
}

fn check_physical(form: &mut Form<'_>) {
    let Some(physical) = form.get("physical") else {
        return;
    };
    let mut nested = Form::nested(physical, "physical.".to_owned());
    let positive = |nested: &mut Form<'_>, key| nested.decimal(key).is_some_and(|size| size > Decimal::ZERO);
    if positive(&mut nested, "weight") {
        nested.require("weight_unit");
    }
    let sized = ["width", "height", "depth"].map(|key| positive(&mut nested, key));
    if sized.contains(&true) {
        nested.require("size_unit");
    }
    form.absorb(nested);
}

/// What product and lot bodies have in common, as far as it was sent.
struct Sent {
    number: Option<String>,
    name: Option<String>,
    group: Option<i64>,
    unit: Option<i64>,
    price: Option<Decimal>,
    barred: Option<bool>,
    location: Option<i64>,
}

fn read(form: &mut Form<'_>, account: &Account, call: &Call<'_>, own: Option<&str>) -> Sent {
    let setup = &account.setup;
    let group_key = if form.get("group").is_some() { "group" } else { "group_id" };
    check_physical(form);
    Sent {
        number: check_number(form, account, call, own),
        name: form.short("name", 255),
        group: form.known(group_key, "group", |number| account.group(number).is_some()),
        unit: form.known("unit_id", "unit", |number| setup.units.iter().any(|(known, _)| *known == number)),
        price: form.decimal("sales_price"),
        barred: form.flag("is_barred"),
        location: form.known("default_location_id", "location", |number| account.has_location(number)),
    }
}

fn create(account: &mut Account, call: &Call<'_>, lot: bool) -> Answer {
    let mut form = Form::new(&call.body);
    for key in ["number", "name"] {
        form.require(key);
    }
    if !lot {
        form.require("sales_price");
        if form.get("group_id").is_none() {
            form.require("group");
        }
    }
    let lines = form.get("lines").cloned().unwrap_or_else(|| json!([]));
    for (at, line) in lines.as_array().into_iter().flatten().enumerate() {
        let part = line.get("product_id").and_then(Value::as_str).unwrap_or_default();
        if !account.products.contains_key(part) {
            form.wrong(&format!("lines.{at}.product_id"), "The selected Product is invalid.");
        }
    }
    let initial = form.decimal("stock_quantity").unwrap_or_default();
    let sent = read(&mut form, account, call, None);
    form.done()?;
    let location = sent.location.unwrap_or(account.default_location());
    let group = sent.group.or(account.setup.groups.first().map(|group| group.number)).unwrap_or(1);
    let mut stock = BTreeMap::new();
    if !initial.is_zero() && call.facts.stock_on_create() == StockOnCreate::Taken {
        stock.insert(location, initial);
    }
    let first = |rows: &[(i64, String)]| rows.first().map_or(1, |(number, _)| *number);
    let product = Product {
        number: sent.number.unwrap_or_default(),
        lot,
        name: sent.name.unwrap_or_default(),
        group,
        unit: sent.unit.unwrap_or(first(&account.setup.units)),
        price: sent.price.unwrap_or_default(),
        barred: sent.barred.unwrap_or(false),
        inventory: account.group(group).is_none_or(|group| group.has_inventory),
        location,
        used: !stock.is_empty(),
        stock,
        on_shipments: BTreeMap::new(),
        in_order: Decimal::ZERO,
        lines,
        kept: kept(&call.body),
        created: call.now,
        updated: call.now,
    };
    account.tell(call, product.event("created"));
    let body = json!({ kind_key(Some(lot)): product.to_json(account) });
    account.products.insert(product.number.clone(), product);
    Reply::created(body)
}

fn kept(body: &Value) -> Map<String, Value> {
    KEPT.iter().filter_map(|key| Some(((*key).to_owned(), body.get(*key)?.clone()))).collect()
}

fn update(account: &mut Account, call: &Call<'_>, number: &str) -> Answer {
    let mut form = Form::new(&call.body);
    let sent = read(&mut form, account, call, Some(number));
    form.done()?;
    let mut product = account.products.remove(number).ok_or(Refusal::Missing)?;
    let Sent { number: renamed, name, group, unit, price, barred, location } = sent;
    let old = std::mem::replace(&mut product.number, renamed.unwrap_or_else(|| number.to_owned()));
    product.name = name.unwrap_or(product.name);
    product.group = group.unwrap_or(product.group);
    product.unit = unit.unwrap_or(product.unit);
    product.price = price.unwrap_or(product.price);
    product.barred = barred.unwrap_or(product.barred);
    // The group decides whether stock is kept.
    product.inventory = account.group(product.group).is_none_or(|group| group.has_inventory);
    product.location = location.unwrap_or(product.location);
    product.kept.extend(kept(&call.body));
    product.updated = call.now;
    if old != product.number {
        // Documents follow their item under its new number.
        let lines = account.orders.values_mut().flat_map(|order| &mut order.lines);
        for line in lines.filter(|line| line.item == old) {
            line.item.clone_from(&product.number);
        }
        let lines = account.shipments.values_mut().flat_map(|shipment| &mut shipment.lines);
        for line in lines.filter(|line| line.item == old) {
            line.item.clone_from(&product.number);
        }
    }
    account.tell(call, product.event("updated").renamed(&old));
    let body = json!({ product.kind(): product.to_json(account) });
    account.products.insert(product.number.clone(), product);
    Reply::ok(body)
}

fn delete(account: &mut Account, call: &Call<'_>, number: &str) -> Answer {
    let product = account.products.get(number).ok_or(Refusal::Missing)?;
    if product.used || !product.stock_quantity().is_zero() {
        return Err(Refusal::invalid("number", "The item has inventory transactions and can't be deleted."));
    }
    let event = product.event("deleted");
    account.products.remove(number);
    account.tell(call, event);
    Reply::gone()
}
