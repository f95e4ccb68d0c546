//! A shop in memory.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Mutex;

use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::BoxStream;
use jiff::Timestamp;
use shopbeat_domain::catalog::Variant;
use shopbeat_domain::failure::{Failure, FailureKind, Remote};
use shopbeat_domain::ids::{BulkId, OrderId, ShopDomain};
use shopbeat_domain::mapping::samples::dkk;
use shopbeat_domain::order::{Order, OrderHead};
use shopbeat_domain::ports::{Answer, Export, Page, Shop, ShopIdentity, Subscribed};
use url::Url;

use super::Hooks;
use crate::connect::SCOPES;

/// A shop whose orders and catalogue a test sets.
pub(crate) struct FakeShop {
    hooks: Hooks,
    pub(crate) domain: ShopDomain,
    pub(crate) orders: Mutex<BTreeMap<u64, Order>>,
    pub(crate) catalog: Mutex<Vec<Variant>>,
    pub(crate) subscribed: Mutex<Option<Url>>,
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
}

impl FakeShop {
    pub(crate) fn new(hooks: Hooks, domain: &str) -> Self {
        Self {
            hooks,
            domain: ShopDomain::parse(domain).unwrap(),
            orders: Mutex::default(),
            catalog: Mutex::default(),
            subscribed: Mutex::default(),
            scopes: Mutex::new(SCOPES.iter().map(ToString::to_string).collect()),
            exports: Mutex::default(),
            export_answers: Mutex::default(),
            cut_after: Mutex::default(),
            says_it_is: Mutex::default(),
            taxes_included: Mutex::new(true),
            reads: Mutex::default(),
        }
    }

    pub(crate) fn put(&self, order: Order) {
        self.orders.lock().unwrap().insert(order.head.id.0, order);
    }

    pub(crate) fn change(&self, id: OrderId, now: Timestamp, change: impl FnOnce(&mut Order)) {
        let mut orders = self.orders.lock().unwrap();
        let order = orders.get_mut(&id.0).unwrap();
        change(order);
        order.head.updated_at = now;
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
            Ok(if kept {
                Subscribed { made: vec![], kept: topics }
            } else {
                Subscribed { made: topics, kept: vec![] }
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

    async fn read_export(&self, _: &Url, _: u64) -> Answer<BoxStream<'static, Answer<Variant>>> {
        self.call("shop.read_export", || {
            let rows = self.catalog.lock().unwrap().clone().into_iter().map(Ok);
            let Some(cut) = self.cut_after.lock().unwrap().take() else {
                return Ok(futures::stream::iter(rows).boxed());
            };
            let broken = Failure::new(Remote::Shopify, FailureKind::Garbled, "export", "the file is cut");
            Ok(futures::stream::iter(rows.take(cut).chain([Err(broken)])).boxed())
        })
        .await
    }
}
