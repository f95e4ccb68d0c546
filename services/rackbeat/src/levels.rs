//! What lies there and what can be sold: of one item, of all items, and by location. A quantity that is not told is
//! never taken for none: a shop would be told that it has sold out.

use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use shopbeat_domain::erp::ItemKind;
use shopbeat_domain::failure::{Failure, FailureKind};
use shopbeat_domain::ids::{ItemNumber, StockLocation};
use shopbeat_domain::ports::{Answer, Page};
use shopbeat_domain::stock::{ItemStock, PlaceStock};

use crate::RackbeatClient;
use crate::items::{GroupPart, keeps_stock, kind_of, segment};
use crate::pages::List;
use crate::quirks::Proof;
use crate::transport::failure;
use crate::walk::{Keyed, Step};
use crate::wire::{Flag, Num, Text, Whole};

const FIELDS: &str = "number,type,inventory_enabled,stock_quantity,in_order_quantity,available_quantity,\
    group(has_inventory)";
/// The readers of the list of all stock: products first, then bills of materials.
const PRODUCTS: &str = "stock of products";
const LOTS: &str = "stock of lots";

/// A quantity under a name that nobody could verify: what is no number tells nothing.
#[derive(Debug, Clone, Copy, Default)]
struct Maybe(Option<Decimal>);

impl<'de> Deserialize<'de> for Maybe {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&'de RawValue>::deserialize(deserializer)?.get();
        Ok(Self(serde_json::from_str::<Num>(raw).ok().map(|num| num.0)))
    }
}

#[derive(Debug, Deserialize)]
struct StockRow {
    number: Text,
    #[serde(default, rename = "type")]
    kind: Option<Text>,
    #[serde(default)]
    inventory_enabled: Option<Flag>,
    #[serde(default)]
    group: Option<GroupPart>,
    #[serde(default)]
    stock_quantity: Option<Num>,
    #[serde(default)]
    in_order_quantity: Option<Num>,
    #[serde(default)]
    available_quantity: Option<Num>,
}

impl Keyed for StockRow {
    fn number(&self) -> &str {
        &self.number.0
    }
}

impl StockRow {
    /// `None`: stock is kept, and what lies there or what can be sold is not told.
    fn into_stock(self) -> Option<ItemStock> {
        let item = ItemNumber::parse(&self.number.0).ok()?;
        if !keeps_stock(self.inventory_enabled, self.group.as_ref()) {
            let physical = self.stock_quantity.map(|num| num.0).unwrap_or_default();
            return Some(ItemStock {
                item,
                keeps_stock: false,
                physical,
                available: Some(physical),
                places: None,
            });
        }
        let physical = self.stock_quantity?.0;
        // The old form says what is available: stock less what is in order.
        let available = self.available_quantity.or(self.in_order_quantity.map(|num| Num(physical - num.0)));
        Some(ItemStock { item, keeps_stock: true, physical, available: Some(available?.0), places: None })
    }
}

/// What lies at one location. What can be sold there is typed by clients under several names.
#[derive(Debug, Deserialize)]
pub(crate) struct PlaceRow {
    pub(crate) number: Whole,
    pub(crate) stock_quantity: Num,
    #[serde(default)]
    available_quantity: Maybe,
    #[serde(default)]
    quantity_available: Maybe,
    #[serde(default)]
    available: Maybe,
}

impl PlaceRow {
    fn sellable(&self) -> Option<Decimal> {
        self.available_quantity.0.or(self.quantity_available.0).or(self.available.0)
    }

    fn to_place(&self) -> PlaceStock {
        let (location, physical) = (StockLocation(self.number.0), self.stock_quantity.0);
        PlaceStock { location, physical, available: self.sellable() }
    }
}

/// A row of the list that is asked for what can be sold only.
#[derive(Debug, Deserialize)]
struct SellableRow {
    number: Whole,
    #[serde(default)]
    available_quantity: Maybe,
    #[serde(default)]
    quantity_available: Maybe,
    #[serde(default)]
    available: Maybe,
}

impl SellableRow {
    fn sellable(&self) -> Option<Decimal> {
        self.available_quantity.0.or(self.quantity_available.0).or(self.available.0)
    }
}

#[derive(Debug, Deserialize)]
struct ReportRow {
    number: Text,
    stock_quantity: Num,
    #[serde(default)]
    locations: Option<Vec<PlaceRow>>,
}

impl Keyed for ReportRow {
    fn number(&self) -> &str {
        &self.number.0
    }
}

impl ReportRow {
    fn into_stock(self) -> Option<ItemStock> {
        let places = self.locations.map(|rows| {
            let held = rows.iter().filter(|row| !row.stock_quantity.0.is_zero());
            let place = |row: &PlaceRow| PlaceStock { available: None, ..row.to_place() };
            held.map(place).collect()
        });
        let (item, physical) = (ItemNumber::parse(&self.number.0).ok()?, self.stock_quantity.0);
        Some(ItemStock { item, keeps_stock: true, physical, available: None, places })
    }
}

fn untold(call: &str, number: &str) -> Failure {
    failure(FailureKind::Garbled, call, format!("the quantities of item {number:?} are not told"))
}

impl RackbeatClient {
    pub(crate) async fn read_levels(&self, item: &ItemNumber, by_location: bool) -> Answer<ItemStock> {
        let row: StockRow = self.read_row(item, &[("fields", FIELDS)]).await?;
        let kind = kind_of(row.kind.as_ref());
        let mut stock = row.into_stock().ok_or_else(|| untold("GET /items/{number}", item.as_str()))?;
        if by_location {
            stock.places = Some(if stock.keeps_stock { self.places(item, kind).await? } else { Vec::new() });
        }
        Ok(stock)
    }

    async fn places(&self, item: &ItemNumber, kind: ItemKind) -> Answer<Vec<PlaceStock>> {
        let number = segment(item, self.item_way(item).await?);
        let rows = self.place_rows(&number, kind).await?;
        let mut places: Vec<PlaceStock> = rows.iter().map(PlaceRow::to_place).collect();
        if places.iter().any(|place| place.available.is_some()) {
            return Ok(places);
        }
        for row in self.sellable_rows(&number).await? {
            let told = row.sellable();
            if let Some(place) = places.iter_mut().find(|place| place.location.0 == row.number.0) {
                place.available = told;
            }
        }
        Ok(places)
    }

    /// The rows by location, product or bill of materials: each has its stock under a path of its own.
    pub(crate) async fn place_rows(&self, number: &str, kind: ItemKind) -> Answer<Vec<PlaceRow>> {
        let product = List::new(
            "GET /products/{number}/locations",
            format!("/products/{number}/locations"),
            "product_locations",
        );
        let lot =
            List::new("GET /lots/{number}/locations", format!("/lots/{number}/locations"), "lot_locations");
        let (first, second) = match kind {
            ItemKind::Product => (product, lot),
            ItemKind::Lot => (lot, product),
        };
        match self.all::<PlaceRow>(&first).await {
            Err(missing) if missing.is_missing() => self.all::<PlaceRow>(&second).await,
            answer => answer,
        }
    }

    /// What can be sold by location from the list that is named for it; nothing where it was seen not to tell.
    async fn sellable_rows(&self, number: &str) -> Answer<Vec<SellableRow>> {
        let told = &self.shared.quirks.available_list;
        if told.get() == Proof::Disproven {
            return Ok(Vec::new());
        }
        let path = format!("/items/{number}/locations/available");
        let list = List::new("GET /items/{number}/locations/available", path, "locations");
        let rows = match self.all::<SellableRow>(&list).await {
            // The item is there: it is this list that is not.
            Err(missing) if missing.is_missing() => {
                told.set(false);
                return Ok(Vec::new());
            }
            answer => answer?,
        };
        // An item that lies nowhere proves nothing.
        if !rows.is_empty() {
            told.set(rows.iter().any(|row| row.sellable().is_some()));
        }
        Ok(rows)
    }

    /// Products, then bills of materials, in one sequence of pages. How many pages the products have is known once
    /// they were read; a reader that begins in the middle finds out first.
    pub(crate) async fn list_levels(&self, page: u32) -> Answer<Page<ItemStock>> {
        let page = u64::from(page.max(1));
        if page == 1 {
            self.walks.set_turn(None);
        }
        if let Some(turn) = self.walks.turn().filter(|turn| page > *turn) {
            return self.lot_levels(page, page - turn).await;
        }
        let list = stock_of("GET /products", "/products", "products");
        let going_on = page == 1 || self.walks.is_at(PRODUCTS, page);
        let step = self.step::<StockRow>(PRODUCTS, &list, page).await?;
        if !going_on && step.rows.is_empty() {
            let turn = match step.pages {
                Some(pages) => pages,
                None => self.page::<StockRow>(&list, 1).await?.pages,
            };
            let turn = turn.min(page - 1);
            self.walks.set_turn(Some(turn));
            return self.lot_levels(page, page - turn).await;
        }
        if step.is_last() {
            self.walks.set_turn(Some(page));
        }
        // At least the page of bills of materials follows.
        Ok(Page { rows: levels(list.name, step.rows)?, next: Some((page + 1).to_string()) })
    }

    async fn lot_levels(&self, page: u64, own: u64) -> Answer<Page<ItemStock>> {
        let list = stock_of("GET /lots", "/lots", "lots");
        let step: Step<StockRow> = self.step(LOTS, &list, own).await?;
        let next = (!step.is_last()).then(|| (page + 1).to_string());
        Ok(Page { rows: levels(list.name, step.rows)?, next })
    }

    pub(crate) async fn list_checking(&self, page: u32) -> Answer<Page<ItemStock>> {
        let list = List::new("GET /reports/checking", "/reports/checking", "items")
            .query("show_all_locations", "true")
            .query("fields", "number,stock_quantity,locations(*)")
            .query("order_by", "number")
            .query("order_direction", "ASC");
        let step = self.step::<ReportRow>("checking", &list, u64::from(page.max(1))).await?;
        let next = step.next();
        Ok(Page { rows: step.rows.into_iter().filter_map(ReportRow::into_stock).collect(), next })
    }
}

fn stock_of(name: &'static str, path: &'static str, key: &'static str) -> List {
    List::new(name, path, key)
        .query("fields", FIELDS)
        .query("order_by", "number")
        .query("order_direction", "ASC")
}

/// A row whose quantities are not told is left out and told, so that it alone stands still; if none tells them, the
/// answer is not what it was taken for.
fn levels(call: &str, rows: Vec<StockRow>) -> Answer<Vec<ItemStock>> {
    let (mut told, mut left_out) = (Vec::with_capacity(rows.len()), None);
    for row in rows {
        let number = row.number.0.clone();
        match row.into_stock() {
            Some(stock) => told.push(stock),
            None => {
                tracing::warn!(item.number = %number, "an item comes without its quantities: left out");
                left_out = Some(number);
            }
        }
    }
    match left_out {
        Some(number) if told.is_empty() => Err(untold(call, &number)),
        _ => Ok(told),
    }
}

#[cfg(test)]
#[path = "levels_tests.rs"]
mod tests;
