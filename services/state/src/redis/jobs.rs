//! Inbox, Jobs and Watermarks on Redis.

use std::collections::HashMap;
use std::time::Duration;

use ::redis::{ScriptInvocation, cmd, pipe};
use async_trait::async_trait;
use jiff::Timestamp;
use shopbeat_domain::ids::{DeliveryId, OrderId, StoreId};
use shopbeat_domain::job::{
    Claim, JobCounts, JobPhase, JobRecord, Lane, Offer, Outcome, Settled, Subject, Verdict,
};
use shopbeat_domain::limits::DELIVERY_MEMORY;
use shopbeat_domain::ports::{Answer, Inbox, Jobs, Received, Watermarks};
use shopbeat_domain::transfer::Transfer;

use super::scripts::{about_jobs, flag};
use super::{Engine, patiently};
use crate::keys::padded;
use crate::record::{
    encode, garbled, garbled_park, hour, lane, lane_number, lane_numbers, length, millis, moment, park,
    readable_version,
};

/// What the claim script answers.
type Claimed = (String, u64, u64, u8, u32, u32, i64);

impl Engine {
    /// `offer.lua`, its offers still to be added.
    fn offering(
        &self,
        store: &StoreId,
        mark: Option<(&str, Timestamp)>,
        now: Timestamp,
    ) -> ScriptInvocation<'_> {
        let mut script = about_jobs(&self.scripts.offer, &self.keys, store, now);
        let (name, at) = mark.map_or(("", 0), |(name, at)| (name, millis(at)));
        script.arg(hour(now)).arg(name).arg(at).arg(length(DELIVERY_MEMORY));
        script
    }
}

fn add_offer(script: &mut ScriptInvocation<'_>, offer: &Offer) {
    script
        .arg(offer.subject.to_string())
        .arg(flag(offer.subject.is_counted()))
        .arg(lane_number(offer.lane))
        .arg(flag(offer.ahead))
        .arg(flag(offer.force))
        .arg(flag(offer.unpark))
        .arg(optional(offer.version));
}

fn add_verdict(script: &mut ScriptInvocation<'_>, verdict: &Verdict) -> Answer<()> {
    let outcome = match verdict {
        Verdict::Done { outcome, .. } => *outcome,
        Verdict::Later { .. } => Outcome::Pending,
        Verdict::Parked(_) => Outcome::Parked,
    };
    let (kind, version, due, strike, park) = match verdict {
        Verdict::Done { version, again_at, .. } => ("done", *version, *again_at, false, None),
        Verdict::Later { at, strike } => ("later", None, Some(*at), *strike, None),
        Verdict::Parked(park) => ("parked", None, park.retry_at, false, Some(park)),
    };
    script.arg(kind).arg(encode("settle", &outcome)?).arg(outcome.name());
    script.arg(optional(version)).arg(optional(due)).arg(flag(strike));
    script.arg(park.map(|park| encode("settle", park)).transpose()?.unwrap_or_default());
    Ok(())
}

/// A moment for a script; an empty text for none.
fn optional(at: Option<Timestamp>) -> String {
    at.map_or_else(String::new, |at| millis(at).to_string())
}

#[async_trait]
impl Inbox for Engine {
    async fn receive(
        &self,
        store: &StoreId,
        delivery: &DeliveryId,
        offer: &Offer,
        now: Timestamp,
    ) -> Answer<Received> {
        let mut script = self.offering(store, None, now);
        script.key(self.keys.delivery(store, delivery));
        add_offer(&mut script, offer);
        let waiting: i64 = self.script("receive", &script).await?;
        Ok(if waiting < 0 { Received::Repeat } else { Received::Queued })
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
        let mut script = self.offering(store, mark, now);
        for offer in offers {
            add_offer(&mut script, offer);
        }
        self.script("offer", &script).await
    }

    async fn claim(
        &self,
        store: &StoreId,
        lanes: &[Lane],
        hold: Duration,
        now: Timestamp,
    ) -> Answer<Option<Claim>> {
        let until = millis(now).saturating_add(length(hold));
        let mut script = about_jobs(&self.scripts.claim, &self.keys, store, now);
        script.arg(until).arg(encode("claim", &garbled_park(now))?);
        for lane in lane_numbers(lanes) {
            script.arg(lane);
        }
        let claimed: Option<Claimed> = self.script("claim", &script).await?;
        let Some((subject, lane_place, fence, force, strikes, parkings, first_seen)) = claimed else {
            return Ok(None);
        };
        let unreadable = || garbled("claim", "a job's record cannot be read");
        Ok(Some(Claim {
            store: store.clone(),
            subject: subject.parse().map_err(|_| unreadable())?,
            lane: lane(lane_place).ok_or_else(unreadable)?,
            fence,
            until: moment("claim", until)?,
            force: force == 1,
            strikes,
            parkings,
            first_seen: moment("claim", first_seen)?,
        }))
    }

    async fn extend(&self, claim: &Claim, hold: Duration, now: Timestamp) -> Answer<bool> {
        let mut script = about_jobs(&self.scripts.extend, &self.keys, &claim.store, now);
        script.arg(claim.subject.to_string()).arg(claim.fence).arg(millis(now).saturating_add(length(hold)));
        self.script("extend", &script).await
    }

    async fn settle(
        &self,
        claim: &Claim,
        verdict: &Verdict,
        journal: Option<&Transfer>,
        release: bool,
        now: Timestamp,
    ) -> Answer<Settled> {
        let mut script = about_jobs(&self.scripts.settle, &self.keys, &claim.store, now);
        let order = journal.map_or(OrderId(0), |journal| journal.order);
        script.key(self.keys.journal(&claim.store, order)).key(self.keys.journals(&claim.store));
        let holder = match claim.subject {
            Subject::Order(order) => Some(order),
            Subject::InitialSync(_) | Subject::Replay(_) | Subject::Stock | Subject::Products => None,
        };
        script
            .key(self.keys.hold(&claim.store, holder.unwrap_or(OrderId(0))))
            .key(self.keys.held(&claim.store));
        script.arg(claim.subject.to_string()).arg(claim.fence);
        add_verdict(&mut script, verdict)?;
        let journal = journal.map(|journal| encode("settle", journal)).transpose()?.unwrap_or_default();
        script.arg(journal).arg(padded(order)).arg(flag(release && holder.is_some()));
        let settled: u8 = self.script("settle", &script).await?;
        match settled {
            0 => Ok(Settled::Fenced),
            1 => Ok(Settled::Stands),
            2 => Ok(Settled::Again),
            _ => Err(garbled("settle", "the script answered something unknown")),
        }
    }

    async fn job(&self, store: &StoreId, subject: &Subject) -> Answer<Option<JobRecord>> {
        let mut read = cmd("HGETALL");
        read.arg(self.keys.job(store, &subject.to_string()));
        let fields: HashMap<String, String> = self.command("job", &read).await?;
        if fields.is_empty() {
            return Ok(None);
        }
        record(subject.clone(), &fields)
            .map(Some)
            .ok_or_else(|| garbled("job", "a job's record cannot be read"))
    }

    async fn parked(&self, store: &StoreId, after: Option<&str>, limit: u32) -> Answer<Vec<JobRecord>> {
        let from = after.map_or_else(|| "-".to_owned(), |after| format!("({after}"));
        let mut list = cmd("ZRANGEBYLEX");
        list.arg(self.keys.parked_names(store)).arg(from).arg("+").arg("LIMIT").arg(0).arg(limit);
        let subjects: Vec<String> = self.command("parked", &list).await?;
        if subjects.is_empty() {
            return Ok(Vec::new());
        }
        let mut reads = pipe();
        for subject in &subjects {
            reads.cmd("HGETALL").arg(self.keys.job(store, subject));
        }
        let mut manager = self.manager.clone();
        let rows: Vec<HashMap<String, String>> = patiently("parked", reads.query_async(&mut manager)).await?;
        let mut records = Vec::with_capacity(rows.len());
        for (subject, fields) in subjects.iter().zip(&rows) {
            let Ok(subject) = subject.parse::<Subject>() else { continue };
            match record(subject.clone(), fields) {
                // Put back between the two reads.
                Some(record) if record.phase != JobPhase::Parked => {}
                Some(record) => records.push(record),
                None => records.push(unreadable(subject)),
            }
        }
        Ok(records)
    }

    async fn counts(&self, store: &StoreId) -> Answer<JobCounts> {
        let keys = &self.keys;
        let mut reads = pipe();
        reads.atomic();
        for index in [keys.ready(store), keys.delayed(store), keys.claimed(store), keys.parked(store)] {
            reads.cmd("ZCARD").arg(index);
        }
        let mut manager = self.manager.clone();
        let (ready, delayed, claimed, parked) = patiently("counts", reads.query_async(&mut manager)).await?;
        Ok(JobCounts { ready, delayed, claimed, parked })
    }

    async fn next_due(&self, store: &StoreId) -> Answer<Option<Timestamp>> {
        let keys = &self.keys;
        let mut reads = pipe();
        reads.atomic().cmd("ZCARD").arg(keys.ready(store));
        for index in [keys.delayed(store), keys.claimed(store), keys.parked(store)] {
            reads.cmd("ZRANGEBYSCORE").arg(index).arg("-inf").arg("(+inf").arg("WITHSCORES");
            reads.arg("LIMIT").arg(0).arg(1);
        }
        let mut manager = self.manager.clone();
        type First = Vec<(String, i64)>;
        let (ready, delayed, claimed, parked): (u64, First, First, First) =
            patiently("next_due", reads.query_async(&mut manager)).await?;
        if ready > 0 {
            return Ok(Some(self.clock.now()));
        }
        let first = [delayed, claimed, parked].into_iter().flatten().map(|(_, at)| at).min();
        first.map(|at| moment("next_due", at)).transpose()
    }

    async fn wait(&self, store: &StoreId, at_most: Duration) -> Answer<()> {
        self.wait_for_wake(&self.keys.wake(store), at_most).await
    }
}

#[async_trait]
impl Watermarks for Engine {
    async fn watermark(&self, store: &StoreId, name: &str) -> Answer<Option<Timestamp>> {
        let mut read = cmd("HGET");
        read.arg(self.keys.marks(store)).arg(name);
        let mark: Option<i64> = self.command("watermark", &read).await?;
        mark.map(|at| moment("watermark", at)).transpose()
    }

    async fn move_watermark(&self, store: &StoreId, name: &str, to: Timestamp) -> Answer<()> {
        let mut script = self.scripts.move_mark.key(self.keys.marks(store));
        script.arg(name).arg(millis(to));
        let _: u8 = self.script("move_watermark", &script).await?;
        Ok(())
    }
}

/// Reads a job's hash.
fn record(subject: Subject, fields: &HashMap<String, String>) -> Option<JobRecord> {
    let field = |name: &str| fields.get(name).map(String::as_str);
    let time = |name: &str| {
        field(name)
            .map(|text| text.parse().ok().and_then(|at| Timestamp::from_millisecond(at).ok()))
            .transpose_none()
    };
    if !readable_version(field("v")?.parse().ok()?) {
        return None;
    }
    let phase = match field("phase")? {
        "ready" => JobPhase::Ready,
        "delayed" => JobPhase::Delayed,
        "claimed" => JobPhase::Claimed,
        "parked" => JobPhase::Parked,
        "idle" => JobPhase::Idle,
        _ => return None,
    };
    let first_seen = time("first_seen")??;
    Some(JobRecord {
        subject,
        phase,
        outcome: serde_json::from_str(field("outcome")?).ok()?,
        park: field("park").filter(|_| phase == JobPhase::Parked).map(|json| park(json, first_seen)),
        first_seen,
        version: time("version")?,
        settled: field("settled")?.parse().ok()?,
        // Of a job that is parked for good it is no number.
        due: if phase == JobPhase::Delayed { time("until")? } else { None },
        strikes: field("strikes")?.parse().ok()?,
    })
}

/// `Some(None)` for a field that is not there, `None` for one that cannot be read.
trait TransposeNone<T> {
    fn transpose_none(self) -> Option<Option<T>>;
}

impl<T> TransposeNone<T> for Option<Option<T>> {
    fn transpose_none(self) -> Option<Option<T>> {
        match self {
            None => Some(None),
            Some(None) => None,
            Some(Some(value)) => Some(Some(value)),
        }
    }
}

/// A parked job of which the record cannot be read is listed all the same.
fn unreadable(subject: Subject) -> JobRecord {
    JobRecord {
        subject,
        phase: JobPhase::Parked,
        outcome: Outcome::Parked,
        park: Some(garbled_park(Timestamp::UNIX_EPOCH)),
        first_seen: Timestamp::UNIX_EPOCH,
        version: None,
        settled: 0,
        due: None,
        strikes: 0,
    }
}
