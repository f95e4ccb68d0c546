//! Leases on Redis: `fence|owner` under a TTL, by the server's clock.

use std::time::Duration;

use ::redis::{cmd, pipe};
use async_trait::async_trait;
use shopbeat_domain::limits::RECORD_MEMORY;
use shopbeat_domain::ports::{Answer, Lease, Leases};

use super::{CHUNK, Engine, patiently};
use crate::record::length;

fn held(lease: &Lease) -> String {
    format!("{}|{}", lease.fence, lease.owner)
}

fn owner(held: &str) -> Option<String> {
    held.split_once('|').map(|(_, owner)| owner.to_owned())
}

#[async_trait]
impl Leases for Engine {
    async fn take(&self, name: &str, owner: &str, time: Duration) -> Answer<Option<Lease>> {
        let mut script = self.scripts.take_lease.key(self.keys.lease(name));
        script.key(self.keys.lease_fence(name));
        script.arg(owner).arg(length(time).max(1)).arg(length(RECORD_MEMORY));
        let fence: Option<u64> = self.script("take", &script).await?;
        Ok(fence.map(|fence| Lease { name: name.to_owned(), owner: owner.to_owned(), fence }))
    }

    async fn renew(&self, lease: &Lease, time: Duration) -> Answer<bool> {
        let mut script = self.scripts.renew_lease.key(self.keys.lease(&lease.name));
        script.arg(held(lease)).arg(length(time).max(1));
        self.script("renew", &script).await
    }

    async fn free(&self, lease: &Lease) -> Answer<()> {
        let mut script = self.scripts.free_lease.key(self.keys.lease(&lease.name));
        script.arg(held(lease));
        self.script("free", &script).await
    }

    async fn holder(&self, name: &str) -> Answer<Option<String>> {
        let mut read = cmd("GET");
        read.arg(self.keys.lease(name));
        let held: Option<String> = self.command("holder", &read).await?;
        Ok(held.as_deref().and_then(owner))
    }

    async fn holders(&self, names: &[String]) -> Answer<Vec<Option<String>>> {
        let mut holders = Vec::with_capacity(names.len());
        for names in names.chunks(CHUNK) {
            // Not one MGET: the keys bear different tags.
            let mut reads = pipe();
            for name in names {
                reads.cmd("GET").arg(self.keys.lease(name));
            }
            let mut manager = self.manager.clone();
            let held: Vec<Option<String>> = patiently("holders", reads.query_async(&mut manager)).await?;
            holders.extend(held.into_iter().map(|held| held.as_deref().and_then(owner)));
        }
        Ok(holders)
    }
}
