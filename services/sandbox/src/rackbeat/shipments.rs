//! Shipments of orders: made from available stock, picked, shipped.

use axum::http::Method;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::account::{Account, n};
use super::call::{Answer, Call, Refusal, Reply, day, truthy};
use super::hooks::Event;
use super::list::{page, sparse};
use super::orders::{Order, change};
use crate::facts::{PickPath, ShipPath, ShipPicks, ShipmentOverlap};

#[derive(Debug, Clone)]
pub(super) struct ShipmentLine {
    id: i64,
    order_line: i64,
    pub(super) item: String,
    location: i64,
    quantity: Decimal,
}

#[derive(Debug, Clone)]
pub(super) struct Shipment {
    pub(super) id: i64,
    pub(super) order: i64,
    customer: i64,
    pub(super) lines: Vec<ShipmentLine>,
    pub(super) picked: bool,
    pub(super) shipped: bool,
    shipping_date: Option<String>,
}

impl Shipment {
    pub(super) fn to_json(&self, account: &Account) -> Value {
        let kind = |item: &str| account.products.get(item).map(super::product::Product::kind);
        let lines: Vec<Value> = self
            .lines
            .iter()
            .map(|line| {
                json!({
                    "id": line.id, "child_id": line.item, "child_type": kind(&line.item),
                    "quantity": n(line.quantity), "location": account.location(line.location),
                })
            })
            .collect();
        json!({
            "id": self.id, "order_number": self.order, "order": { "number": self.order },
            "is_picked": self.picked, "is_partly_picked": false, "is_shipped": self.shipped,
            "shipping_date": self.shipping_date, "customer": { "number": self.customer }, "lines": lines,
        })
    }

    fn event(&self, verb: &'static str) -> Event {
        Event::keyed("order_shipment", verb, "id", self.id.into())
    }
}

/// What of an order can go on a shipment now: goods still owed, as far as they lie there.
fn shippable(account: &Account, order: &Order, overlap: ShipmentOverlap) -> Vec<ShipmentLine> {
    // What open shipments hold is taken, unless the switch lets them overlap.
    let refused = overlap == ShipmentOverlap::Refused;
    let mut lines: Vec<ShipmentLine> = Vec::new();
    for line in &order.lines {
        let Some(product) = account.products.get(&line.item).filter(|product| product.inventory) else {
            continue;
        };
        let location = line.location.unwrap_or(product.location);
        let open: Decimal = account
            .shipments
            .values()
            .filter(|held| refused && held.order == order.number && !held.shipped)
            .flat_map(|held| &held.lines)
            .filter(|held| held.order_line == line.id)
            .map(|held| held.quantity)
            .sum();
        let here = lines.iter().filter(|taken| taken.item == line.item && taken.location == location);
        let taken: Decimal = here.map(|taken| taken.quantity).sum();
        let held = if refused { product.on_shipments.get(location) } else { Decimal::ZERO };
        let there = product.stock.get(location) - held - taken;
        let quantity = (line.quantity - line.shipped - open).min(there);
        if quantity > Decimal::ZERO {
            let item = line.item.clone();
            lines.push(ShipmentLine { id: 0, order_line: line.id, item, location, quantity });
        }
    }
    lines
}

pub(super) fn create(account: &mut Account, call: &Call<'_>, number: i64) -> Answer {
    let order = account.orders.get(&number).ok_or(Refusal::Missing)?;
    if order.cancelled || !order.booked() {
        return Err(Refusal::Forbidden("The order must be booked."));
    }
    if order.shipped(account).0 {
        return Err(Refusal::Forbidden("The order is already shipped."));
    }
    let customer = order.customer;
    let mut lines = shippable(account, order, call.facts.shipment_overlap());
    if lines.is_empty() {
        return Err(Refusal::invalid("lines", "There is nothing to ship."));
    }
    for line in &mut lines {
        line.id = account.next_id();
        if let Some(product) = account.products.get_mut(&line.item) {
            product.on_shipments.add(line.location, line.quantity);
        }
    }
    let shipment = Shipment {
        id: account.next_id(),
        order: number,
        customer,
        lines,
        picked: false,
        shipped: false,
        shipping_date: None,
    };
    account.tell(call, shipment.event("created"));
    let body = json!({ "order_shipment": shipment.to_json(account) });
    account.shipments.insert(shipment.id, shipment);
    Reply::created(body)
}

pub(super) fn of_order(account: &Account, call: &Call<'_>, number: i64) -> Answer {
    let rows: Vec<&Shipment> = account.shipments.values().filter(|row| row.order == number).collect();
    page(call, "order_shipments", &rows, |row| row.to_json(account))
}

/// `/order-shipments` and `/order-shipments/{id}`.
pub(super) fn route(account: &Account, call: &Call<'_>) -> Answer {
    let segments: Vec<&str> = call.segments.iter().map(String::as_str).collect();
    match (&call.method, &segments[1..]) {
        (&Method::GET, []) => {
            let flag = call.flag("is_shipped").or(call.flag("shipped"));
            let same = |name: &str, own: i64| call.param(name).is_none_or(|wanted| wanted == own.to_string());
            let rows: Vec<&Shipment> = account
                .shipments
                .values()
                .filter(|row| flag.is_none_or(|shipped| shipped == row.shipped))
                .filter(|row| same("order_number", row.order) && same("customer_number", row.customer))
                .collect();
            page(call, "order_shipments", &rows, |row| row.to_json(account))
        }
        (&Method::GET, [id]) => {
            let id: i64 = id.parse().map_err(|_| Refusal::Missing)?;
            let found = account.shipments.get(&id).ok_or(Refusal::Missing)?;
            Reply::ok(json!({ "order_shipment": sparse(call, found.to_json(account)) }))
        }
        _ => Err(Refusal::Missing),
    }
}

/// `/orders/shipments/{id}/…`: the later SDK's path.
pub(super) fn step_by_id(account: &mut Account, call: &Call<'_>, id: &str, step: &str) -> Answer {
    let here = match step {
        "mark-shipped" => call.facts.ship_path() == ShipPath::Shipments,
        "mark-picked" => call.facts.pick_path() == PickPath::Shipments,
        _ => false,
    };
    let id = id.parse().ok().filter(|_| here && call.method == Method::POST);
    mark(account, call, id.ok_or(Refusal::Missing)?, step)
}

/// `/orders/{n}/shipments/{id}/…`: the old path.
pub(super) fn step_of_order(
    account: &mut Account,
    call: &Call<'_>,
    number: i64,
    id: &str,
    step: &str,
) -> Answer {
    let here = match step {
        "mark-shipped" => call.facts.ship_path() == ShipPath::PerOrder,
        "mark-picked" => call.facts.pick_path() == PickPath::PerOrder,
        _ => false,
    };
    let id: i64 = id.parse().map_err(|_| Refusal::Missing)?;
    let own = account.shipments.get(&id).is_some_and(|shipment| shipment.order == number);
    if !here || !own || call.method != Method::POST {
        return Err(Refusal::Missing);
    }
    mark(account, call, id, step)
}

fn mark(account: &mut Account, call: &Call<'_>, id: i64, step: &str) -> Answer {
    let mut shipment = account.shipments.get(&id).ok_or(Refusal::Missing)?.clone();
    if shipment.shipped {
        return Err(Refusal::Forbidden("The shipment is already shipped."));
    }
    if step == "mark-picked" {
        if shipment.picked {
            return Err(Refusal::Forbidden("The shipment is already picked."));
        }
        shipment.picked = true;
    } else {
        let picks = call.body.get("pick").and_then(truthy).unwrap_or(false)
            && call.facts.ship_picks() == ShipPicks::Picks;
        if !shipment.picked && !picks {
            return Err(Refusal::invalid("is_picked", "The shipment must be picked first."));
        }
        ship(account, call, &shipment)?;
        shipment.picked = true;
        shipment.shipped = true;
        shipment.shipping_date = Some(day(call.now));
    }
    account.tell(call, shipment.event("updated"));
    let body = json!({ "order_shipment": shipment.to_json(account) });
    account.shipments.insert(id, shipment);
    Reply::ok(body)
}

/// Takes the goods out of stock and counts them on the order's lines.
fn ship(account: &mut Account, call: &Call<'_>, shipment: &Shipment) -> Result<(), Refusal> {
    for (at, line) in shipment.lines.iter().enumerate() {
        let product = account.products.get(&line.item);
        let there = product.map(|product| product.stock.get(line.location)).unwrap_or_default();
        if there < line.quantity {
            return Err(Refusal::invalid(&format!("lines.{at}.quantity"), "There is not enough stock."));
        }
    }
    for line in &shipment.lines {
        account.move_goods(call, &line.item, |product| {
            product.stock.add(line.location, -line.quantity);
            product.on_shipments.add(line.location, -line.quantity);
        });
    }
    // The order may have been removed by a person meanwhile; the goods leave all the same.
    if account.orders.contains_key(&shipment.order) {
        change(account, call, shipment.order, |account, order| {
            for shipped in &shipment.lines {
                if let Some(line) = order.lines.iter_mut().find(|line| line.id == shipped.order_line) {
                    line.shipped += shipped.quantity;
                }
            }
            order.updated = call.now;
            account.tell(call, order.event("updated"));
            Ok(())
        })?;
    }
    Ok(())
}
