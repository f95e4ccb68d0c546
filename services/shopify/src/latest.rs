//! How a shop sells, seen from its latest orders.

use serde::{Deserialize, Serialize};
use shopbeat_domain::ports::Answer;
use shopbeat_domain::preflight::OrderTraits;

use crate::transport::Transport;
use crate::wire::{Bag, Operation};

/// Lines looked at of one order.
const LINES: u32 = 10;

pub(crate) struct RecentOrders;

impl Operation for RecentOrders {
    const NAME: &'static str = "RecentOrders";
    const TEXT: &'static str = include_str!("../operations/recent_orders.graphql");
    type Variables = Variables;
    type Data = Data;
}

#[derive(Debug, Serialize)]
pub(crate) struct Variables {
    first: u32,
    lines: u32,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Data {
    orders: Nodes<Order>,
}

#[derive(Debug, Deserialize)]
struct Nodes<T> {
    nodes: Vec<T>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Order {
    currency_code: String,
    presentment_currency_code: String,
    total_tip_received_set: Bag,
    transactions: Vec<Transaction>,
    line_items: Nodes<Line>,
}

#[derive(Debug, Deserialize)]
struct Transaction {
    gateway: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    is_gift_card: bool,
}

/// The traits of the latest orders. That customer data are hidden from us shows as an error at the order's `email`.
pub(crate) async fn traits(transport: &Transport, count: u32) -> Answer<Vec<OrderTraits>> {
    let answered =
        transport.call::<RecentOrders>(&Variables { first: count.clamp(1, 100), lines: LINES }).await?;
    let hidden = answered.gaps.iter().any(|gap| gap.contains("email"));
    let read = |order: Order| OrderTraits {
        gift_card_sold: order.line_items.nodes.iter().any(|line| line.is_gift_card),
        gift_card_paid: order.transactions.iter().any(|paid| paid.gateway.as_deref() == Some("gift_card")),
        tip: !order.total_tip_received_set.shop_money.amount.is_zero(),
        foreign_currency: order.currency_code != order.presentment_currency_code,
        hidden,
    };
    Ok(answered.data.orders.nodes.into_iter().map(read).collect())
}
