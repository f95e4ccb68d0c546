//! Items: read by number, listed. An item's number is its SKU and may hold anything.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use shopbeat_domain::erp::{Item, ItemKind};
use shopbeat_domain::failure::{Failure, FailureKind};
use shopbeat_domain::ids::ItemNumber;
use shopbeat_domain::ports::{Answer, Page};

use crate::RackbeatClient;
use crate::pages::{LARGEST_PAGE, List};
use crate::quirks::Way;
use crate::transport::{Request, encode, failure};
use crate::walk::Keyed;
use crate::wire::{Flag, Num, Text, Whole, is_set};

const GET_ITEM: &str = "GET /items/{number}";

#[derive(Debug, Deserialize)]
struct ItemRow {
    number: Text,
    #[serde(default, rename = "type")]
    kind: Option<Text>,
    #[serde(default)]
    is_barred: Option<Flag>,
    #[serde(default)]
    inventory_enabled: Option<Flag>,
    #[serde(default)]
    group: Option<GroupPart>,
    #[serde(default)]
    stock_quantity: Option<Num>,
}

/// What an item tells of its product group.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct GroupPart {
    #[serde(default)]
    pub(crate) number: Option<Whole>,
    #[serde(default)]
    pub(crate) name: Option<Text>,
    #[serde(default)]
    pub(crate) has_inventory: Option<Flag>,
}

/// What a row calls a bill of materials.
pub(crate) fn kind_of(told: Option<&Text>) -> ItemKind {
    match told {
        Some(kind) if kind.0 == "lot" => ItemKind::Lot,
        _ => ItemKind::Product,
    }
}

/// Whether stock is kept. Where it is not told it is: the usual case, and the one in which nothing is skipped.
pub(crate) fn keeps_stock(own: Option<Flag>, group: Option<&GroupPart>) -> bool {
    own.or(group.and_then(|group| group.has_inventory)).is_none_or(|flag| flag.0)
}

impl Keyed for ItemRow {
    fn number(&self) -> &str {
        &self.number.0
    }
}

impl ItemRow {
    /// `None` for a number that is nothing but spaces: no order can name it.
    fn into_item(self) -> Option<Item> {
        let number = ItemNumber::parse(&self.number.0).ok()?;
        Some(Item {
            number,
            kind: kind_of(self.kind.as_ref()),
            barred: is_set(self.is_barred),
            keeps_stock: keeps_stock(self.inventory_enabled, self.group.as_ref()),
            stock: self.stock_quantity.map(|num| num.0).unwrap_or_default(),
        })
    }
}

/// How an item's number stands in a path. Responses carry an `urlfriendly_number`, and the vendor's newer SDK
/// encodes once, the older twice; for plain numbers both are the same.
pub(crate) fn segment(number: &ItemNumber, way: Way) -> String {
    let once = encode(number.as_str());
    // "." and ".." would be taken for steps in the path, encoded once or not at all.
    let once = if once.bytes().all(|b| b == b'.') { once.replace('.', "%2E") } else { once };
    match way {
        Way::First => once,
        Way::Second => encode(&once),
    }
}

impl RackbeatClient {
    /// How this account wants the number of an item encoded; asked by reading the item when it is not known yet
    /// and makes a difference. `Missing` if there is no such item.
    pub(crate) async fn item_way(&self, number: &ItemNumber) -> Answer<Way> {
        let encoding = &self.shared.quirks.encoding;
        if encoding.known().is_none() && segment(number, Way::First) != segment(number, Way::Second) {
            self.read_item(number).await?;
        }
        Ok(encoding.first())
    }

    pub(crate) async fn read_item(&self, number: &ItemNumber) -> Answer<Item> {
        let row: ItemRow = self.read_row(number, &[]).await?;
        row.into_item().ok_or_else(|| no_such(GET_ITEM))
    }

    /// Reads one item, product or bill of materials, in the encoding that this account wants.
    pub(crate) async fn read_row<T>(
        &self,
        number: &ItemNumber,
        query: &[(&'static str, &'static str)],
    ) -> Answer<T>
    where
        T: DeserializeOwned + Keyed,
    {
        let encoding = &self.shared.quirks.encoding;
        let way = encoding.first();
        let first = self.get_row(number, way, query).await;
        let is_plain = segment(number, way) == segment(number, way.other());
        match first {
            Ok(row) => {
                if !is_plain {
                    encoding.learn(way);
                }
                Ok(row)
            }
            Err(missing) if missing.is_missing() && !is_plain && encoding.known().is_none() => {
                let second = self.get_row(number, way.other(), query).await?;
                encoding.learn(way.other());
                Ok(second)
            }
            other => other,
        }
    }

    async fn get_row<T>(
        &self,
        number: &ItemNumber,
        way: Way,
        query: &[(&'static str, &'static str)],
    ) -> Answer<T>
    where
        T: DeserializeOwned + Keyed,
    {
        let mut request = Request::get(GET_ITEM, format!("/items/{}", segment(number, way)));
        for (key, value) in query {
            request = request.query(key, *value);
        }
        let found: T = self.send(request).await?.one("item")?;
        // An encoding that the server undoes twice finds another item than was meant ("A%2FB" for "A/B").
        if found.number().trim() == number.as_str() { Ok(found) } else { Err(no_such(GET_ITEM)) }
    }

    pub(crate) async fn list_items(&self, page: u32) -> Answer<Page<Item>> {
        let list = List::new("GET /items", "/items", "items")
            .query("fields", "number,type,is_barred,inventory_enabled,stock_quantity,group(has_inventory)")
            .query("order_by", "number")
            .query("order_direction", "ASC")
            .limit(LARGEST_PAGE);
        let step = self.step::<ItemRow>("items", &list, u64::from(page.max(1))).await?;
        let next = step.next();
        Ok(Page { rows: step.rows.into_iter().filter_map(ItemRow::into_item).collect(), next })
    }
}

fn no_such(call: &str) -> Failure {
    failure(FailureKind::Missing, call, "there is no item of exactly this number")
}

/// A number that an answer gives for a thing made.
#[derive(Debug, Deserialize)]
pub(crate) struct MadeId {
    pub(crate) id: Whole,
}

#[cfg(test)]
#[path = "items_tests.rs"]
mod tests;
