//! Inbox, Jobs and Watermarks in the embedded engine.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use redb::{ReadTransaction, ReadableTable, WriteTransaction};
use shopbeat_domain::ids::{DeliveryId, StoreId};
use shopbeat_domain::job::{
    Claim, JobCounts, JobPhase, JobRecord, Lane, Offer, Outcome, Settled, Subject, Verdict,
};
use shopbeat_domain::limits::DELIVERY_MEMORY;
use shopbeat_domain::ports::{Answer, Inbox, Jobs, Received, Watermarks};
use shopbeat_domain::transfer::Transfer;

use super::queue::Queue;
use super::row::{Row, phase_name};
use super::tables::{DELIVERIES, DUE, EXPIRY, JOBS, MARKS, NUMBERS, PARKED, forget_expired, kind};
use super::{Done, Engine, holds, journal};
use crate::record::{garbled, garbled_park, hour, lane, lane_numbers, length, millis, moment};

#[async_trait]
impl Inbox for Engine {
    async fn receive(
        &self,
        store: &StoreId,
        delivery: &DeliveryId,
        offer: &Offer,
        now: Timestamp,
    ) -> Answer<Received> {
        let (id, delivery, offer) = (store.clone(), delivery.clone(), offer.clone());
        let received = self
            .write("receive", move |transaction| {
                let at = millis(now);
                let key = (id.as_str(), delivery.as_str());
                let mut deliveries = transaction.open_table(DELIVERIES)?;
                if deliveries.get(key)?.is_some_and(|until| until.value() > at) {
                    return Ok(Received::Repeat);
                }
                let until = at.saturating_add(length(DELIVERY_MEMORY));
                deliveries.insert(key, until)?;
                drop(deliveries);
                transaction.open_table(EXPIRY)?.insert((until, kind::DELIVERY, key.0, key.1), ())?;
                Queue::open(transaction, id.as_str(), at)?.offer(&offer, hour(now))?;
                forget_expired(transaction, at)?;
                Ok(Received::Queued)
            })
            .await?;
        if received == Received::Queued {
            self.ring(store.as_str());
        }
        Ok(received)
    }
}

#[async_trait]
impl Jobs for Engine {
    async fn offer(
        &self,
        store: &StoreId,
        offers: &[Offer],
        mark: Option<(&str, Timestamp)>,
        now: Timestamp,
    ) -> Answer<u64> {
        let (id, offers) = (store.clone(), offers.to_vec());
        let mark = mark.map(|(name, at)| (name.to_owned(), millis(at)));
        let waiting = self
            .write("offer", move |transaction| {
                let mut queue = Queue::open(transaction, id.as_str(), millis(now))?;
                for offer in &offers {
                    queue.offer(offer, hour(now))?;
                }
                if let Some((name, at)) = mark {
                    move_mark(transaction, &id, &name, at)?;
                }
                queue.waiting()
            })
            .await?;
        if waiting > 0 {
            self.ring(store.as_str());
        }
        Ok(waiting)
    }

    async fn claim(
        &self,
        store: &StoreId,
        lanes: &[Lane],
        hold: Duration,
        now: Timestamp,
    ) -> Answer<Option<Claim>> {
        let (id, lanes) = (store.clone(), lane_numbers(lanes));
        let claimed = self
            .write("claim", move |transaction| {
                Queue::open(transaction, id.as_str(), millis(now))?.claim(&lanes, length(hold))
            })
            .await?;
        claimed.map(|(subject, row)| as_claim(store, &subject, &row)).transpose()
    }

    async fn extend(&self, claim: &Claim, hold: Duration, now: Timestamp) -> Answer<bool> {
        let claim = claim.clone();
        self.write("extend", move |transaction| {
            let mut queue = Queue::open(transaction, claim.store.as_str(), millis(now))?;
            queue.extend(&claim.subject.to_string(), claim.fence, length(hold))
        })
        .await
    }

    async fn settle(
        &self,
        claim: &Claim,
        verdict: &Verdict,
        journal: Option<&Transfer>,
        release: bool,
        now: Timestamp,
    ) -> Answer<Settled> {
        let (held, verdict, journal) = (claim.clone(), verdict.clone(), journal.cloned());
        let settled = self
            .write("settle", move |transaction| {
                let at = millis(now);
                let settled = Queue::open(transaction, held.store.as_str(), at)?.settle(
                    &held.subject.to_string(),
                    held.fence,
                    &verdict,
                )?;
                if settled == Settled::Fenced {
                    return Ok(settled);
                }
                if let Some(transfer) = &journal {
                    journal::write(transaction, transfer)?;
                }
                if release && let Subject::Order(order) = held.subject {
                    holds::release(transaction, held.store.as_str(), order)?;
                }
                forget_expired(transaction, at)?;
                Ok(settled)
            })
            .await?;
        if settled != Settled::Fenced {
            // Something may fall due earlier than a waiting worker thinks.
            self.ring(claim.store.as_str());
        }
        Ok(settled)
    }

    async fn job(&self, store: &StoreId, subject: &Subject) -> Answer<Option<JobRecord>> {
        let (id, subject) = (store.clone(), subject.to_string());
        self.read("job", move |transaction| {
            let jobs = transaction.open_table(JOBS)?;
            let Some(bytes) = jobs.get((id.as_str(), subject.as_str()))? else { return Ok(None) };
            let row =
                Row::read(bytes.value()).ok_or_else(|| garbled("job", "a job's record cannot be read"))?;
            Ok(Some(row.record("job", &subject)?))
        })
        .await
    }

    async fn parked(&self, store: &StoreId, after: Option<&str>, limit: u32) -> Answer<Vec<JobRecord>> {
        let (id, after) = (store.clone(), after.unwrap_or_default().to_owned());
        self.read("parked", move |transaction| {
            let jobs = transaction.open_table(JOBS)?;
            let parked = transaction.open_table(PARKED)?;
            let mut records = Vec::new();
            let end = after_all(&id);
            for entry in parked.range((id.as_str(), after.as_str())..(end.as_str(), ""))? {
                let (key, _) = entry?;
                let (_, subject) = key.value();
                if subject == after {
                    continue;
                }
                if records.len() >= usize::try_from(limit).unwrap_or(usize::MAX) {
                    break;
                }
                let bytes = jobs.get((id.as_str(), subject))?;
                let row = bytes.and_then(|bytes| Row::read(bytes.value()));
                if let Ok(record) =
                    row.map_or_else(|| unreadable(subject), |row| row.record("parked", subject))
                {
                    records.push(record);
                }
            }
            Ok(records)
        })
        .await
    }

    async fn counts(&self, store: &StoreId) -> Answer<JobCounts> {
        let id = store.clone();
        self.read("counts", move |transaction| {
            let numbers = transaction.open_table(NUMBERS)?;
            let count = |phase| -> Done<u64> {
                Ok(numbers.get((id.as_str(), phase_name(phase)))?.map_or(0, |count| count.value()))
            };
            Ok(JobCounts {
                ready: count(JobPhase::Ready)?,
                delayed: count(JobPhase::Delayed)?,
                claimed: count(JobPhase::Claimed)?,
                parked: count(JobPhase::Parked)?,
            })
        })
        .await
    }

    async fn next_due(&self, store: &StoreId) -> Answer<Option<Timestamp>> {
        let (id, now) = (store.clone(), self.clock.now());
        let due = self
            .read("next_due", move |transaction| {
                let ready =
                    transaction.open_table(NUMBERS)?.get((id.as_str(), phase_name(JobPhase::Ready)))?;
                if ready.is_some_and(|count| count.value() > 0) {
                    return Ok(Some(millis(now)));
                }
                first_due(transaction, &id)
            })
            .await?;
        due.map(|at| moment("next_due", at)).transpose()
    }

    async fn wait(&self, store: &StoreId, at_most: Duration) -> Answer<()> {
        self.wait_for_bell(store.as_str(), at_most).await;
        Ok(())
    }
}

#[async_trait]
impl Watermarks for Engine {
    async fn watermark(&self, store: &StoreId, name: &str) -> Answer<Option<Timestamp>> {
        let (id, name) = (store.clone(), name.to_owned());
        let mark = self
            .read("watermark", move |transaction| {
                let marks = transaction.open_table(MARKS)?;
                Ok(marks.get((id.as_str(), name.as_str()))?.map(|mark| mark.value()))
            })
            .await?;
        mark.map(|at| moment("watermark", at)).transpose()
    }

    async fn move_watermark(&self, store: &StoreId, name: &str, to: Timestamp) -> Answer<()> {
        let (id, name) = (store.clone(), name.to_owned());
        self.write("move_watermark", move |transaction| move_mark(transaction, &id, &name, millis(to))).await
    }
}

/// A watermark never goes back.
fn move_mark(transaction: &WriteTransaction, store: &StoreId, name: &str, at: i64) -> Done<()> {
    let mut marks = transaction.open_table(MARKS)?;
    let key = (store.as_str(), name);
    if marks.get(key)?.is_none_or(|mark| mark.value() < at) {
        marks.insert(key, at)?;
    }
    Ok(())
}

fn first_due(transaction: &ReadTransaction, store: &StoreId) -> Done<Option<i64>> {
    let due = transaction.open_table(DUE)?;
    let mut first: Option<i64> = None;
    for phase in [JobPhase::Delayed, JobPhase::Claimed, JobPhase::Parked] {
        let name = phase_name(phase);
        // Parked jobs that wait for a person stand at the end of time and are never due.
        let range = (store.as_str(), name, i64::MIN, "")..(store.as_str(), name, i64::MAX, "");
        if let Some(entry) = due.range(range)?.next() {
            let (_, _, at, _) = entry?.0.value();
            first = Some(first.map_or(at, |first| first.min(at)));
        }
    }
    Ok(first)
}

/// A text behind all keys that begin with this store: ids are slugs, which hold nothing below `-`.
fn after_all(store: &StoreId) -> String {
    format!("{store}\u{1}")
}

fn unreadable(subject: &str) -> Answer<JobRecord> {
    let mut row = Row::new(0, 0, None);
    row.phase = JobPhase::Parked;
    row.outcome = Outcome::Parked;
    row.park = Some(garbled_park(moment("parked", 0)?));
    row.record("parked", subject)
}

fn as_claim(store: &StoreId, subject: &str, row: &Row) -> Answer<Claim> {
    let unreadable = || garbled("claim", "a job's record cannot be read");
    Ok(Claim {
        store: store.clone(),
        subject: subject.parse().map_err(|_| unreadable())?,
        lane: lane(u64::from(row.lane)).ok_or_else(unreadable)?,
        fence: row.fence,
        until: moment("claim", row.until)?,
        force: row.force,
        strikes: row.strikes,
        parkings: row.parkings,
        first_seen: moment("claim", row.first_seen)?,
    })
}
