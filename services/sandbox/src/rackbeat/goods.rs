//! What people do to goods in Rackbeat: receive and count them, edit items, add groups and locations.
//! Each is told to webhooks as the real one would.

use std::collections::BTreeMap;

use axum::http::Method;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::RackbeatSim;
use super::account::{Account, CustomField};
use super::call::{Answer, Call};
use super::groups::Group;
use super::locations::Location;
use super::number::number;
use super::products;

/// What an account has of one item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quantity {
    /// Physical stock over all locations.
    pub physical: Decimal,
    /// Physical stock less what is ordered and not shipped.
    pub available: Decimal,
    /// Physical stock by location number, without empty ones.
    pub locations: Vec<(i64, Decimal)>,
}

/// An item to add many of at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewItem {
    /// Number, the id.
    pub number: String,
    /// Name.
    pub name: String,
    /// Net sales price.
    pub price: Decimal,
    /// Stock at the default location.
    pub stock: Decimal,
}

fn done(answer: Option<&Answer>) -> bool {
    matches!(answer, Some(Ok(_)))
}

impl RackbeatSim {
    /// What there is of every item, by number.
    #[must_use]
    pub fn quantities(&self, account: i64) -> BTreeMap<String, Quantity> {
        let of = |product: &super::product::Product| Quantity {
            physical: product.stock.total(),
            available: product.available(),
            locations: product.stock.iter().collect(),
        };
        self.look(account, |account| {
            account.products.values().map(|product| (product.number.clone(), of(product))).collect()
        })
    }

    /// Puts goods into stock, as a purchase that arrives does; negative ones leave it. False when there
    /// is no such item with inventory, or no such location.
    pub fn receive(&self, account: i64, item: &str, location: i64, quantity: Decimal) -> bool {
        let received = self.with_call(account, Method::POST, "", Value::Null, |account, call| {
            let kept = account.products.get(item).is_some_and(|product| product.inventory);
            kept && account.has_location(location)
                && account.move_goods(call, item, |product| product.stock.add(location, quantity))
        });
        received.unwrap_or(false)
    }

    /// Adds a product as `POST /products` with this body does. False when refused.
    pub fn create_product(&self, account: i64, body: Value) -> bool {
        let answer = self.with_call(account, Method::POST, "products", body, |account, call| {
            products::create(account, call, false)
        });
        done(answer.as_ref())
    }

    /// Adds a lot (bill of materials) as `POST /lots` with this body does: `number`, `name`, and `lines` of
    /// `product_id` and `quantity`. False when refused.
    pub fn create_lot(&self, account: i64, body: Value) -> bool {
        let answer = self.with_call(account, Method::POST, "lots", body, |account, call| {
            products::create(account, call, true)
        });
        done(answer.as_ref())
    }

    /// Adds many products to the first group at once, without telling webhooks. Gives how many were added:
    /// a number that is taken or not allowed is left out.
    pub fn add_products(&self, account: i64, items: impl IntoIterator<Item = NewItem>) -> usize {
        let silent = json!({ "suppress_webhooks": true });
        let added = self.with_call(account, Method::POST, "products", silent, |account, call| {
            let group = account.setup.groups.first().map_or(1, |group| group.number);
            let fresh = items.into_iter().filter(|item| {
                let body = json!({
                    "number": item.number, "name": item.name, "group": group, "sales_price": number(item.price),
                    "suppress_webhooks": true,
                });
                let call = Call { body, segments: Vec::new(), query: Vec::new(), method: Method::POST, ..*call };
                let made = products::add(account, &call, false).is_ok();
                if made && let Some(product) = account.products.get_mut(&item.number) {
                    product.stock.set(product.location, item.stock);
                    product.used = !item.stock.is_zero();
                }
                made
            });
            fresh.count()
        });
        added.unwrap_or(0)
    }

    /// Edits a product or lot as a PUT with this body does: `name`, `sales_price`, `barcode`, `description`,
    /// `group`, `unit_id`, `is_barred`, `number` and so on. False when refused.
    pub fn edit_product(&self, account: i64, item: &str, body: Value) -> bool {
        let answer = self.with_call(account, Method::PUT, "products", body, |account, call| {
            products::update(account, call, item)
        });
        done(answer.as_ref())
    }

    /// Sets a custom field of an item; null takes the value away. False when there is no such item or no
    /// such field for items.
    pub fn set_field(&self, account: i64, item: &str, slug: &str, value: Value) -> bool {
        let set = self.with_call(account, Method::PUT, "products", Value::Null, |account, call| {
            let Account { setup, products, .. } = &mut *account;
            let is_it = |field: &&CustomField| field.slug == slug && field.used_for == "item";
            let field = setup.fields.iter().find(is_it).map(|field| field.id)?;
            let event = products.touch(item, call.now, |product| {
                product.fields.retain(|(id, _)| *id != field);
                if !value.is_null() {
                    product.fields.push((field, value));
                }
                product.event("updated")
            })?;
            account.tell(call, event);
            Some(())
        });
        set.flatten().is_some()
    }

    /// Adds a custom field for items, orders or customers.
    pub fn add_field(&self, account: i64, field: CustomField) {
        self.look(account, |account| account.setup.fields.push(field));
    }

    /// Adds a product group, or replaces the one of its number.
    pub fn set_group(&self, account: i64, group: Group) {
        self.look(account, |account| {
            let number = group.number;
            account.setup.groups.retain(|known| known.number != number);
            account.setup.groups.push(group);
            account.setup.groups.sort_by_key(|group| group.number);
            super::groups::regroup(account, number);
        });
    }

    /// Adds a location, or replaces the one of its number in place.
    pub fn set_location(&self, account: i64, location: Location) {
        self.look(account, |account| {
            let known = account.setup.locations.iter_mut().find(|known| known.number == location.number);
            match known {
                Some(known) => *known = location,
                None => account.setup.locations.push(location),
            }
        });
    }
}
