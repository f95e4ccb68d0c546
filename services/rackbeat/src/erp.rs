//! The port `Erp`, each call where it belongs.

use async_trait::async_trait;
use jiff::Timestamp;
use rust_decimal::Decimal;
use secrecy::SecretString;
use shopbeat_domain::erp::{
    Account, Draft, DraftLine, ErpCustomer, ErpOrder, ErpProduct, Invoice, Item, ItemKind, Location,
    NewCustomer, NewProduct, ProductGroup, Shipment,
};
use shopbeat_domain::ids::{
    CustomerNumber, InvoiceNumber, ItemNumber, LineId, OrderNumber, Reference, ShipmentId, StockLocation,
};
use shopbeat_domain::person::Email;
use shopbeat_domain::ports::{Answer, Erp, Page};
use shopbeat_domain::product::ErpEdit;
use shopbeat_domain::stock::ItemStock;
use url::Url;

use crate::RackbeatClient;

#[async_trait]
impl Erp for RackbeatClient {
    async fn account(&self) -> Answer<Account> {
        self.read_account().await
    }

    async fn find_orders(&self, reference: &Reference, not_before: Timestamp) -> Answer<Vec<ErpOrder>> {
        self.find_bearers(reference, not_before).await
    }

    async fn order(&self, number: OrderNumber) -> Answer<ErpOrder> {
        self.read_order(number).await
    }

    async fn create_draft(&self, draft: &Draft) -> Answer<ErpOrder> {
        self.draft_order(draft).await
    }

    async fn add_line(&self, number: OrderNumber, line: &DraftLine) -> Answer<()> {
        self.post_line(number, line).await
    }

    async fn update_line(&self, number: OrderNumber, id: LineId, line: &DraftLine) -> Answer<()> {
        self.put_line(number, id, line).await
    }

    async fn delete_draft(&self, number: OrderNumber) -> Answer<()> {
        self.remove_order(number).await
    }

    async fn rename(&self, number: OrderNumber, heading: &str) -> Answer<()> {
        self.put_heading(number, heading).await
    }

    async fn book(&self, number: OrderNumber) -> Answer<ErpOrder> {
        self.book_order(number).await
    }

    async fn mark_ready(&self, number: OrderNumber) -> Answer<()> {
        self.flag_ready(number).await
    }

    async fn shipments(&self, number: OrderNumber) -> Answer<Vec<Shipment>> {
        self.list_shipments(number).await
    }

    async fn create_shipment(&self, number: OrderNumber) -> Answer<ShipmentId> {
        self.post_shipment(number).await
    }

    async fn pick(&self, order: OrderNumber, shipment: ShipmentId) -> Answer<()> {
        self.mark_picked(order, shipment).await
    }

    async fn ship(&self, order: OrderNumber, shipment: ShipmentId) -> Answer<()> {
        self.mark_shipped(order, shipment).await
    }

    async fn invoices(&self, number: OrderNumber) -> Answer<Vec<Invoice>> {
        self.list_invoices(number).await
    }

    async fn create_invoice(&self, number: OrderNumber) -> Answer<InvoiceNumber> {
        self.convert_to_invoice(number).await
    }

    async fn book_invoice(&self, number: InvoiceNumber) -> Answer<()> {
        self.post_invoice_booking(number).await
    }

    async fn delete_invoice(&self, number: InvoiceNumber) -> Answer<()> {
        self.remove_invoice(number).await
    }

    async fn customers(&self, email: &Email) -> Answer<Vec<ErpCustomer>> {
        self.customers_with(email).await
    }

    async fn create_customer(&self, customer: &NewCustomer) -> Answer<CustomerNumber> {
        self.post_customer(customer).await
    }

    async fn item(&self, number: &ItemNumber) -> Answer<Item> {
        self.read_item(number).await
    }

    async fn items(&self, page: u32) -> Answer<Page<Item>> {
        self.list_items(page).await
    }

    async fn create_product(&self, product: &NewProduct) -> Answer<()> {
        self.post_product(product).await
    }

    async fn product(&self, number: &ItemNumber) -> Answer<ErpProduct> {
        self.read_product(number).await
    }

    async fn products(&self, kind: ItemKind, page: u32) -> Answer<Page<ErpProduct>> {
        self.list_products(kind, page).await
    }

    async fn edit_product(&self, number: &ItemNumber, kind: ItemKind, edit: &ErpEdit) -> Answer<()> {
        self.put_product(number, kind, edit).await
    }

    async fn stock(&self, item: &ItemNumber, by_location: bool) -> Answer<ItemStock> {
        self.read_levels(item, by_location).await
    }

    async fn stock_list(&self, page: u32) -> Answer<Page<ItemStock>> {
        self.list_levels(page).await
    }

    async fn stock_report(&self, page: u32) -> Answer<Page<ItemStock>> {
        self.list_checking(page).await
    }

    async fn product_groups(&self) -> Answer<Vec<ProductGroup>> {
        self.list_product_groups().await
    }

    async fn locations(&self) -> Answer<Vec<Location>> {
        self.list_locations().await
    }

    async fn stock_at(&self, item: &ItemNumber, location: StockLocation) -> Answer<Decimal> {
        self.read_stock(item, location).await
    }

    async fn subscribe(&self, event: &str, address: &Url) -> Answer<SecretString> {
        self.register_webhook(event, address).await
    }

    async fn unsubscribe(&self, address: &Url) -> Answer<()> {
        self.unregister_webhooks(address).await
    }

    async fn set_stock(
        &self,
        item: &ItemNumber,
        location: StockLocation,
        quantity: Decimal,
        reason: &str,
    ) -> Answer<()> {
        self.adjust_stock(item, location, quantity, reason).await
    }
}
