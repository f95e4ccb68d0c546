//! What happens to an order after its draft: booking, reopening, ready, shipment, invoice, notes, fields.

use axum::http::Method;
use serde_json::{Value, json};

use super::account::{Account, Mail};
use super::call::{Answer, Call, Form, Refusal, Reply, truthy};
use super::list::page;
use super::orders::{change, read};
use super::{invoices, shipments};
use crate::facts::{BookMail, ReadyCall};

pub(super) fn route(account: &mut Account, call: &Call<'_>, number: i64, rest: &[&str]) -> Answer {
    match (&call.method, rest) {
        (&Method::POST, ["book"]) => book(account, call, number),
        (&Method::POST, ["reopen"]) => reopen(account, call, number),
        (&Method::POST, ["book-for-shipping"]) if call.facts.ready_call() == ReadyCall::BookForShipping => {
            ready(account, call, number)
        }
        (&Method::POST, ["create-shipment"]) => shipments::create(account, call, number),
        (&Method::GET, ["shipments"]) => shipments::of_order(account, call, number),
        (_, ["shipments", id, step]) => shipments::step_of_order(account, call, number, id, step),
        (&Method::POST, ["convert-to-invoice"]) => invoices::convert(account, call, number),
        (&Method::GET, ["notes"]) => {
            let order = account.orders.get(&number).ok_or(Refusal::Missing)?;
            page(call, "notes", &order.notes, |note| json!({ "note": note }))
        }
        (&Method::POST, ["notes"]) => {
            let mut form = Form::new(&call.body);
            form.require("note");
            let note = form.short("note", 65_535).unwrap_or_default();
            form.done()?;
            let order = account.orders.get_mut(&number).ok_or(Refusal::Missing)?;
            order.notes.push(note.clone());
            Reply::created(json!({ "note": { "note": note } }))
        }
        (&Method::GET, ["fields"]) => {
            let order = account.orders.get(&number).ok_or(Refusal::Missing)?;
            Reply::ok(json!({ "field_values": order.field_values(account) }))
        }
        (&Method::PUT, ["fields"]) => fields(account, call, number),
        _ => Err(Refusal::Missing),
    }
}

/// Whether the call has the customer mailed: `mail.send` in the body, `send_mail` in the query.
pub(super) fn mails(call: &Call<'_>) -> bool {
    let sent = call.body.get("mail").and_then(|mail| mail.get("send")).and_then(truthy);
    let default = call.facts.book_mail() == BookMail::Mails;
    sent.or(call.flag("send_mail")).unwrap_or(default)
}

fn book(account: &mut Account, call: &Call<'_>, number: i64) -> Answer {
    change(account, call, number, |account, order| {
        if order.cancelled {
            return Err(Refusal::Forbidden("The order is cancelled."));
        }
        if order.booked() {
            return Err(Refusal::Forbidden("The order is already booked."));
        }
        if order.lines.is_empty() {
            return Err(Refusal::invalid("lines", "The order has no lines."));
        }
        for (at, line) in order.lines.iter().enumerate() {
            if account.products.get(&line.item).is_none_or(|item| item.barred) {
                let message = format!("Product '{}' is barred.", line.item);
                return Err(Refusal::invalid(&format!("lines.{at}.item_id"), message));
            }
        }
        order.booked_at = Some(call.now);
        order.updated = call.now;
        if mails(call) {
            account.mails.push(Mail { about: "order", number });
        }
        account.tell(call, order.event("updated"));
        Ok(())
    })?;
    read(account, call, number)
}

fn reopen(account: &mut Account, call: &Call<'_>, number: i64) -> Answer {
    let held = account.shipments.values().any(|shipment| shipment.order == number);
    change(account, call, number, |account, order| {
        if !order.booked() || order.cancelled {
            return Err(Refusal::Forbidden("The order is not booked."));
        }
        if held || order.invoiced {
            return Err(Refusal::Forbidden("The order has shipments or invoices."));
        }
        order.booked_at = None;
        order.ready = false;
        order.updated = call.now;
        account.tell(call, order.event("updated"));
        Ok(())
    })?;
    read(account, call, number)
}

fn ready(account: &mut Account, call: &Call<'_>, number: i64) -> Answer {
    change(account, call, number, |account, order| {
        if !order.booked() || order.cancelled {
            return Err(Refusal::Forbidden("The order is not booked."));
        }
        order.ready = true;
        order.updated = call.now;
        account.tell(call, order.event("updated"));
        Ok(())
    })?;
    read(account, call, number)
}

fn fields(account: &mut Account, call: &Call<'_>, number: i64) -> Answer {
    let Some(Value::Array(sent)) = call.body.get("custom_fields") else {
        return Err(Refusal::invalid("custom_fields", "The custom fields field is required."));
    };
    let mut taken = Vec::new();
    for (at, body) in sent.iter().enumerate() {
        let mut form = Form::nested(body, format!("custom_fields.{at}."));
        form.require("id");
        let for_orders =
            |id| account.setup.fields.iter().any(|field| field.id == id && field.used_for == "order");
        let id = form.known("id", "Field", for_orders);
        let value = form.short("value", 255).unwrap_or_default();
        form.done()?;
        taken.extend(id.map(|id| (id, value)));
    }
    change(account, call, number, |account, order| {
        order.fields.extend(taken);
        order.updated = call.now;
        account.tell(call, order.event("updated"));
        Ok(())
    })?;
    let order = account.orders.get(&number).ok_or(Refusal::Missing)?;
    Reply::ok(json!({ "field_values": order.field_values(account) }))
}
