//! A shop in memory. Its stock is strict: a batch is taken whole or not at all, stale quantities are refused, a key
//! is good for one batch.

mod goods;
mod stock;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use futures::StreamExt;
use jiff::Timestamp;
use shopbeat_domain::catalog::{ProductHead, ShopLocation, SkuCheck, Variant};
use shopbeat_domain::failure::{Failure, FailureKind, Remote};
use shopbeat_domain::ids::{
    BulkId, InventoryItemId, ItemNumber, LocationId, OrderId, ProductId, ShopDomain, VariantId,
};
use shopbeat_domain::limits;
use shopbeat_domain::mapping::samples::dkk;
use shopbeat_domain::order::{Order, OrderHead};
use shopbeat_domain::ports::{Answer, Clock, Export, ExportedCatalog, Page, Shop, ShopIdentity, Subscribed};
use shopbeat_domain::preflight::OrderTraits;
use shopbeat_domain::product::{NewShopProduct, ShopEdit};
use shopbeat_domain::stock::{ShopStock, StockRefusal, StockWrite};
use url::Url;

use super::Hooks;
use crate::connect::SCOPES;

/// Something that was written to the shop, as it was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ShopWrite {
    /// A product was made, or one under its handle overwritten.
    Created(NewShopProduct),
    /// A product and its variant were changed.
    Edited(ProductId, VariantId, ShopEdit),
    /// Quantities were set.
    Quantities(StockWrite),
    /// An item is stocked at a location from now on.
    Activated(InventoryItemId, LocationId),
}

/// A shop whose orders and catalogue a test sets.
pub(crate) struct FakeShop {
    hooks: Hooks,
    pub(crate) domain: ShopDomain,
    pub(crate) orders: Mutex<BTreeMap<u64, Order>>,
    pub(crate) catalog: Mutex<Vec<Variant>>,
    pub(crate) subscribed: Mutex<Option<Url>>,
    /// Topics that it refuses, with its words.
    pub(crate) refused_topics: Mutex<Vec<(String, String)>>,
    /// Off: it refuses all others, too.
    pub(crate) takes_topics: Mutex<bool>,
    pub(crate) scopes: Mutex<Vec<String>>,
    pub(crate) exports: Mutex<u64>,
    /// What the next looks at an export answer; after that, it is ready.
    pub(crate) export_answers: Mutex<VecDeque<Export>>,
    /// So many rows of the next file are read before it breaks off.
    pub(crate) cut_after: Mutex<Option<usize>>,
    /// What the shop says of itself, if it is another shop.
    pub(crate) says_it_is: Mutex<Option<ShopDomain>>,
    pub(crate) taxes_included: Mutex<bool>,
    /// The orders that were read, in the order of the reading.
    pub(crate) reads: Mutex<Vec<OrderId>>,
    clock: Arc<dyn Clock>,
    /// When each product last changed.
    versions: Mutex<BTreeMap<ProductId, Timestamp>>,
    pub(crate) handles: Mutex<BTreeMap<String, ProductId>>,
    pub(crate) places: Mutex<Vec<ShopLocation>>,
    /// Levels that are not active; their quantities are in the catalogue all the same.
    inactive: Mutex<BTreeSet<(InventoryItemId, LocationId)>>,
    /// Search does not show variants that are made or renamed while it lags.
    pub(crate) search_lags: Mutex<bool>,
    unlisted: Mutex<BTreeSet<VariantId>>,
    /// Products made or edited and quantities set, those that were accepted, in order.
    pub(crate) writes: Mutex<Vec<ShopWrite>>,
    /// Batches by key, and whether they were accepted.
    keys: Mutex<BTreeMap<String, (StockWrite, bool)>>,
    /// Quantities of these inventory items are refused.
    pub(crate) poisoned: Mutex<BTreeSet<InventoryItemId>>,
    /// Refusals do not say which quantity they are about.
    pub(crate) names_no_culprit: Mutex<bool>,
    pub(crate) traits: Mutex<Vec<OrderTraits>>,
}

impl FakeShop {
    pub(crate) fn new(hooks: Hooks, clock: Arc<dyn Clock>, domain: &str) -> Self {
        let only = ShopLocation { id: LocationId(1), name: "Main".to_owned(), active: true };
        Self {
            hooks,
            domain: ShopDomain::parse(domain).unwrap(),
            orders: Mutex::default(),
            catalog: Mutex::default(),
            subscribed: Mutex::default(),
            refused_topics: Mutex::default(),
            takes_topics: Mutex::new(true),
            scopes: Mutex::new(SCOPES.iter().map(ToString::to_string).collect()),
            exports: Mutex::default(),
            export_answers: Mutex::default(),
            cut_after: Mutex::default(),
            says_it_is: Mutex::default(),
            taxes_included: Mutex::new(true),
            reads: Mutex::default(),
            clock,
            versions: Mutex::default(),
            handles: Mutex::default(),
            places: Mutex::new(vec![only]),
            inactive: Mutex::default(),
            search_lags: Mutex::default(),
            unlisted: Mutex::default(),
            writes: Mutex::default(),
            keys: Mutex::default(),
            poisoned: Mutex::default(),
            names_no_culprit: Mutex::default(),
            traits: Mutex::default(),
        }
    }

    /// An order is placed, or put as it stands now: its units cannot be sold any more, and what is sent lies there no
    /// more.
    pub(crate) fn put(&self, order: Order) {
        let mut orders = self.orders.lock().unwrap();
        self.take_from_stock(orders.get(&order.head.id.0), &order);
        orders.insert(order.head.id.0, order);
    }

    pub(crate) fn change(&self, id: OrderId, now: Timestamp, change: impl FnOnce(&mut Order)) {
        let mut orders = self.orders.lock().unwrap();
        let order = orders.get_mut(&id.0).unwrap();
        let before = order.clone();
        change(order);
        order.head.updated_at = now;
        self.take_from_stock(Some(&before), order);
    }

    async fn call<T: Send>(&self, name: &str, work: impl FnOnce() -> Answer<T> + Send) -> Answer<T> {
        self.hooks.call(Remote::Shopify, name, async { work() }).await
    }
}

#[async_trait]
impl Shop for FakeShop {
    async fn identity(&self) -> Answer<ShopIdentity> {
        let scopes = self.scopes.lock().unwrap().clone();
        let domain = self.says_it_is.lock().unwrap().clone().unwrap_or_else(|| self.domain.clone());
        let taxes_included = *self.taxes_included.lock().unwrap();
        self.call("shop.identity", || {
            Ok(ShopIdentity {
                domain,
                name: "Fake".to_owned(),
                currency: dkk(),
                taxes_included,
                timezone: "Europe/Copenhagen".to_owned(),
                country: Some("DK".to_owned()),
                scopes,
            })
        })
        .await
    }

    async fn order(&self, id: OrderId) -> Answer<Order> {
        self.reads.lock().unwrap().push(id);
        self.call("shop.order", || {
            let missing = Failure::new(Remote::Shopify, FailureKind::Missing, "OrderById", "no such order");
            self.orders.lock().unwrap().get(&id.0).cloned().ok_or(missing)
        })
        .await
    }

    async fn orders_named(&self, name: &str) -> Answer<Vec<OrderHead>> {
        self.call("shop.orders_named", || {
            let orders = self.orders.lock().unwrap();
            let named = |head: &OrderHead| head.name.trim_start_matches('#') == name.trim_start_matches('#');
            Ok(orders.values().map(|order| order.head.clone()).filter(named).collect())
        })
        .await
    }

    async fn orders_updated(
        &self,
        since: Timestamp,
        page: Option<&str>,
        size: u32,
    ) -> Answer<Page<OrderHead>> {
        let skip: usize = page.map_or(0, |page| page.parse().unwrap());
        self.call("shop.orders_updated", || {
            let orders = self.orders.lock().unwrap();
            let mut heads: Vec<OrderHead> = orders
                .values()
                .map(|order| order.head.clone())
                .filter(|head| head.updated_at >= since)
                .collect();
            heads.sort_by_key(|head| (head.updated_at, head.id));
            let size = usize::try_from(size).unwrap();
            let next = (heads.len() > skip + size).then(|| (skip + size).to_string());
            Ok(Page { rows: heads.into_iter().skip(skip).take(size).collect(), next })
        })
        .await
    }

    async fn subscribe(&self, address: &Url) -> Answer<Subscribed> {
        self.call("shop.subscribe", || {
            let mut subscribed = self.subscribed.lock().unwrap();
            let kept = subscribed.as_ref() == Some(address);
            *subscribed = Some(address.clone());
            let topics = vec!["orders/create".to_owned()];
            let refused = self.refused_topics.lock().unwrap().clone();
            if !*self.takes_topics.lock().unwrap() {
                return Ok(Subscribed { made: vec![], kept: vec![], refused });
            }
            Ok(if kept {
                Subscribed { made: vec![], kept: topics, refused }
            } else {
                Subscribed { made: topics, kept: vec![], refused }
            })
        })
        .await
    }

    async fn unsubscribe(&self, _: &Url) -> Answer<()> {
        self.call("shop.unsubscribe", || {
            *self.subscribed.lock().unwrap() = None;
            Ok(())
        })
        .await
    }

    async fn start_export(&self) -> Answer<BulkId> {
        self.call("shop.start_export", || {
            let mut exports = self.exports.lock().unwrap();
            *exports += 1;
            Ok(BulkId(*exports))
        })
        .await
    }

    async fn export(&self, _: BulkId) -> Answer<Export> {
        self.call("shop.export", || {
            if let Some(answer) = self.export_answers.lock().unwrap().pop_front() {
                return Ok(answer);
            }
            let objects = u64::try_from(self.catalog.lock().unwrap().len()).unwrap();
            Ok(Export::Ready { url: Some("https://fake.test/export".parse().unwrap()), objects })
        })
        .await
    }

    async fn read_export(&self, _: &Url, objects: u64, after: Option<VariantId>) -> Answer<ExportedCatalog> {
        self.call("shop.read_export", || {
            let mut variants = self.catalog.lock().unwrap().clone();
            let broken = |what| Failure::new(Remote::Shopify, FailureKind::Garbled, "export", what);
            let count = u64::try_from(variants.len()).unwrap();
            if objects != count {
                return Err(broken("the file has another number of rows"));
            }
            variants.sort_by_key(|variant| variant.id);
            let mut skus = SkuCheck::default();
            variants.iter().for_each(|variant| skus.note(&variant.sku));
            variants.retain(|variant| after.is_none_or(|after| variant.id > after));
            let rows = variants.into_iter().map(Ok);
            let rows = match self.cut_after.lock().unwrap().take() {
                None => futures::stream::iter(rows).boxed(),
                Some(cut) => {
                    futures::stream::iter(rows.take(cut).chain([Err(broken("the file is cut"))])).boxed()
                }
            };
            Ok(ExportedCatalog { variants: count, skus, rows })
        })
        .await
    }

    async fn products_updated(
        &self,
        since: Timestamp,
        page: Option<&str>,
        size: u32,
    ) -> Answer<Page<ProductHead>> {
        self.call("shop.products_updated", || Ok(self.heads(since, page, size))).await
    }

    async fn product(&self, id: ProductId) -> Answer<Vec<Variant>> {
        self.call("shop.product", || {
            let variants = self.variants_of(id);
            if variants.is_empty() { Err(missing("ProductById")) } else { Ok(variants) }
        })
        .await
    }

    async fn product_with_handle(&self, handle: &str) -> Answer<Option<ProductId>> {
        self.call("shop.product_with_handle", || Ok(self.handles.lock().unwrap().get(handle).copied())).await
    }

    async fn variants_with_skus(&self, skus: &[ItemNumber]) -> Answer<Vec<Variant>> {
        self.call("shop.variants_with_skus", || Ok(self.search(skus))).await
    }

    async fn create_product(&self, product: &NewShopProduct) -> Answer<Variant> {
        self.call("shop.create_product", || self.make(product)).await
    }

    async fn edit_product(&self, product: ProductId, variant: VariantId, edit: &ShopEdit) -> Answer<()> {
        self.call("shop.edit_product", || self.edit(product, variant, edit)).await
    }

    async fn locations(&self) -> Answer<Vec<ShopLocation>> {
        self.call("shop.locations", || Ok(self.places.lock().unwrap().clone())).await
    }

    async fn stock_of(&self, items: &[InventoryItemId]) -> Answer<Vec<ShopStock>> {
        assert!(items.len() <= limits::QUANTITIES_PER_CALL, "{} items in one call", items.len());
        self.call("shop.stock_of", || Ok(self.stocks(items))).await
    }

    async fn set_quantities(&self, write: &StockWrite) -> Answer<Result<(), Vec<StockRefusal>>> {
        self.call("shop.set_quantities", || Ok(self.set(write))).await
    }

    async fn activate(&self, item: InventoryItemId, location: LocationId, key: &str) -> Answer<()> {
        assert!(!key.is_empty());
        self.call("shop.activate", || self.begin_to_stock(item, location)).await
    }

    async fn latest_orders(&self, count: u32) -> Answer<Vec<OrderTraits>> {
        let count = usize::try_from(count).unwrap();
        self.call("shop.latest_orders", || {
            Ok(self.traits.lock().unwrap().iter().take(count).copied().collect())
        })
        .await
    }
}

pub(super) fn missing(call: &str) -> Failure {
    Failure::new(Remote::Shopify, FailureKind::Missing, call, "not there")
}
