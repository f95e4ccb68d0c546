//! Ledger in the embedded engine; it is written by the queue's steps.

use async_trait::async_trait;
use jiff::Timestamp;
use shopbeat_domain::ids::StoreId;
use shopbeat_domain::ports::{Answer, Ledger, LedgerRow};

use super::Engine;
use super::queue::SEEN;
use super::tables::LEDGER;
use crate::record::{hour, millis, moment};

#[async_trait]
impl Ledger for Engine {
    async fn rows(&self, store: &StoreId, from: Timestamp, to: Timestamp) -> Answer<Vec<LedgerRow>> {
        let id = store.clone();
        self.read("rows", move |transaction| {
            let ledger = transaction.open_table(LEDGER)?;
            // A row lies in the range if its hour begins in it.
            let range = (id.as_str(), millis(from), "")..(id.as_str(), hour(to).saturating_add(1), "");
            let mut rows: Vec<LedgerRow> = Vec::new();
            for entry in ledger.range(range)? {
                let (key, count) = entry?;
                let (_, at, column) = key.value();
                let at = moment("rows", at)?;
                if rows.last().is_none_or(|row| row.hour != at) {
                    rows.push(LedgerRow { hour: at, seen: 0, outcomes: Vec::new() });
                }
                let Some(row) = rows.last_mut() else { continue };
                match column {
                    SEEN => row.seen = count.value(),
                    column => row.outcomes.push((column.to_owned(), count.value())),
                }
            }
            Ok(rows)
        })
        .await
    }
}
