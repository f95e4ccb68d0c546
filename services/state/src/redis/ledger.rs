//! Ledger on Redis; it is written by the scripts about jobs.

use std::collections::BTreeMap;

use ::redis::{cmd, pipe};
use async_trait::async_trait;
use jiff::Timestamp;
use shopbeat_domain::ids::StoreId;
use shopbeat_domain::ports::{Answer, Ledger, LedgerRow};

use super::{Engine, patiently};
use crate::record::{garbled, millis, moment};

#[async_trait]
impl Ledger for Engine {
    async fn rows(&self, store: &StoreId, from: Timestamp, to: Timestamp) -> Answer<Vec<LedgerRow>> {
        let hours = self.keys.ledger_hours(store);
        let mut list = cmd("ZRANGEBYSCORE");
        list.arg(&hours).arg(millis(from)).arg(millis(to));
        let members: Vec<String> = self.command("rows", &list).await?;
        if members.is_empty() {
            return Ok(Vec::new());
        }
        // One transaction, so that an order which moves meanwhile is not seen in two rows' worth of states.
        let mut reads = pipe();
        reads.atomic();
        for hour in &members {
            reads.cmd("HGETALL").arg(self.keys.ledger(store, hour));
        }
        let mut manager = self.manager.clone();
        let found: Vec<BTreeMap<String, i64>> = patiently("rows", reads.query_async(&mut manager)).await?;
        let mut rows = Vec::with_capacity(found.len());
        let mut gone = Vec::new();
        for (hour, columns) in members.into_iter().zip(found) {
            if columns.is_empty() {
                gone.push(hour);
                continue;
            }
            let at = hour.parse().map_err(|_| garbled("rows", "an hour of the ledger is no number"))?;
            rows.push(row(moment("rows", at)?, columns)?);
        }
        if !gone.is_empty() {
            let mut clean = cmd("ZREM");
            clean.arg(hours).arg(gone);
            let _: u64 = self.command("rows", &clean).await?;
        }
        Ok(rows)
    }
}

fn row(hour: Timestamp, columns: BTreeMap<String, i64>) -> Answer<LedgerRow> {
    let mut row = LedgerRow { hour, seen: 0, outcomes: Vec::new() };
    for (column, count) in columns {
        let count = u64::try_from(count).map_err(|_| garbled("rows", "a count of the ledger is negative"))?;
        match (column.as_str(), count) {
            ("seen", count) => row.seen = count,
            // All have left it for another column.
            (_, 0) => {}
            (_, count) => row.outcomes.push((column, count)),
        }
    }
    Ok(row)
}
