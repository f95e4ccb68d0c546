//! Orders: the record, creating, reading, listing, changing and removing.

use std::collections::BTreeMap;

use axum::http::Method;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::account::{Account, ZONES, n};
use super::address::Address;
use super::call::{Answer, Call, Form, Refusal, Reply, day, stamp};
use super::customers::Customer;
use super::hooks::Event;
use super::lines::{self, Line};
use super::list::sparse;
use super::reserved::{owed, tell_reserved};
use super::totals::{Totals, totals};
use super::{order_list, shipments, transitions};
use crate::facts::{
    DraftDelete, Facts, LongText, OrderNumberOnCreate, OrderReferences, PostOrders, ReadyCall, ReservedBy,
};

/// What a live client cuts texts to before sending.
const HEADING_MAX: usize = 255;
const NOTE_MAX: usize = 800;

// No Debug: addresses.
#[derive(Clone)]
pub(super) struct Order {
    pub(super) number: i64,
    pub(super) customer: i64,
    pub(super) heading: String,
    pub(super) note: String,
    pub(super) order_date: String,
    pub(super) deliver_at: Option<String>,
    pub(super) currency: String,
    pub(super) vat_zone: String,
    pub(super) layout: i64,
    pub(super) terms: i64,
    pub(super) employee: Option<i64>,
    pub(super) their_reference: Option<String>,
    pub(super) other_reference: Option<String>,
    pub(super) billing: Address,
    pub(super) delivery: Address,
    pub(super) lines: Vec<Line>,
    pub(super) booked_at: Option<Timestamp>,
    pub(super) cancelled: bool,
    pub(super) ready: bool,
    pub(super) invoiced: bool,
    /// Whether its goods stand in the products' quantity in order right now.
    pub(super) reserved: bool,
    pub(super) notes: Vec<String>,
    pub(super) fields: BTreeMap<i64, String>,
    pub(super) created: Timestamp,
    pub(super) updated: Timestamp,
}

impl Order {
    pub(super) fn booked(&self) -> bool {
        self.booked_at.is_some()
    }

    pub(super) fn totals(&self, facts: &Facts) -> Totals {
        totals(self.lines.iter().map(Line::priced), facts.rounding())
    }

    /// Shipped wholly, shipped in part; services and other items without inventory never ship.
    pub(super) fn shipped(&self, account: &Account) -> (bool, bool) {
        let goods = || {
            self.lines
                .iter()
                .filter(|line| account.products.get(&line.item).is_some_and(|item| item.inventory))
        };
        let some = goods().any(|line| !line.shipped.is_zero());
        let all = some && goods().all(|line| line.shipped >= line.quantity);
        (all, some && !all)
    }

    pub(super) fn event(&self, verb: &'static str) -> Event {
        Event::keyed("order", verb, "number", self.number.into())
    }

    pub(super) fn to_json(&self, account: &Account, facts: &Facts) -> Value {
        let Totals { subtotal, vat, total } = self.totals(facts);
        let (shipped, partly) = self.shipped(account);
        let customer = account.customers.get(&self.customer);
        let employee = self.employee.map(|number| json!({ "number": number }));
        let lines: Vec<Value> = self.lines.iter().map(|line| line.to_json(account)).collect();
        json!({
            "number": self.number, "heading": self.heading, "note": self.note, "order_date": self.order_date,
            "deliver_at": self.deliver_at, "due_date": null, "booked_at": self.booked_at.map(stamp),
            "currency": self.currency, "currency_rate": 100, "vat_zone": self.vat_zone,
            "total_subtotal": n(subtotal), "total_vat": n(vat), "total_total": n(total),
            "customer": { "number": self.customer, "name": customer.map(|customer| customer.name.as_str()) },
            "customer_id": self.customer, "layout_id": self.layout, "our_reference": employee,
            "their_reference": self.their_reference, "other_reference": self.other_reference,
            "payment_terms": { "number": self.terms }, "payment_terms_id": self.terms,
            "billing_address": self.billing.to_json(), "delivery_address": self.delivery.to_json(),
            "is_archived": false, "is_booked": self.booked(), "is_cancelled": self.cancelled,
            "is_shipped": shipped, "is_partly_shipped": partly, "is_ready_for_shipping": self.ready,
            "is_ready_for_invoicing": self.booked() && !self.invoiced, "is_invoiced": self.invoiced,
            "is_partly_invoiced": false, "is_ready_for_purchasing": false, "is_partly_purchased": false,
            "created_at": stamp(self.created), "updated_at": stamp(self.updated),
            "self": format!("https://app.rackbeat.com/api/orders/{}", self.number), "lines": lines,
        })
    }

    /// As the API shows it, with custom fields when asked for.
    pub(super) fn shown(&self, account: &Account, call: &Call<'_>) -> Value {
        let mut row = self.to_json(account, call.facts);
        if call.param("expand").is_some_and(|what| what.contains("field_values")) {
            row["field_values"] = self.field_values(account);
        }
        row
    }

    pub(super) fn field_values(&self, account: &Account) -> Value {
        let slug =
            |id: &i64| account.setup.fields.iter().find(|field| field.id == *id).map(|field| &field.slug);
        let values = self.fields.iter();
        values
            .map(|(id, value)| json!({ "value": value, "field": { "id": id, "slug": slug(id), "type": "text" } }))
            .collect()
    }
}

/// Finds an order by its path segment.
pub(super) fn number_of(account: &Account, segment: &str) -> Result<i64, Refusal> {
    let number = segment.parse().map_err(|_| Refusal::Missing)?;
    if account.orders.contains_key(&number) { Ok(number) } else { Err(Refusal::Missing) }
}

/// Changes an order with its goods taken out of the products' quantity in order meanwhile.
pub(super) fn change<T>(
    account: &mut Account,
    call: &Call<'_>,
    number: i64,
    change: impl FnOnce(&mut Account, &mut Order) -> Result<T, Refusal>,
) -> Result<T, Refusal> {
    let drafts_too = call.facts.reserved_by() == ReservedBy::DraftsToo;
    let mut order = account.orders.remove(&number).ok_or(Refusal::Missing)?;
    let before = owed(&order);
    account.release(&mut order);
    let kept = order.clone();
    let outcome = change(account, &mut order);
    let mut order = if outcome.is_ok() { order } else { kept };
    account.reserve(&mut order, drafts_too);
    let after = owed(&order);
    account.orders.insert(number, order);
    tell_reserved(account, call, &before, &after);
    outcome
}

pub(super) fn route(account: &mut Account, call: &Call<'_>) -> Answer {
    let segments: Vec<&str> = call.segments.iter().map(String::as_str).collect();
    match (&call.method, &segments[1..]) {
        (&Method::GET, []) => order_list::list(account, call),
        (&Method::POST, []) => {
            let books = call.facts.post_orders() == PostOrders::Books;
            create(account, call, books)
        }
        (&Method::POST, ["drafts"]) => create(account, call, false),
        (_, ["shipments", id, step]) => shipments::step_by_id(account, call, id, step),
        (method, [number]) => {
            let number = number_of(account, number)?;
            match *method {
                Method::GET => read(account, call, number),
                Method::PUT => update(account, call, number),
                Method::DELETE => delete(account, call, number),
                _ => Err(Refusal::Missing),
            }
        }
        (_, [number, "lines", rest @ ..]) => {
            let number = number_of(account, number)?;
            lines::route(account, call, number, rest)
        }
        (_, [number, rest @ ..]) => {
            let number = number_of(account, number)?;
            transitions::route(account, call, number, rest)
        }
        _ => Err(Refusal::Missing),
    }
}

/// `{"order": …}` as it is now.
pub(super) fn read(account: &Account, call: &Call<'_>, number: i64) -> Answer {
    let order = account.orders.get(&number).ok_or(Refusal::Missing)?;
    Reply::ok(json!({ "order": sparse(call, order.shown(account, call)) }))
}

fn long_text(form: &mut Form<'_>, call: &Call<'_>, key: &str, max: usize) -> Option<String> {
    match call.facts.long_text() {
        LongText::Refused => form.short(key, max),
        LongText::Cut => Some(form.text(key)?.chars().take(max).collect()),
    }
}

/// Reads what a body says about the order's head.
fn read_head(form: &mut Form<'_>, account: &Account, call: &Call<'_>, order: &mut Order) {
    let setup = &account.setup;
    let listed = |rows: &[(i64, String)], number| rows.iter().any(|(known, _)| *known == number);
    if let Some(heading) = long_text(form, call, "heading", HEADING_MAX) {
        order.heading = heading;
    }
    if let Some(note) = long_text(form, call, "note", NOTE_MAX) {
        order.note = note;
    }
    order.order_date = form.date("order_date").unwrap_or(std::mem::take(&mut order.order_date));
    order.deliver_at = form.date("deliver_at").or(order.deliver_at.take());
    if let Some(currency) = form.text("currency") {
        if !setup.currencies.contains(&currency) {
            form.wrong("currency", "The selected currency is invalid.");
        }
        order.currency = currency;
    }
    if let Some(zone) = form.text("vat_zone") {
        if !ZONES.contains(&zone.as_str()) {
            form.wrong("vat_zone", "The selected vat zone is invalid.");
        }
        order.vat_zone = zone;
    }
    let layout = form.known("layout_id", "Layout", |number| listed(&setup.layouts, number));
    order.layout = layout.unwrap_or(order.layout);
    let terms = |number| setup.payment_terms.iter().any(|(known, ..)| *known == number);
    order.terms = form.known("payment_terms_id", "Payment terms", terms).unwrap_or(order.terms);
    for key in ["employee_id", "our_reference_id"] {
        let employee = form.known(key, "Employee", |number| listed(&setup.employees, number));
        order.employee = employee.or(order.employee);
    }
    let references =
        [("their_reference", &mut order.their_reference), ("other_reference", &mut order.other_reference)];
    for (key, target) in references {
        let sent = form.short(key, 255);
        if sent.is_some() && call.facts.order_references() == OrderReferences::Kept {
            *target = sent;
        }
    }
    order.billing.read_order(form, call, "address_", "billing_address");
    order.delivery.read_order(form, call, "delivery_address_", "delivery_address");
}

fn blank(account: &Account, call: &Call<'_>, customer: Option<&Customer>) -> Order {
    let first = |rows: &[(i64, String)]| rows.first().map_or(1, |(number, _)| *number);
    Order {
        number: 0,
        customer: customer.map_or(0, |customer| customer.number),
        heading: String::new(),
        note: String::new(),
        order_date: day(call.now),
        deliver_at: None,
        currency: customer.map_or(account.base_currency(), |customer| &customer.currency).to_owned(),
        vat_zone: customer.map_or(ZONES[0], |customer| &customer.vat_zone).to_owned(),
        layout: customer.map_or(first(&account.setup.layouts), |customer| customer.layout),
        terms: customer.map_or(1, |customer| customer.terms),
        employee: None,
        their_reference: None,
        other_reference: None,
        billing: customer.map(|customer| customer.address.clone()).unwrap_or_default(),
        delivery: Address::default(),
        lines: Vec::new(),
        booked_at: None,
        cancelled: false,
        ready: false,
        invoiced: false,
        reserved: false,
        notes: Vec::new(),
        fields: BTreeMap::new(),
        created: call.now,
        updated: call.now,
    }
}

fn create(account: &mut Account, call: &Call<'_>, books: bool) -> Answer {
    let mut form = Form::new(&call.body);
    form.require("customer_id");
    form.known("customer_id", "Customer", |number| account.customers.contains_key(&number));
    let customer =
        form.get("customer_id").and_then(Value::as_i64).and_then(|number| account.customers.get(&number));
    if customer.is_some_and(|customer| customer.barred) {
        form.wrong("customer_id", "Customer is barred.");
    }
    let chosen = match call.facts.order_number() {
        OrderNumberOnCreate::Ignored => None,
        OrderNumberOnCreate::Taken => form.whole("number"),
    };
    if chosen.is_some_and(|number| account.orders.contains_key(&number)) {
        form.wrong("number", "The number has already been taken.");
    }
    let mut order = blank(account, call, customer);
    let discount = customer.map(|customer| customer.discount).unwrap_or_default();
    read_head(&mut form, account, call, &mut order);
    let sent = match form.get("lines") {
        None => [].as_slice(),
        Some(Value::Array(sent)) => sent,
        Some(_) => {
            form.wrong("lines", "The lines must be an array.");
            [].as_slice()
        }
    };
    for (at, body) in sent.iter().enumerate() {
        let mut nested = Form::nested(body, format!("lines.{at}."));
        if let Some(line) = lines::read_new(&mut nested, account, call, &order.vat_zone, discount) {
            order.lines.push(line);
        }
        form.absorb(nested);
    }
    form.done()?;
    for at in 0..order.lines.len() {
        order.lines[at].id = account.next_id();
        lines::mark_used(account, &order.lines[at].item.clone());
    }
    order.number = chosen.unwrap_or_else(|| account.next_order());
    let number = order.number;
    account.tell(call, order.event("created"));
    account.orders.insert(number, order);
    change(account, call, number, |_, order| {
        order.booked_at = books.then_some(call.now);
        Ok(())
    })?;
    let order = account.orders.get(&number).ok_or(Refusal::Missing)?;
    Reply::created(json!({ "order": order.shown(account, call) }))
}

/// True when a body says nothing but whether the order is ready for shipping.
fn only_ready(body: &Value) -> bool {
    body.as_object().is_some_and(|body| {
        body.contains_key("is_ready_for_shipping")
            && body
                .keys()
                .all(|key| matches!(key.as_str(), "is_ready_for_shipping" | "suppress_webhooks" | "number"))
    })
}

fn update(account: &mut Account, call: &Call<'_>, number: i64) -> Answer {
    change(account, call, number, |account, order| {
        if order.cancelled {
            return Err(Refusal::Forbidden("The order is cancelled."));
        }
        let mut form = Form::new(&call.body);
        if let Some(ready) = form.flag("is_ready_for_shipping")
            && call.facts.ready_call() == ReadyCall::Update
        {
            if ready && !order.booked() {
                form.wrong("is_ready_for_shipping", "The order must be booked.");
            }
            order.ready = ready;
        }
        if !only_ready(&call.body) {
            if order.booked() {
                return Err(Refusal::invalid("number", "The order is booked and can't be changed."));
            }
            let customer =
                form.known("customer_id", "Customer", |number| account.customers.contains_key(&number));
            order.customer = customer.unwrap_or(order.customer);
            read_head(&mut form, account, call, order);
        }
        form.done()?;
        order.updated = call.now;
        account.tell(call, order.event("updated"));
        Ok(())
    })?;
    read(account, call, number)
}

fn delete(account: &mut Account, call: &Call<'_>, number: i64) -> Answer {
    if call.facts.draft_delete() == DraftDelete::Refused {
        return Err(Refusal::Forbidden("Orders can't be deleted."));
    }
    let order = account.orders.get(&number).ok_or(Refusal::Missing)?;
    if order.booked() {
        return Err(Refusal::Forbidden("A booked order can't be deleted."));
    }
    remove(account, call, number);
    Reply::gone()
}

/// Removes an order whatever its state, and tells so. False when there is none.
pub(super) fn remove(account: &mut Account, call: &Call<'_>, number: i64) -> bool {
    let Some(mut order) = account.orders.remove(&number) else {
        return false;
    };
    let before = owed(&order);
    account.release(&mut order);
    account.tell(call, order.event("deleted"));
    tell_reserved(account, call, &before, &BTreeMap::new());
    true
}
