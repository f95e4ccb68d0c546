//! Items: read by number, listed, made. An item's number is its SKU and may hold anything.

use serde::{Deserialize, Serialize};
use shopbeat_domain::erp::{Item, ItemKind, NewProduct};
use shopbeat_domain::failure::FailureKind;
use shopbeat_domain::ids::ItemNumber;
use shopbeat_domain::limits;
use shopbeat_domain::ports::{Answer, Page};

use crate::RackbeatClient;
use crate::pages::{LARGEST_PAGE, List};
use crate::quirks::Way;
use crate::transport::{Request, encode, failure};
use crate::wire::{Flag, Num, Text, Whole, is_set};

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

#[derive(Debug, Deserialize)]
struct GroupPart {
    #[serde(default)]
    has_inventory: Option<Flag>,
}

impl ItemRow {
    /// `None` for a number that is nothing but spaces: no order can name it.
    fn into_item(self) -> Option<Item> {
        let number = ItemNumber::parse(&self.number.0).ok()?;
        let is_lot = self.kind.is_some_and(|kind| kind.0 == "lot");
        let keeps_stock = self.inventory_enabled.or(self.group.and_then(|group| group.has_inventory));
        Some(Item {
            number,
            kind: if is_lot { ItemKind::Lot } else { ItemKind::Product },
            barred: is_set(self.is_barred),
            // Where it is not told, stock is kept: the usual case, and the one in which nothing is skipped.
            keeps_stock: keeps_stock.is_none_or(|flag| flag.0),
            stock: self.stock_quantity.map(|num| num.0).unwrap_or_default(),
        })
    }
}

#[derive(Debug, Serialize)]
struct ProductBody<'a> {
    number: &'a str,
    name: &'a str,
    /// `group` in running clients, `group_id` in the old form.
    group: u64,
    group_id: u64,
    sales_price: Num,
    #[serde(skip_serializing_if = "str::is_empty")]
    description: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    unit_id: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recommended_cost_price: Option<Num>,
    #[serde(skip_serializing_if = "Option::is_none")]
    physical: Option<Physical>,
}

#[derive(Debug, Serialize)]
struct Physical {
    weight: Num,
    weight_unit: &'static str,
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
        let encoding = &self.shared.quirks.encoding;
        let way = encoding.first();
        let first = self.get_item(number, way).await;
        let is_plain = segment(number, way) == segment(number, way.other());
        match first {
            Ok(item) => {
                if !is_plain {
                    encoding.learn(way);
                }
                Ok(item)
            }
            Err(missing) if missing.is_missing() && !is_plain && encoding.known().is_none() => {
                let second = self.get_item(number, way.other()).await?;
                encoding.learn(way.other());
                Ok(second)
            }
            other => other,
        }
    }

    async fn get_item(&self, number: &ItemNumber, way: Way) -> Answer<Item> {
        const NAME: &str = "GET /items/{number}";
        let reply = self.send(Request::get(NAME, format!("/items/{}", segment(number, way)))).await?;
        let found = reply.one::<ItemRow>("item")?.into_item();
        // An encoding that the server undoes twice finds another item than was meant ("A%2FB" for "A/B").
        let same = found.filter(|item| item.number.as_str() == number.as_str());
        same.ok_or_else(|| failure(FailureKind::Missing, NAME, "there is no item of exactly this number"))
    }

    pub(crate) async fn list_items(&self, page: u32) -> Answer<Page<Item>> {
        let list = List::new("GET /items", "/items", "items")
            .query("fields", "number,type,is_barred,inventory_enabled,stock_quantity,group(has_inventory)")
            .query("order_by", "number")
            .query("order_direction", "ASC")
            .limit(LARGEST_PAGE);
        let page = u64::from(page.max(1));
        let listing = match self.page::<ItemRow>(&list, page).await {
            // A page past the end may be empty or 404.
            Err(gone) if gone.is_missing() && page > 1 => return Ok(Page { rows: Vec::new(), next: None }),
            answer => answer?,
        };
        let next = (page < listing.pages).then(|| (page + 1).to_string());
        Ok(Page { rows: listing.rows.into_iter().filter_map(ItemRow::into_item).collect(), next })
    }

    pub(crate) async fn post_product(&self, product: &NewProduct) -> Answer<()> {
        let body = ProductBody {
            number: product.number.as_str(),
            name: &product.name,
            group: product.group,
            group_id: product.group,
            sales_price: Num(product.sales_price),
            description: &product.description,
            unit_id: product.unit,
            recommended_cost_price: product.cost.map(Num),
            // A pound has eight decimals of a kilogram, Rackbeat takes six.
            physical: product.weight_kg.map(|weight| Physical {
                weight: Num(weight.round_dp(limits::PRICE_DECIMALS).normalize()),
                weight_unit: "kg",
            }),
        };
        self.send(Request::post("POST /products", "/products").json(&body)?).await.map(drop)
    }
}

/// A number that an answer gives for a thing made.
#[derive(Debug, Deserialize)]
pub(crate) struct MadeId {
    pub(crate) id: Whole,
}

#[cfg(test)]
#[path = "items_tests.rs"]
mod tests;
