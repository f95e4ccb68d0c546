//! Webhooks: registering them, and what an event says.

use axum::http::Method;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::account::Account;
use super::call::{Answer, Call, Form, Refusal, Reply, stamp};
use super::list::page;
use super::product::Product;
use crate::facts::{Facts, StockEventBody, StockEventName, WebhookBody, WebhookToken};

const ENTITIES: [&str; 9] = [
    "order",
    "product",
    "lot",
    "customer",
    "order_shipment",
    "customer_invoice",
    "employee",
    "payment_terms",
    "delivery_terms",
];
const VERBS: [&str; 3] = ["created", "updated", "deleted"];

fn stock_event(facts: &Facts) -> &'static str {
    match facts.stock_event_name() {
        StockEventName::Changed => "inventory.changed",
        StockEventName::Updated => "inventory.updated",
    }
}

fn is_event(name: &str, facts: &Facts) -> bool {
    name == stock_event(facts)
        || name == "plugin.uninstalled"
        || name
            .split_once('.')
            .is_some_and(|(entity, verb)| ENTITIES.contains(&entity) && VERBS.contains(&verb))
}

/// Something a webhook may be told.
#[derive(Debug, Clone)]
pub(super) struct Event {
    pub(super) name: String,
    key_name: &'static str,
    key: Value,
    old_key: Option<Value>,
    /// The item's kind, when its stock changed.
    stock_of: Option<&'static str>,
    /// What an update changed.
    changed: Vec<&'static str>,
    /// An id of its own.
    pub(super) entry: i64,
}

impl Event {
    pub(super) fn keyed(entity: &str, verb: &str, key_name: &'static str, key: Value) -> Self {
        let name = format!("{entity}.{verb}");
        Self { name, key_name, key, old_key: None, stock_of: None, changed: Vec::new(), entry: 0 }
    }

    pub(super) fn stock(product: &Product, facts: &Facts) -> Self {
        Self {
            name: stock_event(facts).to_owned(),
            stock_of: Some(product.kind()),
            ..Self::keyed("", "", "number", product.number.clone().into())
        }
    }

    /// True when both tell of the same item's stock.
    pub(super) fn same_stock(&self, other: &Self) -> bool {
        self.stock_of.is_some() && other.stock_of.is_some() && self.key == other.key
    }

    /// The same event with what the update changed.
    pub(super) fn changing(mut self, changed: Vec<&'static str>) -> Self {
        self.changed = changed;
        self
    }

    /// The same event of a thing whose key was `old`.
    pub(super) fn renamed(mut self, old: &str) -> Self {
        self.old_key = (self.key != old).then(|| old.into());
        self
    }

    /// The body in the live or in the documented shape. Live, keys come as strings.
    pub(super) fn body(&self, account: &Account, facts: &Facts) -> Value {
        let text = || self.key.as_str().map_or_else(|| self.key.to_string(), str::to_owned);
        if let Some(kind) = self.stock_of {
            let mut body = json!({ "item": self.key, "item_type": kind, "type": "stock" });
            match facts.stock_event_body() {
                StockEventBody::Item => return body,
                StockEventBody::ItemAndKey => {
                    body["key_name"] = "id".into();
                    body["key"] = self.entry.to_string().into();
                    return body;
                }
                StockEventBody::Key => {}
            }
        }
        match facts.webhook_body() {
            WebhookBody::Live => json!({ "key_name": self.key_name, "key": text() }),
            WebhookBody::Documented => {
                let mut body = json!({
                    "key": self.key, "key_name": self.key_name, "event": self.name, "data": self.data(account, facts),
                });
                if self.name.ends_with(".updated") {
                    body["old_key"] = self.old_key.clone().unwrap_or_else(|| self.key.clone());
                    body["new_key"] = self.key.clone();
                    body["changed"] = json!(self.changed);
                }
                body
            }
        }
    }

    fn data(&self, account: &Account, facts: &Facts) -> Value {
        let order = self.key.as_i64().and_then(|number| account.orders.get(&number));
        let product = self.key.as_str().and_then(|number| account.products.get(number));
        match (self.name.split('.').next(), order, product) {
            (Some("order"), Some(order), _) => order.to_json(account, facts),
            (Some("product" | "lot" | "inventory"), _, Some(product)) => product.to_json(account),
            _ => json!({ self.key_name: self.key }),
        }
    }
}

// No Debug: the token is a secret.
#[derive(Clone)]
pub(super) struct Hook {
    pub(super) id: i64,
    pub(super) event: String,
    pub(super) url: String,
    pub(super) active: bool,
    pub(super) token: String,
    pub(super) failures: u32,
    created: Timestamp,
    updated: Timestamp,
}

impl Hook {
    fn to_json(&self) -> Value {
        json!({
            "id": self.id, "event": self.event, "url": self.url, "is_active": self.active, "plugin": null,
            "failures_since_last_success": self.failures, "created_at": stamp(self.created), "updated_at": stamp(self.updated),
        })
    }
}

pub(super) fn route(account: &mut Account, call: &Call<'_>) -> Answer {
    let segments: Vec<&str> = call.segments.iter().map(String::as_str).collect();
    match (&call.method, &segments[1..]) {
        (&Method::GET, []) => {
            let event = call.param("event");
            let hooks = account.hooks.values();
            let rows: Vec<&Hook> =
                hooks.filter(|hook| event.is_none_or(|event| event == hook.event)).collect();
            page(call, "webhooks", &rows, |hook| hook.to_json())
        }
        (&Method::POST, []) => register(account, call),
        (method, [id]) => {
            let id: i64 = id.parse().map_err(|_| Refusal::Missing)?;
            let hook = account.hooks.get_mut(&id).ok_or(Refusal::Missing)?;
            match *method {
                Method::GET => Reply::ok(json!({ "webhook": hook.to_json() })),
                Method::PUT => {
                    let mut form = Form::new(&call.body);
                    let (event, url) = read(&mut form, call.facts);
                    let active = form.flag("is_active");
                    form.done()?;
                    hook.event = event.unwrap_or(std::mem::take(&mut hook.event));
                    hook.url = url.unwrap_or(std::mem::take(&mut hook.url));
                    hook.active = active.unwrap_or(hook.active);
                    hook.updated = call.now;
                    Reply::ok(json!({ "webhook": hook.to_json() }))
                }
                Method::DELETE => {
                    account.hooks.remove(&id);
                    Reply::gone()
                }
                _ => Err(Refusal::Missing),
            }
        }
        _ => Err(Refusal::Missing),
    }
}

fn read(form: &mut Form<'_>, facts: &Facts) -> (Option<String>, Option<String>) {
    let event = form.text("event");
    if event.as_ref().is_some_and(|event| !is_event(event, facts)) {
        form.wrong("event", "The selected event is invalid.");
    }
    let url = form.short("url", 255);
    let is_url = |url: &String| url.starts_with("https://") || url.starts_with("http://");
    if url.as_ref().is_some_and(|url| !is_url(url)) {
        form.wrong("url", "The url format is invalid.");
    }
    (event, url)
}

/// The same event and URL update the webhook there is, as documented.
fn register(account: &mut Account, call: &Call<'_>) -> Answer {
    let mut form = Form::new(&call.body);
    form.require("event");
    form.require("url");
    let (event, url) = read(&mut form, call.facts);
    let active = form.flag("is_active").unwrap_or(true);
    form.done()?;
    let (event, url) = (event.unwrap_or_default(), url.unwrap_or_default());
    let known = account.hooks.values_mut().find(|hook| hook.event == event && hook.url == url);
    if let Some(hook) = known {
        hook.active = active;
        hook.updated = call.now;
        let mut row = hook.to_json();
        if call.facts.webhook_token() == WebhookToken::Always {
            row["token"] = hook.token.clone().into();
        }
        return Reply::ok(json!({ "webhook": row }));
    }
    let hook = Hook {
        id: account.next_id(),
        event,
        url,
        active,
        token: account.stream.token(32),
        failures: 0,
        created: call.now,
        updated: call.now,
    };
    let mut row = hook.to_json();
    row["token"] = hook.token.clone().into();
    account.hooks.insert(hook.id, hook);
    Reply::created(json!({ "webhook": row }))
}
