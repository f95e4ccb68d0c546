//! One Shopify shop behind the domain's port.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use shopbeat_domain::catalog::{ProductHead, ShopLocation, Variant};
use shopbeat_domain::ids::{
    BulkId, InventoryItemId, ItemNumber, LocationId, OrderId, ProductId, ShopDomain, VariantId,
};
use shopbeat_domain::order::{Order, OrderHead};
use shopbeat_domain::ports::{Answer, Clock, Export, ExportedCatalog, Page, Shop, ShopIdentity, Subscribed};
use shopbeat_domain::preflight::OrderTraits;
use shopbeat_domain::product::{NewShopProduct, ShopEdit};
use shopbeat_domain::stock::{ShopStock, StockRefusal, StockWrite};
use url::Url;

use crate::http::{BaseUrl, Http};
use crate::token::Credentials;
use crate::transport::{Transport, Watch};
use crate::wire::PageSize;
use crate::{bulk, latest, order, orders, product_writes, products, shop, stock, subscriptions};

/// One shop's Admin API. Makes one attempt per call, in the pace that Shopify's cost bucket allows; keeps the
/// shop's token and bucket, so there should be one per shop and process.
pub struct ShopifyClient {
    transport: Transport,
    line_pages: PageSize,
    stock_pages: PageSize,
}

impl ShopifyClient {
    /// A client for `shop`; nothing is sent yet. `deadline` bounds each call: a renewed token, the wait for the
    /// cost bucket and the answer together (`limits::remote_deadline` of the worker's lease).
    #[must_use]
    pub fn new(
        http: Http,
        base: BaseUrl,
        shop: ShopDomain,
        credentials: Credentials,
        clock: Arc<dyn Clock>,
        deadline: Duration,
    ) -> Self {
        let transport = Transport::new(http, base, shop, credentials, clock, deadline);
        Self { transport, line_pages: PageSize::of(order::LINES), stock_pages: PageSize::of(stock::ITEMS) }
    }

    /// The same, told of each answered call what it cost.
    #[must_use]
    pub fn watched_by(self, watch: Watch) -> Self {
        Self { transport: self.transport.watched_by(watch), ..self }
    }

    /// Stops an export; one that ended meanwhile is left as it is.
    ///
    /// # Errors
    /// What Shopify answered instead.
    pub async fn cancel_export(&self, id: BulkId) -> Answer<()> {
        bulk::cancel(&self.transport, id).await
    }

    #[cfg(test)]
    pub(crate) fn transport(&self) -> &Transport {
        &self.transport
    }

    #[cfg(test)]
    pub(crate) fn with_line_pages(mut self, lines: u32) -> Self {
        self.line_pages = PageSize::of(lines);
        self
    }
}

impl fmt::Debug for ShopifyClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShopifyClient").field("shop", self.transport.shop()).finish_non_exhaustive()
    }
}

#[async_trait]
impl Shop for ShopifyClient {
    async fn identity(&self) -> Answer<ShopIdentity> {
        shop::identity(&self.transport).await
    }

    async fn order(&self, id: OrderId) -> Answer<Order> {
        order::fetch(&self.transport, &self.line_pages, id).await
    }

    async fn orders_named(&self, name: &str) -> Answer<Vec<OrderHead>> {
        orders::named(&self.transport, name).await
    }

    async fn orders_updated(
        &self,
        since: Timestamp,
        page: Option<&str>,
        size: u32,
    ) -> Answer<Page<OrderHead>> {
        orders::updated(&self.transport, since, page, size).await
    }

    async fn subscribe(&self, address: &Url) -> Answer<Subscribed> {
        subscriptions::subscribe(&self.transport, address).await
    }

    async fn unsubscribe(&self, address: &Url) -> Answer<()> {
        subscriptions::unsubscribe(&self.transport, address).await
    }

    async fn start_export(&self) -> Answer<BulkId> {
        bulk::start(&self.transport).await
    }

    async fn export(&self, id: BulkId) -> Answer<Export> {
        bulk::look(&self.transport, id).await
    }

    async fn read_export(
        &self,
        url: &Url,
        objects: u64,
        after: Option<VariantId>,
    ) -> Answer<ExportedCatalog> {
        bulk::read(&self.transport, url, objects, after).await
    }

    async fn products_updated(
        &self,
        since: Timestamp,
        page: Option<&str>,
        size: u32,
    ) -> Answer<Page<ProductHead>> {
        products::updated(&self.transport, since, page, size).await
    }

    async fn product(&self, id: ProductId) -> Answer<Vec<Variant>> {
        products::fetch(&self.transport, id).await
    }

    async fn product_with_handle(&self, handle: &str) -> Answer<Option<ProductId>> {
        products::with_handle(&self.transport, handle).await
    }

    async fn variants_with_skus(&self, skus: &[ItemNumber]) -> Answer<Vec<Variant>> {
        products::with_skus(&self.transport, skus).await
    }

    async fn create_product(&self, product: &NewShopProduct) -> Answer<Variant> {
        product_writes::create(&self.transport, product).await
    }

    async fn edit_product(&self, product: ProductId, variant: VariantId, edit: &ShopEdit) -> Answer<()> {
        product_writes::edit(&self.transport, product, variant, edit).await
    }

    async fn locations(&self) -> Answer<Vec<ShopLocation>> {
        shop::locations(&self.transport).await
    }

    async fn stock_of(&self, items: &[InventoryItemId]) -> Answer<Vec<ShopStock>> {
        stock::read(&self.transport, &self.stock_pages, items).await
    }

    async fn set_quantities(&self, write: &StockWrite) -> Answer<Result<(), Vec<StockRefusal>>> {
        stock::set(&self.transport, write).await
    }

    async fn activate(&self, item: InventoryItemId, location: LocationId, key: &str) -> Answer<()> {
        stock::activate(&self.transport, item, location, key).await
    }

    async fn latest_orders(&self, count: u32) -> Answer<Vec<OrderTraits>> {
        latest::traits(&self.transport, count).await
    }
}
