//! The billing journals on Redis.

use ::redis::cmd;
use async_trait::async_trait;
use shopbeat_domain::billing::BillingEntry;
use shopbeat_domain::ids::AgreementId;
use shopbeat_domain::ports::{Answer, BillingJournal};

use super::{CHUNK, Engine};
use crate::record::{conflict, decode, encode};

#[async_trait]
impl BillingJournal for Engine {
    async fn entries(&self, agreement: &AgreementId) -> Answer<Vec<BillingEntry>> {
        let mut entries = Vec::new();
        loop {
            let mut read = cmd("LRANGE");
            let from = entries.len();
            read.arg(self.keys.billing(agreement)).arg(from).arg(from + CHUNK - 1);
            let part: Vec<Vec<u8>> = self.command("entries", &read).await?;
            let last = part.len() < CHUNK;
            for bytes in part {
                // One that cannot be read must show: left out it would make a bill smaller.
                entries.push(decode("entries", &bytes)?);
            }
            if last {
                return Ok(entries);
            }
        }
    }

    async fn append(&self, agreement: &AgreementId, entry: &BillingEntry) -> Answer<()> {
        let mut script = self.scripts.append.key(self.keys.billing(agreement));
        script.arg(entry.number).arg(encode("append", entry)?);
        if self.script("append", &script).await? {
            Ok(())
        } else {
            Err(conflict("append", "another entry is the next of the billing journal"))
        }
    }
}
