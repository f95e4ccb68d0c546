//! Pulses in the embedded engine: one moment's state of all stores.

use async_trait::async_trait;
use jiff::Timestamp;
use redb::ReadTransaction;
use shopbeat_domain::ids::StoreId;
use shopbeat_domain::job::{JobCounts, JobPhase};
use shopbeat_domain::ports::{Answer, Family, Pulse, Pulses};
use shopbeat_domain::report::{LAST_ORDER, REPORT};

use super::records::name;
use super::row::{Row, phase_name};
use super::tables::{DUE, JOBS, LATEST_REPLAY, LATEST_RUN, NUMBERS, READY, RECORDS};
use super::{Done, Engine};
use crate::record::{millis, moment};

#[async_trait]
impl Pulses for Engine {
    async fn pulses(&self, stores: &[StoreId], now: Timestamp) -> Answer<Vec<Pulse>> {
        let (stores, now) = (stores.to_vec(), millis(now));
        self.read("pulses", move |transaction| {
            stores.iter().map(|store| pulse(transaction, store, now)).collect()
        })
        .await
    }
}

fn pulse(transaction: &ReadTransaction, store: &StoreId, now: i64) -> Done<Pulse> {
    let numbers = transaction.open_table(NUMBERS)?;
    let count = |phase| -> Done<u64> {
        Ok(numbers.get((store.as_str(), phase_name(phase)))?.map_or(0, |count| count.value()))
    };
    let records = transaction.open_table(RECORDS)?;
    let family = name(&Family::Status(store.clone()));
    let record = |key: &str| -> Done<Option<String>> {
        Ok(records.get((family.as_str(), key))?.map(|text| text.value().to_owned()))
    };
    let run = transaction.open_table(LATEST_RUN)?.get(store.as_str())?;
    let replay = transaction.open_table(LATEST_REPLAY)?.get(store.as_str())?;
    let since = waiting_since(transaction, store, now)?;
    Ok(Pulse {
        jobs: JobCounts {
            ready: count(JobPhase::Ready)?,
            delayed: count(JobPhase::Delayed)?,
            claimed: count(JobPhase::Claimed)?,
            parked: count(JobPhase::Parked)?,
        },
        waiting_since: since.map(|at| moment("pulses", at)).transpose()?,
        latest_run: run.map(|id| id.value().to_owned()),
        latest_replay: replay.map(|id| id.value().to_owned()),
        report: record(REPORT)?,
        last_order: record(LAST_ORDER)?,
    })
}

/// Since when the job that is due longest waits.
fn waiting_since(transaction: &ReadTransaction, store: &StoreId, now: i64) -> Done<Option<i64>> {
    let jobs = transaction.open_table(JOBS)?;
    let ready = transaction.open_table(READY)?;
    let due = transaction.open_table(DUE)?;
    let mut times = Vec::new();
    let mut class = Some(0);
    // Within a class the first has waited longest.
    while let Some(from) = class {
        let range = (store.as_str(), from, 0)..=(store.as_str(), u8::MAX, u64::MAX);
        let Some(entry) = ready.range(range)?.next() else { break };
        let (key, subject) = entry?;
        let row = jobs.get((store.as_str(), subject.value()))?.and_then(|bytes| Row::read(bytes.value()));
        times.extend(row.map(|row| row.ready_since()));
        class = key.value().1.checked_add(1);
    }
    for phase in [JobPhase::Delayed, JobPhase::Claimed, JobPhase::Parked] {
        let name = phase_name(phase);
        let range = (store.as_str(), name, i64::MIN, "")..(store.as_str(), name, now.saturating_add(1), "");
        if let Some(entry) = due.range(range)?.next() {
            times.push(entry?.0.value().2);
        }
    }
    Ok(times.into_iter().min())
}
