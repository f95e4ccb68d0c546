//! Replays in the embedded engine.

use async_trait::async_trait;
use jiff::Timestamp;
use redb::{ReadTransaction, ReadableTable};
use shopbeat_domain::ids::StoreId;
use shopbeat_domain::job::{Claim, Offer};
use shopbeat_domain::limits::RECORD_MEMORY;
use shopbeat_domain::ports::{Answer, Replays};
use shopbeat_domain::replay::Replay;

use super::queue::Queue;
use super::tables::{EXPIRY, LATEST_REPLAY, REPLAYS, kind};
use super::{Done, Engine};
use crate::record::{decode, encode, fenced, hour, length, millis};

#[async_trait]
impl Replays for Engine {
    async fn replay(&self, store: &StoreId, id: &str) -> Answer<Option<Replay>> {
        let (store, id) = (store.clone(), id.to_owned());
        self.read("replay", move |transaction| read(transaction, &store, &id)).await
    }

    async fn latest_replay(&self, store: &StoreId) -> Answer<Option<Replay>> {
        let store = store.clone();
        self.read("latest_replay", move |transaction| {
            let latest = transaction.open_table(LATEST_REPLAY)?.get(store.as_str())?;
            match latest {
                Some(id) => read(transaction, &store, id.value()),
                None => Ok(None),
            }
        })
        .await
    }

    async fn begin_replay(&self, replay: &Replay, now: Timestamp) -> Answer<Replay> {
        let (store, asked) = (replay.store.clone(), replay.clone());
        let stands = self
            .write("begin_replay", move |transaction| {
                let mut replays = transaction.open_table(REPLAYS)?;
                let mut latest = transaction.open_table(LATEST_REPLAY)?;
                let (store, id) = (asked.store.as_str(), asked.id.as_str());
                if let Some(bytes) = replays.get((store, id))? {
                    return Ok(decode("begin_replay", bytes.value())?);
                }
                if let Some(latest) = latest.get(store)?
                    && let Some(bytes) = replays.get((store, latest.value()))?
                {
                    let known: Replay = decode("begin_replay", bytes.value())?;
                    if !known.is_over() {
                        return Ok(known);
                    }
                }
                replays.insert((store, id), encode("begin_replay", &asked)?.as_slice())?;
                latest.insert(store, id)?;
                let until = millis(now).saturating_add(length(RECORD_MEMORY));
                transaction.open_table(EXPIRY)?.insert((until, kind::REPLAY, store, id), ())?;
                Queue::open(transaction, store, millis(now))?.offer(&Offer::replay(id), hour(now))?;
                Ok(asked)
            })
            .await?;
        self.ring(store.as_str());
        Ok(stands)
    }

    async fn save_replay(&self, claim: &Claim, replay: &Replay) -> Answer<()> {
        let (claim, replay, now) = (claim.clone(), replay.clone(), millis(self.clock.now()));
        self.write("save_replay", move |transaction| {
            let queue = Queue::open(transaction, claim.store.as_str(), now)?;
            if queue.owned(&claim.subject.to_string(), claim.fence)?.is_none() {
                return Err(fenced("save_replay").into());
            }
            let mut replays = transaction.open_table(REPLAYS)?;
            let key = (replay.store.as_str(), replay.id.as_str());
            if let Some(bytes) = replays.get(key)?
                && decode::<Replay>("save_replay", bytes.value())?.is_over()
            {
                return Err(fenced("save_replay").into());
            }
            replays.insert(key, encode("save_replay", &replay)?.as_slice())?;
            Ok(())
        })
        .await
    }

    async fn end_replay(&self, replay: &Replay) -> Answer<()> {
        let replay = replay.clone();
        self.write("end_replay", move |transaction| {
            let mut replays = transaction.open_table(REPLAYS)?;
            let key = (replay.store.as_str(), replay.id.as_str());
            let Some(known) = replays.get(key)?.map(|bytes| decode::<Replay>("end_replay", bytes.value()))
            else {
                return Ok(());
            };
            if !known?.is_over() {
                replays.insert(key, encode("end_replay", &replay)?.as_slice())?;
            }
            Ok(())
        })
        .await
    }
}

fn read(transaction: &ReadTransaction, store: &StoreId, id: &str) -> Done<Option<Replay>> {
    let bytes = transaction.open_table(REPLAYS)?.get((store.as_str(), id))?;
    Ok(bytes.map(|bytes| decode("replay", bytes.value())).transpose()?)
}
