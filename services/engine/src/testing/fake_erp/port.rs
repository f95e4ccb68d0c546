//! The account's port.

use async_trait::async_trait;
use jiff::Timestamp;
use rust_decimal::Decimal;
use secrecy::SecretString;
use shopbeat_domain::erp::{
    Account, Draft, DraftLine, ErpCustomer, ErpFlags, ErpOrder, ErpProduct, Invoice, Item, ItemKind,
    Location, NewCustomer, NewProduct, ProductGroup, Shipment,
};
use shopbeat_domain::failure::Refusal;
use shopbeat_domain::ids::{
    AccountId, CustomerNumber, InvoiceNumber, ItemNumber, LineId, OrderNumber, Reference, ShipmentId,
    StockLocation,
};
use shopbeat_domain::person::Email;
use shopbeat_domain::ports::{Answer, Erp, Page};
use shopbeat_domain::product::ErpEdit;
use shopbeat_domain::stock::ItemStock;
use url::Url;

use super::goods::paged;
use super::{FakeErp, missing, no};

#[async_trait]
impl Erp for FakeErp {
    async fn account(&self) -> Answer<Account> {
        let id = AccountId(*self.account.lock().unwrap());
        self.call("erp.account", |_| Ok(Account { id, company: "Nordlys".to_owned() })).await
    }

    async fn find_orders(&self, reference: &Reference, _: Timestamp) -> Answer<Vec<ErpOrder>> {
        self.call("erp.find_orders", |books| {
            let hidden = *self.unlisted.lock().unwrap();
            let shown = books.orders.values().filter(|order| Some(order.number) != hidden);
            Ok(shown.filter(|order| order.bears(reference)).cloned().collect())
        })
        .await
    }

    async fn order(&self, number: OrderNumber) -> Answer<ErpOrder> {
        self.call("erp.order", |books| books.order(number).cloned()).await
    }

    async fn create_draft(&self, draft: &Draft) -> Answer<ErpOrder> {
        self.call("erp.create_draft", |books| {
            if !books.customers.iter().any(|(number, _, _)| *number == draft.customer.0) {
                return Err(no(Refusal::UnknownCustomer, "create"));
            }
            for (index, line) in draft.lines.iter().enumerate() {
                let field = vec![(format!("lines.{index}.item_id"), "bad".to_owned())];
                match books.items.get(line.item.as_str()) {
                    None => return Err(no(Refusal::UnknownItem, "create").with_fields(field)),
                    Some(item) if item.barred => {
                        return Err(no(Refusal::BarredItem, "create").with_fields(field));
                    }
                    Some(_) => {}
                }
            }
            let mut order = ErpOrder {
                number: OrderNumber(books.next()),
                heading: format!("{} {}", draft.reference, draft.shop_name),
                note: draft.reference.to_string(),
                created_at: None,
                flags: ErpFlags::default(),
                net: None,
                vat: None,
                total: None,
                lines: draft.lines.iter().map(|line| books.line(line)).collect(),
            };
            self.sum(&mut order);
            books.orders.insert(order.number.0, order.clone());
            Ok(order)
        })
        .await
    }

    async fn add_line(&self, number: OrderNumber, line: &DraftLine) -> Answer<()> {
        self.call("erp.add_line", |books| {
            let line = books.line(line);
            let order = books.draft(number)?;
            order.lines.push(line);
            self.sum(order);
            Ok(())
        })
        .await
    }

    async fn update_line(&self, number: OrderNumber, id: LineId, wanted: &DraftLine) -> Answer<()> {
        self.call("erp.update_line", |books| {
            let order = books.draft(number)?;
            let line = order.lines.iter_mut().find(|line| line.id == id).ok_or_else(|| missing("line"))?;
            line.vat_percent = Some(wanted.vat_percent);
            self.sum(order);
            Ok(())
        })
        .await
    }

    async fn delete_draft(&self, number: OrderNumber) -> Answer<()> {
        self.call("erp.delete_draft", |books| {
            books.draft(number)?;
            books.orders.remove(&number.0);
            Ok(())
        })
        .await
    }

    async fn rename(&self, number: OrderNumber, heading: &str) -> Answer<()> {
        self.call("erp.rename", |books| {
            books.draft(number)?.heading = heading.to_owned();
            Ok(())
        })
        .await
    }

    async fn book(&self, number: OrderNumber) -> Answer<ErpOrder> {
        self.call("erp.book", |books| {
            let order = books.draft(number)?;
            order.flags.booked = true;
            Ok(order.clone())
        })
        .await
    }

    async fn mark_ready(&self, number: OrderNumber) -> Answer<()> {
        self.call("erp.mark_ready", |books| {
            books.order(number)?.flags.ready_to_ship = true;
            Ok(())
        })
        .await
    }

    async fn shipments(&self, number: OrderNumber) -> Answer<Vec<Shipment>> {
        self.call("erp.shipments", |books| {
            Ok(books
                .shipments
                .iter()
                .filter(|(order, _)| *order == number.0)
                .map(|(_, one)| one.clone())
                .collect())
        })
        .await
    }

    async fn create_shipment(&self, number: OrderNumber) -> Answer<ShipmentId> {
        let short = *self.short.lock().unwrap();
        self.call("erp.create_shipment", |books| {
            if short || !books.order(number)?.flags.booked {
                return Err(no(Refusal::NothingToShip, "create shipment"));
            }
            let id = ShipmentId(books.next());
            books.shipments.push((number.0, Shipment { id, picked: false, shipped: false }));
            Ok(id)
        })
        .await
    }

    async fn pick(&self, _: OrderNumber, shipment: ShipmentId) -> Answer<()> {
        self.call("erp.pick", |books| {
            let found = books.shipments.iter_mut().find(|(_, one)| one.id == shipment);
            let one = &mut found.ok_or_else(|| missing("shipment"))?.1;
            if one.picked {
                return Err(no(Refusal::Locked, "pick"));
            }
            one.picked = true;
            Ok(())
        })
        .await
    }

    async fn ship(&self, order: OrderNumber, shipment: ShipmentId) -> Answer<()> {
        self.call("erp.ship", |books| {
            let found = books.shipments.iter_mut().find(|(_, one)| one.id == shipment);
            let one = &mut found.ok_or_else(|| missing("shipment"))?.1;
            if one.shipped {
                return Err(no(Refusal::Locked, "ship"));
            }
            (one.picked, one.shipped) = (true, true);
            books.order(order)?.flags.shipped = true;
            books.take_from_stock(order);
            Ok(())
        })
        .await
    }

    async fn invoices(&self, number: OrderNumber) -> Answer<Vec<Invoice>> {
        self.call("erp.invoices", |books| {
            Ok(books
                .invoices
                .iter()
                .filter(|(order, _)| *order == number.0)
                .map(|(_, one)| one.clone())
                .collect())
        })
        .await
    }

    async fn create_invoice(&self, number: OrderNumber) -> Answer<InvoiceNumber> {
        self.call("erp.create_invoice", |books| {
            let invoice = InvoiceNumber(books.next());
            books.invoices.push((number.0, Invoice { number: invoice, booked: false, credit_note: false }));
            Ok(invoice)
        })
        .await
    }

    async fn book_invoice(&self, number: InvoiceNumber) -> Answer<()> {
        self.call("erp.book_invoice", |books| {
            let found = books.invoices.iter_mut().find(|(_, one)| one.number == number);
            let (order, invoice) = found.ok_or_else(|| missing("invoice"))?;
            invoice.booked = true;
            let order = OrderNumber(*order);
            books.order(order)?.flags.invoiced = true;
            Ok(())
        })
        .await
    }

    async fn delete_invoice(&self, number: InvoiceNumber) -> Answer<()> {
        self.call("erp.delete_invoice", |books| {
            books.invoices.retain(|(_, one)| one.number != number || one.booked);
            Ok(())
        })
        .await
    }

    async fn customers(&self, email: &Email) -> Answer<Vec<ErpCustomer>> {
        self.call("erp.customers", |books| {
            let found = books.customers.iter().filter(|(_, known, _)| known == email.reveal());
            Ok(found
                .map(|(number, _, barred)| ErpCustomer { number: CustomerNumber(*number), barred: *barred })
                .collect())
        })
        .await
    }

    async fn create_customer(&self, customer: &NewCustomer) -> Answer<CustomerNumber> {
        self.call("erp.create_customer", |books| {
            let number = books.next();
            let email = customer.email.as_ref().map_or_else(String::new, |email| email.reveal().to_owned());
            books.customers.push((number, email, false));
            Ok(CustomerNumber(number))
        })
        .await
    }

    async fn item(&self, number: &ItemNumber) -> Answer<Item> {
        self.call("erp.item", |books| {
            books.items.get(number.as_str()).cloned().ok_or_else(|| missing("item"))
        })
        .await
    }

    async fn items(&self, page: u32) -> Answer<Page<Item>> {
        let size = *self.page_size.lock().unwrap();
        self.call("erp.items", |books| Ok(paged(books.items.values().cloned().collect(), page, size))).await
    }

    async fn create_product(&self, product: &NewProduct) -> Answer<()> {
        let groups = self.groups.lock().unwrap().clone();
        let now = self.clock.now();
        let refused = self.refuses.lock().unwrap().contains(product.number.as_str());
        self.call("erp.create_product", |books| {
            if refused {
                Err(no(Refusal::Other, "create product"))
            } else {
                books.make(product, &groups, now)
            }
        })
        .await
    }

    async fn product(&self, number: &ItemNumber) -> Answer<ErpProduct> {
        self.call("erp.product", |books| books.product(number.as_str()).ok_or_else(|| missing("product")))
            .await
    }

    async fn products(&self, kind: ItemKind, page: u32) -> Answer<Page<ErpProduct>> {
        let size = *self.page_size.lock().unwrap();
        self.call("erp.products", |books| {
            let numbers: Vec<String> = books.items.keys().cloned().collect();
            let rows = numbers.iter().filter_map(|number| books.product(number));
            Ok(paged(rows.filter(|product| product.kind == kind).collect(), page, size))
        })
        .await
    }

    async fn edit_product(&self, number: &ItemNumber, kind: ItemKind, edit: &ErpEdit) -> Answer<()> {
        let numbers_stay = *self.numbers_stay.lock().unwrap();
        let now = self.clock.now();
        self.call("erp.edit_product", |books| books.edit(number, kind, edit, numbers_stay, now)).await
    }

    async fn stock(&self, item: &ItemNumber, by_location: bool) -> Answer<ItemStock> {
        self.call("erp.stock", |books| {
            let stock = books.stock(item.as_str()).ok_or_else(|| missing("stock"))?;
            Ok(if by_location { stock } else { ItemStock { places: None, ..stock } })
        })
        .await
    }

    async fn stock_list(&self, page: u32) -> Answer<Page<ItemStock>> {
        let size = *self.page_size.lock().unwrap();
        self.call("erp.stock_list", |books| {
            let sums = books.stocks().into_iter().map(|stock| ItemStock { places: None, ..stock });
            Ok(paged(sums.collect(), page, size))
        })
        .await
    }

    async fn stock_report(&self, page: u32) -> Answer<Page<ItemStock>> {
        let size = *self.page_size.lock().unwrap();
        self.call("erp.stock_report", |books| {
            let mut rows = books.stocks();
            for row in &mut rows {
                row.available = None;
                row.places.iter_mut().flatten().for_each(|place| place.available = None);
            }
            Ok(paged(rows, page, size))
        })
        .await
    }

    async fn product_groups(&self) -> Answer<Vec<ProductGroup>> {
        self.call("erp.product_groups", |_| Ok(self.groups.lock().unwrap().clone())).await
    }

    async fn locations(&self) -> Answer<Vec<Location>> {
        self.call("erp.locations", |_| {
            let location = |number, is_default| Location {
                number: StockLocation(number),
                name: String::new(),
                is_default,
            };
            Ok(vec![location(1, false), location(2, true)])
        })
        .await
    }

    async fn stock_at(&self, item: &ItemNumber, location: StockLocation) -> Answer<Decimal> {
        self.call("erp.stock_at", |books| {
            books.lies_at(item.as_str(), location).ok_or_else(|| missing("item"))
        })
        .await
    }

    async fn set_stock(
        &self,
        item: &ItemNumber,
        location: StockLocation,
        quantity: Decimal,
        _: &str,
    ) -> Answer<()> {
        self.call("erp.set_stock", |books| {
            let before = books.lies_at(item.as_str(), location).ok_or_else(|| missing("item"))?;
            if before == quantity {
                return Err(no(Refusal::NoChange, "adjust"));
            }
            books.put_at(item.as_str(), location, quantity);
            books.adjustments.push((item.as_str().to_owned(), quantity));
            Ok(())
        })
        .await
    }

    async fn subscribe(&self, event: &str, address: &Url) -> Answer<SecretString> {
        self.call("erp.subscribe", |books| {
            let token = format!("webhook-token-{}", books.next());
            books.subscriptions.retain(|(known, at, _)| known != event || at != address);
            books.subscriptions.push((event.to_owned(), address.clone(), token.clone()));
            Ok(SecretString::from(token))
        })
        .await
    }

    async fn unsubscribe(&self, address: &Url) -> Answer<()> {
        self.call("erp.unsubscribe", |books| {
            books.subscriptions.retain(|(_, at, _)| at != address);
            Ok(())
        })
        .await
    }
}
