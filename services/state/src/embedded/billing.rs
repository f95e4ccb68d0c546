//! The billing journals in the embedded engine.

use async_trait::async_trait;
use redb::ReadableTable;
use shopbeat_domain::billing::BillingEntry;
use shopbeat_domain::ids::AgreementId;
use shopbeat_domain::ports::{Answer, BillingJournal};

use super::Engine;
use super::tables::BILLING;
use crate::record::{conflict, decode, encode};

#[async_trait]
impl BillingJournal for Engine {
    async fn entries(&self, agreement: &AgreementId) -> Answer<Vec<BillingEntry>> {
        let id = agreement.clone();
        self.read("entries", move |transaction| {
            let journal = transaction.open_table(BILLING)?;
            let mut entries = Vec::new();
            for entry in journal.range((id.as_str(), 0)..=(id.as_str(), u64::MAX))? {
                // One that cannot be read must show: left out it would make a bill smaller.
                entries.push(decode("entries", entry?.1.value())?);
            }
            Ok(entries)
        })
        .await
    }

    async fn append(&self, agreement: &AgreementId, entry: &BillingEntry) -> Answer<()> {
        let (id, entry) = (agreement.clone(), entry.clone());
        self.write("append", move |transaction| {
            let mut journal = transaction.open_table(BILLING)?;
            let last = journal.range((id.as_str(), 0)..=(id.as_str(), u64::MAX))?.next_back().transpose()?;
            let next = last.map_or(0, |(key, _)| key.value().1) + 1;
            if entry.number != next {
                return Err(conflict("append", "another entry is the next of the billing journal").into());
            }
            journal.insert((id.as_str(), next), encode("append", &entry)?.as_slice())?;
            Ok(())
        })
        .await
    }
}
