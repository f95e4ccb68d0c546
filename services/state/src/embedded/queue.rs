//! The life of a job in the embedded engine: the same steps as `redis/lua/queue.lua`, `offer.lua`, `claim.lua` and
//! `settle.lua`; the contract suite holds the two together.

use redb::{ReadableTable, Table, WriteTransaction};
use shopbeat_domain::job::{JobPhase, Offer, Outcome, Settled, Verdict};
use shopbeat_domain::limits::RECORD_MEMORY;

use super::Done;
use super::row::{Dirty, Row, phase_name};
use super::tables::{DUE, EXPIRY, JOBS, LEDGER, NUMBERS, PARKED, READY, kind};
use crate::record::{encode, garbled_park, lane_number, length, millis, moment};

/// The ledger's column of first sightings.
pub(super) const SEEN: &str = "seen";
/// A parked job that waits for a person.
const NEVER: i64 = i64::MAX;
/// So many due jobs are moved per claim.
const DUE_PER_CLAIM: usize = 100;

/// One store's queue within a transaction.
pub(super) struct Queue<'t> {
    store: &'t str,
    now: i64,
    jobs: Table<'t, (&'static str, &'static str), &'static [u8]>,
    ready: Table<'t, (&'static str, u8, u64), &'static str>,
    due: Table<'t, (&'static str, &'static str, i64, &'static str), ()>,
    parked: Table<'t, (&'static str, &'static str), ()>,
    numbers: Table<'t, (&'static str, &'static str), u64>,
    ledger: Table<'t, (&'static str, i64, &'static str), u64>,
    expiry: Table<'t, (i64, &'static str, &'static str, &'static str), ()>,
}

impl<'t> Queue<'t> {
    pub(super) fn open(transaction: &'t WriteTransaction, store: &'t str, now: i64) -> Done<Self> {
        Ok(Self {
            store,
            now,
            jobs: transaction.open_table(JOBS)?,
            ready: transaction.open_table(READY)?,
            due: transaction.open_table(DUE)?,
            parked: transaction.open_table(PARKED)?,
            numbers: transaction.open_table(NUMBERS)?,
            ledger: transaction.open_table(LEDGER)?,
            expiry: transaction.open_table(EXPIRY)?,
        })
    }

    /// `None`: not there; `Some(None)`: there and unreadable.
    fn row(&self, subject: &str) -> Done<Option<Option<Row>>> {
        Ok(self.jobs.get((self.store, subject))?.map(|bytes| Row::read(bytes.value())))
    }

    fn put(&mut self, subject: &str, row: &Row) -> Done<()> {
        self.jobs.insert((self.store, subject), encode("job", row)?.as_slice())?;
        Ok(())
    }

    fn next_seq(&mut self) -> Done<u64> {
        let seq = self.number("seq")? + 1;
        self.numbers.insert((self.store, "seq"), seq)?;
        Ok(seq)
    }

    fn number(&self, name: &str) -> Done<u64> {
        Ok(self.numbers.get((self.store, name))?.map_or(0, |number| number.value()))
    }

    fn count(&mut self, phase: JobPhase, more: bool) -> Done<()> {
        let name = phase_name(phase);
        let number = self.number(name)?;
        let number = if more { number + 1 } else { number.saturating_sub(1) };
        self.numbers.insert((self.store, name), number)?;
        Ok(())
    }

    /// Takes a job out of the index of its phase.
    fn leave(&mut self, subject: &str, row: &Row) -> Done<()> {
        let gone = match row.phase {
            JobPhase::Idle => return Ok(()),
            JobPhase::Ready => self.ready.remove((self.store, class(row), row.seq))?.is_some(),
            JobPhase::Delayed | JobPhase::Claimed | JobPhase::Parked => {
                self.parked.remove((self.store, subject))?;
                self.due.remove((self.store, phase_name(row.phase), row.until, subject))?.is_some()
            }
        };
        if gone {
            self.count(row.phase, false)?;
        }
        Ok(())
    }

    /// Puts a job that is in no index into that of a phase, and writes it.
    fn enter(&mut self, subject: &str, row: &mut Row, phase: JobPhase, until: i64) -> Done<()> {
        row.phase = phase;
        row.until = until;
        match phase {
            JobPhase::Ready => {
                self.ready.insert((self.store, class(row), row.seq), subject)?;
            }
            JobPhase::Delayed | JobPhase::Claimed => {
                self.due.insert((self.store, phase_name(phase), until, subject), ())?;
            }
            JobPhase::Parked => {
                self.due.insert((self.store, phase_name(phase), until, subject), ())?;
                self.parked.insert((self.store, subject), ())?;
            }
            JobPhase::Idle => {
                row.until = self.now.saturating_add(length(RECORD_MEMORY));
                self.expiry.insert((row.until, kind::JOB, self.store, subject), ())?;
            }
        }
        if phase != JobPhase::Idle {
            self.count(phase, true)?;
        }
        self.put(subject, row)
    }

    /// Makes a job ready at the end of its class.
    fn make_ready(&mut self, subject: &str, row: &mut Row) -> Done<()> {
        row.seq = self.next_seq()?;
        row.since = Some(self.now);
        self.enter(subject, row, JobPhase::Ready, 0)
    }

    /// Adds to a ledger's column, or takes from it; the row must be there already, unless this is a first sighting.
    fn ledger_add(&mut self, hour: i64, column: &str, more: bool) -> Done<()> {
        let key = (self.store, hour, column);
        let count = self.ledger.get(key)?.map_or(0, |count| count.value());
        match (more, count) {
            (true, _) => self.ledger.insert(key, count + 1)?.map(drop),
            (false, 0 | 1) => self.ledger.remove(key)?.map(drop),
            (false, _) => self.ledger.insert(key, count - 1)?.map(drop),
        };
        Ok(())
    }

    /// Gives a job another outcome, in the ledger too. A row that was forgotten meanwhile is not begun again.
    fn conclude(&mut self, row: &mut Row, outcome: Outcome) -> Done<()> {
        if let Some(hour) = row.hour
            && row.outcome != outcome
            && self.ledger.get((self.store, hour, SEEN))?.is_some()
        {
            self.ledger_add(hour, &row.outcome.name(), false)?;
            self.ledger_add(hour, &outcome.name(), true)?;
        }
        row.outcome = outcome;
        Ok(())
    }

    fn unpark(&mut self, subject: &str, row: &mut Row) -> Done<()> {
        self.leave(subject, row)?;
        self.conclude(row, Outcome::Pending)?;
        row.park = None;
        self.make_ready(subject, row)
    }

    /// Takes one offer.
    pub(super) fn offer(&mut self, offer: &Offer, hour: i64) -> Done<()> {
        let subject = offer.subject.to_string();
        let lane = lane_number(offer.lane);
        let Some(row) = self.row(&subject)? else {
            return self.first_sighting(&subject, offer, hour);
        };
        let Some(mut row) = row else {
            // Unreadable: the next claim parks it alone.
            let mut marker = Row::new(lane, self.now, None);
            marker.seq = self.next_seq()?;
            self.ready.insert((self.store, class(&marker), marker.seq), subject.as_str())?;
            return self.count(JobPhase::Ready, true);
        };
        let dropped =
            offer.version.is_some_and(|asked| row.version.is_some_and(|known| millis(asked) <= known));
        if dropped || (row.phase == JobPhase::Parked && !offer.unpark) {
            return Ok(());
        }
        row.force |= offer.force;
        match row.phase {
            JobPhase::Claimed => {
                row.dirty = row.dirty.max(if offer.ahead { Dirty::Ahead } else { Dirty::Again });
                row.lane = row.lane.min(lane);
                self.put(&subject, &row)
            }
            JobPhase::Ready => {
                self.leave(&subject, &row)?;
                row.ahead |= offer.ahead;
                row.lane = row.lane.min(lane);
                self.enter(&subject, &mut row, JobPhase::Ready, 0)
            }
            JobPhase::Delayed => {
                self.leave(&subject, &row)?;
                row.ahead |= offer.ahead;
                row.lane = row.lane.min(lane);
                self.make_ready(&subject, &mut row)
            }
            JobPhase::Idle => {
                row.ahead = offer.ahead;
                row.lane = lane;
                self.make_ready(&subject, &mut row)
            }
            JobPhase::Parked => {
                row.ahead = offer.ahead;
                row.lane = lane;
                self.unpark(&subject, &mut row)
            }
        }
    }

    fn first_sighting(&mut self, subject: &str, offer: &Offer, hour: i64) -> Done<()> {
        let counted = offer.subject.is_counted();
        let mut row = Row::new(lane_number(offer.lane), self.now, counted.then_some(hour));
        row.ahead = offer.ahead;
        row.force = offer.force;
        if counted {
            self.ledger_add(hour, SEEN, true)?;
            self.ledger_add(hour, &Outcome::Pending.name(), true)?;
            let until = hour.saturating_add(2 * length(RECORD_MEMORY));
            self.expiry.insert((until, kind::LEDGER, self.store, hour.to_string().as_str()), ())?;
        }
        self.make_ready(subject, &mut row)
    }

    /// How many are ready.
    pub(super) fn waiting(&self) -> Done<u64> {
        self.number(phase_name(JobPhase::Ready))
    }

    fn due(&self, phase: JobPhase) -> Done<Vec<String>> {
        let name = phase_name(phase);
        let mut subjects = Vec::new();
        let range = (self.store, name, i64::MIN, "")..(self.store, name, self.now.saturating_add(1), "");
        for entry in self.due.range(range)?.take(DUE_PER_CLAIM) {
            let (key, _) = entry?;
            subjects.push(key.value().3.to_owned());
        }
        Ok(subjects)
    }

    /// Makes ready what is due, and takes back claims past their time.
    fn wake_due(&mut self) -> Done<()> {
        for phase in [JobPhase::Parked, JobPhase::Delayed, JobPhase::Claimed] {
            for subject in self.due(phase)? {
                let Some(Some(mut row)) = self.row(&subject)? else {
                    self.park_garbled(&subject)?;
                    continue;
                };
                if phase == JobPhase::Parked {
                    self.unpark(&subject, &mut row)?;
                    continue;
                }
                self.leave(&subject, &row)?;
                if phase == JobPhase::Delayed {
                    self.make_ready(&subject, &mut row)?;
                } else {
                    // Keeps its place, which is older than all that came since.
                    row.ahead |= row.dirty == Dirty::Ahead;
                    row.dirty = Dirty::No;
                    self.enter(&subject, &mut row, JobPhase::Ready, 0)?;
                }
            }
        }
        Ok(())
    }

    /// The first ready job of these lanes, which rise.
    fn first_ready(&self, lanes: &[u8]) -> Done<Option<(u8, u64, String)>> {
        for lane in lanes {
            let range = (self.store, lane * 2, 0)..=(self.store, lane * 2 + 1, u64::MAX);
            if let Some((key, subject)) = self.ready.range(range)?.next().transpose()? {
                let (_, class, seq) = key.value();
                return Ok(Some((class, seq, subject.value().to_owned())));
            }
        }
        Ok(None)
    }

    /// Claims the next job of these lanes, which rise.
    pub(super) fn claim(&mut self, lanes: &[u8], hold: i64) -> Done<Option<(String, Row)>> {
        self.wake_due()?;
        loop {
            let Some((class, seq, subject)) = self.first_ready(lanes)? else { return Ok(None) };
            self.ready.remove((self.store, class, seq))?;
            self.count(JobPhase::Ready, false)?;
            match self.row(&subject)? {
                Some(Some(mut row)) if row.phase == JobPhase::Ready && row.seq == seq => {
                    row.fence = self.next_fence()?;
                    row.dirty = Dirty::No;
                    self.enter(&subject, &mut row, JobPhase::Claimed, self.now.saturating_add(hold))?;
                    return Ok(Some((subject, row)));
                }
                // An entry that was left behind by an unreadable record which is readable again by now.
                Some(Some(_)) => {}
                Some(None) | None => self.park_garbled(&subject)?,
            }
        }
    }

    /// Rises with every claim, and past all fences of a state that was lost: it is at least the time.
    fn next_fence(&mut self) -> Done<u64> {
        let fence = (self.number("fence")? + 1).max(u64::try_from(self.now).unwrap_or(0));
        self.numbers.insert((self.store, "fence"), fence)?;
        Ok(fence)
    }

    /// Parks a job of which the record cannot be read, so that it stalls nobody. The ledger cannot be corrected:
    /// the record held where it is counted.
    fn park_garbled(&mut self, subject: &str) -> Done<()> {
        for phase in [JobPhase::Delayed, JobPhase::Claimed, JobPhase::Parked] {
            let name = phase_name(phase);
            let mut stale = Vec::new();
            for entry in
                self.due.range((self.store, name, i64::MIN, "")..(self.store, name, NEVER, "\u{7f}"))?
            {
                let (key, _) = entry?;
                let (_, _, at, other) = key.value();
                if other == subject {
                    stale.push(at);
                }
            }
            for at in stale {
                self.due.remove((self.store, name, at, subject))?;
                self.count(phase, false)?;
            }
        }
        let mut row = Row::new(0, self.now, None);
        row.park = Some(garbled_park(moment("claim", self.now)?));
        row.outcome = Outcome::Parked;
        self.enter(subject, &mut row, JobPhase::Parked, NEVER)
    }

    /// The row of a claim, if no later one owns the job.
    pub(super) fn owned(&self, subject: &str, fence: u64) -> Done<Option<Row>> {
        let row = self.row(subject)?.flatten();
        Ok(row.filter(|row| row.phase == JobPhase::Claimed && row.fence == fence))
    }

    /// Keeps a claim longer.
    pub(super) fn extend(&mut self, subject: &str, fence: u64, hold: i64) -> Done<bool> {
        let Some(mut row) = self.owned(subject, fence)? else { return Ok(false) };
        self.leave(subject, &row)?;
        self.enter(subject, &mut row, JobPhase::Claimed, self.now.saturating_add(hold))?;
        Ok(true)
    }

    /// Ends a claim.
    pub(super) fn settle(&mut self, subject: &str, fence: u64, verdict: &Verdict) -> Done<Settled> {
        let Some(mut row) = self.owned(subject, fence)? else { return Ok(Settled::Fenced) };
        self.leave(subject, &row)?;
        row.settled += 1;
        let dirty = std::mem::replace(&mut row.dirty, Dirty::No);
        let (phase, until) = self.judge(&mut row, verdict, dirty != Dirty::No)?;
        if dirty == Dirty::No {
            self.enter(subject, &mut row, phase, until)?;
            return Ok(Settled::Stands);
        }
        row.ahead |= dirty == Dirty::Ahead;
        self.make_ready(subject, &mut row)?;
        Ok(Settled::Again)
    }

    /// Writes a verdict into the row; answers where the job would go if nothing came meanwhile.
    fn judge(&mut self, row: &mut Row, verdict: &Verdict, dirty: bool) -> Done<(JobPhase, i64)> {
        match verdict {
            Verdict::Done { outcome, version, again_at } => {
                self.conclude(row, *outcome)?;
                row.strikes = 0;
                row.parkings = 0;
                row.ahead = false;
                row.version = version.map(millis).or(row.version);
                // What was asked for is done, even if it is looked at again by itself.
                row.force &= dirty;
                Ok(again_at.map_or((JobPhase::Idle, 0), |at| (JobPhase::Delayed, millis(at))))
            }
            Verdict::Later { at, strike } => {
                // One that cannot get through must not be first for ever.
                row.ahead = false;
                row.strikes += u32::from(*strike);
                Ok((JobPhase::Delayed, millis(*at)))
            }
            Verdict::Parked(park) => {
                row.strikes = 0;
                row.parkings += 1;
                row.ahead = false;
                // An event that came meanwhile puts it back at once, as it would a moment later.
                self.conclude(row, if dirty { Outcome::Pending } else { Outcome::Parked })?;
                row.park = (!dirty).then(|| park.clone());
                Ok((JobPhase::Parked, park.retry_at.map_or(NEVER, millis)))
            }
        }
    }
}

fn class(row: &Row) -> u8 {
    row.lane * 2 + u8::from(!row.ahead)
}
