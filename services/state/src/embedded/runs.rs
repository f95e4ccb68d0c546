//! Runs in the embedded engine.

use async_trait::async_trait;
use jiff::Timestamp;
use redb::{ReadTransaction, ReadableTable};
use shopbeat_domain::ids::StoreId;
use shopbeat_domain::job::{Claim, Offer};
use shopbeat_domain::limits::RECORD_MEMORY;
use shopbeat_domain::ports::{Answer, Runs};
use shopbeat_domain::run::Run;

use super::queue::Queue;
use super::tables::{CANCELLED_RUNS, EXPIRY, LATEST_RUN, RUNS, kind};
use super::{Done, Engine};
use crate::record::{decode, encode, fenced, hour, length, millis};

#[async_trait]
impl Runs for Engine {
    async fn run(&self, store: &StoreId, id: &str) -> Answer<Option<Run>> {
        let (store, id) = (store.clone(), id.to_owned());
        self.read("run", move |transaction| read(transaction, &store, &id)).await
    }

    async fn latest_run(&self, store: &StoreId) -> Answer<Option<Run>> {
        let store = store.clone();
        self.read("latest_run", move |transaction| {
            let latest = transaction.open_table(LATEST_RUN)?.get(store.as_str())?;
            match latest {
                Some(id) => read(transaction, &store, id.value()),
                None => Ok(None),
            }
        })
        .await
    }

    async fn cancel_run(&self, store: &StoreId, id: &str) -> Answer<()> {
        let (store, id) = (store.clone(), id.to_owned());
        self.write("cancel_run", move |transaction| {
            let key = (store.as_str(), id.as_str());
            let runs = transaction.open_table(RUNS)?;
            let Some(bytes) = runs.get(key)? else { return Ok(()) };
            let run: Run = decode("cancel_run", bytes.value())?;
            if !run.is_over() {
                transaction.open_table(CANCELLED_RUNS)?.insert(key, ())?;
            }
            Ok(())
        })
        .await
    }

    async fn is_cancelled(&self, store: &StoreId, id: &str) -> Answer<bool> {
        let (store, id) = (store.clone(), id.to_owned());
        self.read("is_cancelled", move |transaction| {
            Ok(transaction.open_table(CANCELLED_RUNS)?.get((store.as_str(), id.as_str()))?.is_some())
        })
        .await
    }

    async fn begin_run(&self, run: &Run, now: Timestamp) -> Answer<Run> {
        let (store, asked) = (run.store.clone(), run.clone());
        let stands = self
            .write("begin_run", move |transaction| {
                let mut runs = transaction.open_table(RUNS)?;
                let mut latest = transaction.open_table(LATEST_RUN)?;
                let store = asked.store.as_str();
                if let Some(id) = latest.get(store)?
                    && let Some(bytes) = runs.get((store, id.value()))?
                {
                    let known: Run = decode("begin_run", bytes.value())?;
                    if !known.is_over() {
                        return Ok(known);
                    }
                }
                runs.insert((store, asked.id.as_str()), encode("begin_run", &asked)?.as_slice())?;
                latest.insert(store, asked.id.as_str())?;
                let until = millis(now).saturating_add(length(RECORD_MEMORY));
                transaction.open_table(EXPIRY)?.insert((until, kind::RUN, store, asked.id.as_str()), ())?;
                Queue::open(transaction, store, millis(now))?
                    .offer(&Offer::initial_sync(&asked.id), hour(now))?;
                Ok(asked)
            })
            .await?;
        self.ring(store.as_str());
        Ok(stands)
    }

    async fn save_run(&self, claim: &Claim, run: &Run) -> Answer<()> {
        let (claim, run, now) = (claim.clone(), run.clone(), millis(self.clock.now()));
        self.write("save_run", move |transaction| {
            let queue = Queue::open(transaction, claim.store.as_str(), now)?;
            if queue.owned(&claim.subject.to_string(), claim.fence)?.is_none() {
                return Err(fenced("save_run").into());
            }
            let mut runs = transaction.open_table(RUNS)?;
            runs.insert((run.store.as_str(), run.id.as_str()), encode("save_run", &run)?.as_slice())?;
            Ok(())
        })
        .await
    }
}

fn read(transaction: &ReadTransaction, store: &StoreId, id: &str) -> Done<Option<Run>> {
    let bytes = transaction.open_table(RUNS)?.get((store.as_str(), id))?;
    Ok(bytes.map(|bytes| decode("run", bytes.value())).transpose()?)
}
