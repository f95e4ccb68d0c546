//! A job as the embedded engine stores it.

use serde::{Deserialize, Serialize};
use shopbeat_domain::job::{JobPhase, JobRecord, Outcome, Park, Subject};
use shopbeat_domain::ports::Answer;
use shopbeat_domain::store::RECORD_VERSION;

use crate::record::{garbled, moment, readable_version};

/// What an event does to a job that is being worked on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum Dirty {
    /// Nothing came.
    No,
    /// Something came: run again.
    Again,
    /// Somebody waits for it: run again, ahead.
    Ahead,
}

/// One job. Times in milliseconds.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Row {
    pub(super) v: u32,
    pub(super) phase: JobPhase,
    pub(super) lane: u8,
    pub(super) ahead: bool,
    pub(super) force: bool,
    pub(super) dirty: Dirty,
    /// Its place in the ready queue.
    pub(super) seq: u64,
    /// Of its last claim.
    pub(super) fence: u64,
    /// When it is due: the end of its claim, its delay or its parking.
    pub(super) until: i64,
    pub(super) strikes: u32,
    pub(super) parkings: u32,
    pub(super) first_seen: i64,
    /// When it was made ready last; `None`: when it was first seen.
    #[serde(default)]
    pub(super) since: Option<i64>,
    /// Its row in the ledger; none if it is not counted.
    pub(super) hour: Option<i64>,
    pub(super) outcome: Outcome,
    pub(super) park: Option<Park>,
    pub(super) version: Option<i64>,
    pub(super) settled: u64,
}

impl Row {
    /// A job that nobody has seen before.
    pub(super) fn new(lane: u8, now: i64, hour: Option<i64>) -> Self {
        Self {
            v: RECORD_VERSION,
            phase: JobPhase::Idle,
            lane,
            ahead: false,
            force: false,
            dirty: Dirty::No,
            seq: 0,
            fence: 0,
            until: 0,
            strikes: 0,
            parkings: 0,
            first_seen: now,
            since: None,
            hour,
            outcome: Outcome::Pending,
            park: None,
            version: None,
            settled: 0,
        }
    }

    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice::<Self>(bytes).ok().filter(|row| readable_version(row.v))
    }

    /// Since when it is ready.
    pub(super) fn ready_since(&self) -> i64 {
        self.since.unwrap_or(self.first_seen)
    }

    pub(super) fn record(self, call: &str, subject: &str) -> Answer<JobRecord> {
        let subject: Subject =
            subject.parse().map_err(|_| garbled(call, "a job's subject cannot be read"))?;
        Ok(JobRecord {
            subject,
            phase: self.phase,
            outcome: self.outcome,
            park: self.park,
            first_seen: moment(call, self.first_seen)?,
            version: self.version.map(|at| moment(call, at)).transpose()?,
            settled: self.settled,
            due: match self.phase {
                JobPhase::Delayed => Some(moment(call, self.until)?),
                JobPhase::Ready | JobPhase::Claimed | JobPhase::Parked | JobPhase::Idle => None,
            },
            strikes: self.strikes,
        })
    }
}

/// The phase's name in keys.
pub(super) fn phase_name(phase: JobPhase) -> &'static str {
    match phase {
        JobPhase::Ready => "ready",
        JobPhase::Delayed => "delayed",
        JobPhase::Claimed => "claimed",
        JobPhase::Parked => "parked",
        JobPhase::Idle => "idle",
    }
}
