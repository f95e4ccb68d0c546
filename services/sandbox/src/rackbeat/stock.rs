//! Locations of items, the checking report, and adjustments in two steps.

use axum::http::Method;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::account::{Account, n};
use super::call::{Answer, Call, Form, Refusal, Reply, day};
use super::items::{By, Scope};
use super::list::{Fields, Window, page, select, sparse, whole};
use super::locations::within;
use super::product::Product;
use crate::facts::{LocationAvailable, ParentStock};

#[derive(Debug, Clone)]
pub(super) struct Adjustment {
    id: i64,
    item: String,
    location: i64,
    /// The quantity to reach, not the change.
    target: Decimal,
    reason: Option<String>,
    day: String,
    booked: bool,
}

impl Adjustment {
    fn to_json(&self) -> Value {
        json!({
            "id": self.id, "item_id": self.item, "location": self.location, "quantity": n(self.target),
            "adjustment_type": "quantity", "reason": self.reason, "regulated_at": self.day, "is_booked": self.booked,
        })
    }
}

/// What a location counts as its own: what lies there itself, or all within it.
fn counted(account: &Account, call: &Call<'_>, location: i64, whole: bool) -> Vec<i64> {
    if whole || call.facts.parent_stock() == ParentStock::WithChildren {
        within(account, location)
    } else {
        vec![location]
    }
}

/// The stock of an item at one location, with what is free of orders there. `whole` counts what lies
/// in the locations inside it whatever the switch says.
fn at_location(account: &Account, call: &Call<'_>, product: &Product, location: i64, whole: bool) -> Value {
    let places = counted(account, call, location, whole);
    let stock: Decimal = places.iter().map(|place| product.stock.get(*place)).sum();
    let mut row = account.location(location);
    row["stock_quantity"] = n(stock);
    if call.facts.location_available() == LocationAvailable::Told {
        let ordered: Decimal = places.iter().map(|place| product.ordered_at(*place)).sum();
        row["in_order_quantity"] = n(ordered);
        row["available_quantity"] = n(stock - ordered);
    }
    row
}

pub(super) fn item_locations(
    account: &Account,
    call: &Call<'_>,
    product: &Product,
    lot: Option<bool>,
    rest: &[&str],
) -> Answer {
    let top = call.flag("only_toplevel").unwrap_or(false);
    let all = || {
        let rows = account.setup.locations.iter().filter(|location| !top || location.parent.is_none());
        rows.map(|location| at_location(account, call, product, location.number, top)).collect::<Vec<_>>()
    };
    let (many, one) = match lot {
        Some(false) => ("product_locations", "product_location"),
        Some(true) => ("lot_locations", "lot_location"),
        None => ("locations", "location"),
    };
    match rest {
        [] => whole(call, many, all()),
        ["available"] if lot.is_none() => {
            let held = all().into_iter().filter(|row| row["stock_quantity"] != json!(0));
            whole(call, "locations", held.collect())
        }
        [number] => {
            let number = number.parse().map_err(|_| Refusal::Missing)?;
            if !account.has_location(number) {
                return Err(Refusal::Missing);
            }
            Reply::ok(json!({ one: sparse(call, at_location(account, call, product, number, false)) }))
        }
        _ => Err(Refusal::Missing),
    }
}

/// `GET /reports/checking`: every item of which stock is kept with its physical stock, by location on
/// request.
pub(super) fn checking(account: &Account, call: &Call<'_>) -> Answer {
    let everywhere = call.flag("show_all_locations").unwrap_or(false);
    let window = Window::of(call)?;
    let fields = Fields::of(call);
    let places: Vec<(i64, &str, Vec<i64>)> = account
        .setup
        .locations
        .iter()
        .map(|place| (place.number, place.name.as_str(), counted(account, call, place.number, false)))
        .collect();
    let row = |product: &Product| {
        let held = |within: &[i64]| within.iter().map(|place| product.stock.get(*place)).sum::<Decimal>();
        let rows: Vec<Value> = places
            .iter()
            .map(|(number, name, within)| (number, name, held(within)))
            .filter(|(_, _, stock)| everywhere || !stock.is_zero())
            .map(
                |(number, name, stock)| json!({ "number": number, "name": name, "stock_quantity": n(stock) }),
            )
            .collect();
        json!({
            "number": product.number, "name": product.name, "type": product.kind(),
            "stock_quantity": n(product.stock.total()), "locations": rows,
        })
    };
    let stocked = account.products.window(Scope::Stocked, By::Number, false, window.start, window.limit);
    let rows = stocked.into_iter().map(|product| select(row(product), fields.as_ref())).collect();
    window.reply(call, "items", account.products.len(Scope::Stocked), rows)
}

pub(super) fn adjustments(account: &mut Account, call: &Call<'_>) -> Answer {
    let segments: Vec<&str> = call.segments.iter().map(String::as_str).collect();
    match (&call.method, &segments[1..]) {
        (&Method::GET, []) => {
            let rows: Vec<&Adjustment> = account.adjustments.values().collect();
            page(call, "inventory_regulations", &rows, |row| row.to_json())
        }
        (&Method::GET, [id]) => {
            let id: i64 = id.parse().map_err(|_| Refusal::Missing)?;
            let found = account.adjustments.get(&id).ok_or(Refusal::Missing)?;
            Reply::ok(json!({ "inventory_regulation": found.to_json() }))
        }
        (&Method::POST, []) => create(account, call),
        (&Method::POST, [id, "book"]) => {
            let id: i64 = id.parse().map_err(|_| Refusal::Missing)?;
            book(account, call, id)
        }
        _ => Err(Refusal::Missing),
    }
}

/// Live-observed: a zero change is an error.
fn no_change() -> Refusal {
    Refusal::invalid("quantity", "Adjustment can't be created, since no change is made.")
}

fn create(account: &mut Account, call: &Call<'_>) -> Answer {
    let mut form = Form::new(&call.body);
    for key in ["item_id", "adjustment_type", "quantity"] {
        form.require(key);
    }
    let item = form.text("item_id").unwrap_or_default();
    let product = account.products.get(&item);
    if form.get("item_id").is_some() && product.is_none() {
        form.wrong("item_id", "The selected Item is invalid.");
    }
    if product.is_some_and(|product| !product.inventory) {
        form.wrong("item_id", "The item has no inventory.");
    }
    if form.text("adjustment_type").is_some_and(|kind| kind != "quantity") {
        form.wrong("adjustment_type", "The selected adjustment type is invalid.");
    }
    let target = form.decimal("quantity").unwrap_or_default();
    let location = form.known("location", "location", |number| account.has_location(number));
    let reason = form.short("reason", 255);
    let day = form.date("regulated_at").unwrap_or_else(|| day(call.now));
    form.done()?;
    let location = location.unwrap_or(product.map_or(account.default_location(), |product| product.location));
    let current = product.map(|product| product.stock.get(location)).unwrap_or_default();
    if current == target {
        return Err(no_change());
    }
    let id = account.next_id();
    let adjustment = Adjustment { id, item, location, target, reason, day, booked: false };
    let body = json!({ "inventory_regulation": adjustment.to_json() });
    account.adjustments.insert(id, adjustment);
    Reply::created(body)
}

fn book(account: &mut Account, call: &Call<'_>, id: i64) -> Answer {
    let adjustment = account.adjustments.get_mut(&id).ok_or(Refusal::Missing)?;
    if adjustment.booked {
        return Err(Refusal::Forbidden("The adjustment is already booked."));
    }
    let product = account.products.get(&adjustment.item).ok_or(Refusal::Missing)?;
    if product.stock.get(adjustment.location) == adjustment.target {
        return Err(no_change());
    }
    adjustment.booked = true;
    let body = json!({ "inventory_regulation": adjustment.to_json() });
    let Adjustment { item, location, target, .. } = adjustment.clone();
    account.move_goods(call, &item, |product| product.stock.set(location, target));
    Reply::ok(body)
}

/// Adjustments follow their item under its new number.
pub(super) fn renumber(account: &mut Account, old: &str, number: &str) {
    for adjustment in account.adjustments.values_mut().filter(|adjustment| adjustment.item == old) {
        number.clone_into(&mut adjustment.item);
    }
}
