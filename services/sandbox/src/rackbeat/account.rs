//! One Rackbeat account: its reference data and everything it holds.

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::call::Call;
use super::customers::Customer;
use super::groups::Group;
use super::hooks::{Event, Hook};
use super::invoices::Invoice;
use super::items::Items;
use super::locations::Location;
use super::number::number;
use super::orders::Order;
use super::product::Product;
use super::shipments::Shipment;
use super::stock::Adjustment;
use crate::facts::StockTouches;
use crate::seed::Seeded;

/// The VAT zones as the wire names them, in the order of [`Group::vat`].
pub(super) const ZONES: [&str; 4] = ["domestic", "eu", "abroad", "domestic_exempt"];

/// A custom field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomField {
    /// Id.
    pub id: i64,
    /// Slug.
    pub slug: String,
    /// Type, such as `text`, `boolean` or `select`.
    pub kind: String,
    /// What it is for: `item`, `customer` or `order`.
    pub used_for: String,
}

impl CustomField {
    /// A field of the type `text`.
    #[must_use]
    pub fn new(id: i64, slug: &str, used_for: &str) -> Self {
        let (slug, used_for) = (slug.to_owned(), used_for.to_owned());
        Self { id, slug, kind: "text".to_owned(), used_for }
    }

    pub(super) fn to_json(&self) -> Value {
        json!({
            "id": self.id, "slug": self.slug, "name": self.slug, "type": self.kind,
            "available_for": [self.used_for], "use_in_layouts": false, "default_value": null, "options": [],
        })
    }
}

/// What an account starts with. `Default` is a small Danish company with one warehouse.
#[derive(Debug, Clone)]
pub struct AccountSetup {
    /// The account's id as `/self` tells it.
    pub id: i64,
    /// Company name.
    pub company_name: String,
    /// API tokens; each has a rate budget of its own.
    pub tokens: Vec<String>,
    /// Currencies with their rate in the base currency's hundredths; the first is the base.
    pub currencies: Vec<String>,
    /// A tree; the first is the default.
    pub locations: Vec<Location>,
    /// Product groups; the first is used where none is named.
    pub groups: Vec<Group>,
    /// Number and name.
    pub layouts: Vec<(i64, String)>,
    /// Number, name and days.
    pub payment_terms: Vec<(i64, String, u32)>,
    /// Number and name.
    pub employees: Vec<(i64, String)>,
    /// Number and name.
    pub units: Vec<(i64, String)>,
    /// Number and name.
    pub customer_groups: Vec<(i64, String)>,
    /// Custom fields.
    pub fields: Vec<CustomField>,
}

impl Default for AccountSetup {
    fn default() -> Self {
        let named = |rows: &[(i64, &str)]| {
            rows.iter().map(|(number, name)| (*number, (*name).to_owned())).collect::<Vec<_>>()
        };
        let group = |number, name: &str, domestic: u32, has_inventory| Group {
            number,
            name: name.to_owned(),
            vat: [domestic.into(), Decimal::ZERO, Decimal::ZERO, Decimal::ZERO],
            has_inventory,
            is_sellable: true,
        };
        Self {
            id: 8123,
            company_name: "Nordlys Gear ApS".to_owned(),
            tokens: vec!["sandbox-rackbeat-token".to_owned()],
            currencies: ["DKK", "EUR", "SEK", "NOK", "USD", "GBP"].map(str::to_owned).to_vec(),
            locations: vec![Location::new(1, "Main")],
            groups: vec![
                group(1, "Goods 25%", 25, true),
                group(2, "Goods without VAT", 0, true),
                group(3, "Goods 12%", 12, true),
                group(4, "Services 25%", 25, false),
                group(5, "Services without VAT", 0, false),
            ],
            layouts: named(&[(1, "Standard")]),
            payment_terms: vec![(1, "Net 8 days".to_owned(), 8), (2, "Paid".to_owned(), 0)],
            employees: named(&[(1, "Webshop"), (2, "Warehouse")]),
            units: named(&[(1, "pcs")]),
            customer_groups: named(&[(1, "Webshop"), (2, "Wholesale")]),
            fields: vec![
                CustomField::new(3, "webshop-order", "order"),
                CustomField::new(7, "webshop", "item"),
            ],
        }
    }
}

impl AccountSetup {
    /// The default company under another id and token.
    #[must_use]
    pub fn named(id: i64, token: &str) -> Self {
        Self {
            id,
            company_name: format!("Company {id} ApS"),
            tokens: vec![token.to_owned()],
            ..Self::default()
        }
    }
}

/// A mail the real one would have sent: what for, and the document's number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// `order` or `invoice`.
    pub about: &'static str,
    /// The order's or invoice's number.
    pub number: i64,
}

pub(super) struct Account {
    pub(super) setup: AccountSetup,
    pub(super) products: Items,
    pub(super) customers: BTreeMap<i64, Customer>,
    pub(super) orders: BTreeMap<i64, Order>,
    pub(super) shipments: BTreeMap<i64, Shipment>,
    pub(super) invoices: BTreeMap<i64, Invoice>,
    pub(super) adjustments: BTreeMap<i64, Adjustment>,
    pub(super) hooks: BTreeMap<i64, Hook>,
    pub(super) mails: Vec<Mail>,
    /// Events the call at hand has caused; taken and delivered when it is done.
    pub(super) events: Vec<Event>,
    pub(super) windows: BTreeMap<String, VecDeque<Timestamp>>,
    pub(super) stream: Seeded,
    last_id: i64,
    last_customer: i64,
    last_order: i64,
    last_invoice: i64,
}

impl Account {
    pub(super) fn new(setup: AccountSetup, seed: u64) -> Self {
        let stream = Seeded::labelled(seed, &format!("rackbeat account {}", setup.id));
        Self {
            setup,
            products: Items::default(),
            customers: BTreeMap::new(),
            orders: BTreeMap::new(),
            shipments: BTreeMap::new(),
            invoices: BTreeMap::new(),
            adjustments: BTreeMap::new(),
            hooks: BTreeMap::new(),
            mails: Vec::new(),
            events: Vec::new(),
            windows: BTreeMap::new(),
            stream,
            last_id: 4710,
            last_customer: 1000,
            last_order: 1000,
            last_invoice: 20_000,
        }
    }

    /// An id for what has no number series: lines, shipments, adjustments, webhooks.
    pub(super) fn next_id(&mut self) -> i64 {
        self.last_id += 1;
        self.last_id
    }

    pub(super) fn next_customer(&mut self) -> i64 {
        loop {
            self.last_customer += 1;
            if !self.customers.contains_key(&self.last_customer) {
                return self.last_customer;
            }
        }
    }

    pub(super) fn next_order(&mut self) -> i64 {
        loop {
            self.last_order += 1;
            if !self.orders.contains_key(&self.last_order) {
                return self.last_order;
            }
        }
    }

    pub(super) fn next_invoice(&mut self) -> i64 {
        self.last_invoice += 1;
        self.last_invoice
    }

    pub(super) fn base_currency(&self) -> &str {
        self.setup.currencies.first().map_or("DKK", String::as_str)
    }

    pub(super) fn default_location(&self) -> i64 {
        self.setup.locations.first().map_or(1, |location| location.number)
    }

    pub(super) fn location(&self, number: i64) -> Value {
        let found = self.setup.locations.iter().find(|location| location.number == number);
        json!({ "number": number, "name": found.map(|location| location.name.as_str()) })
    }

    pub(super) fn has_location(&self, number: i64) -> bool {
        self.setup.locations.iter().any(|location| location.number == number)
    }

    pub(super) fn group(&self, number: i64) -> Option<&Group> {
        self.setup.groups.iter().find(|group| group.number == number)
    }

    pub(super) fn unit(&self, number: i64) -> Value {
        let unit = self.setup.units.iter().find(|(known, _)| *known == number);
        unit.map_or(Value::Null, |(number, name)| json!({ "number": number, "name": name }))
    }

    /// Notes an event for the webhooks unless the call asked for silence. A call tells of an item's
    /// stock once.
    pub(super) fn tell(&mut self, call: &Call<'_>, mut event: Event) {
        if call.silent() || self.events.iter().any(|noted| noted.same_stock(&event)) {
            return;
        }
        event.entry = self.next_id();
        self.events.push(event);
    }

    /// Tells of an item's stock.
    pub(super) fn tell_stock(&mut self, call: &Call<'_>, item: &str) {
        if let Some(event) = self.products.get(item).map(|product| Event::stock(product, call.facts)) {
            self.tell(call, event);
        }
    }

    /// Changes an item's stock by what `work` does to it, and tells it.
    pub(super) fn move_goods(
        &mut self,
        call: &Call<'_>,
        item: &str,
        work: impl FnOnce(&mut Product),
    ) -> bool {
        let work = |product: &mut Product| {
            work(product);
            product.used = true;
        };
        let done = match call.facts.stock_touches() {
            StockTouches::Touches => self.products.touch(item, call.now, work),
            StockTouches::Leaves => self.products.get_mut(item).map(work),
        };
        self.tell_stock(call, item);
        done.is_some()
    }
}

/// `{number, name}` rows of small reference lists.
pub(super) fn named_rows(rows: &[(i64, String)]) -> Vec<Value> {
    rows.iter().map(|(number, name)| json!({ "number": number, "name": name })).collect()
}

/// A decimal as JSON; short, as it stands in every resource.
pub(super) fn n(value: Decimal) -> Value {
    number(value)
}
