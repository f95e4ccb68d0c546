//! A Rackbeat account in memory, with the habits that matter: drafts lock when booked, numbers are given by the
//! account, totals are rounded per line.

use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;
use jiff::Timestamp;
use rust_decimal::Decimal;
use secrecy::SecretString;
use shopbeat_domain::erp::{
    Account, Draft, DraftLine, ErpCustomer, ErpFlags, ErpLine, ErpOrder, Invoice, Item, ItemKind, Location,
    NewCustomer, NewProduct, ProductGroup, Shipment,
};
use shopbeat_domain::failure::{Failure, FailureKind, Refusal, Remote};
use shopbeat_domain::ids::{
    AccountId, CustomerNumber, InvoiceNumber, ItemNumber, LineId, OrderNumber, Reference, ShipmentId,
    StockLocation,
};
use shopbeat_domain::mapping::samples::dkk;
use shopbeat_domain::person::Email;
use shopbeat_domain::ports::{Answer, Erp, Page};
use url::Url;

use super::Hooks;

/// What the account holds.
#[derive(Default)]
pub(crate) struct Books {
    pub(crate) orders: BTreeMap<u64, ErpOrder>,
    pub(crate) customers: Vec<(u64, String, bool)>,
    pub(crate) items: BTreeMap<String, Item>,
    pub(crate) shipments: Vec<(u64, Shipment)>,
    pub(crate) invoices: Vec<(u64, Invoice)>,
    pub(crate) adjustments: Vec<(String, Decimal)>,
    pub(crate) products_made: Vec<NewProduct>,
    /// Event, address and token.
    pub(crate) subscriptions: Vec<(String, Url, String)>,
    last: u64,
}

/// The account.
pub(crate) struct FakeErp {
    hooks: Hooks,
    pub(crate) books: Mutex<Books>,
    /// Added to every total, as another rounding would.
    pub(crate) off_by: Mutex<Decimal>,
    /// The search does not show it (yet).
    pub(crate) unlisted: Mutex<Option<OrderNumber>>,
    /// Stock is short: nothing ships.
    pub(crate) short: Mutex<bool>,
    /// Whose token it is.
    pub(crate) account: Mutex<u64>,
    pub(crate) groups: Mutex<Vec<ProductGroup>>,
}

fn no(refusal: Refusal, call: &str) -> Failure {
    Failure::new(Remote::Rackbeat, FailureKind::Refused(refusal), call, "refused by the fake")
}

fn missing(call: &str) -> Failure {
    Failure::new(Remote::Rackbeat, FailureKind::Missing, call, "not there")
}

impl FakeErp {
    pub(crate) fn new(hooks: Hooks) -> Self {
        let mut books = Books { last: 100, ..Books::default() };
        for (sku, keeps_stock) in
            [("TENT-2P", true), ("PEG-10", true), ("FREIGHT", false), ("ROUNDING", false)]
        {
            let number = ItemNumber::parse(sku).unwrap();
            let item =
                Item { number, kind: ItemKind::Product, barred: false, keeps_stock, stock: Decimal::ZERO };
            books.items.insert(sku.to_owned(), item);
        }
        let group = ProductGroup {
            number: 1,
            name: "Goods".to_owned(),
            vat_domestic: Decimal::from(25),
            has_inventory: true,
        };
        Self {
            hooks,
            books: Mutex::new(books),
            off_by: Mutex::default(),
            unlisted: Mutex::default(),
            short: Mutex::default(),
            account: Mutex::new(8123),
            groups: Mutex::new(vec![group]),
        }
    }

    /// Orders that bear a reference and are not cancelled.
    pub(crate) fn living(&self, reference: &Reference) -> Vec<ErpOrder> {
        let books = self.books.lock().unwrap();
        books
            .orders
            .values()
            .filter(|order| order.bears(reference) && !order.flags.cancelled)
            .cloned()
            .collect()
    }

    /// The same account, seen by another world.
    pub(crate) fn take_over(&self, other: &Self) {
        *self.books.lock().unwrap() = std::mem::take(&mut *other.books.lock().unwrap());
    }

    async fn call<T: Send>(
        &self,
        name: &str,
        work: impl FnOnce(&mut Books) -> Result<T, Failure> + Send,
    ) -> Answer<T> {
        self.hooks.call(Remote::Rackbeat, name, async { work(&mut self.books.lock().unwrap()) }).await
    }

    fn sum(&self, order: &mut ErpOrder) {
        let hundred = Decimal::ONE_HUNDRED;
        let (mut net, mut vat) = (Decimal::ZERO, *self.off_by.lock().unwrap());
        for line in &order.lines {
            let line_net = dkk()
                .round(line.quantity * line.unit_price * (Decimal::ONE - line.discount_percent / hundred));
            net += line_net;
            vat += dkk().round(line_net * line.vat_percent.unwrap_or_default() / hundred);
        }
        (order.net, order.vat, order.total) = (Some(net), Some(vat), Some(net + vat));
    }
}

impl Books {
    fn next(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    fn order(&mut self, number: OrderNumber) -> Result<&mut ErpOrder, Failure> {
        self.orders.get_mut(&number.0).ok_or_else(|| missing("order"))
    }

    fn draft(&mut self, number: OrderNumber) -> Result<&mut ErpOrder, Failure> {
        let order = self.order(number)?;
        if order.flags.booked { Err(no(Refusal::Locked, "draft")) } else { Ok(order) }
    }

    fn line(&mut self, line: &DraftLine) -> ErpLine {
        ErpLine {
            id: LineId(self.next()),
            item: Some(line.item.clone()),
            quantity: line.quantity,
            unit_price: line.unit_price,
            discount_percent: line.discount_percent,
            vat_percent: Some(line.vat_percent),
        }
    }
}

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
        let (page, size) = (usize::try_from(page).unwrap(), 3);
        self.call("erp.items", |books| {
            let rows: Vec<Item> = books.items.values().skip((page - 1) * size).take(size).cloned().collect();
            let next = (books.items.len() > page * size).then(|| (page + 1).to_string());
            Ok(Page { rows, next })
        })
        .await
    }

    async fn create_product(&self, product: &NewProduct) -> Answer<()> {
        self.call("erp.create_product", |books| {
            if books.items.contains_key(product.number.as_str()) {
                return Err(no(Refusal::Duplicate, "create product"));
            }
            let number = product.number.clone();
            let item = Item {
                number,
                kind: ItemKind::Product,
                barred: false,
                keeps_stock: true,
                stock: Decimal::ZERO,
            };
            books.items.insert(product.number.as_str().to_owned(), item);
            books.products_made.push(product.clone());
            Ok(())
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

    async fn stock_at(&self, item: &ItemNumber, _: StockLocation) -> Answer<Decimal> {
        self.call("erp.stock_at", |books| {
            books.items.get(item.as_str()).map(|item| item.stock).ok_or_else(|| missing("item"))
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
            assert_eq!(location, StockLocation(2), "stock goes to the default location");
            let found = books.items.get_mut(item.as_str()).ok_or_else(|| missing("item"))?;
            if found.stock == quantity {
                return Err(no(Refusal::NoChange, "adjust"));
            }
            found.stock = quantity;
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
