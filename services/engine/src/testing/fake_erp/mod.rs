//! A Rackbeat account in memory, with the habits that matter: drafts lock when booked, numbers are given by the
//! account, totals are rounded per line, what is booked cannot be sold any more and what ships lies there no more.

mod goods;
mod port;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use rust_decimal::Decimal;
use shopbeat_domain::erp::{
    DraftLine, ErpLine, ErpOrder, ErpProduct, Invoice, Item, ItemKind, NewProduct, ProductGroup, Shipment,
};
use shopbeat_domain::failure::{Failure, FailureKind, Refusal, Remote};
use shopbeat_domain::ids::{ItemNumber, LineId, OrderNumber, Reference};
use shopbeat_domain::mapping::samples::dkk;
use shopbeat_domain::ports::{Answer, Clock};
use shopbeat_domain::product::ErpEdit;
use url::Url;

use super::Hooks;

/// What the account holds.
#[derive(Default)]
pub(crate) struct Books {
    pub(crate) orders: BTreeMap<u64, ErpOrder>,
    pub(crate) customers: Vec<(u64, String, bool)>,
    pub(crate) items: BTreeMap<String, Item>,
    /// What is told of items besides; what `items` tells counts.
    details: BTreeMap<String, ErpProduct>,
    /// Of an item's stock: what lies elsewhere than at the default location.
    elsewhere: BTreeMap<(String, u64), Decimal>,
    /// Every change of a product that was accepted, in order.
    pub(crate) edits: Vec<(String, ErpEdit)>,
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
    /// An item's number cannot be changed.
    pub(crate) numbers_stay: Mutex<bool>,
    /// Products of these numbers are not made.
    pub(crate) refuses: Mutex<BTreeSet<String>>,
    /// Items per page of a list.
    pub(crate) page_size: Mutex<usize>,
    clock: Arc<dyn Clock>,
}

fn no(refusal: Refusal, call: &str) -> Failure {
    Failure::new(Remote::Rackbeat, FailureKind::Refused(refusal), call, "refused by the fake")
}

fn missing(call: &str) -> Failure {
    Failure::new(Remote::Rackbeat, FailureKind::Missing, call, "not there")
}

impl FakeErp {
    pub(crate) fn new(hooks: Hooks, clock: Arc<dyn Clock>) -> Self {
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
            vat_eu: Decimal::ZERO,
            vat_abroad: Decimal::ZERO,
            vat_domestic_exempt: Decimal::ZERO,
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
            numbers_stay: Mutex::default(),
            refuses: Mutex::default(),
            page_size: Mutex::new(3),
            clock,
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
