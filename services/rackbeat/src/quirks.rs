//! What nobody could verify about Rackbeat, and what this client has learned about it meanwhile. Clones share
//! what was learned; another process learns it anew.
//!
//! | question | ways, the first tried first | told by | where |
//! |---|---|---|---|
//! | does `search` on orders cover the heading? | unknown, then proven or not | a known order's reference, searched for | `find.rs` |
//! | does the order list honour `order_by` or `sort`? | looked at on every list | the rows' times | `pages.rs` |
//! | does `simple_filter[contact_email]` filter? | unknown, then proven or not | a known address in another case | `customers.rs` |
//! | how do odd item numbers stand in a path? | percent-encoded once (newer SDK), twice (older SDK) | 404 or another item's number | `items.rs` |
//! | are countries names or ISO codes? | names (a running client), codes | 422 on a country | `address.rs` |
//! | which call marks an order ready? | the flag by `PUT`, `book-for-shipping` | the flag, read back | `shipments.rs` |
//! | where is a shipment shipped? | `/orders/shipments/{id}/…` (later SDK), `/orders/{n}/shipments/{id}/…` | 404 | `shipments.rs` |
//! | where is it picked? | `/orders/{n}/shipments/{id}/…` (old SDK, the only one seen), the other | 404 | `shipments.rs` |
//! | does shipping pick as well? | yes, else pick and ship again | 422 | `shipments.rs` |
//! | where does `book=false` count? | query and body, both sent | | `invoices.rs` |
//! | flat address keys or objects? | both sent | | `address.rs` |
//! | does booking mail? | `mail.send = false` always sent | | `orders.rs`, `invoices.rs` |
//! | do item lists honour `order_by` (SDKs send it)? | asked for, not believed: what moves between pages is seen by `total` | | `walk.rs` |
//! | is a page past the end empty or 404? | either | | `walk.rs` |
//! | do items embed custom fields? | `expand=field_values` (both SDKs), `metadata` (later SDK), else told as none | the rows | `products.rs` |
//! | may an item's number be changed? | by `PUT` (inferred from the webhooks' `old_key`), else told as refused | the number in the answer | `products.rs` |
//! | what clears a barcode? | an empty text (inferred) | | `products.rs` |
//! | which weight units are there? | `kg` is written (a running client); others are read, an unknown one tells no weight | | `products.rs` |
//! | where is told what can be sold at a location? | `/products/{n}/locations`, under three names (running clients), else `/items/{n}/locations/available` (later SDK), else not told | the rows | `levels.rs` |
//! | does a location hold the stock of those inside it? | taken as told | | `levels.rs` |
//! | what is the stock event called, and what names the item in it? | `inventory.changed` (help page) and `item` (seen live), then `key`; both can be set | | `deliveries.rs` |
//! | do other events come in the plural? | subscribed in the singular (seen live), both are read | | `deliveries.rs` |
//! | is the webhook token told again? | if not: deleted and made anew | no token | `webhook.rs` |

use std::sync::atomic::{AtomicU8, Ordering};

/// One of two ways to do a thing, the likelier one first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// The likelier.
    First,
    /// The other.
    Second,
}

impl Way {
    pub(crate) fn other(self) -> Self {
        match self {
            Self::First => Self::Second,
            Self::Second => Self::First,
        }
    }
}

/// Which of two ways works, once it is known.
#[derive(Debug, Default)]
pub(crate) struct Choice(AtomicU8);

impl Choice {
    /// The way that is known to work.
    pub(crate) fn known(&self) -> Option<Way> {
        match self.0.load(Ordering::Relaxed) {
            1 => Some(Way::First),
            2 => Some(Way::Second),
            _ => None,
        }
    }

    /// The way to try first.
    pub(crate) fn first(&self) -> Way {
        self.known().unwrap_or(Way::First)
    }

    /// This way worked.
    pub(crate) fn learn(&self, way: Way) {
        self.0.store(if way == Way::First { 1 } else { 2 }, Ordering::Relaxed);
    }
}

/// Whether something that Rackbeat may or may not do can be relied on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// Nothing has shown it either way yet.
    Unknown,
    /// It was seen to work.
    Proven,
    /// It was seen not to work.
    Disproven,
}

/// A [`Proof`] that clones share.
#[derive(Debug, Default)]
pub(crate) struct Proving(AtomicU8);

impl Proving {
    pub(crate) fn get(&self) -> Proof {
        match self.0.load(Ordering::Relaxed) {
            1 => Proof::Proven,
            2 => Proof::Disproven,
            _ => Proof::Unknown,
        }
    }

    pub(crate) fn set(&self, works: bool) -> Proof {
        self.0.store(if works { 1 } else { 2 }, Ordering::Relaxed);
        self.get()
    }
}

/// Everything learned about one account.
#[derive(Debug, Default)]
pub(crate) struct Quirks {
    /// `search` on orders covers the heading.
    pub(crate) heading_search: Proving,
    /// `simple_filter[contact_email]` on customers filters, whatever the case.
    pub(crate) email_filter: Proving,
    /// First: odd item numbers are percent-encoded once. Second: twice.
    pub(crate) encoding: Choice,
    /// First: country names. Second: ISO codes.
    pub(crate) country: Choice,
    /// First: the flag by `PUT`. Second: `book-for-shipping`.
    pub(crate) ready: Choice,
    /// First: `/orders/shipments/{id}/mark-shipped`. Second: below the order.
    pub(crate) ship: Choice,
    /// Items embed their custom fields, as `field_values` or as `metadata`.
    pub(crate) fields_embedded: Proving,
    /// `/items/{n}/locations/available` tells what can be sold.
    pub(crate) available_list: Proving,
    /// First: `/orders/{n}/shipments/{id}/mark-picked`. Second: `/orders/shipments/{id}/…`.
    pub(crate) pick: Choice,
}
