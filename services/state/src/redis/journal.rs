//! Journal on Redis.

use ::redis::cmd;
use async_trait::async_trait;
use shopbeat_domain::ids::{OrderId, StoreId};
use shopbeat_domain::job::Claim;
use shopbeat_domain::ports::{Answer, Journal};
use shopbeat_domain::transfer::Transfer;

use super::Engine;
use super::scripts::about_jobs;
use crate::keys::padded;
use crate::record::{decode, decode_all, encode, fenced};

#[async_trait]
impl Journal for Engine {
    async fn transfer(&self, store: &StoreId, order: OrderId) -> Answer<Option<Transfer>> {
        let mut read = cmd("GET");
        read.arg(self.keys.journal(store, order));
        let bytes: Option<Vec<u8>> = self.command("transfer", &read).await?;
        bytes.map(|bytes| decode("transfer", &bytes)).transpose()
    }

    async fn save(&self, claim: &Claim, transfer: &Transfer) -> Answer<()> {
        let mut script = about_jobs(&self.scripts.save, &self.keys, &claim.store, self.clock.now());
        script.key(self.keys.journal(&claim.store, transfer.order)).key(self.keys.journals(&claim.store));
        script.arg(claim.subject.to_string()).arg(claim.fence);
        script.arg(encode("save", transfer)?).arg(padded(transfer.order));
        if self.script("save", &script).await? { Ok(()) } else { Err(fenced("save")) }
    }

    async fn transfers(&self, store: &StoreId, after: Option<OrderId>, limit: u32) -> Answer<Vec<Transfer>> {
        let mut rows = Vec::new();
        let mut from = after.map_or_else(|| "-".to_owned(), |after| format!("({}", padded(after)));
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        // Journals past their time are still in the index: it is cleaned here, and read on.
        while rows.len() < limit {
            let mut list = cmd("ZRANGEBYLEX");
            list.arg(self.keys.journals(store))
                .arg(&from)
                .arg("+")
                .arg("LIMIT")
                .arg(0)
                .arg(limit - rows.len());
            let members: Vec<String> = self.command("transfers", &list).await?;
            let Some(last) = members.last() else { break };
            from = format!("({last}");
            let orders = members.iter().filter_map(|member| member.parse().ok().map(OrderId));
            let mut read = cmd("MGET");
            for order in orders {
                read.arg(self.keys.journal(store, order));
            }
            let values: Vec<Option<Vec<u8>>> = self.command("transfers", &read).await?;
            let mut gone = Vec::new();
            for (member, value) in members.into_iter().zip(values) {
                match value {
                    Some(bytes) => rows.push((member, bytes)),
                    None => gone.push(member),
                }
            }
            if !gone.is_empty() {
                let mut clean = cmd("ZREM");
                clean.arg(self.keys.journals(store)).arg(gone);
                let _: u64 = self.command("transfers", &clean).await?;
            }
        }
        Ok(decode_all("transfers", rows))
    }
}
