//! Orders: read, drafted, changed as drafts, booked.

use serde::{Deserialize, Deserializer, Serialize};
use shopbeat_domain::erp::{Draft, DraftLine, ErpFlags, ErpLine, ErpOrder};
use shopbeat_domain::ids::{ItemNumber, LineId, OrderNumber};
use shopbeat_domain::limits::{HEADING_LENGTH, NOTE_LENGTH};
use shopbeat_domain::person::Email;
use shopbeat_domain::ports::Answer;

use crate::RackbeatClient;
use crate::address::{Flat, Object, country_refused, vat_zone};
use crate::pages::Aged;
use crate::transport::Request;
use crate::wire::{Flag, Num, Numbered, Text, Whole, is_set, moment, text_or_empty};

/// What lists of orders are asked for; lines are left out.
pub(crate) const SPARSE: &str = "number,heading,note,created_at,is_booked,is_ready_for_shipping,is_partly_shipped,\
    is_shipped,is_partly_invoiced,is_invoiced,is_cancelled,is_archived,total_subtotal,total_vat,total_total";

/// An order as it is answered.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct OrderRow {
    number: Whole,
    /// `None`: the key is absent. `Some(None)`: the order has none.
    #[serde(default, deserialize_with = "present")]
    pub(crate) heading: Option<Option<Text>>,
    #[serde(default)]
    note: Option<Text>,
    #[serde(default)]
    created_at: Option<Text>,
    #[serde(default)]
    is_booked: Option<Flag>,
    #[serde(default)]
    is_ready_for_shipping: Option<Flag>,
    #[serde(default)]
    is_partly_shipped: Option<Flag>,
    #[serde(default)]
    is_shipped: Option<Flag>,
    #[serde(default)]
    is_partly_invoiced: Option<Flag>,
    #[serde(default)]
    is_invoiced: Option<Flag>,
    #[serde(default)]
    is_cancelled: Option<Flag>,
    #[serde(default)]
    is_archived: Option<Flag>,
    #[serde(default)]
    total_subtotal: Option<Num>,
    #[serde(default)]
    total_vat: Option<Num>,
    #[serde(default)]
    total_total: Option<Num>,
    #[serde(default)]
    lines: Option<Vec<LineRow>>,
}

fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<Text>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

#[derive(Debug, Clone, Deserialize)]
struct LineRow {
    id: Whole,
    #[serde(default)]
    child_id: Option<Text>,
    #[serde(default)]
    item: Option<Numbered>,
    #[serde(default)]
    quantity: Option<Num>,
    #[serde(default)]
    line_price: Option<Num>,
    #[serde(default)]
    discount_percentage: Option<Num>,
    #[serde(default)]
    vat_percentage: Option<Num>,
}

impl Aged for OrderRow {
    fn id(&self) -> u64 {
        self.number.0
    }

    fn age_rank(&self) -> Option<i64> {
        self.created_at.as_ref().and_then(|text| moment(&text.0)).map(|made| made.as_second())
    }
}

impl OrderRow {
    pub(crate) fn into_order(self) -> ErpOrder {
        ErpOrder {
            number: OrderNumber(self.number.0),
            heading: text_or_empty(self.heading.flatten()),
            note: text_or_empty(self.note),
            created_at: self.created_at.and_then(|text| moment(&text.0)),
            flags: ErpFlags {
                booked: is_set(self.is_booked),
                ready_to_ship: is_set(self.is_ready_for_shipping),
                partly_shipped: is_set(self.is_partly_shipped),
                shipped: is_set(self.is_shipped),
                partly_invoiced: is_set(self.is_partly_invoiced),
                invoiced: is_set(self.is_invoiced),
                cancelled: is_set(self.is_cancelled),
                archived: is_set(self.is_archived),
            },
            net: self.total_subtotal.map(|num| num.0),
            vat: self.total_vat.map(|num| num.0),
            total: self.total_total.map(|num| num.0),
            lines: self.lines.unwrap_or_default().into_iter().map(LineRow::into_line).collect(),
        }
    }
}

impl LineRow {
    fn into_line(self) -> ErpLine {
        let item = self.child_id.or_else(|| self.item.and_then(|item| item.number));
        let number = |num: Option<Num>| num.map(|num| num.0).unwrap_or_default();
        ErpLine {
            id: LineId(self.id.0),
            item: item.and_then(|text| ItemNumber::parse(&text.0).ok()),
            quantity: number(self.quantity),
            unit_price: number(self.line_price),
            discount_percent: number(self.discount_percentage),
            vat_percent: self.vat_percentage.map(|num| num.0),
        }
    }
}

/// A line as it is sent. Price, discount and VAT always go along, zeros too: else Rackbeat's own price, or the
/// customer's or group's discount, applies.
#[derive(Debug, Serialize)]
struct LineBody<'a> {
    item_id: &'a str,
    name: &'a str,
    #[serde(flatten)]
    terms: LineTerms,
}

#[derive(Debug, Serialize)]
struct LineTerms {
    quantity: Num,
    line_price: Num,
    discount_percentage: Num,
    vat_percentage: Num,
}

impl LineTerms {
    fn of(line: &DraftLine) -> Self {
        Self {
            quantity: Num(line.quantity),
            line_price: Num(line.unit_price),
            discount_percentage: Num(line.discount_percent),
            vat_percentage: Num(line.vat_percent),
        }
    }
}

impl<'a> LineBody<'a> {
    fn of(line: &'a DraftLine) -> Self {
        Self { item_id: line.item.as_str(), name: &line.name, terms: LineTerms::of(line) }
    }
}

/// An order as it is sent. References are called `*_id` and take numbers.
#[derive(Debug, Serialize)]
struct DraftBody<'a> {
    customer_id: u64,
    order_date: String,
    currency: String,
    vat_zone: &'static str,
    payment_terms_id: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    layout_id: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    employee_id: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    our_reference_id: Option<u64>,
    heading: String,
    note: String,
    #[serde(flatten)]
    billing_keys: Option<Flat<'a>>,
    #[serde(flatten)]
    delivery_keys: Option<Flat<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    billing_address: Option<Object<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delivery_address: Option<Object<'a>>,
    lines: Vec<LineBody<'a>>,
}

impl<'a> DraftBody<'a> {
    fn of(draft: &'a Draft, way: crate::quirks::Way) -> Self {
        let email = draft.email.as_ref().map(Email::reveal);
        let billing = draft.billing.as_ref();
        let delivery = draft.delivery.as_ref();
        Self {
            customer_id: draft.customer.0,
            order_date: draft.date.to_string(),
            currency: draft.currency.to_string(),
            vat_zone: vat_zone(draft.vat_zone),
            payment_terms_id: draft.payment_terms,
            layout_id: draft.layout,
            employee_id: draft.employee,
            our_reference_id: draft.employee,
            heading: cut(&format!("{} {}", draft.reference, draft.shop_name), HEADING_LENGTH),
            note: cut(&format!("{}\n{}", draft.reference, draft.note.reveal()), NOTE_LENGTH),
            billing_keys: billing.map(|address| Flat::new("address_", address, way)),
            delivery_keys: delivery.map(|address| Flat::new("delivery_address_", address, way)),
            billing_address: billing.map(|address| Object::new(address, None, way)),
            delivery_address: match (delivery, email) {
                (Some(address), email) => Some(Object::new(address, email, way)),
                (None, Some(email)) => Some(Object::only_email(email)),
                (None, None) => None,
            },
            lines: draft.lines.iter().map(LineBody::of).collect(),
        }
    }
}

/// The text, without spaces at its end, cut to so many characters (not bytes: a letter is never halved).
pub(crate) fn cut(text: &str, longest: usize) -> String {
    text.trim_end().chars().take(longest).collect()
}

#[derive(Debug, Serialize)]
struct Heading<'a> {
    heading: &'a str,
}

/// Booking must not mail the customer; without this it might.
#[derive(Debug, Serialize)]
pub(crate) struct Silently {
    mail: Mail,
}

#[derive(Debug, Serialize)]
struct Mail {
    send: bool,
}

impl Silently {
    pub(crate) fn new() -> Self {
        Self { mail: Mail { send: false } }
    }
}

impl RackbeatClient {
    pub(crate) async fn read_order(&self, number: OrderNumber) -> Answer<ErpOrder> {
        let reply = self.send(Request::get("GET /orders/{number}", format!("/orders/{number}"))).await?;
        reply.one::<OrderRow>("order").map(OrderRow::into_order)
    }

    /// Country names first; if Rackbeat refuses a country, codes: a refused create has made nothing.
    pub(crate) async fn draft_order(&self, draft: &Draft) -> Answer<ErpOrder> {
        let country = &self.shared.quirks.country;
        let way = country.first();
        let first = self.post_draft(draft, way).await;
        match first {
            Err(refused) if country.known().is_none() && country_refused(&refused) => {
                let made = self.post_draft(draft, way.other()).await;
                match made {
                    Err(again) if country_refused(&again) => Err(refused),
                    answer => {
                        country.learn(way.other());
                        answer
                    }
                }
            }
            answer => answer,
        }
    }

    async fn post_draft(&self, draft: &Draft, way: crate::quirks::Way) -> Answer<ErpOrder> {
        let request =
            Request::post("POST /orders/drafts", "/orders/drafts").json(&DraftBody::of(draft, way))?;
        self.send(request).await?.one::<OrderRow>("order").map(OrderRow::into_order)
    }

    pub(crate) async fn post_line(&self, number: OrderNumber, line: &DraftLine) -> Answer<()> {
        let path = format!("/orders/{number}/lines");
        let request = Request::post("POST /orders/{number}/lines", path).json(&LineBody::of(line))?;
        self.send(request).await.map(drop)
    }

    pub(crate) async fn put_line(&self, number: OrderNumber, id: LineId, line: &DraftLine) -> Answer<()> {
        let path = format!("/orders/{number}/lines/{id}");
        let request = Request::put("PUT /orders/{number}/lines/{id}", path).json(&LineTerms::of(line))?;
        self.send(request).await.map(drop)
    }

    pub(crate) async fn remove_order(&self, number: OrderNumber) -> Answer<()> {
        let request = Request::delete("DELETE /orders/{number}", format!("/orders/{number}"));
        self.send(request).await.map(drop)
    }

    pub(crate) async fn put_heading(&self, number: OrderNumber, heading: &str) -> Answer<()> {
        let heading = cut(heading, HEADING_LENGTH);
        let body = Heading { heading: &heading };
        let request = Request::put("PUT /orders/{number}", format!("/orders/{number}")).json(&body)?;
        self.send(request).await.map(drop)
    }

    pub(crate) async fn book_order(&self, number: OrderNumber) -> Answer<ErpOrder> {
        let path = format!("/orders/{number}/book");
        let request = Request::post("POST /orders/{number}/book", path).json(&Silently::new())?;
        self.send(request).await?.one::<OrderRow>("order").map(OrderRow::into_order)
    }
}

#[cfg(test)]
#[path = "orders_tests.rs"]
mod tests;
