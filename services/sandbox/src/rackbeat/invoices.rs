//! Customer invoices, made from orders.

use axum::http::Method;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::account::{Account, Mail, n};
use super::call::{Answer, Call, Refusal, Reply, day, stamp, truthy};
use super::hooks::Event;
use super::list::{page, sparse};
use super::totals::Totals;
use super::transitions::mails;
use crate::facts::InvoiceBook;

#[derive(Debug, Clone)]
pub(super) struct Invoice {
    pub(super) number: i64,
    pub(super) order: i64,
    pub(super) customer: i64,
    currency: String,
    pub(super) totals: Totals,
    pub(super) booked: bool,
    day: String,
    lines: Vec<Value>,
    created: Timestamp,
}

impl Invoice {
    pub(super) fn to_json(&self) -> Value {
        json!({
            "number": self.number, "invoice_date": self.day, "due_date": null, "currency": self.currency,
            "currency_rate": 100, "total_subtotal": n(self.totals.subtotal), "total_vat": n(self.totals.vat),
            "total_total": n(self.totals.total), "total_base_currency": n(self.totals.total), "is_creditnote": false,
            "is_booked": self.booked, "is_paid": false, "customer_id": self.customer,
            "customer": { "number": self.customer }, "order": { "number": self.order }, "order_number": self.order,
            "lines": self.lines, "created_at": stamp(self.created),
        })
    }

    fn event(&self, verb: &'static str) -> Event {
        Event::keyed("customer_invoice", verb, "number", self.number.into())
    }
}

/// `POST /orders/{n}/convert-to-invoice`. A repeated call makes a second invoice, as nothing seen
/// says otherwise.
pub(super) fn convert(account: &mut Account, call: &Call<'_>, number: i64) -> Answer {
    let order = account.orders.get(&number).ok_or(Refusal::Missing)?;
    if order.cancelled {
        return Err(Refusal::Forbidden("A cancelled order can't be invoiced."));
    }
    if !order.booked() {
        return Err(Refusal::Forbidden("The order must be booked."));
    }
    if order.invoiced {
        return Err(Refusal::Forbidden("The order is already invoiced."));
    }
    let in_query = call.flag("book");
    let in_body = call.body.get("book").and_then(truthy);
    let books = match call.facts.invoice_book() {
        InvoiceBook::QueryOrBody => in_query.or(in_body),
        InvoiceBook::QueryOnly => in_query,
        InvoiceBook::BodyOnly => in_body,
    };
    let invoice = Invoice {
        number: 0,
        order: number,
        customer: order.customer,
        currency: order.currency.clone(),
        totals: order.totals(call.facts),
        booked: false,
        day: day(call.now),
        lines: order.lines.iter().map(|line| line.to_json(account)).collect(),
        created: call.now,
    };
    let made = account.next_invoice();
    account.invoices.insert(made, Invoice { number: made, ..invoice.clone() });
    account.tell(call, Invoice { number: made, ..invoice }.event("created"));
    if books.unwrap_or(true) {
        book(account, call, made)?;
    }
    Reply::created(json!({ "invoice_id": made }))
}

fn book(account: &mut Account, call: &Call<'_>, number: i64) -> Result<(), Refusal> {
    let invoice = account.invoices.get_mut(&number).ok_or(Refusal::Missing)?;
    if invoice.booked {
        return Err(Refusal::Forbidden("The invoice is already booked."));
    }
    invoice.booked = true;
    let (order, event) = (invoice.order, invoice.event("updated"));
    if mails(call) {
        account.mails.push(Mail { about: "invoice", number });
    }
    if let Some(order) = account.orders.get_mut(&order) {
        order.invoiced = true;
        order.updated = call.now;
    }
    account.tell(call, event);
    Ok(())
}

/// `/customer-invoices…`.
pub(super) fn route(account: &mut Account, call: &Call<'_>) -> Answer {
    let segments: Vec<&str> = call.segments.iter().map(String::as_str).collect();
    match (&call.method, &segments[1..]) {
        (&Method::GET, []) => list(account, call),
        (method, [number, rest @ ..]) => {
            let number: i64 = number.parse().map_err(|_| Refusal::Missing)?;
            let found = account.invoices.get(&number).ok_or(Refusal::Missing)?;
            match (method, rest) {
                (&Method::GET, []) => Reply::ok(json!({ "customer_invoice": sparse(call, found.to_json()) })),
                (&Method::POST, ["book"]) => {
                    book(account, call, number)?;
                    let booked = account.invoices.get(&number).ok_or(Refusal::Missing)?;
                    Reply::ok(json!({ "customer_invoice": booked.to_json() }))
                }
                (&Method::DELETE, []) if found.booked => {
                    Err(Refusal::Forbidden("A booked invoice can't be deleted."))
                }
                (&Method::DELETE, []) => {
                    account.invoices.remove(&number);
                    Reply::gone()
                }
                _ => Err(Refusal::Missing),
            }
        }
        _ => Err(Refusal::Missing),
    }
}

fn list(account: &Account, call: &Call<'_>) -> Answer {
    let flag = call.flag("booked").or(call.flag("is_booked"));
    let same = |name: &str, own: i64| call.param(name).is_none_or(|wanted| wanted == own.to_string());
    let rows: Vec<&Invoice> = account
        .invoices
        .values()
        .filter(|row| flag.is_none_or(|booked| booked == row.booked))
        .filter(|row| same("order_number", row.order) && same("customer_number", row.customer))
        .filter(|row| call.param("search").is_none_or(|text| row.number.to_string().contains(text)))
        .collect();
    page(call, "customer_invoices", &rows, |row| row.to_json())
}
