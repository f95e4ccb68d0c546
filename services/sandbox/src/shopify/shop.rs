//! One simulated shop: who it is, what it sells, what happened in it.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::bulk::BulkJob;
use super::docs::{Docs, gid};
use super::idempotent::Keys;
use super::order::Order;
use super::order_build::Ids;
use super::order_doc::{instant, order_doc};
use super::order_gen::Offer;
use super::stock::{InventoryWrite, Poison, ProductWrite};
use super::throttle::Bucket;
use super::webhook::{Event, Subscription};
use crate::Core;
use crate::catalog::Catalog;
use crate::seed::Seeded;

/// Scopes an app of ours is usually given.
pub const USUAL_SCOPES: [&str; 9] = [
    "read_products",
    "write_products",
    "read_inventory",
    "write_inventory",
    "read_locations",
    "read_orders",
    "read_customers",
    "read_merchant_managed_fulfillment_orders",
    "write_merchant_managed_fulfillment_orders",
];

/// A shop to simulate.
#[derive(Clone)]
pub struct ShopSpec {
    /// Such as `fjeld.myshopify.com`.
    pub domain: String,
    /// Shown name.
    pub name: String,
    /// Client id of the app installed in it.
    pub client_id: String,
    /// Client secret: also the key of webhook signatures.
    pub client_secret: String,
    /// A never-expiring token of an old admin-made app, if it has one.
    pub legacy_token: Option<String>,
    /// What the app may do.
    pub scopes: Vec<String>,
    /// ISO code of the shop's currency.
    pub currency: String,
    /// Whether prices include tax.
    pub taxes_included: bool,
    /// Cost points restored per second: 100 standard, 200 advanced, 1000 Plus.
    pub restore_rate: u32,
    /// ISO code of the country of the shop's own address.
    pub country: String,
    /// Time zone.
    pub timezone: String,
    /// Life of a token from the client credentials grant.
    pub token_life: Duration,
    /// Names of the locations; the first holds the catalogue's stock.
    pub locations: Vec<String>,
    /// What it sells.
    pub catalog: Catalog,
    /// How many customers buy in it.
    pub customers: u64,
}

impl fmt::Debug for ShopSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShopSpec").field("domain", &self.domain).finish_non_exhaustive()
    }
}

impl ShopSpec {
    /// A Danish shop with tax-included prices in DKK on the standard plan. Client id and secret are
    /// made from the handle: `client-<handle>` and `shpss_<handle>`.
    #[must_use]
    pub fn new(handle: &str, catalog: Catalog) -> Self {
        Self {
            domain: format!("{handle}.myshopify.com"),
            name: handle.to_owned(),
            client_id: format!("client-{handle}"),
            client_secret: format!("shpss_{handle}"),
            legacy_token: None,
            scopes: USUAL_SCOPES.iter().map(|scope| (*scope).to_owned()).collect(),
            currency: "DKK".to_owned(),
            taxes_included: true,
            restore_rate: 100,
            country: "DK".to_owned(),
            timezone: "Europe/Copenhagen".to_owned(),
            // Shopify answers 86399 to a grant of 24 hours.
            token_life: Duration::from_secs(86_399),
            locations: vec!["Lager".to_owned(), "Butik".to_owned()],
            catalog,
            customers: 200,
        }
    }
}

/// What keeps a shop from answering at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Answers.
    Open,
    /// 402: unpaid.
    Frozen,
    /// 423: locked by Shopify.
    Locked,
    /// 404: no such shop any more.
    Gone,
}

/// All that is known of one shop.
pub(crate) struct Shop {
    pub(crate) spec: ShopSpec,
    pub(crate) core: Core,
    pub(crate) number: u64,
    pub(crate) standing: Standing,
    pub(crate) installed: bool,
    /// Issued tokens and when each ends.
    pub(crate) tokens: HashMap<String, Timestamp>,
    pub(crate) tokens_issued: u64,
    pub(crate) bucket: Bucket,
    pub(crate) docs: Docs,
    /// Made anew after a change in the catalogue.
    pub(crate) offers: Option<Vec<Offer>>,
    pub(crate) keys: Keys,
    pub(crate) poison: HashMap<u64, Poison>,
    /// Codes with which the next inventory calls are refused.
    pub(crate) refusals: VecDeque<String>,
    pub(crate) inventory_writes: Vec<InventoryWrite>,
    pub(crate) product_writes: Vec<ProductWrite>,
    /// False while it is filled.
    pub(crate) open: bool,
    pub(crate) orders: BTreeMap<u64, Order>,
    pub(crate) subscriptions: BTreeMap<u64, Subscription>,
    pub(crate) bulk: BTreeMap<u64, BulkJob>,
    pub(crate) bulk_plan: VecDeque<super::bulk::BulkFault>,
    pub(crate) bulk_polls: u32,
    /// Where this simulation is reached, for links in answers.
    pub(crate) origin: String,
    /// Told to subscribers once the current call is over.
    pub(crate) outbox: Vec<Event>,
    pub(crate) events_sent: u64,
    pub(crate) ids: Ids,
    pub(crate) next_number: u32,
    pub(crate) draw: Seeded,
    pub(crate) tokens_draw: Seeded,
    last_stamp: Timestamp,
}

impl fmt::Debug for Shop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shop").field("domain", &self.spec.domain).finish_non_exhaustive()
    }
}

impl Shop {
    pub(crate) fn new(spec: ShopSpec, core: Core, number: u64) -> Self {
        // Real ids are near 2^43; each shop has a range of its own.
        let first = 6_100_000_000_000 + number * 10_000_000_000;
        let draw = Seeded::labelled(core.seed, &spec.domain);
        let tokens_draw = Seeded::labelled(core.seed, &format!("{} tokens", spec.domain));
        let bucket = Bucket::new(spec.restore_rate, core.clock.now());
        let now = core.clock.now();
        let mut shop = Self {
            core,
            number,
            standing: Standing::Open,
            installed: true,
            tokens: HashMap::new(),
            tokens_issued: 0,
            bucket,
            docs: Docs::default(),
            offers: None,
            keys: Keys::default(),
            poison: HashMap::new(),
            refusals: VecDeque::new(),
            inventory_writes: Vec::new(),
            product_writes: Vec::new(),
            open: false,
            orders: BTreeMap::new(),
            subscriptions: BTreeMap::new(),
            bulk: BTreeMap::new(),
            bulk_plan: VecDeque::new(),
            bulk_polls: 1,
            origin: String::new(),
            outbox: Vec::new(),
            events_sent: 0,
            ids: Ids::after(first),
            next_number: 1_001,
            draw,
            tokens_draw,
            last_stamp: now,
            spec,
        };
        shop.docs.put(shop_doc(&shop));
        shop.stock_shelves();
        shop.open = true;
        shop
    }

    /// Now, in whole seconds as Shopify's instants are, and never earlier than before.
    pub(crate) fn stamp(&mut self) -> Timestamp {
        let now = Timestamp::from_second(self.core.clock.now().as_second()).unwrap_or(self.last_stamp);
        self.last_stamp = self.last_stamp.max(now);
        self.last_stamp
    }

    /// Stores an order and its document.
    pub(crate) fn keep(&mut self, order: Order) {
        self.docs.put(order_doc(&order));
        self.orders.insert(order.id, order);
    }

    pub(crate) fn has_scope(&self, scope: &str) -> bool {
        self.spec.scopes.iter().any(|granted| {
            granted == scope
                // write_x implies read_x.
                || scope.strip_prefix("read_").is_some_and(|area| granted.strip_prefix("write_") == Some(area))
        })
    }
}

fn shop_doc(shop: &Shop) -> Value {
    let plus = shop.spec.restore_rate >= 1_000;
    let address = json!({ "id": gid("ShopAddress", shop.number), "countryCodeV2": shop.spec.country });
    json!({
        "__typename": "Shop",
        "id": gid("Shop", 60_000_000_000 + shop.number),
        "name": shop.spec.name,
        "myshopifyDomain": shop.spec.domain,
        "currencyCode": shop.spec.currency,
        "taxesIncluded": shop.spec.taxes_included,
        "taxShipping": true,
        "ianaTimezone": shop.spec.timezone,
        "createdAt": instant(Timestamp::UNIX_EPOCH),
        "shopAddress": address,
        "billingAddress": address,
        "plan": {
            "publicDisplayName": if plus { "Shopify Plus" } else { "Basic" },
            "shopifyPlus": plus,
            "partnerDevelopment": false,
        },
    })
}

/// Amounts the generator must not trip over: an offer costs something.
pub(crate) fn sellable(price: Decimal) -> bool {
    price > Decimal::ZERO
}
