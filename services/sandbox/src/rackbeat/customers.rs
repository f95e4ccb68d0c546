//! Customers.

use axum::http::Method;
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::account::{Account, ZONES, n};
use super::address::Address;
use super::call::{Answer, Call, Form, Refusal, Reply, stamp};
use super::hooks::Event;
use super::item_list::not_filterable;
use super::list::{page, sparse};
use crate::facts::{CustomerNameKey, CustomerSearch, CustomerTerms, EmailFilter};

// No Debug: a customer is a person.
#[derive(Clone)]
pub(super) struct Customer {
    pub(super) number: i64,
    pub(super) name: String,
    pub(super) email: Option<String>,
    phone: Option<String>,
    pub(super) vat_zone: String,
    pub(super) currency: String,
    pub(super) terms: i64,
    pub(super) layout: i64,
    group: i64,
    pub(super) discount: Decimal,
    pub(super) barred: bool,
    pub(super) address: Address,
    /// Keys kept and given back as they came.
    company_vat: Option<String>,
    ean: Option<String>,
    locale: Option<String>,
    created: Timestamp,
    updated: Timestamp,
}

impl Customer {
    pub(super) fn to_json(&self, account: &Account, call: &Call<'_>) -> Value {
        let group = account.setup.customer_groups.iter().find(|(number, _)| *number == self.group);
        let name_key = match call.facts.customer_name_key() {
            CustomerNameKey::Name => "name",
            CustomerNameKey::CompanyName => "company_name",
        };
        let mut row = json!({
            "number": self.number, "company_vat": self.company_vat, "contact_email": self.email,
            "contact_phone": self.phone, "currency": self.currency, "vat_zone": self.vat_zone,
            "payment_terms": { "number": self.terms }, "payment_terms_id": self.terms, "layout_id": self.layout,
            "customer_group": group.map(|(number, name)| json!({ "number": number, "name": name })),
            "customer_group_id": self.group, "general_discount_percentage": n(self.discount), "ean": self.ean,
            "locale": self.locale, "is_barred": self.barred, "billing_address": self.address.to_json(),
            "delivery_address": null, "our_reference": null, "their_reference": null,
            "created_at": stamp(self.created), "updated_at": stamp(self.updated),
        });
        row[name_key] = self.name.clone().into();
        row
    }
}

pub(super) fn route(account: &mut Account, call: &Call<'_>) -> Answer {
    let segments: Vec<&str> = call.segments.iter().map(String::as_str).collect();
    match (&call.method, &segments[1..]) {
        (&Method::GET, []) => list(account, call),
        (&Method::POST, []) => create(account, call),
        (method, [number]) => {
            let number: i64 = number.parse().map_err(|_| Refusal::Missing)?;
            let found = account.customers.get(&number).ok_or(Refusal::Missing)?;
            match *method {
                Method::GET => Reply::ok(json!({ "customer": sparse(call, found.to_json(account, call)) })),
                Method::PUT => update(account, call, number),
                Method::DELETE => delete(account, call, number),
                _ => Err(Refusal::Missing),
            }
        }
        _ => Err(Refusal::Missing),
    }
}

fn list(account: &Account, call: &Call<'_>) -> Answer {
    let search = call.param("search").map(str::to_lowercase);
    let with_email = call.facts.customer_search() == CustomerSearch::WithEmail;
    let (mut ean, mut email) = (None, None);
    for (property, value) in call.bracketed("simple_filter") {
        match (property, call.facts.email_filter()) {
            ("ean", _) => ean = Some(value),
            ("contact_email", EmailFilter::Works) => email = Some(value),
            ("contact_email", EmailFilter::Ignored) => {}
            _ => return Err(not_filterable(property)),
        }
    }
    let mut rows: Vec<&Customer> = account
        .customers
        .values()
        .filter(|customer| call.flag("is_barred").is_none_or(|barred| barred == customer.barred))
        .filter(|customer| ean.is_none_or(|ean| customer.ean.as_deref() == Some(ean)))
        .filter(|customer| {
            email.is_none_or(|email| {
                customer.email.as_ref().is_some_and(|own| own.eq_ignore_ascii_case(email))
            })
        })
        .filter(|customer| {
            search.as_ref().is_none_or(|text| {
                let mail = customer.email.as_ref().filter(|_| with_email);
                customer.name.to_lowercase().contains(text)
                    || customer.number.to_string().contains(text)
                    || mail.is_some_and(|mail| mail.to_lowercase().contains(text))
            })
        })
        .collect();
    let ascending = call.param("order_direction").is_some_and(|d| d.eq_ignore_ascii_case("ASC"));
    match call.param("order_by") {
        Some("created_at" | "number") if !ascending => rows.reverse(),
        Some("updated_at") => {
            rows.sort_by_key(|customer| customer.updated);
            if !ascending {
                rows.reverse();
            }
        }
        _ => {}
    }
    page(call, "customers", &rows, |customer| customer.to_json(account, call))
}

/// Reads what was sent over `customer`.
fn read(form: &mut Form<'_>, account: &Account, call: &Call<'_>, customer: &mut Customer) {
    let setup = &account.setup;
    let listed = |rows: &[(i64, String)], number| rows.iter().any(|(known, _)| *known == number);
    let take = |target: &mut Option<String>, sent: Option<String>| {
        if sent.is_some() {
            *target = sent;
        }
    };
    let name_key = if form.get("company_name").is_some() { "company_name" } else { "name" };
    if let Some(name) = form.short(name_key, 255) {
        customer.name = name;
    }
    take(&mut customer.email, form.short("contact_email", 255));
    take(&mut customer.phone, form.short("contact_phone", 255));
    take(&mut customer.company_vat, form.short("company_vat", 255));
    take(&mut customer.ean, form.short("ean", 255));
    take(&mut customer.locale, form.short("locale", 10));
    if customer.email.as_ref().is_some_and(|mail| !mail.contains('@')) {
        form.wrong("contact_email", "The contact email must be a valid email address.");
    }
    if let Some(zone) = form.text("vat_zone") {
        if !ZONES.contains(&zone.as_str()) {
            form.wrong("vat_zone", "The selected vat zone is invalid.");
        }
        customer.vat_zone = zone;
    }
    if let Some(currency) = form.text("currency") {
        if !setup.currencies.contains(&currency) {
            form.wrong("currency", "The selected currency is invalid.");
        }
        customer.currency = currency;
    }
    let terms = |number| setup.payment_terms.iter().any(|(known, ..)| *known == number);
    customer.terms = form.known("payment_terms_id", "Payment terms", terms).unwrap_or(customer.terms);
    let layout = form.known("layout_id", "Layout", |number| listed(&setup.layouts, number));
    customer.layout = layout.unwrap_or(customer.layout);
    let group =
        form.known("customer_group_id", "Customer group", |number| listed(&setup.customer_groups, number));
    customer.group = group.unwrap_or(customer.group);
    form.known("employee_id", "Employee", |number| listed(&setup.employees, number));
    customer.discount = form.percentage("general_discount_percentage").unwrap_or(customer.discount);
    customer.barred = form.flag("is_barred").unwrap_or(customer.barred);
    customer.address.read_flat(form, call, "address_");
}

fn create(account: &mut Account, call: &Call<'_>) -> Answer {
    let mut form = Form::new(&call.body);
    form.require("company_name");
    if call.facts.customer_terms() == CustomerTerms::Required {
        form.require("payment_terms_id");
    }
    let chosen = form.whole("number");
    if chosen.is_some_and(|number| account.customers.contains_key(&number)) {
        form.wrong("number", "The number has already been taken.");
    }
    let first = |rows: &[(i64, String)]| rows.first().map_or(1, |(number, _)| *number);
    let mut customer = Customer {
        number: 0,
        name: String::new(),
        email: None,
        phone: None,
        vat_zone: ZONES[0].to_owned(),
        currency: account.base_currency().to_owned(),
        terms: account.setup.payment_terms.first().map_or(1, |(number, ..)| *number),
        layout: first(&account.setup.layouts),
        group: first(&account.setup.customer_groups),
        discount: Decimal::ZERO,
        barred: false,
        address: Address::default(),
        company_vat: None,
        ean: None,
        locale: None,
        created: call.now,
        updated: call.now,
    };
    read(&mut form, account, call, &mut customer);
    form.done()?;
    customer.number = chosen.unwrap_or_else(|| account.next_customer());
    customer.address.name = Some(customer.name.clone());
    account.tell(call, Event::keyed("customer", "created", "number", customer.number.into()));
    let body = json!({ "customer": customer.to_json(account, call) });
    account.customers.insert(customer.number, customer);
    Reply::created(body)
}

fn update(account: &mut Account, call: &Call<'_>, number: i64) -> Answer {
    let mut form = Form::new(&call.body);
    let mut customer = account.customers.get(&number).ok_or(Refusal::Missing)?.clone();
    read(&mut form, account, call, &mut customer);
    form.done()?;
    customer.updated = call.now;
    account.tell(call, Event::keyed("customer", "updated", "number", number.into()));
    let body = json!({ "customer": customer.to_json(account, call) });
    account.customers.insert(number, customer);
    Reply::ok(body)
}

fn delete(account: &mut Account, call: &Call<'_>, number: i64) -> Answer {
    if account.orders.values().any(|order| order.customer == number) {
        return Err(Refusal::Forbidden("The customer is in use."));
    }
    account.customers.remove(&number);
    account.tell(call, Event::keyed("customer", "deleted", "number", number.into()));
    Reply::gone()
}
