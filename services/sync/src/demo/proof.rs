//! The proof: what the service says of each order, beside what stands in the simulated remotes.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use shopbeat_domain::ids::{OrderId, Reference, StoreId};
use shopbeat_proto::v1;
use shopbeat_sandbox::rackbeat::OrderRow;

use super::house::House;
use super::remotes::{Remotes, STORES};
use super::shopping::{Fate, Placed};
use crate::cli::Failed;

/// One order: as it was meant, as Shopify has it, as the service tells it, and what Rackbeat holds of it.
pub(super) struct Case {
    pub(super) placed: Placed,
    pub(super) name: String,
    pub(super) shopify_total: Decimal,
    pub(super) told: v1::Transfer,
    pub(super) rows: Vec<OrderRow>,
    invoices: usize,
}

/// Asks the service about each order, and looks it up in both remotes.
pub(super) async fn cases(
    remotes: &Remotes,
    house: &mut House,
    placed: Vec<Placed>,
) -> anyhow::Result<Vec<Case>> {
    let rackbeat = remotes.sandbox.rackbeat();
    let rows = rackbeat.orders(remotes.account);
    let invoices = rackbeat.invoices(remotes.account);
    let mut cases = Vec::with_capacity(placed.len());
    for placed in placed {
        let truth = remotes.sandbox.shopify().order(&placed.store.domain(), placed.id)?;
        let reference = Reference::new(&StoreId::parse(placed.store.handle)?, OrderId(placed.id));
        let own = rows.iter().filter(|row| reference.is_in(&row.heading) || reference.is_in(&row.note));
        let own: Vec<OrderRow> = own.cloned().collect();
        let request = v1::GetTransferRequest {
            store_id: placed.store.handle.to_owned(),
            order: Some(v1::get_transfer_request::Order::OrderId(placed.id)),
        };
        let answer = house.api.get_transfer(request).await.map_err(Failed::from)?.into_inner();
        cases.push(Case {
            name: truth.order.name(),
            shopify_total: truth.current.total.shop,
            told: answer.transfer.unwrap_or_default(),
            invoices: invoices
                .iter()
                .filter(|invoice| own.iter().any(|row| row.number == invoice.order))
                .count(),
            rows: own,
            placed,
        });
    }
    Ok(cases)
}

/// Everything that is not as it must be; empty if the proof holds.
pub(super) fn problems(remotes: &Remotes, cases: &[Case], ledgers: &[v1::GetStoreResponse]) -> Vec<String> {
    let mut problems: Vec<String> = cases.iter().flat_map(Case::problems).collect();
    let held = remotes.sandbox.rackbeat().orders(remotes.account).len();
    let known: usize = cases.iter().map(|case| case.rows.len()).sum();
    if held != known {
        problems
            .push(format!("Rackbeat holds {held} orders, but only {known} of them are of the orders placed"));
    }
    let deliveries = remotes.sandbox.shopify().deliveries();
    if deliveries.given_up > 0 {
        problems.push(format!("{} webhooks were never accepted", deliveries.given_up));
    }
    for (store, ledger) in STORES.iter().zip(ledgers) {
        let counts = ledger.ledger.as_ref().and_then(|ledger| ledger.total.clone()).unwrap_or_default();
        let own: Vec<&Case> = cases.iter().filter(|case| case.placed.store == *store).collect();
        problems.extend(ledger_problems(store.handle, &counts, &own));
    }
    problems
}

impl Case {
    fn problems(&self) -> Vec<String> {
        let mut found = Vec::new();
        let told = v1::OrderState::try_from(self.told.state).unwrap_or_default();
        let park = self.told.park.as_ref().map_or("", |park| park.code.as_str());
        match self.placed.fate {
            Fate::Transferred => found.extend(self.transfer_problems(told, park)),
            fate => {
                let as_meant = match fate {
                    Fate::Parked(code) => told == v1::OrderState::Parked && park == code,
                    Fate::Ignored(rule) => told == v1::OrderState::Ignored && self.told.ignored_by == rule,
                    Fate::Transferred | Fate::Pending => told == v1::OrderState::Pending,
                };
                if !as_meant {
                    found.push(format!("should be {fate:?}, is {told:?} {park}{}", self.told.ignored_by));
                }
                if !self.rows.is_empty() {
                    found.push("must not stand in Rackbeat, but does".to_owned());
                }
            }
        }
        let who = format!("{} of {}", self.name, self.placed.store.handle);
        found.into_iter().map(|problem| format!("{who}: {problem}")).collect()
    }

    fn transfer_problems(&self, told: v1::OrderState, park: &str) -> Vec<String> {
        let mut found = Vec::new();
        if told != v1::OrderState::Transferred {
            found.push(format!("should be transferred, is {told:?} {park}{}", self.told.ignored_by));
        }
        let [row] = self.rows.as_slice() else {
            found.push(format!("stands in Rackbeat {} times", self.rows.len()));
            return found;
        };
        if row.totals.total != self.shopify_total {
            found.push(format!("is {} in Shopify and {} in Rackbeat", self.shopify_total, row.totals.total));
        }
        if u64::try_from(row.number).ok() != self.told.rackbeat_order_number {
            found.push(format!(
                "is order {} in Rackbeat, told is {:?}",
                row.number, self.told.rackbeat_order_number
            ));
        }
        // One that waits for stock is short of its target, and says so.
        let there =
            self.told.reached == i32::from(end_of(self.placed.store.target)) || self.told.waiting_for_stock;
        if !row.booked || row.cancelled || !there {
            found.push("is not where it should be in Rackbeat".to_owned());
        }
        if self.invoices > 1 {
            found.push(format!("has {} invoices", self.invoices));
        }
        found
    }
}

/// Where an order with this target ends.
fn end_of(target: v1::Target) -> v1::Reached {
    match target {
        v1::Target::Unspecified | v1::Target::Booked => v1::Reached::Booked,
        v1::Target::Draft => v1::Reached::Draft,
        v1::Target::ReadyToShip => v1::Reached::ReadyToShip,
        v1::Target::Packed => v1::Reached::Packed,
        v1::Target::Shipped => v1::Reached::Shipped,
        v1::Target::Invoiced => v1::Reached::Invoiced,
        v1::Target::ShippedAndInvoiced => v1::Reached::ShippedAndInvoiced,
    }
}

/// What of a store's ledger is not as the orders are.
fn ledger_problems(store: &str, counts: &v1::LedgerCounts, cases: &[&Case]) -> Vec<String> {
    let mut problems = Vec::new();
    if !counts.adds_up {
        problems.push(format!("the ledger of {store} does not add up"));
    }
    let mut meant: BTreeMap<&str, u64> = BTreeMap::new();
    for case in cases {
        let outcome = match case.placed.fate {
            Fate::Transferred => "transferred",
            Fate::Parked(_) => "parked",
            Fate::Ignored(_) => "ignored",
            Fate::Pending => "pending",
        };
        *meant.entry(outcome).or_default() += 1;
    }
    let ignored = counts.ignored.iter().map(|ignored| ignored.orders).sum();
    let counted = [
        ("seen", counts.seen, u64::try_from(cases.len()).unwrap_or(u64::MAX)),
        ("transferred", counts.transferred, meant.get("transferred").copied().unwrap_or(0)),
        ("parked", counts.parked, meant.get("parked").copied().unwrap_or(0)),
        ("ignored", ignored, meant.get("ignored").copied().unwrap_or(0)),
        ("pending", counts.pending, meant.get("pending").copied().unwrap_or(0)),
    ];
    for (what, is, should) in counted {
        if is != should {
            problems.push(format!("the ledger of {store} counts {is} {what}, there are {should}"));
        }
    }
    problems
}

#[cfg(test)]
mod tests;
