//! Journal in the embedded engine.

use async_trait::async_trait;
use redb::WriteTransaction;
use shopbeat_domain::ids::{OrderId, StoreId};
use shopbeat_domain::job::Claim;
use shopbeat_domain::ports::{Answer, Journal};
use shopbeat_domain::transfer::Transfer;

use super::queue::Queue;
use super::tables::JOURNALS;
use super::{Done, Engine};
use crate::record::{decode, decode_all, encode, fenced, millis};

#[async_trait]
impl Journal for Engine {
    async fn transfer(&self, store: &StoreId, order: OrderId) -> Answer<Option<Transfer>> {
        let id = store.clone();
        self.read("transfer", move |transaction| {
            let journals = transaction.open_table(JOURNALS)?;
            let bytes = journals.get((id.as_str(), order.0))?;
            Ok(bytes.map(|bytes| decode("transfer", bytes.value())).transpose()?)
        })
        .await
    }

    async fn save(&self, claim: &Claim, transfer: &Transfer) -> Answer<()> {
        let (claim, transfer, now) = (claim.clone(), transfer.clone(), millis(self.clock.now()));
        self.write("save", move |transaction| {
            let queue = Queue::open(transaction, claim.store.as_str(), now)?;
            if queue.owned(&claim.subject.to_string(), claim.fence)?.is_none() {
                return Err(fenced("save").into());
            }
            write(transaction, &transfer)
        })
        .await
    }

    async fn transfers(&self, store: &StoreId, after: Option<OrderId>, limit: u32) -> Answer<Vec<Transfer>> {
        let id = store.clone();
        let from = match after {
            None => 0,
            Some(OrderId(u64::MAX)) => return Ok(Vec::new()),
            Some(OrderId(order)) => order + 1,
        };
        let rows = self
            .read("transfers", move |transaction| {
                let journals = transaction.open_table(JOURNALS)?;
                let range = journals.range((id.as_str(), from)..=(id.as_str(), u64::MAX))?;
                let mut rows = Vec::new();
                for entry in range.take(usize::try_from(limit).unwrap_or(usize::MAX)) {
                    let (key, bytes) = entry?;
                    rows.push((key.value().1.to_string(), bytes.value().to_vec()));
                }
                Ok(rows)
            })
            .await?;
        Ok(decode_all("transfers", rows))
    }
}

/// Writes a journal within a step; whoever calls has checked the claim.
pub(super) fn write(transaction: &WriteTransaction, transfer: &Transfer) -> Done<()> {
    let bytes = encode("save", transfer)?;
    let mut journals = transaction.open_table(JOURNALS)?;
    journals.insert((transfer.store.as_str(), transfer.order.0), bytes.as_slice())?;
    Ok(())
}
