//! Products, lots (bills of material) and items (both together, read only).

use axum::http::Method;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::account::Account;
use super::call::{Answer, Call, Form, Refusal, Reply};
use super::item_list::{list, shown};
use super::list::Fields;
use super::places::Places;
use super::product::{Physical, Product};
use super::stock;
use crate::facts::{NumberLength, ProductRename, StockOnCreate, UnchangedUpdate};

/// Texts that are kept and given back, with the most characters they may have.
const TEXTS: [(&str, usize); 7] = [
    ("description", 65_535),
    ("barcode", 255),
    ("supplier_product_number", 255),
    ("image_url", 255),
    ("goods_code", 255),
    ("country_code", 255),
    ("discount_group", 255),
];

/// Numbers that are kept and given back.
const DECIMALS: [&str; 6] = [
    "recommended_cost_price",
    "extra_cost",
    "min_inventory_quantity",
    "min_sales_quantity",
    "min_purchase_quantity",
    "min_produced",
];

/// What else is kept and given back as it came.
const OTHERS: [&str; 5] =
    ["variation_id", "default_supplier_id", "department_id", "add_products_individually", "adjust_to_zero"];

pub(super) fn route(account: &mut Account, call: &Call<'_>) -> Answer {
    let segments: Vec<&str> = call.segments.iter().map(String::as_str).collect();
    let lot = match segments.first() {
        Some(&"products") => Some(false),
        Some(&"lots") => Some(true),
        _ => None,
    };
    let known = |segment: &str| {
        let number = call.item_number(segment).ok_or(Refusal::Missing)?;
        let found = account.products.get(&number).ok_or(Refusal::Missing)?;
        if lot.is_some_and(|lot| lot != found.lot) { Err(Refusal::Missing) } else { Ok(found) }
    };
    match (&call.method, &segments[1..], lot) {
        (&Method::GET, [], _) => list(account, call, lot),
        (&Method::POST, [], Some(lot)) => create(account, call, lot),
        (&Method::GET, [segment], _) => {
            let row = shown(account, call, Fields::of(call).as_ref(), known(segment)?);
            Reply::ok(json!({ kind_key(lot): row }))
        }
        (&Method::PUT, [segment], Some(_)) => {
            let number = known(segment)?.number.clone();
            update(account, call, &number)
        }
        (&Method::DELETE, [segment], Some(_)) => {
            let number = known(segment)?.number.clone();
            delete(account, call, &number)
        }
        (&Method::GET, [segment, "fields"], Some(_)) => {
            Reply::ok(json!({ "field_values": known(segment)?.field_values(account) }))
        }
        (&Method::GET, [segment, "locations", rest @ ..], _) => {
            stock::item_locations(account, call, known(segment)?, lot, rest)
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
    if own == Some(number.as_str()) {
        return None;
    }
    if own.is_some() && call.facts.product_rename() == ProductRename::Refused {
        form.wrong("number", "The number can't be changed.");
    }
    if account.products.contains_key(&number) {
        form.wrong("number", "The number has already been taken.");
    }
    Some(number)
}

/// Weight and size over what there was; a measure needs its unit in the same body.
fn read_physical(form: &mut Form<'_>, own: Option<&Physical>) -> Option<Box<Physical>> {
    let sent = form.get("physical")?;
    let mut nested = Form::nested(sent, "physical.".to_owned());
    let mut physical = own.cloned().unwrap_or_default();
    let weight = nested.decimal("weight");
    if weight.is_some_and(|weight| weight > Decimal::ZERO) {
        nested.require("weight_unit");
    }
    physical.weight = weight.or(physical.weight);
    let sizes = ["width", "height", "depth"].map(|key| nested.decimal(key));
    if sizes.iter().flatten().any(|size| *size > Decimal::ZERO) {
        nested.require("size_unit");
    }
    for (own, sent) in physical.sizes.iter_mut().zip(sizes) {
        *own = sent.or(*own);
    }
    physical.weight_unit = nested.short("weight_unit", 10).or(physical.weight_unit);
    physical.size_unit = nested.short("size_unit", 10).or(physical.size_unit);
    form.absorb(nested);
    Some(Box::new(physical))
}

fn read_kept(form: &mut Form<'_>, body: &Value) -> Vec<(&'static str, Value)> {
    for (key, longest) in TEXTS {
        form.short(key, longest);
    }
    for key in DECIMALS {
        form.decimal(key);
    }
    let keys = TEXTS.iter().map(|(key, _)| *key).chain(DECIMALS).chain(OTHERS);
    keys.filter_map(|key| Some((key, body.get(key)?.clone()))).collect()
}

/// What a lot is made of.
fn read_lines(form: &mut Form<'_>, account: &Account) -> Option<Value> {
    let lines = form.get("lines")?;
    if !lines.is_array() {
        form.wrong("lines", "The lines must be an array.");
    }
    for (at, line) in lines.as_array().into_iter().flatten().enumerate() {
        let part = line.get("product_id").and_then(Value::as_str).unwrap_or_default();
        if !account.products.contains_key(part) {
            form.wrong(&format!("lines.{at}.product_id"), "The selected Product is invalid.");
        }
    }
    Some(lines.clone())
}

/// What a body says of an item, as far as it says it.
struct Sent {
    number: Option<String>,
    name: Option<String>,
    group: Option<i64>,
    unit: Option<i64>,
    price: Option<Decimal>,
    barred: Option<bool>,
    location: Option<i64>,
    physical: Option<Box<Physical>>,
    lines: Option<Value>,
    kept: Vec<(&'static str, Value)>,
}

fn read(form: &mut Form<'_>, account: &Account, call: &Call<'_>, own: Option<&Product>) -> Sent {
    let setup = &account.setup;
    let group_key = if form.get("group").is_some() { "group" } else { "group_id" };
    Sent {
        number: check_number(form, account, call, own.map(|own| own.number.as_str())),
        name: form.short("name", 255),
        group: form.known(group_key, "group", |number| account.group(number).is_some()),
        unit: form.known("unit_id", "unit", |number| setup.units.iter().any(|(known, _)| *known == number)),
        price: form.decimal("sales_price"),
        barred: form.flag("is_barred"),
        location: form.known("default_location_id", "location", |number| account.has_location(number)),
        physical: read_physical(form, own.and_then(|own| own.physical.as_deref())),
        lines: read_lines(form, account),
        kept: read_kept(form, &call.body),
    }
}

impl Sent {
    /// Changes an item so; gives the names of what is different now.
    fn over(self, account: &Account, product: &mut Product) -> Vec<&'static str> {
        fn set<T: PartialEq>(
            own: &mut T,
            sent: Option<T>,
            key: &'static str,
            changed: &mut Vec<&'static str>,
        ) {
            if let Some(sent) = sent.filter(|sent| sent != own) {
                *own = sent;
                changed.push(key);
            }
        }
        let mut changed = Vec::new();
        set(&mut product.number, self.number, "number", &mut changed);
        set(&mut product.name, self.name, "name", &mut changed);
        set(&mut product.group, self.group, "group_id", &mut changed);
        set(&mut product.unit, self.unit, "unit_id", &mut changed);
        set(&mut product.price, self.price, "sales_price", &mut changed);
        set(&mut product.barred, self.barred, "is_barred", &mut changed);
        set(&mut product.location, self.location, "default_location_id", &mut changed);
        set(&mut product.physical, self.physical.map(Some), "physical", &mut changed);
        if product.lot {
            set(&mut product.lines, self.lines, "lines", &mut changed);
        }
        for (key, value) in self.kept {
            if product.kept(key).unwrap_or(&Value::Null) != &value {
                product.keep(key, value);
                changed.push(key);
            }
        }
        // The group decides whether stock is kept.
        product.inventory = account.group(product.group).is_none_or(|group| group.has_inventory);
        changed
    }
}

fn blank(account: &Account, call: &Call<'_>, lot: bool) -> Product {
    Product {
        number: String::new(),
        lot,
        name: String::new(),
        group: account.setup.groups.first().map_or(1, |group| group.number),
        unit: account.setup.units.first().map_or(1, |(number, _)| *number),
        price: Decimal::ZERO,
        barred: false,
        inventory: true,
        location: account.default_location(),
        stock: Places::default(),
        on_shipments: Places::default(),
        in_order: Places::default(),
        used: false,
        lines: if lot { json!([]) } else { Value::Null },
        physical: None,
        kept: Vec::new(),
        fields: Vec::new(),
        created: call.now,
        updated: call.now,
    }
}

pub(super) fn create(account: &mut Account, call: &Call<'_>, lot: bool) -> Answer {
    let number = add(account, call, lot)?;
    let made = account.products.get(&number).ok_or(Refusal::Missing)?;
    Reply::created(json!({ kind_key(Some(lot)): made.to_json(account) }))
}

/// Makes an item; its number.
pub(super) fn add(account: &mut Account, call: &Call<'_>, lot: bool) -> Result<String, Refusal> {
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
    let initial = form.decimal("stock_quantity").unwrap_or_default();
    let sent = read(&mut form, account, call, None);
    form.done()?;
    let mut product = blank(account, call, lot);
    sent.over(account, &mut product);
    if !initial.is_zero() && call.facts.stock_on_create() == StockOnCreate::Taken {
        product.stock.set(product.location, initial);
        product.used = true;
    }
    account.tell(call, product.event("created"));
    let number = product.number.clone();
    account.products.insert(product);
    Ok(number)
}

pub(super) fn update(account: &mut Account, call: &Call<'_>, number: &str) -> Answer {
    let own = account.products.get(number).ok_or(Refusal::Missing)?;
    let mut form = Form::new(&call.body);
    let sent = read(&mut form, account, call, Some(own));
    form.done()?;
    let mut product = account.products.remove(number).ok_or(Refusal::Missing)?;
    let changed = sent.over(account, &mut product);
    let counts = !changed.is_empty() || call.facts.unchanged_update() == UnchangedUpdate::Told;
    if counts {
        product.updated = call.now;
    }
    let renamed = (product.number != number).then(|| product.number.clone());
    let event = product.event("updated").renamed(number).changing(changed);
    let body = json!({ product.kind(): product.to_json(account) });
    account.products.insert(product);
    if let Some(renamed) = renamed {
        renumber(account, number, &renamed);
    }
    if counts {
        account.tell(call, event);
    }
    Reply::ok(body)
}

/// Documents and lots follow an item under its new number.
fn renumber(account: &mut Account, old: &str, number: &str) {
    let lines = account.orders.values_mut().flat_map(|order| &mut order.lines);
    for line in lines.filter(|line| line.item == old) {
        number.clone_into(&mut line.item);
    }
    let lines = account.shipments.values_mut().flat_map(|shipment| &mut shipment.lines);
    for line in lines.filter(|line| line.item == old) {
        number.clone_into(&mut line.item);
    }
    let lots = account.products.values_mut().filter(|product| product.lot);
    for line in lots.filter_map(|lot| lot.lines.as_array_mut()).flatten() {
        if line.get("product_id").is_some_and(|part| part == old) {
            line["product_id"] = number.into();
        }
    }
    stock::renumber(account, old, number);
}

fn delete(account: &mut Account, call: &Call<'_>, number: &str) -> Answer {
    let product = account.products.get(number).ok_or(Refusal::Missing)?;
    if product.used || !product.stock.is_empty() {
        return Err(Refusal::invalid("number", "The item has inventory transactions and can't be deleted."));
    }
    let event = product.event("deleted");
    account.products.remove(number);
    account.tell(call, event);
    Reply::gone()
}
