//! Runs on Redis.

use ::redis::cmd;
use async_trait::async_trait;
use jiff::Timestamp;
use shopbeat_domain::ids::StoreId;
use shopbeat_domain::job::{Claim, Offer};
use shopbeat_domain::limits::RECORD_MEMORY;
use shopbeat_domain::ports::{Answer, Runs};
use shopbeat_domain::run::Run;

use super::Engine;
use super::scripts::about_jobs;
use crate::record::{decode, encode, fenced, hour, lane_number, length};

/// `open|JSON` or `over|JSON`: the script that begins a run then need not read JSON.
fn guarded(call: &str, run: &Run) -> Answer<Vec<u8>> {
    let mut value = if run.is_over() { b"over|".to_vec() } else { b"open|".to_vec() };
    value.extend(encode(call, run)?);
    Ok(value)
}

fn read(call: &str, value: &[u8]) -> Answer<Run> {
    let json = value.strip_prefix(b"open|").or_else(|| value.strip_prefix(b"over|")).unwrap_or(value);
    decode(call, json)
}

#[async_trait]
impl Runs for Engine {
    async fn run(&self, store: &StoreId, id: &str) -> Answer<Option<Run>> {
        let mut get = cmd("GET");
        get.arg(self.keys.run(store, id));
        let value: Option<Vec<u8>> = self.command("run", &get).await?;
        value.map(|value| read("run", &value)).transpose()
    }

    async fn latest_run(&self, store: &StoreId) -> Answer<Option<Run>> {
        let mut get = cmd("GET");
        get.arg(self.keys.latest_run(store));
        let id: Option<String> = self.command("latest_run", &get).await?;
        match id {
            Some(id) => self.run(store, &id).await,
            None => Ok(None),
        }
    }

    async fn cancel_run(&self, store: &StoreId, id: &str) -> Answer<()> {
        let mut script = self.scripts.cancel_run.key(self.keys.run(store, id));
        script.key(self.keys.cancelled_run(store, id)).arg(length(RECORD_MEMORY));
        let _: u8 = self.script("cancel_run", &script).await?;
        Ok(())
    }

    async fn is_cancelled(&self, store: &StoreId, id: &str) -> Answer<bool> {
        let mut exists = cmd("EXISTS");
        exists.arg(self.keys.cancelled_run(store, id));
        self.command("is_cancelled", &exists).await
    }

    async fn begin_run(&self, run: &Run, now: Timestamp) -> Answer<Run> {
        let offer = Offer::initial_sync(&run.id);
        let mut script = about_jobs(&self.scripts.begin_run, &self.keys, &run.store, now);
        script.key(self.keys.latest_run(&run.store)).key(self.keys.run_stem(&run.store));
        script.arg(hour(now)).arg(&run.id).arg(guarded("begin_run", run)?);
        script.arg(offer.subject.to_string()).arg(lane_number(offer.lane));
        let stands: Vec<u8> = self.script("begin_run", &script).await?;
        read("begin_run", &stands)
    }

    async fn save_run(&self, claim: &Claim, run: &Run) -> Answer<()> {
        let mut script = about_jobs(&self.scripts.save, &self.keys, &claim.store, self.clock.now());
        // The second key is an index, which runs have not.
        script.key(self.keys.run(&claim.store, &run.id)).key(self.keys.latest_run(&claim.store));
        script.arg(claim.subject.to_string()).arg(claim.fence).arg(guarded("save_run", run)?).arg("");
        if self.script("save_run", &script).await? { Ok(()) } else { Err(fenced("save_run")) }
    }
}
