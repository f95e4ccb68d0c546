//! The library side of the simulated Shopify: what tests and the demo do in it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;

use super::bulk::BulkFault;
use super::delivery::{Courier, DeliveryCounts, DeliveryOptions};
use super::life::LifeError;
use super::order::{Order, Totals};
use super::order_gen::{Market, Offer, ordinary};
use super::order_spec::OrderSpec;
use super::shop::{Shop, ShopSpec, Standing};
use super::{control, control_goods, http};
use crate::Core;

/// A shop under its lock.
pub(crate) type SharedShop = Arc<Mutex<Shop>>;

#[derive(Debug)]
struct Inner {
    core: Core,
    shops: Mutex<BTreeMap<String, SharedShop>>,
    calls: Mutex<BTreeMap<(String, String), u64>>,
    courier: Courier,
}

/// All simulated shops. Clones share them.
#[derive(Debug, Clone)]
pub struct ShopifySim(Arc<Inner>);

/// An order as the shop knows it: what a transfer is judged by.
#[derive(Debug, Clone)]
pub struct OrderTruth {
    /// The order.
    pub order: Order,
    /// As ordered.
    pub placed: Totals,
    /// As it stands.
    pub current: Totals,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl ShopifySim {
    /// No shops yet.
    #[must_use]
    pub fn new(core: Core) -> Self {
        let courier = Courier::new(core.seed);
        Self(Arc::new(Inner { core, shops: Mutex::default(), calls: Mutex::default(), courier }))
    }

    /// The HTTP side: paths start with a shop's domain.
    pub fn router(&self) -> Router {
        http::router(self.clone())
    }

    /// Placing, paying and shipping orders over HTTP, for people.
    pub fn control_router(&self) -> Router {
        control::router(self.clone()).merge(control_goods::router(self.clone()))
    }

    /// Opens a shop; one of the same domain is replaced.
    pub fn add_shop(&self, spec: ShopSpec) {
        let domain = spec.domain.clone();
        let mut shops = lock(&self.0.shops);
        let number = u64::try_from(shops.len()).unwrap_or(u64::MAX) + 1;
        let shop = Shop::new(spec, self.0.core.clone(), number);
        shops.insert(domain, Arc::new(Mutex::new(shop)));
    }

    /// The domains of all shops.
    #[must_use]
    pub fn shops(&self) -> Vec<String> {
        lock(&self.0.shops).keys().cloned().collect()
    }

    pub(crate) fn find(&self, domain: &str) -> Option<SharedShop> {
        lock(&self.0.shops).get(domain).cloned()
    }

    pub(crate) fn courier(&self) -> &Courier {
        &self.0.courier
    }

    pub(crate) fn count(&self, domain: &str, operation: &str) {
        let key = (domain.to_owned(), operation.to_owned());
        *lock(&self.0.calls).entry(key).or_default() += 1;
    }

    pub(super) fn with<T>(&self, domain: &str, act: impl FnOnce(&mut Shop) -> T) -> Result<T, LifeError> {
        let owner = self.find(domain).ok_or_else(|| LifeError::NoShop(domain.to_owned()))?;
        let mut shop = lock(&owner);
        let outcome = act(&mut shop);
        self.0.courier.dispatch(&mut shop, &owner);
        Ok(outcome)
    }

    /// The next random ordinary order of the shop's seed, not placed yet.
    ///
    /// # Errors
    /// When there is no such shop.
    pub fn ordinary_order(&self, domain: &str) -> Result<OrderSpec, LifeError> {
        self.with(domain, |shop| {
            let market = Market {
                seed: shop.core.seed,
                currency: shop.spec.currency.clone(),
                taxes_included: shop.spec.taxes_included,
                customers: shop.spec.customers,
            };
            let offers = shop.offers.take().unwrap_or_else(|| shop.make_offers());
            let spec = ordinary(&mut shop.draw, &offers, &market);
            shop.offers = Some(offers);
            spec
        })
    }

    /// What can be bought: variants with a SKU and a price.
    ///
    /// # Errors
    /// When there is no such shop.
    pub fn offers(&self, domain: &str) -> Result<Vec<Offer>, LifeError> {
        self.with(domain, |shop| shop.make_offers())
    }

    /// Places an order and sends `orders/create`; the order's id. Needs a Tokio runtime, as do all
    /// calls that send webhooks.
    ///
    /// # Errors
    /// When there is no such shop.
    pub fn place_order(&self, domain: &str, spec: &OrderSpec) -> Result<u64, LifeError> {
        self.with(domain, |shop| shop.place(spec))
    }

    /// Pays what is open: `orders/paid`, `orders/updated`.
    ///
    /// # Errors
    /// [`LifeError`] when there is no such shop or order, or its state forbids it.
    pub fn pay(&self, domain: &str, order: u64) -> Result<(), LifeError> {
        self.with(domain, |shop| shop.pay(order))?
    }

    /// Ships everything owed: `orders/fulfilled`, `orders/updated`.
    ///
    /// # Errors
    /// [`LifeError`] when there is no such shop or order, or its state forbids it.
    pub fn fulfill(&self, domain: &str, order: u64) -> Result<(), LifeError> {
        self.with(domain, |shop| shop.fulfill(order))?
    }

    /// Ships up to `units` of each line: `orders/partially_fulfilled` unless that is all.
    ///
    /// # Errors
    /// [`LifeError`] when there is no such shop or order, or its state forbids it.
    pub fn ship_some(&self, domain: &str, order: u64, units: u32) -> Result<(), LifeError> {
        self.with(domain, |shop| shop.ship(order, units))?
    }

    /// Cancels and pays back: `orders/cancelled`, `orders/updated`, perhaps `refunds/create`.
    ///
    /// # Errors
    /// [`LifeError`] when there is no such shop or order, or its state forbids it.
    pub fn cancel(&self, domain: &str, order: u64) -> Result<(), LifeError> {
        self.with(domain, |shop| shop.cancel(order))?
    }

    /// Takes back `quantity` of the line at `index`: `refunds/create`, `orders/updated`.
    ///
    /// # Errors
    /// [`LifeError`] when there is no such shop, order or line.
    pub fn refund(&self, domain: &str, order: u64, index: usize, quantity: u32) -> Result<(), LifeError> {
        self.with(domain, |shop| shop.refund(order, index, quantity))?
    }

    /// Lowers the line at `index` to `quantity`: `orders/edited`, `orders/updated`.
    ///
    /// # Errors
    /// [`LifeError`] when there is no such shop, order or line, or the quantity would rise.
    pub fn edit(&self, domain: &str, order: u64, index: usize, quantity: u32) -> Result<(), LifeError> {
        self.with(domain, |shop| shop.edit(order, index, quantity))?
    }

    /// All orders of a shop, by id.
    ///
    /// # Errors
    /// When there is no such shop.
    pub fn orders(&self, domain: &str) -> Result<Vec<OrderTruth>, LifeError> {
        self.with(domain, |shop| shop.orders.values().map(truth).collect())
    }

    /// One order with its totals.
    ///
    /// # Errors
    /// When there is no such shop or order.
    pub fn order(&self, domain: &str, order: u64) -> Result<OrderTruth, LifeError> {
        self.with(domain, |shop| shop.orders.get(&order).map(truth).ok_or(LifeError::NoOrder(order)))?
    }

    /// Calls answered so far, by shop and operation (`oauth`, `bulk_file` and GraphQL's names).
    #[must_use]
    pub fn calls(&self) -> BTreeMap<(String, String), u64> {
        lock(&self.0.calls).clone()
    }

    /// Tokens issued by a shop so far.
    ///
    /// # Errors
    /// When there is no such shop.
    pub fn tokens_issued(&self, domain: &str) -> Result<u64, LifeError> {
        self.with(domain, |shop| shop.tokens_issued)
    }

    /// Makes every token issued so far invalid; a legacy token stays.
    ///
    /// # Errors
    /// When there is no such shop.
    pub fn revoke_tokens(&self, domain: &str) -> Result<(), LifeError> {
        self.with(domain, |shop| shop.tokens.clear())
    }

    /// Opens, freezes (402), locks (423) or removes (404) a shop.
    ///
    /// # Errors
    /// When there is no such shop.
    pub fn set_standing(&self, domain: &str, standing: Standing) -> Result<(), LifeError> {
        self.with(domain, |shop| shop.standing = standing)
    }

    /// Freezes a shop: every call is answered 402.
    ///
    /// # Errors
    /// When there is no such shop.
    pub fn freeze(&self, domain: &str) -> Result<(), LifeError> {
        self.set_standing(domain, Standing::Frozen)
    }

    /// Installs or uninstalls the app. Uninstalled, its tokens are dead before `app/uninstalled` arrives.
    ///
    /// # Errors
    /// When there is no such shop.
    pub fn set_installed(&self, domain: &str, installed: bool) -> Result<(), LifeError> {
        self.with(domain, |shop| shop.set_installed(installed))
    }

    /// Replaces the scopes the app has.
    ///
    /// # Errors
    /// When there is no such shop.
    pub fn set_scopes(&self, domain: &str, scopes: &[&str]) -> Result<(), LifeError> {
        let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        self.with(domain, |shop| shop.spec.scopes = scopes)
    }

    /// Replaces the client secret: tokens stay, signatures change at once.
    ///
    /// # Errors
    /// When there is no such shop.
    pub fn rotate_secret(&self, domain: &str, secret: &str) -> Result<(), LifeError> {
        self.with(domain, |shop| secret.clone_into(&mut shop.spec.client_secret))
    }

    /// The next bulk operation of a shop goes wrong this way.
    ///
    /// # Errors
    /// When there is no such shop.
    pub fn break_next_bulk(&self, domain: &str, fault: BulkFault) -> Result<(), LifeError> {
        self.with(domain, |shop| shop.bulk_plan.push_back(fault))
    }

    /// Bulk operations are seen RUNNING this many times before they finish.
    ///
    /// # Errors
    /// When there is no such shop.
    pub fn set_bulk_polls(&self, domain: &str, polls: u32) -> Result<(), LifeError> {
        self.with(domain, |shop| shop.bulk_polls = polls)
    }

    /// Topics and addresses of a shop's subscriptions, topics as GraphQL names them.
    ///
    /// # Errors
    /// When there is no such shop.
    pub fn subscriptions(&self, domain: &str) -> Result<Vec<(String, String)>, LifeError> {
        self.with(domain, |shop| {
            shop.subscriptions.values().map(|found| (found.topic.clone(), found.uri.clone())).collect()
        })
    }

    /// How webhooks misbehave from now on.
    pub fn set_delivery(&self, options: DeliveryOptions) {
        self.0.courier.set_options(options);
    }

    /// What has been delivered.
    #[must_use]
    pub fn deliveries(&self) -> DeliveryCounts {
        self.0.courier.counts()
    }

    /// Waits until no webhook is on its way.
    pub async fn settled(&self) {
        self.0.courier.settled().await;
    }
}

fn truth(order: &Order) -> OrderTruth {
    OrderTruth { order: order.clone(), placed: order.totals(), current: order.current() }
}
