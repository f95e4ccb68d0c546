//! Finds orders by our reference. This is what guards against doubles: an answer "not there" must be true.
//!
//! Its ways, in order of preference:
//! 1. `GET /orders?search=<reference>`, compared here. No document says which fields the search covers, so "not
//!    there" is believed only once the search was seen, on this account, to find an order by the reference in its
//!    heading.
//! 2. All orders, newest first, back to the time before which the order cannot have been made.
//!
//! A custom field as an index, or a client-chosen number, would need a second call or collide with the account's
//! own series of numbers.

use jiff::Timestamp;
use shopbeat_domain::erp::ErpOrder;
use shopbeat_domain::failure::FailureKind;
use shopbeat_domain::ids::Reference;
use shopbeat_domain::ports::Answer;

use crate::RackbeatClient;
use crate::orders::{OrderRow, SPARSE};
use crate::pages::{LARGEST_PAGE, List};
use crate::quirks::Proof;
use crate::transport::failure;

/// Paging goes this far behind the order's creation in Shopify: the two clocks differ, and one of Rackbeat's two
/// forms of time names no zone. A day costs little, since a page has a thousand orders.
const MARGIN_SECONDS: i64 = 24 * 3600;
/// How many of the newest orders are looked at for one whose reference can be searched for.
const PROBE_ROWS: u32 = 100;

fn newest_orders(limit: u32) -> List {
    List::new("GET /orders", "/orders", "orders")
        .query("fields", SPARSE)
        .query("order_by", "created_at")
        .query("order_direction", "DESC")
        // A running client sorts by this instead of the SDKs' `order_by`.
        .query("sort", "created_at")
        .limit(limit)
}

/// A heading's first word that looks like a reference of ours, `<handle>/<digits>`: nothing else on an order (its
/// number, its customer's name) looks like it, so finding it proves that headings are searched.
fn marked(heading: &str) -> Option<&str> {
    heading.split_whitespace().find(|word| {
        word.split_once('/').is_some_and(|(handle, order)| {
            let is_handle = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
            !handle.is_empty()
                && handle.bytes().all(is_handle)
                && order.len() >= 4
                && order.bytes().all(|b| b.is_ascii_digit())
        })
    })
}

impl RackbeatClient {
    /// Whether an order's absence can be told by a search, found out now if it is not known yet and an order of
    /// ours exists. Up to two calls.
    ///
    /// # Errors
    /// As any call.
    pub async fn probe_search(&self) -> Answer<Proof> {
        let known = self.shared.quirks.heading_search.get();
        if known != Proof::Unknown {
            return Ok(known);
        }
        let newest = self.page::<OrderRow>(&newest_orders(PROBE_ROWS), 1).await?;
        self.prove_search(&told(newest.rows)?).await
    }

    /// All orders that bear the reference, lowest number first, without lines.
    pub(crate) async fn find_bearers(
        &self,
        reference: &Reference,
        not_before: Timestamp,
    ) -> Answer<Vec<ErpOrder>> {
        let search = &self.shared.quirks.heading_search;
        if search.get() != Proof::Disproven {
            let found = match self.search(reference.as_str()).await {
                Ok(found) => bearers(found, reference),
                // A refused search is none.
                Err(refused) if matches!(refused.kind, FailureKind::Refused(_) | FailureKind::Missing) => {
                    search.set(false);
                    Vec::new()
                }
                Err(other) => return Err(other),
            };
            if !found.is_empty() {
                search.set(true);
            }
            if search.get() == Proof::Proven {
                return Ok(found);
            }
        }
        let floor = not_before.as_second().saturating_sub(MARGIN_SECONDS);
        let rows = told(self.newest::<OrderRow>(&newest_orders(LARGEST_PAGE), Some(floor)).await?)?;
        let found = bearers(rows.clone(), reference);
        if search.get() == Proof::Unknown {
            if found.is_empty() {
                self.prove_search(&rows).await?;
            } else {
                // It is there, and the search did not show it.
                search.set(false);
            }
        }
        Ok(found)
    }

    /// Searches for the reference of an order that is known to be there.
    async fn prove_search(&self, known: &[ErpOrder]) -> Answer<Proof> {
        let search = &self.shared.quirks.heading_search;
        let candidate = known.iter().find_map(|order| Some((order.number, marked(&order.heading)?)));
        let Some((number, word)) = candidate else { return Ok(search.get()) };
        match self.search(word).await {
            Ok(found) => Ok(search.set(found.iter().any(|order| order.number == number))),
            Err(refused) if matches!(refused.kind, FailureKind::Refused(_) | FailureKind::Missing) => {
                Ok(search.set(false))
            }
            Err(other) => Err(other),
        }
    }

    async fn search(&self, text: &str) -> Answer<Vec<ErpOrder>> {
        let list = newest_orders(LARGEST_PAGE).query("search", text);
        told(self.newest::<OrderRow>(&list, None).await?)
    }
}

fn bearers(orders: Vec<ErpOrder>, reference: &Reference) -> Vec<ErpOrder> {
    let mut found: Vec<_> = orders.into_iter().filter(|order| order.bears(reference)).collect();
    found.sort_by_key(|order| order.number);
    found
}

/// Orders of a list, all of which must tell their heading (empty is told, absent is not): if a list left headings
/// out, "not there" would be a guess.
fn told(rows: Vec<OrderRow>) -> Answer<Vec<ErpOrder>> {
    if rows.iter().any(|row| row.heading.is_none()) {
        let why = "the list of orders leaves their headings out";
        return Err(failure(FailureKind::Garbled, "GET /orders", why));
    }
    Ok(rows.into_iter().map(OrderRow::into_order).collect())
}

#[cfg(test)]
#[path = "find_tests.rs"]
mod tests;
