//! Order lines: locked once the order is booked.

use axum::http::Method;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::account::{Account, n};
use super::call::{Answer, Call, Form, Refusal, Reply};
use super::list::page;
use super::orders::{Order, change};
use super::totals::{Priced, cents};
use crate::facts::VatOnCreate;

#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) id: i64,
    pub(super) item: String,
    pub(super) name: String,
    pub(super) quantity: Decimal,
    pub(super) shipped: Decimal,
    pub(super) price: Decimal,
    pub(super) discount: Decimal,
    pub(super) vat: Decimal,
    pub(super) location: Option<i64>,
}

impl Line {
    pub(super) fn priced(&self) -> Priced {
        Priced { quantity: self.quantity, price: self.price, discount: self.discount, vat: self.vat }
    }

    pub(super) fn to_json(&self, account: &Account) -> Value {
        let item = account.products.get(&self.item);
        json!({
            "id": self.id, "child_id": self.item, "child_type": item.map(super::product::Product::kind), "name": self.name,
            "quantity": n(self.quantity), "quantity_shipped": n(self.shipped), "line_price": n(self.price),
            "line_total": n(cents(self.priced().net())), "discount_percentage": n(self.discount),
            "vat_percentage": n(self.vat), "delivery_date": null,
            "location": self.location.map(|number| account.location(number)),
            "item": item.map(|item| json!({ "number": item.number, "name": item.name })), "unit": { "number": 1, "name": "pcs" },
        })
    }
}

/// An item in a document can no longer be deleted.
pub(super) fn mark_used(account: &mut Account, item: &str) {
    if let Some(product) = account.products.get_mut(item) {
        product.used = true;
    }
}

fn check_item(form: &mut Form<'_>, account: &Account) -> Option<String> {
    if form.get("item_id").is_none() {
        form.wrong("item_id", "Product needed");
        return None;
    }
    let item = form.text("item_id")?;
    match account.products.get(&item) {
        None => form.wrong("item_id", "The selected Product is invalid."),
        Some(found) if found.barred => form.wrong("item_id", format!("Product '{item}' is barred.")),
        Some(_) => return Some(item),
    }
    None
}

/// Reads a new line; what is absent comes from the item, its group's VAT and the customer's discount.
/// What is wrong with it stands in the form.
pub(super) fn read_new(
    form: &mut Form<'_>,
    account: &Account,
    call: &Call<'_>,
    zone: &str,
    discount: Decimal,
) -> Option<Line> {
    let item = check_item(form, account);
    let quantity = form.decimal("quantity").unwrap_or(Decimal::ONE);
    let price = form.decimal("line_price");
    let sent_discount = form.percentage("discount_percentage");
    let vat = form.percentage("vat_percentage");
    let name = form.short("name", 255);
    let location = form.known("location_id", "Location", |number| account.has_location(number));
    let product = account.products.get(&item?)?;
    let group_vat = account.group(product.group).map(|group| group.rate(zone)).unwrap_or_default();
    Some(Line {
        id: 0,
        item: product.number.clone(),
        name: name.unwrap_or_else(|| product.name.clone()),
        quantity,
        shipped: Decimal::ZERO,
        price: price.unwrap_or(product.price),
        discount: sent_discount.unwrap_or(discount),
        vat: match call.facts.vat_on_create() {
            VatOnCreate::Counts => vat.unwrap_or(group_vat),
            VatOnCreate::Ignored => group_vat,
        },
        location,
    })
}

/// Reads an update over a line. Live-observed: another item resets price, discount and VAT unless
/// they are sent again.
fn read_over(form: &mut Form<'_>, account: &Account, zone: &str, discount: Decimal, line: &mut Line) {
    if form.get("item_id").is_some()
        && let Some(item) = check_item(form, account)
        && item != line.item
        && let Some(product) = account.products.get(&item)
    {
        line.price = product.price;
        line.discount = discount;
        line.vat = account.group(product.group).map(|group| group.rate(zone)).unwrap_or_default();
        line.name.clone_from(&product.name);
        line.item = item;
    }
    line.quantity = form.decimal("quantity").unwrap_or(line.quantity);
    line.price = form.decimal("line_price").unwrap_or(line.price);
    line.discount = form.percentage("discount_percentage").unwrap_or(line.discount);
    line.vat = form.percentage("vat_percentage").unwrap_or(line.vat);
    if let Some(name) = form.short("name", 255) {
        line.name = name;
    }
    let location = form.known("location_id", "Location", |number| account.has_location(number));
    line.location = location.or(line.location);
}

fn unlocked(order: &Order) -> Result<(), Refusal> {
    if order.booked() || order.cancelled {
        return Err(Refusal::invalid("number", "The order is booked. Lines can't be changed."));
    }
    Ok(())
}

fn discount_of(account: &Account, order: &Order) -> Decimal {
    account.customers.get(&order.customer).map(|customer| customer.discount).unwrap_or_default()
}

pub(super) fn route(account: &mut Account, call: &Call<'_>, number: i64, rest: &[&str]) -> Answer {
    let shown = |account: &Account, line: &Line| json!({ "order_line": line.to_json(account) });
    match (&call.method, rest) {
        (&Method::GET, []) => {
            let order = account.orders.get(&number).ok_or(Refusal::Missing)?;
            page(call, "order_lines", &order.lines, |line| line.to_json(account))
        }
        (&Method::POST, []) => change(account, call, number, |account, order| {
            unlocked(order)?;
            let mut form = Form::new(&call.body);
            let line = read_new(&mut form, account, call, &order.vat_zone, discount_of(account, order));
            form.done()?;
            let mut line = line.ok_or(Refusal::Missing)?;
            line.id = account.next_id();
            mark_used(account, &line.item);
            let body = shown(account, &line);
            order.lines.push(line);
            touched(account, call, order);
            Reply::created(body)
        }),
        (method @ (&Method::PUT | &Method::DELETE), [id]) => {
            change(account, call, number, |account, order| {
                let at =
                    order.lines.iter().position(|line| line.id.to_string() == *id).ok_or(Refusal::Missing)?;
                unlocked(order)?;
                if *method == Method::DELETE {
                    order.lines.remove(at);
                    touched(account, call, order);
                    return Reply::gone();
                }
                let mut form = Form::new(&call.body);
                let discount = discount_of(account, order);
                read_over(&mut form, account, &order.vat_zone, discount, &mut order.lines[at]);
                form.done()?;
                mark_used(account, &order.lines[at].item.clone());
                touched(account, call, order);
                Reply::ok(shown(account, &order.lines[at]))
            })
        }
        _ => Err(Refusal::Missing),
    }
}

fn touched(account: &mut Account, call: &Call<'_>, order: &mut Order) {
    order.updated = call.now;
    account.tell(call, order.event("updated"));
}
