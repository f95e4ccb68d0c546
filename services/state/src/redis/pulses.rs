//! Pulses on Redis: one script per store, all of them on their way at once.

use ::redis::{Cmd, ErrorKind, RedisError, ServerErrorKind, cmd, pipe};
use async_trait::async_trait;
use jiff::Timestamp;
use shopbeat_domain::ids::StoreId;
use shopbeat_domain::job::JobCounts;
use shopbeat_domain::limits::RECORD_MEMORY;
use shopbeat_domain::ports::{Answer, Family, Pulse, Pulses};
use shopbeat_domain::report::{LAST_ORDER, REPORT};

use super::{Engine, patiently, told};
use crate::record::{garbled, length, millis, moment};

/// So many stores go at once: Redis is busy with them for a few milliseconds.
const AT_ONCE: usize = 250;

type Told = (u64, u64, u64, u64, String, String, String, String, String);

impl Engine {
    /// `pulse.lua` about a store, as a command: the library has no scripts in pipelines.
    fn pulse(&self, store: &StoreId, now: Timestamp) -> Cmd {
        let queue = self.keys.queue(store);
        let mut call = cmd("EVALSHA");
        call.arg(self.scripts.pulse.get_hash()).arg(queue.len() + 3).arg(&queue);
        call.arg(self.keys.latest_run(store)).arg(self.keys.latest_replay(store));
        call.arg(self.keys.records(&Family::Status(store.clone())));
        call.arg(length(RECORD_MEMORY)).arg(millis(now)).arg(REPORT).arg(LAST_ORDER);
        call
    }

    async fn some_pulses(&self, stores: &[StoreId], now: Timestamp) -> Answer<Vec<Told>> {
        let mut calls = pipe();
        for store in stores {
            calls.add_command(self.pulse(store, now));
        }
        let mut manager = self.manager.clone();
        let ask = async || {
            let mut manager = self.manager.clone();
            // The inner answer: a script that the server does not know must be loaded, not told.
            patiently::<Result<Vec<Told>, RedisError>>("pulses", async {
                Ok(calls.query_async::<Vec<Told>>(&mut manager).await)
            })
            .await
        };
        match ask().await? {
            Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                let script = self.scripts.pulse.prepare_invoke();
                patiently("pulses", script.load_async(&mut manager)).await?;
                ask().await?.map_err(|error| told("pulses", &error))
            }
            other => other.map_err(|error| told("pulses", &error)),
        }
    }
}

#[async_trait]
impl Pulses for Engine {
    async fn pulses(&self, stores: &[StoreId], now: Timestamp) -> Answer<Vec<Pulse>> {
        let mut pulses = Vec::with_capacity(stores.len());
        for stores in stores.chunks(AT_ONCE) {
            for told in self.some_pulses(stores, now).await? {
                pulses.push(read(told)?);
            }
        }
        Ok(pulses)
    }
}

fn read((ready, delayed, claimed, parked, since, run, replay, report, order): Told) -> Answer<Pulse> {
    let some = |text: String| (!text.is_empty()).then_some(text);
    let since = some(since).map(|since| {
        let at = since.parse().map_err(|_| garbled("pulses", "a stored time cannot be read"))?;
        moment("pulses", at)
    });
    Ok(Pulse {
        jobs: JobCounts { ready, delayed, claimed, parked },
        waiting_since: since.transpose()?,
        latest_run: some(run),
        latest_replay: some(replay),
        report: some(report),
        last_order: some(order),
    })
}
