//! Holds in the embedded engine.

use std::collections::BTreeMap;

use async_trait::async_trait;
use redb::{ReadableTable, WriteTransaction};
use shopbeat_domain::ids::{ItemNumber, OrderId, StoreId};
use shopbeat_domain::ports::{Answer, Holds};

use super::tables::{HELD, HOLDS};
use super::{Done, Engine};
use crate::record::{garbled, summed};

#[async_trait]
impl Holds for Engine {
    async fn hold(
        &self,
        store: &StoreId,
        order: OrderId,
        units: &[(ItemNumber, u64)],
    ) -> Answer<Vec<ItemNumber>> {
        let (store, units) = (store.clone(), summed(units));
        let changed = self
            .write("hold", move |transaction| replace(transaction, store.as_str(), order, &units))
            .await?;
        changed.iter().map(|item| item_number("hold", item)).collect()
    }

    async fn held_by(&self, store: &StoreId, order: OrderId) -> Answer<Vec<(ItemNumber, u64)>> {
        let store = store.clone();
        let rows = self
            .read("held_by", move |transaction| {
                let holds = transaction.open_table(HOLDS)?;
                let mut rows = Vec::new();
                for entry in holds.range((store.as_str(), order.0, "")..)? {
                    let (key, units) = entry?;
                    let (of, by, item) = key.value();
                    if of != store.as_str() || by != order.0 {
                        break;
                    }
                    rows.push((item.to_owned(), units.value()));
                }
                Ok(rows)
            })
            .await?;
        rows.into_iter().map(|(item, units)| Ok((item_number("held_by", &item)?, units))).collect()
    }

    async fn held(&self, store: &StoreId, items: &[ItemNumber]) -> Answer<Vec<u64>> {
        let (store, items) = (store.clone(), items.to_vec());
        self.read("held", move |transaction| {
            let held = transaction.open_table(HELD)?;
            let mut sums = Vec::with_capacity(items.len());
            for item in &items {
                sums.push(held.get((store.as_str(), item.as_str()))?.map_or(0, |units| units.value()));
            }
            Ok(sums)
        })
        .await
    }
}

fn item_number(call: &str, text: &str) -> Answer<ItemNumber> {
    ItemNumber::parse(text).map_err(|_| garbled(call, "an item's number cannot be read"))
}

/// Gives back what an order holds, within a step.
pub(super) fn release(transaction: &WriteTransaction, store: &str, order: OrderId) -> Done<()> {
    replace(transaction, store, order, &BTreeMap::new()).map(drop)
}

/// Answers the items whose sum changed.
fn replace(
    transaction: &WriteTransaction,
    store: &str,
    order: OrderId,
    units: &BTreeMap<String, u64>,
) -> Done<Vec<String>> {
    let mut holds = transaction.open_table(HOLDS)?;
    let mut held = transaction.open_table(HELD)?;
    let mut before = BTreeMap::new();
    for entry in holds.range((store, order.0, "")..)? {
        let (key, units) = entry?;
        let (of, by, item) = key.value();
        if of != store || by != order.0 {
            break;
        }
        before.insert(item.to_owned(), units.value());
    }
    let mut changed = Vec::new();
    let items: std::collections::BTreeSet<&String> = before.keys().chain(units.keys()).collect();
    for item in items {
        let (old, new) = (before.get(item).copied().unwrap_or(0), units.get(item).copied().unwrap_or(0));
        if old == new {
            continue;
        }
        if new == 0 {
            holds.remove((store, order.0, item.as_str()))?;
        } else {
            holds.insert((store, order.0, item.as_str()), new)?;
        }
        let key = (store, item.as_str());
        let sum = held.get(key)?.map_or(0, |sum| sum.value()).saturating_sub(old).saturating_add(new);
        if sum == 0 {
            held.remove(key)?;
        } else {
            held.insert(key, sum)?;
        }
        changed.push(item.clone());
    }
    Ok(changed)
}
