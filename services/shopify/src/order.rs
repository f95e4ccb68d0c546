//! One order: the answer as Shopify writes it, all its pages, and the domain's [`Order`] made of it.

mod read;
#[cfg(test)]
mod tests;
mod wire;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use shopbeat_domain::failure::{Failure, FailureKind, Remote};
use shopbeat_domain::ids::OrderId;
use shopbeat_domain::order::Order;
use shopbeat_domain::ports::Answer;

use self::read::read_order;
use self::wire::{LineNode, OrderData, OrderNode, ShippingNode};
use crate::classify::Trouble;
use crate::transport::Transport;
use crate::wire::{Answered, Connection, Operation, PageSize, missing};

/// Lines of the first attempt. The linear bound of this query's cost passes a single call's limit at about fifty
/// lines, the real cost lies below it; a shop that refuses gets smaller pages from then on.
pub(crate) const LINES: u32 = 25;
/// An order that changes between its pages is read anew, this often.
const READINGS: usize = 3;

pub(crate) struct OrderById;

impl Operation for OrderById {
    const NAME: &'static str = "OrderById";
    const TEXT: &'static str = include_str!("../operations/order_by_id.graphql");
    type Variables = OrderVariables;
    type Data = OrderData;
}

#[derive(Serialize)]
pub(crate) struct OrderVariables {
    id: String,
    lines: u32,
}

pub(crate) struct OrderLines;

impl Operation for OrderLines {
    const NAME: &'static str = "OrderLines";
    const TEXT: &'static str = include_str!("../operations/order_lines.graphql");
    type Variables = LinesVariables;
    type Data = LinesData;
}

#[derive(Serialize)]
pub(crate) struct LinesVariables {
    id: String,
    lines: u32,
    after: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct LinesData {
    order: Option<MoreLines>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct MoreLines {
    updated_at: Timestamp,
    line_items: Connection<LineNode>,
}

pub(crate) struct OrderShippingLines;

impl Operation for OrderShippingLines {
    const NAME: &'static str = "OrderShippingLines";
    const TEXT: &'static str = include_str!("../operations/order_shipping_lines.graphql");
    type Variables = ShippingVariables;
    type Data = ShippingData;
}

#[derive(Serialize)]
pub(crate) struct ShippingVariables {
    id: String,
    after: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct ShippingData {
    order: Option<MoreShipping>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct MoreShipping {
    updated_at: Timestamp,
    shipping_lines: Connection<ShippingNode>,
}

enum Reading {
    Whole(Box<Answered<OrderNode>>),
    /// It changed while its pages were read: two states would be mixed.
    Moved,
}

/// An order with all its lines, as of one moment.
pub(crate) async fn fetch(transport: &Transport, pages: &PageSize, id: OrderId) -> Answer<Order> {
    for _ in 0..READINGS {
        match read_pages(transport, pages, id).await? {
            Reading::Whole(order) => return read_order(*order, id),
            Reading::Moved => {}
        }
    }
    let text = "the order changed each time while its lines were read";
    Err(Failure::new(Remote::Shopify, FailureKind::Conflict, OrderById::NAME, text))
}

async fn read_pages(transport: &Transport, pages: &PageSize, id: OrderId) -> Answer<Reading> {
    let Answered { data, mut gaps } = first_page(transport, pages, id).await?;
    let mut order = data.order.ok_or_else(|| {
        missing(OrderById::NAME, "there is no such order (or it is too old for our scopes)")
    })?;

    let mut this: Option<String> = None;
    while let Some(after) = order.line_items.page_info.clone().next(OrderLines::NAME, this.as_deref())? {
        let answered = more_lines(transport, pages, id, &after).await?;
        let Some(more) = answered.data.order.filter(|more| more.updated_at == order.updated_at) else {
            return Ok(Reading::Moved);
        };
        gaps.extend(shifted(answered.gaps, "order.lineItems.nodes.", order.line_items.nodes.len()));
        order.line_items.nodes.extend(more.line_items.nodes);
        order.line_items.page_info = more.line_items.page_info;
        this = Some(after);
    }

    let mut this: Option<String> = None;
    while let Some(after) =
        order.shipping_lines.page_info.clone().next(OrderShippingLines::NAME, this.as_deref())?
    {
        let variables = ShippingVariables { id: id.gid(), after: after.clone() };
        let answered = transport.call::<OrderShippingLines>(&variables).await?;
        let Some(more) = answered.data.order.filter(|more| more.updated_at == order.updated_at) else {
            return Ok(Reading::Moved);
        };
        gaps.extend(shifted(answered.gaps, "order.shippingLines.nodes.", order.shipping_lines.nodes.len()));
        order.shipping_lines.nodes.extend(more.shipping_lines.nodes);
        order.shipping_lines.page_info = more.shipping_lines.page_info;
        this = Some(after);
    }
    Ok(Reading::Whole(Box::new(Answered { data: order, gaps })))
}

async fn first_page(transport: &Transport, pages: &PageSize, id: OrderId) -> Answer<Answered<OrderData>> {
    loop {
        let lines = pages.now();
        match transport.call::<OrderById>(&OrderVariables { id: id.gid(), lines }).await {
            Ok(answered) => return Ok(answered),
            Err(Trouble::TooBig(_)) if pages.shrink(lines) => {}
            Err(trouble) => return Err(trouble.into()),
        }
    }
}

async fn more_lines(
    transport: &Transport,
    pages: &PageSize,
    id: OrderId,
    after: &str,
) -> Answer<Answered<LinesData>> {
    loop {
        let lines = pages.now();
        let variables = LinesVariables { id: id.gid(), lines, after: after.to_owned() };
        match transport.call::<OrderLines>(&variables).await {
            Ok(answered) => return Ok(answered),
            Err(Trouble::TooBig(_)) if pages.shrink(lines) => {}
            Err(trouble) => return Err(trouble.into()),
        }
    }
}

/// Paths of a later page count its rows from nought: made to count from the order's first.
fn shifted(gaps: Vec<String>, prefix: &str, by: usize) -> impl Iterator<Item = String> {
    gaps.into_iter().map(move |gap| {
        let moved = gap.strip_prefix(prefix).and_then(|rest| {
            let (index, tail) =
                rest.split_once('.').map_or((rest, None), |(index, tail)| (index, Some(tail)));
            let index = index.parse::<usize>().ok()? + by;
            Some(tail.map_or_else(|| format!("{prefix}{index}"), |tail| format!("{prefix}{index}.{tail}")))
        });
        moved.unwrap_or(gap)
    })
}

#[cfg(test)]
mod page_tests {
    use super::*;

    #[test]
    fn a_gap_on_a_later_page_is_told_by_its_place_in_the_order() {
        let gaps = ["order.lineItems.nodes.1.variant", "order.lineItems.nodes.0", "order.email"];
        let moved: Vec<String> =
            shifted(gaps.map(str::to_owned).to_vec(), "order.lineItems.nodes.", 25).collect();
        assert_eq!(moved, ["order.lineItems.nodes.26.variant", "order.lineItems.nodes.25", "order.email"]);
    }
}
