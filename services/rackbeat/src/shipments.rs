//! Ready for shipping, and shipments. The present-day calls were not all seen; each is tried in its likelier form
//! first, and what worked is remembered.

use serde::{Deserialize, Serialize};
use shopbeat_domain::erp::Shipment;
use shopbeat_domain::failure::{Failure, FailureKind, Refusal};
use shopbeat_domain::ids::{OrderNumber, ShipmentId};
use shopbeat_domain::ports::Answer;

use crate::RackbeatClient;
use crate::pages::List;
use crate::quirks::Way;
use crate::transport::{Request, failure};
use crate::wire::{Flag, Whole, is_set};

#[derive(Debug, Serialize)]
struct ReadyFlag {
    is_ready_for_shipping: bool,
}

#[derive(Debug, Serialize)]
struct Nothing {}

#[derive(Debug, Serialize)]
struct Pick {
    pick: bool,
}

#[derive(Debug, Deserialize)]
struct ShipmentRow {
    id: Whole,
    #[serde(default)]
    is_picked: Option<Flag>,
    #[serde(default)]
    is_shipped: Option<Flag>,
}

#[derive(Debug, Deserialize)]
struct Made {
    id: Whole,
}

/// A refusal of the call as such, not of our rights.
fn is_refused(failure: &Failure) -> bool {
    matches!(failure.kind, FailureKind::Refused(_) | FailureKind::Missing)
}

impl RackbeatClient {
    /// Sets the flag and, until that is known to work, reads back whether it took: a `PUT` may be accepted and the
    /// flag in it ignored.
    pub(crate) async fn flag_ready(&self, number: OrderNumber) -> Answer<()> {
        let ready = &self.shared.quirks.ready;
        match ready.known() {
            Some(Way::First) => return self.put_ready_flag(number).await,
            Some(Way::Second) => return self.book_for_shipping(number).await,
            None => {}
        }
        let by_flag = self.put_ready_flag(number).await;
        match &by_flag {
            Ok(()) if self.read_order(number).await?.flags.ready_to_ship => {
                ready.learn(Way::First);
                return Ok(());
            }
            Err(refused) if !is_refused(refused) => return by_flag,
            Ok(()) | Err(_) => {}
        }
        match self.book_for_shipping(number).await {
            Ok(()) => {
                ready.learn(Way::Second);
                Ok(())
            }
            // The old call is gone: what the flag's call said stands.
            Err(gone) if gone.is_missing() => by_flag.and(Err(failure(
                FailureKind::Refused(Refusal::Other),
                "PUT /orders/{number}",
                "the order is not marked ready for shipping: the flag is ignored and the old call is gone",
            ))),
            Err(other) => Err(other),
        }
    }

    async fn put_ready_flag(&self, number: OrderNumber) -> Answer<()> {
        let body = ReadyFlag { is_ready_for_shipping: true };
        let request = Request::put("PUT /orders/{number}", format!("/orders/{number}")).json(&body)?;
        self.send(request).await.map(drop)
    }

    async fn book_for_shipping(&self, number: OrderNumber) -> Answer<()> {
        let path = format!("/orders/{number}/book-for-shipping");
        let request = Request::post("POST /orders/{number}/book-for-shipping", path).json(&Nothing {})?;
        self.send(request).await.map(drop)
    }

    pub(crate) async fn list_shipments(&self, number: OrderNumber) -> Answer<Vec<Shipment>> {
        let path = format!("/orders/{number}/shipments");
        let list = List::new("GET /orders/{number}/shipments", path, "order_shipments");
        let rows = self.all::<ShipmentRow>(&list).await?;
        let mut shipments: Vec<_> = rows
            .into_iter()
            .map(|row| Shipment {
                id: ShipmentId(row.id.0),
                // Shipped goods have been picked, whether it was ticked or not.
                picked: is_set(row.is_picked) || is_set(row.is_shipped),
                shipped: is_set(row.is_shipped),
            })
            .collect();
        shipments.sort_by_key(|shipment| shipment.id);
        shipments.dedup_by_key(|shipment| shipment.id);
        Ok(shipments)
    }

    pub(crate) async fn post_shipment(&self, number: OrderNumber) -> Answer<ShipmentId> {
        let path = format!("/orders/{number}/create-shipment");
        let request = Request::post("POST /orders/{number}/create-shipment", path).json(&Nothing {})?;
        let made: Made = self.send(request).await?.one("order_shipment")?;
        Ok(ShipmentId(made.id.0))
    }

    pub(crate) async fn mark_picked(&self, order: OrderNumber, shipment: ShipmentId) -> Answer<()> {
        let form = |way| match way {
            Way::First => Request::post(
                "POST /orders/{number}/shipments/{id}/mark-picked",
                format!("/orders/{order}/shipments/{shipment}/mark-picked"),
            ),
            Way::Second => Request::post(
                "POST /orders/shipments/{id}/mark-picked",
                format!("/orders/shipments/{shipment}/mark-picked"),
            ),
        };
        self.either(&self.shared.quirks.pick, |way| form(way).json(&Nothing {})).await.map(drop)
    }

    /// Ships, picking as well; where that needs a pick of its own, picks and ships again.
    pub(crate) async fn mark_shipped(&self, order: OrderNumber, shipment: ShipmentId) -> Answer<()> {
        match self.post_shipped(order, shipment).await {
            Err(refused)
                if matches!(refused.kind, FailureKind::Refused(_))
                    && !refused.is_refusal(Refusal::NothingToShip) =>
            {
                match self.mark_picked(order, shipment).await {
                    Ok(()) => self.post_shipped(order, shipment).await,
                    // Picked already, or not to be picked: that was not the reason.
                    Err(no) if is_refused(&no) => Err(refused),
                    Err(other) => Err(other),
                }
            }
            answer => answer,
        }
    }

    async fn post_shipped(&self, order: OrderNumber, shipment: ShipmentId) -> Answer<()> {
        let form = |way| match way {
            Way::First => Request::post(
                "POST /orders/shipments/{id}/mark-shipped",
                format!("/orders/shipments/{shipment}/mark-shipped"),
            ),
            Way::Second => Request::post(
                "POST /orders/{number}/shipments/{id}/mark-shipped",
                format!("/orders/{order}/shipments/{shipment}/mark-shipped"),
            ),
        };
        self.either(&self.shared.quirks.ship, |way| form(way).json(&Pick { pick: true })).await.map(drop)
    }
}

#[cfg(test)]
#[path = "shipments_tests.rs"]
mod tests;
