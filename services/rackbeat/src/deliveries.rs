//! What a webhook's delivery means: whose stock changed, which product changed.

use serde_json::Value;
use shopbeat_domain::ids::ItemNumber;

use crate::webhook::{Notice, plain_event, plain_key, read_notice};

/// Events of products and bills of materials. `product.…` was seen live; `lot.…` follows the same pattern.
pub const PRODUCT_EVENTS: [&str; 4] = ["product.created", "product.updated", "lot.created", "lot.updated"];

/// The event of a changed stock. Its name is told by a help page, a body was seen without a name: so both can be set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StockEvent {
    /// Its name.
    pub event: String,
    /// Keys of the body that may hold the item's number, the surest first; `data.number` is a key within another.
    pub keys: Vec<String>,
}

impl Default for StockEvent {
    fn default() -> Self {
        Self { event: "inventory.changed".to_owned(), keys: vec!["item".to_owned(), "key".to_owned()] }
    }
}

/// What a delivery is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum About {
    /// The stock of an item.
    Stock(ItemNumber),
    /// A product or bill of materials; after a change of its number both, the old one first.
    Product(Vec<ItemNumber>),
    /// Something else.
    Other,
}

/// A delivery, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The event's name.
    pub event: String,
    /// What it is about.
    pub about: About,
}

/// Reads a delivery, in the live or in the documented shape. `event_header` is the header `Rackbeat-Webhook-Event`;
/// the body's own `event` counts only without it. `None`: it tells nothing that can be read. Nothing but numbers is
/// taken from it: its token is no signature over the body.
#[must_use]
pub fn read_delivery(stock: &StockEvent, event_header: Option<&str>, body: &[u8]) -> Option<Delivery> {
    let whole: Value = serde_json::from_slice(body).ok()?;
    let header = event_header.map(str::trim).filter(|event| !event.is_empty());
    let event = header.or_else(|| whole.get("event")?.as_str()).filter(|event| plain_event(event))?;
    let about = if event == stock.event {
        let number = stock.keys.iter().find_map(|key| number_at(&whole, key))?;
        About::Stock(ItemNumber::parse(&number).ok()?)
    } else if is_product(event) {
        About::Product(numbers(read_notice(Some(event), body)?))
    } else {
        About::Other
    };
    Some(Delivery { event: event.to_owned(), about })
}

/// One guide's example has the plural (`orders.created`), the catalogue and live calls the singular.
fn is_product(event: &str) -> bool {
    let singular = event.replacen("s.", ".", 1);
    PRODUCT_EVENTS.contains(&event) || PRODUCT_EVENTS.contains(&singular.as_str())
}

fn numbers(notice: Notice) -> Vec<ItemNumber> {
    let all = notice.old_key.into_iter().chain([notice.key]);
    all.filter_map(|key| ItemNumber::parse(&key).ok()).collect()
}

/// The text, number, or object with a `number` that stands at `path`.
fn number_at(body: &Value, path: &str) -> Option<String> {
    let found = path.split('.').try_fold(body, |part, key| part.get(key))?;
    let found = found.get("number").unwrap_or(found);
    let text = match found {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    plain_key(&text).then_some(text)
}

/// The events to subscribe to.
#[must_use]
pub fn subscribed_events(stock: &StockEvent) -> Vec<String> {
    PRODUCT_EVENTS.iter().map(|event| (*event).to_owned()).chain([stock.event.clone()]).collect()
}

#[cfg(test)]
#[path = "deliveries_tests.rs"]
mod tests;
