//! Holds on Redis: per store, so that the script that settles an order can release them.

use std::collections::BTreeMap;

use ::redis::cmd;
use async_trait::async_trait;
use shopbeat_domain::ids::{ItemNumber, OrderId, StoreId};
use shopbeat_domain::ports::{Answer, Holds};

use super::{CHUNK, Engine};
use crate::record::{garbled, summed};

#[async_trait]
impl Holds for Engine {
    async fn hold(
        &self,
        store: &StoreId,
        order: OrderId,
        units: &[(ItemNumber, u64)],
    ) -> Answer<Vec<ItemNumber>> {
        let mut script = self.scripts.hold.key(self.keys.hold(store, order));
        script.key(self.keys.held(store));
        for (item, units) in summed(units) {
            script.arg(item).arg(units);
        }
        let mut changed: Vec<String> = self.script("hold", &script).await?;
        // Lua's tables are in no order.
        changed.sort();
        changed.iter().map(|item| item_number("hold", item)).collect()
    }

    async fn held_by(&self, store: &StoreId, order: OrderId) -> Answer<Vec<(ItemNumber, u64)>> {
        let mut read = cmd("HGETALL");
        read.arg(self.keys.hold(store, order));
        let units: BTreeMap<String, u64> = self.command("held_by", &read).await?;
        units.into_iter().map(|(item, units)| Ok((item_number("held_by", &item)?, units))).collect()
    }

    async fn held(&self, store: &StoreId, items: &[ItemNumber]) -> Answer<Vec<u64>> {
        let mut sums = Vec::with_capacity(items.len());
        for items in items.chunks(CHUNK) {
            let mut read = cmd("HMGET");
            read.arg(self.keys.held(store));
            for item in items {
                read.arg(item.as_str());
            }
            let held: Vec<Option<u64>> = self.command("held", &read).await?;
            sums.extend(held.into_iter().map(Option::unwrap_or_default));
        }
        Ok(sums)
    }
}

fn item_number(call: &str, text: &str) -> Answer<ItemNumber> {
    ItemNumber::parse(text).map_err(|_| garbled(call, "an item's number cannot be read"))
}
