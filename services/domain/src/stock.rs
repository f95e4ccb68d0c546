//! Stock: what Rackbeat says, what is sold and not booked yet, and what a shop is told.

use jiff::Timestamp;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::{Deserialize, Serialize};

use crate::ids::{InventoryItemId, ItemNumber, LocationId, ProductId, StockLocation, StoreId, VariantId};
use crate::limits;
use crate::settings::{Negative, StockKind, StockRoute, StockSettings};

/// Units at one Rackbeat location.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlaceStock {
    /// Where.
    pub location: StockLocation,
    /// What lies there.
    pub physical: Decimal,
    /// What can be sold; `None` where the answer does not tell it per location.
    pub available: Option<Decimal>,
}

/// What Rackbeat says of one item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemStock {
    /// The item.
    pub item: ItemNumber,
    /// Whether stock is kept for it.
    pub keeps_stock: bool,
    /// What lies there, all locations.
    pub physical: Decimal,
    /// What can be sold, all locations; `None` where the answer does not tell it (the stock report).
    pub available: Option<Decimal>,
    /// By location; `None` where the answer does not tell it.
    pub places: Option<Vec<PlaceStock>>,
}

/// What the agreement's reader posts for its stores: Rackbeat's word and the units held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockNotice {
    /// Layout of this record.
    pub version: u32,
    /// What Rackbeat said.
    pub stock: ItemStock,
    /// Units sold and not yet booked, by store; stores without any are left out.
    pub held: Vec<(StoreId, Decimal)>,
}

impl StockNotice {
    /// What this store is to show at each of its locations, in the order of the routes. Units held are taken from the
    /// first locations, as far as they go: an error may only under-sell.
    #[must_use]
    pub fn quantities(
        &self,
        store: &StoreId,
        settings: &StockSettings,
        routes: &[StockRoute],
    ) -> Vec<(LocationId, i64)> {
        let mut sums: Vec<(LocationId, Decimal)> = Vec::new();
        for route in routes {
            let units = self.units(settings.quantity, route.from);
            match sums.iter_mut().find(|(to, _)| *to == route.to) {
                Some((_, sum)) => *sum += units,
                None => sums.push((route.to, units)),
            }
        }
        let mut held = self.held_against(store, settings.quantity);
        let last = sums.len().saturating_sub(1);
        for (at, (_, sum)) in sums.iter_mut().enumerate() {
            let taken = if at == last { held } else { held.min((*sum).max(Decimal::ZERO)) };
            *sum -= taken;
            held -= taken;
        }
        sums.into_iter()
            .map(|(to, sum)| (to, whole(sum - Decimal::from(settings.buffer), settings.negative)))
            .collect()
    }

    fn units(&self, kind: StockKind, from: Option<StockLocation>) -> Decimal {
        let stock = &self.stock;
        let Some(from) = from else {
            return match kind {
                StockKind::Available => stock.available.unwrap_or(stock.physical),
                StockKind::Physical => stock.physical,
            };
        };
        let place = stock.places.iter().flatten().find(|place| place.location == from);
        place.map_or(Decimal::ZERO, |place| match kind {
            StockKind::Available => place.available.unwrap_or(place.physical),
            StockKind::Physical => place.physical,
        })
    }

    /// The units that are sold and that Rackbeat does not know of. Shopify itself takes a store's own open orders from
    /// `available`, so from what lies there only other stores' sales are taken.
    fn held_against(&self, store: &StoreId, kind: StockKind) -> Decimal {
        let counts = |holder: &StoreId| kind == StockKind::Available || holder != store;
        self.held.iter().filter(|(holder, _)| counts(holder)).map(|(_, units)| *units).sum()
    }
}

/// Whole units, rounded down, within Shopify's bounds.
fn whole(units: Decimal, negative: Negative) -> i64 {
    let units = match negative {
        Negative::Clamp => units.max(Decimal::ZERO),
        Negative::Send => units,
    };
    let most = limits::LARGEST_QUANTITY;
    units.floor().to_i64().unwrap_or(most).clamp(-most, most)
}

/// Where a store has an item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shelf {
    /// Layout of this record.
    pub version: u32,
    /// The item.
    pub item: ItemNumber,
    /// What the shop has under its SKU; `None`: nothing, as of `looked_at`.
    pub spot: Option<Spot>,
    /// When it was looked for.
    pub looked_at: Timestamp,
}

/// The variant that bears an item's number as its SKU.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spot {
    /// The product.
    pub product: ProductId,
    /// The variant.
    pub variant: VariantId,
    /// Its inventory item.
    pub inventory_item: InventoryItemId,
    /// Whether Shopify counts its stock.
    pub tracked: bool,
    /// A bundle: its stock follows from its parts and cannot be set.
    pub bundle: bool,
    /// The product has no other variant: its title and description are this item's own.
    pub lone: bool,
}

/// What a store was last told of an item.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Told {
    /// Layout of this record.
    pub version: u32,
    /// The notice that all locations reflect.
    pub seq: u64,
    /// By location: the quantity that stands there as far as we know (written by us, or read).
    pub levels: Vec<ToldLevel>,
}

/// One level as far as we know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToldLevel {
    /// Where.
    pub location: LocationId,
    /// The quantity that stands there; the next write names it as `changeFromQuantity`.
    pub quantity: i64,
    /// Since when we know.
    pub at: Timestamp,
}

macro_rules! stock_troubles {
    ($($(#[$doc:meta])* $variant:ident, $name:literal, $remedy:literal;)+) => {
        /// Why an item's quantity is not sent.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum StockCode { $($(#[$doc])* $variant,)+ }

        impl StockCode {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The code in answers and tables.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// What to do about it.
            #[must_use]
            pub fn remedy(self) -> &'static str {
                match self { $(Self::$variant => $remedy,)+ }
            }
        }
    };
}

stock_troubles! {
    /// Shopify does not count its stock.
    Untracked, "untracked", "let Shopify track the quantity of this variant, or leave it: nothing is sent for it";
    /// A bundle.
    Bundle, "bundle", "nothing to do: a bundle's stock follows from its parts";
    /// Several variants bear the SKU.
    DuplicateSku, "duplicate_sku", "give each variant a SKU of its own in Shopify";
    /// No Shopify location is chosen, and the shop has several or none.
    NoLocation, "no_location", "set stock.locations: the shop has not exactly one active location";
    /// Shopify refuses this item's quantity.
    Refused, "refused", "Shopify refuses the quantity of this variant; read the message, correct the cause, then it goes on by itself";
    /// The quantity in Shopify changes faster than it can be set.
    KeepsChanging, "keeps_changing", "something else keeps changing this quantity in Shopify; find and stop it; it is tried again by itself";
}

/// An item whose quantity is not sent, with the reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockTrouble {
    /// Layout of this record.
    pub version: u32,
    /// The item.
    pub item: ItemNumber,
    /// Machine-readable reason.
    pub code: StockCode,
    /// What happened, for a person.
    pub message: String,
    /// Since when.
    pub since: Timestamp,
    /// How often it was met in a row.
    pub times: u32,
}

/// One quantity to be set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetQuantity {
    /// The inventory item.
    pub inventory_item: InventoryItemId,
    /// The location.
    pub location: LocationId,
    /// What it shall be.
    pub quantity: i64,
    /// What it is as far as we know; `None` is not compared.
    pub from: Option<i64>,
}

/// A batch of quantities, at most [`limits::QUANTITIES_PER_CALL`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StockWrite {
    /// Which of Shopify's quantities.
    pub kind: StockKind,
    /// Follows the intent: the same intent tried again has the same key.
    pub key: String,
    /// Shown in the merchant's history: `gid://shopbeat/StockSync/<something>`.
    pub reference: String,
    /// The quantities; each pair of item and location once.
    pub quantities: Vec<SetQuantity>,
}

/// Why Shopify refused a batch. Nothing of it was applied then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StockRefusal {
    /// The culprit's place in the batch, if Shopify tells it.
    pub index: Option<usize>,
    /// The reason.
    pub problem: StockProblem,
    /// Shopify's words.
    pub message: String,
}

/// The reasons.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StockProblem {
    /// The quantity is not what `from` said.
    Stale,
    /// The key was used for another batch, or its first try failed: a new key is needed.
    KeySpent,
    /// The same key is being worked on: the same call again, later.
    KeyRunning,
    /// Anything about a single item: unknown, bundle, location.
    Item,
    /// Anything else.
    Other,
}

/// An inventory item as the shop has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShopStock {
    /// The inventory item.
    pub inventory_item: InventoryItemId,
    /// Whether Shopify counts its stock.
    pub tracked: bool,
    /// By location, inactive ones too.
    pub levels: Vec<ShopLevel>,
}

/// One level as the shop has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShopLevel {
    /// Where.
    pub location: LocationId,
    /// Stocked there: a write to an inactive level succeeds and has no effect.
    pub active: bool,
    /// What can be sold.
    pub available: i64,
    /// What lies there.
    pub on_hand: i64,
}

impl ShopLevel {
    /// The quantity of a kind.
    #[must_use]
    pub fn of(&self, kind: StockKind) -> i64 {
        match kind {
            StockKind::Available => self.available,
            StockKind::Physical => self.on_hand,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notice(available: i64, held: &[(&str, i64)]) -> StockNotice {
        let place = |location, units| PlaceStock {
            location: StockLocation(location),
            physical: Decimal::from(units),
            available: None,
        };
        StockNotice {
            version: 1,
            stock: ItemStock {
                item: ItemNumber::parse("A").unwrap(),
                keeps_stock: true,
                physical: Decimal::from(20),
                available: Some(Decimal::from(available)),
                places: Some(vec![place(1, 15), place(2, 5)]),
            },
            held: held.iter().map(|(s, n)| (StoreId::parse(s).unwrap(), Decimal::from(*n))).collect(),
        }
    }

    fn sent(notice: &StockNotice, settings: &StockSettings, routes: &[(Option<u64>, u64)]) -> Vec<i64> {
        let routes: Vec<_> = routes
            .iter()
            .map(|(from, to)| StockRoute { from: from.map(StockLocation), to: LocationId(*to) })
            .collect();
        let me = StoreId::parse("me").unwrap();
        notice.quantities(&me, settings, &routes).into_iter().map(|(_, units)| units).collect()
    }

    #[test]
    fn what_is_sold_anywhere_and_not_booked_is_taken_off() {
        let settings = StockSettings::default();
        assert_eq!(sent(&notice(10, &[]), &settings, &[(None, 1)]), [10]);
        assert_eq!(sent(&notice(10, &[("me", 2), ("other", 3)]), &settings, &[(None, 1)]), [5]);
        let physical = StockSettings { quantity: StockKind::Physical, ..settings };
        assert_eq!(sent(&notice(10, &[("me", 2), ("other", 3)]), &physical, &[(None, 1)]), [17]);
    }

    #[test]
    fn locations_are_summed_or_kept_apart_and_held_units_come_from_the_first() {
        let settings = StockSettings::default();
        assert_eq!(sent(&notice(0, &[]), &settings, &[(Some(1), 7), (Some(2), 7)]), [20]);
        assert_eq!(sent(&notice(0, &[]), &settings, &[(Some(1), 7), (Some(2), 8)]), [15, 5]);
        assert_eq!(sent(&notice(0, &[("me", 17)]), &settings, &[(Some(1), 7), (Some(2), 8)]), [0, 3]);
        assert_eq!(sent(&notice(0, &[]), &settings, &[(Some(9), 7)]), [0]);
    }

    #[test]
    fn the_buffer_is_held_back_and_negative_numbers_are_clamped_or_sent() {
        let mut settings = StockSettings { buffer: 3, ..StockSettings::default() };
        assert_eq!(sent(&notice(10, &[]), &settings, &[(None, 1)]), [7]);
        assert_eq!(sent(&notice(1, &[]), &settings, &[(None, 1)]), [0]);
        settings.negative = Negative::Send;
        assert_eq!(sent(&notice(1, &[]), &settings, &[(None, 1)]), [-2]);
    }
}
