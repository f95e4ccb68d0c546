//! Heads of orders: changed since a moment, or by name.

#[cfg(test)]
mod tests;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use shopbeat_domain::ids::OrderId;
use shopbeat_domain::order::OrderHead;
use shopbeat_domain::ports::{Answer, Page};

use crate::classify::Trouble;
use crate::transport::Transport;
use crate::wire::{Connection, Operation, garbled};

/// Orders of one page of a search by name.
const NAMED_PAGE: u32 = 50;
/// Shopify's largest page.
const LARGEST_PAGE: u32 = 250;

pub(crate) struct OrdersUpdated;

impl Operation for OrdersUpdated {
    const NAME: &'static str = "OrdersUpdated";
    const TEXT: &'static str = include_str!("../operations/orders_updated.graphql");
    type Variables = Search;
    type Data = OrdersData;
}

pub(crate) struct OrdersByName;

impl Operation for OrdersByName {
    const NAME: &'static str = "OrdersByName";
    const TEXT: &'static str = include_str!("../operations/orders_by_name.graphql");
    type Variables = Search;
    type Data = OrdersData;
}

#[derive(Debug, Serialize)]
pub(crate) struct Search {
    query: String,
    first: u32,
    after: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct OrdersData {
    orders: Connection<Head>,
}

/// The head of an order as Shopify writes it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Head {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
}

impl Head {
    pub(crate) fn read(self, call: &'static str) -> Answer<OrderHead> {
        let id = OrderId::parse_gid(&self.id).map_err(|_| garbled(call, "an order's id cannot be read"))?;
        Ok(OrderHead { id, name: self.name, created_at: self.created_at, updated_at: self.updated_at })
    }
}

/// One page of the orders changed at or after a moment, oldest change first.
pub(crate) async fn updated(
    transport: &Transport,
    since: Timestamp,
    after: Option<&str>,
    size: u32,
) -> Answer<Page<OrderHead>> {
    let mut first = size.clamp(1, LARGEST_PAGE);
    loop {
        // Unquoted, the colons of the time would be taken for syntax.
        let query = format!("updated_at:>='{since:.0}'");
        let search = Search { query, first, after: after.map(str::to_owned) };
        match transport.call::<OrdersUpdated>(&search).await {
            Ok(answered) => return page::<OrdersUpdated>(answered.data, after),
            Err(Trouble::TooBig(_)) if first > 1 => first /= 2,
            Err(trouble) => return Err(trouble.into()),
        }
    }
}

/// Orders that bear exactly this name, with or without the `#`.
pub(crate) async fn named(transport: &Transport, name: &str) -> Answer<Vec<OrderHead>> {
    let wanted = bare(name);
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let search = Search { query: name_query(wanted), first: NAMED_PAGE, after: after.clone() };
        let data = transport.call::<OrdersByName>(&search).await?.data;
        let page = page::<OrdersByName>(data, after.as_deref())?;
        // The search goes by words: `1001` also finds `1001-A`.
        found.extend(page.rows.into_iter().filter(|head| bare(&head.name) == wanted));
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(found),
        }
    }
}

fn bare(name: &str) -> &str {
    let trimmed = name.trim();
    trimmed.strip_prefix('#').unwrap_or(trimmed)
}

fn name_query(bare: &str) -> String {
    format!("name:\"{}\"", bare.replace('\\', r"\\").replace('"', "\\\""))
}

fn page<O: Operation>(data: OrdersData, this: Option<&str>) -> Answer<Page<OrderHead>> {
    let next = data.orders.page_info.next(O::NAME, this)?;
    let rows = data.orders.nodes.into_iter().map(|head| head.read(O::NAME)).collect::<Answer<_>>()?;
    Ok(Page { rows, next })
}

#[cfg(test)]
mod unit_tests {
    use super::*;

    #[test]
    fn a_name_cannot_break_out_of_its_quotes() {
        assert_eq!(name_query(bare(" #1001 ")), r#"name:"1001""#);
        assert_eq!(name_query(r#"1" OR status:"any\"#), r#"name:"1\" OR status:\"any\\""#);
    }
}
