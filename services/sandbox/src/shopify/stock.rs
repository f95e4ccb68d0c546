//! What lies where: how orders, apps and the merchant move it, and which webhooks tell of it.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::goods::Level;
use super::product_rest::level_body;
use super::shop::Shop;
use super::webhook::Event;
use crate::facts::StockTouchesProduct;

/// One quantity an app wrote and Shopify took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InventoryWrite {
    /// Inventory item.
    pub item: u64,
    /// Location.
    pub location: u64,
    /// `available` or `on_hand`.
    pub name: String,
    /// The quantity sent.
    pub quantity: i64,
    /// What stood there before.
    pub before: i64,
    /// The call's idempotency key.
    pub key: String,
    /// When.
    pub at: Timestamp,
}

/// One product or variant an app wrote and Shopify took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProductWrite {
    /// `productSet`, `productUpdate` or `productVariantsBulkUpdate`.
    pub call: &'static str,
    /// Product.
    pub product: u64,
    /// Variant, if the call names one.
    pub variant: Option<u64>,
    /// Whether anything was different afterwards.
    pub changed: bool,
    /// When.
    pub at: Timestamp,
}

/// An inventory item no call may touch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Poison {
    pub(crate) code: String,
    /// Whether the error's field names the row.
    pub(crate) tells_row: bool,
}

/// What is added to a level's quantities.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Move {
    pub(crate) available: i64,
    pub(crate) on_hand: i64,
    pub(crate) committed: i64,
}

/// Why stock moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// An order; its products are told of once for all lines.
    Order,
    /// An app's call or the merchant's hand.
    Write,
}

impl Shop {
    /// Adds to the quantities of an item at a place, told if what is available changes there.
    pub(crate) fn move_level(&mut self, item: u64, at: usize, by: Move, cause: Cause) {
        let now = self.stamp();
        let Some(variant) = self.docs.goods.of_item_mut(item) else {
            return;
        };
        let (tracked, product) = (variant.tracked, variant.product);
        let Some(level) = variant.levels.get_mut(at) else {
            return;
        };
        level.available += by.available;
        level.on_hand += by.on_hand;
        level.committed += by.committed;
        level.updated_at = now;
        if by.available == 0 || !tracked || !level.active {
            return;
        }
        self.tell_level(item, at, "INVENTORY_LEVELS_UPDATE");
        if cause == Cause::Write && self.core.facts.stock_touches_product() == StockTouchesProduct::Touches {
            self.tell_product(product, "PRODUCTS_UPDATE");
        }
    }

    fn tell_level(&mut self, item: u64, at: usize, topic: &'static str) {
        if !self.listens(topic) {
            return;
        }
        let goods = &self.docs.goods;
        let Some((variant, level)) =
            goods.of_item(item).and_then(|found| Some((found, found.levels.get(at)?)))
        else {
            return;
        };
        let body = level_body(goods, variant, at, level);
        let (at, action) = (level.updated_at, self.ids.take());
        self.outbox.push(Event { topic, body, at, action });
    }

    /// Stock of a variant moves for an order, at the first place where it is stocked. Nothing moves for
    /// untracked items and bundles.
    pub(crate) fn move_for_order(&mut self, variant: Option<(u64, u64)>, by: Move) {
        let Some(found) = variant.and_then(|(id, _)| self.docs.goods.variant(id)) else {
            return;
        };
        if !found.tracked || found.bundle {
            return;
        }
        let at = found.levels.iter().position(|level| level.active).unwrap_or_default();
        self.move_level(found.item, at, by, Cause::Order);
    }

    /// A product is told of as updated when it is merely ordered: live-observed, and the docs of `updatedAt`
    /// say that an order counts as a change.
    pub(crate) fn tell_ordered(&mut self, variants: impl IntoIterator<Item = Option<(u64, u64)>>) {
        let products: BTreeSet<u64> = variants.into_iter().flatten().map(|(_, product)| product).collect();
        for product in products {
            self.tell_product(product, "PRODUCTS_UPDATE");
        }
    }

    /// What stands at a level under `name`.
    pub(crate) fn quantity(level: &Level, name: &str) -> i64 {
        if name == "on_hand" { level.on_hand } else { level.available }
    }

    /// Sets `available` or `on_hand`: the other one moves along. What stood there before; `None` for an item or
    /// place that is not there.
    pub(crate) fn set_level(&mut self, item: u64, place: u64, name: &str, quantity: i64) -> Option<i64> {
        let at = self.docs.goods.place_at(place)?;
        let before = Self::quantity(self.docs.goods.of_item(item)?.levels.get(at)?, name);
        let by = quantity - before;
        if by != 0 {
            self.move_level(item, at, Move { available: by, on_hand: by, committed: 0 }, Cause::Write);
        }
        Some(before)
    }

    /// Stocks an item at a place or ends that; quantities stay. Whether there is such a level.
    pub(crate) fn set_level_active(&mut self, item: u64, place: u64, active: bool) -> bool {
        let now = self.stamp();
        let Some(at) = self.docs.goods.place_at(place) else {
            return false;
        };
        let Some(level) = self.docs.goods.of_item_mut(item).and_then(|found| found.levels.get_mut(at)) else {
            return false;
        };
        if level.active != active {
            level.active = active;
            level.updated_at = now;
            self.tell_level(
                item,
                at,
                if active { "INVENTORY_LEVELS_CONNECT" } else { "INVENTORY_LEVELS_DISCONNECT" },
            );
        }
        true
    }
}
