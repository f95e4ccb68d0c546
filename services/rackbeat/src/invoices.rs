//! Invoices made from orders. Converting is what Rackbeat's documents recommend: it keeps the link to the order.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use shopbeat_domain::erp::Invoice;
use shopbeat_domain::ids::{InvoiceNumber, OrderNumber};
use shopbeat_domain::ports::Answer;

use crate::RackbeatClient;
use crate::orders::Silently;
use crate::pages::List;
use crate::transport::Request;
use crate::wire::{Flag, Numbered, Text, Whole, is_set};

#[derive(Debug, Deserialize)]
struct InvoiceRow {
    number: Whole,
    #[serde(default)]
    is_booked: Option<Flag>,
    #[serde(default)]
    is_creditnote: Option<Flag>,
    /// The order it was made from, as an object or a number.
    #[serde(default)]
    order: Option<Box<RawValue>>,
    #[serde(default)]
    order_number: Option<Text>,
    #[serde(default)]
    order_id: Option<Text>,
}

impl InvoiceRow {
    /// The order this row names, if it names one.
    fn order(&self) -> Option<String> {
        let nested = self.order.as_ref().and_then(|raw| {
            let object = serde_json::from_str::<Numbered>(raw.get()).ok().and_then(|order| order.number);
            object.or_else(|| serde_json::from_str::<Text>(raw.get()).ok())
        });
        nested.or_else(|| self.order_number.clone()).or_else(|| self.order_id.clone()).map(|text| text.0)
    }
}

#[derive(Debug, Serialize)]
struct Unbooked {
    book: bool,
}

impl RackbeatClient {
    pub(crate) async fn list_invoices(&self, order: OrderNumber) -> Answer<Vec<Invoice>> {
        let list = List::new("GET /customer-invoices", "/customer-invoices", "customer_invoices")
            .query("order_number", &order);
        let rows = self.all::<InvoiceRow>(&list).await?;
        let mut invoices: Vec<_> = rows
            .into_iter()
            // The filter may be ignored: a row that names another order is not ours.
            .filter(|row| row.order().is_none_or(|named| named == order.to_string()))
            .filter(|row| !is_set(row.is_creditnote))
            .map(|row| Invoice {
                number: InvoiceNumber(row.number.0),
                booked: is_set(row.is_booked),
                credit_note: false,
            })
            .collect();
        invoices.sort_by_key(|invoice| invoice.number);
        invoices.dedup_by_key(|invoice| invoice.number);
        Ok(invoices)
    }

    /// `book=false` in the query and in the body: where it counts is not known, and without it the invoice is
    /// booked at once.
    pub(crate) async fn convert_to_invoice(&self, order: OrderNumber) -> Answer<InvoiceNumber> {
        let path = format!("/orders/{order}/convert-to-invoice");
        let request = Request::post("POST /orders/{number}/convert-to-invoice", path)
            .query("book", &false)
            .json(&Unbooked { book: false })?;
        // `invoice_id` holds the invoice's number.
        let number: Whole = self.send(request).await?.one("invoice_id")?;
        Ok(InvoiceNumber(number.0))
    }

    pub(crate) async fn post_invoice_booking(&self, number: InvoiceNumber) -> Answer<()> {
        let path = format!("/customer-invoices/{number}/book");
        let request = Request::post("POST /customer-invoices/{number}/book", path).json(&Silently::new())?;
        self.send(request).await.map(drop)
    }

    pub(crate) async fn remove_invoice(&self, number: InvoiceNumber) -> Answer<()> {
        let path = format!("/customer-invoices/{number}");
        self.send(Request::delete("DELETE /customer-invoices/{number}", path)).await.map(drop)
    }
}

#[cfg(test)]
#[path = "invoices_tests.rs"]
mod tests;
