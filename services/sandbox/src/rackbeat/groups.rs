//! Product groups: they decide VAT by zone, whether stock is kept, and whether items may be sold.

use axum::http::Method;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::account::{Account, ZONES};
use super::call::{Answer, Call, Form, Refusal, Reply};
use super::list::{page, sparse};
use super::number::number;

/// A product group with its VAT in per cent by zone.
#[derive(Debug, Clone)]
pub struct Group {
    /// Number, the id.
    pub number: i64,
    /// Name.
    pub name: String,
    /// VAT in per cent: domestic, EU, abroad, domestic exempt.
    pub vat: [Decimal; 4],
    /// Whether stock is kept of its items; services have none.
    pub has_inventory: bool,
    /// Whether its items may be sold.
    pub is_sellable: bool,
}

impl Group {
    pub(super) fn rate(&self, zone: &str) -> Decimal {
        ZONES.iter().position(|known| *known == zone).map_or(Decimal::ZERO, |at| self.vat[at])
    }

    pub(super) fn to_json(&self) -> Value {
        let [domestic, eu, abroad, exempt] = self.vat.map(number);
        json!({
            "number": self.number, "name": self.name, "vat_domestic": domestic, "vat_eu": eu,
            "vat_abroad": abroad, "vat_domestic_exempt": exempt, "has_inventory": self.has_inventory,
            "is_sellable": self.is_sellable,
            "self": format!("https://app.rackbeat.com/api/product-groups/{}", self.number),
        })
    }
}

pub(super) fn route(account: &mut Account, call: &Call<'_>) -> Answer {
    let segments: Vec<&str> = call.segments.iter().map(String::as_str).collect();
    match (&call.method, &segments[1..]) {
        (&Method::GET, []) => page(call, "product_groups", &account.setup.groups, Group::to_json),
        (&Method::POST, []) => save(account, call, None),
        (method, [number]) => {
            let number = number.parse().map_err(|_| Refusal::Missing)?;
            let found = account.group(number).ok_or(Refusal::Missing)?;
            match *method {
                Method::GET => Reply::ok(json!({ "product_group": sparse(call, found.to_json()) })),
                Method::PUT => save(account, call, Some(number)),
                Method::DELETE => delete(account, number),
                _ => Err(Refusal::Missing),
            }
        }
        _ => Err(Refusal::Missing),
    }
}

fn delete(account: &mut Account, number: i64) -> Answer {
    if account.products.values().any(|product| product.group == number) {
        return Err(Refusal::invalid("number", "The product group is used by items and can't be deleted."));
    }
    account.setup.groups.retain(|group| group.number != number);
    Reply::gone()
}

/// Makes a group, or changes one as far as the body says.
fn save(account: &mut Account, call: &Call<'_>, own: Option<i64>) -> Answer {
    let known = own.and_then(|own| account.group(own)).cloned();
    let mut form = Form::new(&call.body);
    if own.is_none() {
        form.require("name");
    }
    let chosen = form.whole("number").or(own);
    if chosen != own && chosen.is_some_and(|number| account.group(number).is_some()) {
        form.wrong("number", "The number has already been taken.");
    }
    let next = account.setup.groups.iter().map(|group| group.number).max().unwrap_or_default() + 1;
    let mut group = known.unwrap_or(Group {
        number: next,
        name: String::new(),
        vat: [Decimal::ZERO; 4],
        has_inventory: true,
        is_sellable: true,
    });
    if own.is_none() {
        group.number = chosen.unwrap_or(next);
    }
    group.name = form.short("name", 255).unwrap_or(group.name);
    let keys = ["vat_domestic", "vat_eu", "vat_abroad", "vat_domestic_exempt"];
    for (rate, key) in group.vat.iter_mut().zip(keys) {
        *rate = form.percentage(key).unwrap_or(*rate);
    }
    group.has_inventory = form.flag("has_inventory").unwrap_or(group.has_inventory);
    group.is_sellable = form.flag("is_sellable").unwrap_or(group.is_sellable);
    form.done()?;
    let body = json!({ "product_group": group.to_json() });
    match account.setup.groups.iter_mut().find(|known| Some(known.number) == own) {
        Some(known) => *known = group,
        None => {
            account.setup.groups.push(group);
            return Reply::created(body);
        }
    }
    if let Some(own) = own {
        regroup(account, own);
    }
    Reply::ok(body)
}

/// Has a group's items follow it in whether stock is kept.
pub(super) fn regroup(account: &mut Account, group: i64) {
    let Some(inventory) = account.group(group).map(|group| group.has_inventory) else {
        return;
    };
    let other = |product: &&super::product::Product| product.group == group && product.inventory != inventory;
    let moved: Vec<String> =
        account.products.values().filter(other).map(|product| product.number.clone()).collect();
    for number in moved {
        if let Some(mut product) = account.products.remove(&number) {
            product.inventory = inventory;
            account.products.insert(product);
        }
    }
}
