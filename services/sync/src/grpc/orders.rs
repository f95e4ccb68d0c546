//! Orders: transfer one now, show what is known of one.

use shopbeat_domain::ids::OrderId;
use shopbeat_domain::transfer::Reached;
use shopbeat_engine::desk::OrderAsk;
use shopbeat_proto::v1;
use shopbeat_proto::v1::{get_transfer_request, transfer_order_request};
use tonic::Status;

use super::convert::{self, Progress, Violations};
use super::{SyncApi, status};
use crate::auth::{Caller, Deadline};

impl SyncApi {
    pub(super) async fn transfer(
        &self,
        caller: &Caller,
        message: v1::TransferOrderRequest,
        deadline: Deadline,
    ) -> Result<v1::TransferOrderResponse, Status> {
        let v1::TransferOrderRequest { store_id, order, force } = message;
        let ask = read_order(order.map(|order| match order {
            transfer_order_request::Order::OrderId(id) => OrderAsk::Id(OrderId(id)),
            transfer_order_request::Order::OrderName(name) => OrderAsk::Name(name),
        }));
        let (store, ask) = (self.store_named(caller, &store_id).await?, ask?);
        let report = self.desk.transfer_order(&store.id, &ask, force, deadline.remaining()).await;
        let report = report.map_err(status::problem)?;
        let journal = report.transfer.as_ref();
        Ok(v1::TransferOrderResponse {
            order_id: report.order.0,
            order_name: journal.map(|journal| journal.order_name.clone()).unwrap_or_default(),
            state: Progress::of(report.job.outcome, None).state.into(),
            rackbeat_order_number: journal.and_then(|journal| journal.number).map(|number| number.0),
            reached: convert::reached(journal.map_or(Reached::Nothing, |journal| journal.reached)).into(),
            waiting_for_stock: journal.is_some_and(|journal| journal.waiting_for_stock),
        })
    }

    pub(super) async fn show_transfer(
        &self,
        caller: &Caller,
        message: v1::GetTransferRequest,
    ) -> Result<v1::GetTransferResponse, Status> {
        let v1::GetTransferRequest { store_id, order } = message;
        let ask = read_order(order.map(|order| match order {
            get_transfer_request::Order::OrderId(id) => OrderAsk::Id(OrderId(id)),
            get_transfer_request::Order::OrderName(name) => OrderAsk::Name(name),
        }));
        let (store, ask) = (self.store_named(caller, &store_id).await?, ask?);
        let report = self.desk.order(&store.id, &ask).await.map_err(status::problem)?;
        Ok(v1::GetTransferResponse { transfer: Some(convert::transfer(&store, &report)) })
    }
}

fn read_order(ask: Option<OrderAsk>) -> Result<OrderAsk, Status> {
    let mut violations = Violations::default();
    match &ask {
        None => violations.add("order", "is needed: order_id, or order_name such as #1042"),
        Some(OrderAsk::Id(OrderId(0))) => violations.add("order_id", "0 is no order's id"),
        Some(OrderAsk::Id(_)) => {}
        Some(OrderAsk::Name(name)) => {
            if name.trim().is_empty() || name.len() > 100 || name.contains(char::is_control) {
                violations.add("order_name", "is no order's name; give one such as #1042, or order_id");
            }
        }
    }
    violations.finish(ask)
}
