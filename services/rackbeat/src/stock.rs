//! Stock of one item at one location. There is no "set quantity": an adjustment is made, with the target quantity,
//! and then booked; unbooked it has no effect.

use jiff::tz::TimeZone;
use rust_decimal::Decimal;
use serde::Serialize;
use shopbeat_domain::erp::ItemKind;
use shopbeat_domain::ids::{ItemNumber, StockLocation};
use shopbeat_domain::ports::Answer;

use crate::RackbeatClient;
use crate::items::{MadeId, segment};
use crate::transport::Request;
use crate::wire::Num;

#[derive(Debug, Serialize)]
struct Adjustment<'a> {
    item_id: &'a str,
    adjustment_type: &'static str,
    quantity: Num,
    location: u64,
    regulated_at: String,
    reason: &'a str,
}

#[derive(Debug, Serialize)]
struct Nothing {}

impl RackbeatClient {
    /// A location that the item's list leaves out holds none of it.
    pub(crate) async fn read_stock(&self, item: &ItemNumber, location: StockLocation) -> Answer<Decimal> {
        let number = segment(item, self.item_way(item).await?);
        let rows = self.place_rows(&number, ItemKind::Product).await?;
        let here = rows.iter().find(|row| row.number.0 == location.0);
        Ok(here.map(|row| row.stock_quantity.0).unwrap_or_default())
    }

    pub(crate) async fn adjust_stock(
        &self,
        item: &ItemNumber,
        location: StockLocation,
        quantity: Decimal,
        reason: &str,
    ) -> Answer<()> {
        let today = self.shared.clock.now().to_zoned(TimeZone::UTC).date();
        let body = Adjustment {
            item_id: item.as_str(),
            adjustment_type: "quantity",
            quantity: Num(quantity),
            location: location.0,
            regulated_at: today.to_string(),
            reason,
        };
        let request = Request::post("POST /inventory-adjustments", "/inventory-adjustments").json(&body)?;
        // The key was seen to be `inventory_regulation`.
        let made: MadeId = self.send(request).await?.one("inventory_regulation")?;
        let path = format!("/inventory-adjustments/{}/book", made.id.0);
        let request = Request::post("POST /inventory-adjustments/{id}/book", path).json(&Nothing {})?;
        self.send(request).await.map(drop)
    }
}

#[cfg(test)]
#[path = "stock_tests.rs"]
mod tests;
