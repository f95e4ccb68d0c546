//! Replays on Redis.

use ::redis::cmd;
use async_trait::async_trait;
use jiff::Timestamp;
use shopbeat_domain::ids::StoreId;
use shopbeat_domain::job::{Claim, Offer};
use shopbeat_domain::limits::RECORD_MEMORY;
use shopbeat_domain::ports::{Answer, Replays};
use shopbeat_domain::replay::Replay;

use super::Engine;
use super::scripts::about_jobs;
use crate::record::{decode, encode, fenced, hour, lane_number, length};

/// `open|JSON` or `over|JSON`: the scripts then need not read JSON.
fn guarded(call: &str, replay: &Replay) -> Answer<Vec<u8>> {
    let mut value = if replay.is_over() { b"over|".to_vec() } else { b"open|".to_vec() };
    value.extend(encode(call, replay)?);
    Ok(value)
}

fn read(call: &str, value: &[u8]) -> Answer<Replay> {
    let json = value.strip_prefix(b"open|").or_else(|| value.strip_prefix(b"over|")).unwrap_or(value);
    decode(call, json)
}

#[async_trait]
impl Replays for Engine {
    async fn replay(&self, store: &StoreId, id: &str) -> Answer<Option<Replay>> {
        let mut get = cmd("GET");
        get.arg(self.keys.replay(store, id));
        let value: Option<Vec<u8>> = self.command("replay", &get).await?;
        value.map(|value| read("replay", &value)).transpose()
    }

    async fn latest_replay(&self, store: &StoreId) -> Answer<Option<Replay>> {
        let mut get = cmd("GET");
        get.arg(self.keys.latest_replay(store));
        let id: Option<String> = self.command("latest_replay", &get).await?;
        match id {
            Some(id) => self.replay(store, &id).await,
            None => Ok(None),
        }
    }

    async fn begin_replay(&self, replay: &Replay, now: Timestamp) -> Answer<Replay> {
        let offer = Offer::replay(&replay.id);
        let mut script = about_jobs(&self.scripts.begin_replay, &self.keys, &replay.store, now);
        script.key(self.keys.latest_replay(&replay.store)).key(self.keys.replay_stem(&replay.store));
        script.arg(hour(now)).arg(&replay.id).arg(guarded("begin_replay", replay)?);
        script.arg(offer.subject.to_string()).arg(lane_number(offer.lane));
        let stands: Vec<u8> = self.script("begin_replay", &script).await?;
        read("begin_replay", &stands)
    }

    async fn save_replay(&self, claim: &Claim, replay: &Replay) -> Answer<()> {
        let mut script = about_jobs(&self.scripts.save_replay, &self.keys, &claim.store, self.clock.now());
        script.key(self.keys.replay(&claim.store, &replay.id));
        script.arg(claim.subject.to_string()).arg(claim.fence).arg(guarded("save_replay", replay)?);
        if self.script("save_replay", &script).await? { Ok(()) } else { Err(fenced("save_replay")) }
    }

    async fn end_replay(&self, replay: &Replay) -> Answer<()> {
        let mut script = self.scripts.end_replay.key(self.keys.replay(&replay.store, &replay.id));
        script.arg(length(RECORD_MEMORY)).arg(guarded("end_replay", replay)?);
        let _: u8 = self.script("end_replay", &script).await?;
        Ok(())
    }
}
