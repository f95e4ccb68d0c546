//! A tiny model of the queue, and a random walk of three workers that each engine must follow step by step.

use std::collections::BTreeMap;

use jiff::Timestamp;
use shopbeat_domain::ids::{DeliveryId, OrderId};
use shopbeat_domain::job::{
    Claim, IgnoreRule, JobCounts, JobPhase, Lane, Offer, Outcome, Settled, Subject, Verdict,
};
use shopbeat_domain::ports::Received;

use crate::bench::{Bench, HOLD, after, on_every_engine, parked, store};
use crate::random::Seeded;

on_every_engine!(the_queue_and_the_ledger_follow_the_model_on_a_random_walk);

#[derive(Clone, Debug)]
struct Job {
    phase: JobPhase,
    lane: Lane,
    ahead: bool,
    force: bool,
    /// Offered while it was claimed; `Some(true)` by somebody who waits.
    dirty: Option<bool>,
    place: u64,
    /// Due then; none for parked jobs that wait for a person.
    due: Option<Timestamp>,
    fence: u64,
    strikes: u32,
    parkings: u32,
    first_seen: Timestamp,
    outcome: Outcome,
    version: Option<Timestamp>,
    settled: u64,
}

#[derive(Default)]
struct Model {
    jobs: BTreeMap<String, Job>,
    places: u64,
}

impl Model {
    fn place(&mut self) -> u64 {
        self.places += 1;
        self.places
    }

    fn offer(&mut self, offer: &Offer, now: Timestamp) {
        let place = self.place();
        let Some(job) = self.jobs.get_mut(&offer.subject.to_string()) else {
            let job = Job {
                phase: JobPhase::Ready,
                lane: offer.lane,
                ahead: offer.ahead,
                force: offer.force,
                dirty: None,
                place,
                due: None,
                fence: 0,
                strikes: 0,
                parkings: 0,
                first_seen: now,
                outcome: Outcome::Pending,
                version: None,
                settled: 0,
            };
            self.jobs.insert(offer.subject.to_string(), job);
            return;
        };
        let old = matches!((offer.version, job.version), (Some(asked), Some(known)) if asked <= known);
        if old || (job.phase == JobPhase::Parked && !offer.unpark) {
            return;
        }
        job.force |= offer.force;
        match job.phase {
            JobPhase::Claimed => {
                job.dirty = Some(offer.ahead || job.dirty == Some(true));
                job.lane = job.lane.min(offer.lane);
            }
            JobPhase::Ready => {
                job.ahead |= offer.ahead;
                job.lane = job.lane.min(offer.lane);
            }
            JobPhase::Delayed => {
                job.ahead |= offer.ahead;
                job.lane = job.lane.min(offer.lane);
                (job.phase, job.place) = (JobPhase::Ready, place);
            }
            JobPhase::Idle | JobPhase::Parked => {
                if job.phase == JobPhase::Parked {
                    job.outcome = Outcome::Pending;
                }
                (job.ahead, job.lane) = (offer.ahead, offer.lane);
                (job.phase, job.place) = (JobPhase::Ready, place);
            }
        }
    }

    fn claim(&mut self, now: Timestamp) -> Option<String> {
        for phase in [JobPhase::Parked, JobPhase::Delayed, JobPhase::Claimed] {
            let mut due: Vec<(Timestamp, String)> = self
                .jobs
                .iter()
                .filter(|(_, job)| job.phase == phase)
                .filter_map(|(subject, job)| Some((job.due.filter(|due| *due <= now)?, subject.clone())))
                .collect();
            due.sort();
            for (_, subject) in due {
                let place = self.place();
                let job = self.jobs.get_mut(&subject).unwrap();
                job.phase = JobPhase::Ready;
                if phase == JobPhase::Claimed {
                    job.ahead |= job.dirty == Some(true);
                    job.dirty = None;
                } else {
                    job.place = place;
                }
                if phase == JobPhase::Parked {
                    job.outcome = Outcome::Pending;
                }
            }
        }
        let ready = self.jobs.iter().filter(|(_, job)| job.phase == JobPhase::Ready);
        let (subject, _) = ready.min_by_key(|(_, job)| (job.lane, !job.ahead, job.place))?;
        let subject = subject.clone();
        let job = self.jobs.get_mut(&subject).unwrap();
        (job.phase, job.due) = (JobPhase::Claimed, Some(after(now, 30)));
        Some(subject)
    }

    fn owns(&self, claim: &Claim) -> bool {
        let job = &self.jobs[&claim.subject.to_string()];
        job.phase == JobPhase::Claimed && job.fence == claim.fence
    }

    fn settle(&mut self, claim: &Claim, verdict: &Verdict) -> Settled {
        if !self.owns(claim) {
            return Settled::Fenced;
        }
        let place = self.place();
        let job = self.jobs.get_mut(&claim.subject.to_string()).unwrap();
        job.settled += 1;
        let dirty = job.dirty.take();
        match verdict {
            Verdict::Done { outcome, version, again_at } => {
                (job.outcome, job.strikes, job.parkings, job.ahead) = (*outcome, 0, 0, false);
                job.version = version.or(job.version);
                job.due = *again_at;
                job.phase = if again_at.is_some() { JobPhase::Delayed } else { JobPhase::Idle };
                job.force &= dirty.is_some();
            }
            Verdict::Later { at, strike } => {
                job.ahead = false;
                job.strikes += u32::from(*strike);
                (job.phase, job.due) = (JobPhase::Delayed, Some(*at));
            }
            Verdict::Parked(park) => {
                (job.strikes, job.parkings, job.ahead) = (0, job.parkings + 1, false);
                job.outcome = if dirty.is_some() { Outcome::Pending } else { Outcome::Parked };
                (job.phase, job.due) = (JobPhase::Parked, park.retry_at);
            }
        }
        let Some(ahead) = dirty else { return Settled::Stands };
        job.ahead |= ahead;
        (job.phase, job.place) = (JobPhase::Ready, place);
        Settled::Again
    }

    fn count(&self, phase: JobPhase) -> u64 {
        u64::try_from(self.jobs.values().filter(|job| job.phase == phase).count()).unwrap()
    }

    fn counts(&self) -> JobCounts {
        JobCounts {
            ready: self.count(JobPhase::Ready),
            delayed: self.count(JobPhase::Delayed),
            claimed: self.count(JobPhase::Claimed),
            parked: self.count(JobPhase::Parked),
        }
    }

    /// Hour → seen, and outcome → count, from the jobs alone.
    fn ledger(&self) -> BTreeMap<i64, (u64, BTreeMap<String, u64>)> {
        let mut hours: BTreeMap<i64, (u64, BTreeMap<String, u64>)> = BTreeMap::new();
        for (subject, job) in &self.jobs {
            if subject.starts_with("order:") {
                let row = hours.entry(job.first_seen.as_second().div_euclid(3600)).or_default();
                row.0 += 1;
                *row.1.entry(job.outcome.name()).or_default() += 1;
            }
        }
        hours
    }
}

struct Walk {
    bench: Bench,
    model: Model,
    random: Seeded,
    /// What each worker holds, rightly or not.
    held: [Option<Claim>; 3],
    deliveries: u64,
}

impl Walk {
    fn pick(&mut self, end: u64) -> usize {
        usize::try_from(self.random.below(end)).unwrap()
    }

    fn some_offer(&mut self) -> Offer {
        let id = self.random.below(11);
        let subject =
            if id == 0 { Subject::InitialSync("r".to_owned()) } else { Subject::Order(OrderId(id)) };
        let lane = if self.random.one_in(4) { Lane::ALL[self.pick(4)] } else { Lane::Order };
        let back = i64::try_from(self.random.below(120)).unwrap();
        Offer {
            subject,
            lane,
            ahead: self.random.one_in(5),
            force: self.random.one_in(7),
            unpark: !self.random.one_in(3),
            version: self.random.one_in(2).then(|| after(self.bench.now(), -back)),
        }
    }

    fn some_verdict(&mut self) -> Verdict {
        let now = self.bench.now();
        let soon = after(now, i64::try_from(self.random.below(90)).unwrap());
        match self.random.below(8) {
            0 => Verdict::Later { at: soon, strike: self.random.one_in(2) },
            1 => parked(now, None),
            2 => parked(now, Some(soon)),
            3 => Verdict::Done { outcome: Outcome::Pending, version: None, again_at: Some(soon) },
            4 => Verdict::Done { outcome: Outcome::RemovedInRackbeat, version: None, again_at: None },
            5 => Verdict::Done {
                outcome: Outcome::Ignored(IgnoreRule::NothingOwed),
                version: Some(now),
                again_at: None,
            },
            _ => Verdict::Done { outcome: Outcome::Transferred, version: Some(now), again_at: None },
        }
    }

    async fn step(&mut self) {
        match self.random.below(10) {
            0..=2 => self.offer().await,
            3 => self.receive().await,
            4..=6 => self.claim().await,
            7 | 8 => self.settle().await,
            _ => {
                let longest = if self.random.one_in(20) { 4000 } else { 25 };
                let seconds = self.random.below(longest);
                self.bench.advance(i64::try_from(seconds).unwrap());
            }
        }
    }

    async fn offer(&mut self) {
        let count = 1 + self.random.below(3);
        let offers: Vec<Offer> = (0..count).map(|_| self.some_offer()).collect();
        for offer in &offers {
            self.model.offer(offer, self.bench.now());
        }
        let waiting = self.bench.state.jobs.offer(&store(), &offers, None, self.bench.now()).await.unwrap();
        assert_eq!(waiting, self.model.count(JobPhase::Ready), "{offers:?}");
    }

    async fn receive(&mut self) {
        let offer = self.some_offer();
        let repeat = self.deliveries > 0 && self.random.one_in(3);
        let number = if repeat { self.random.below(self.deliveries) } else { self.deliveries };
        let delivery = DeliveryId::parse(&format!("d{number}")).unwrap();
        let received =
            self.bench.state.inbox.receive(&store(), &delivery, &offer, self.bench.now()).await.unwrap();
        if repeat {
            assert_eq!(received, Received::Repeat);
        } else {
            assert_eq!(received, Received::Queued);
            self.deliveries += 1;
            self.model.offer(&offer, self.bench.now());
        }
    }

    async fn claim(&mut self) {
        let worker = self.pick(3);
        let expected = self.model.claim(self.bench.now());
        let claim = self.bench.claim().await;
        assert_eq!(claim.as_ref().map(|claim| claim.subject.to_string()), expected);
        let Some(claim) = claim else { return };
        let job = self.model.jobs.get_mut(&claim.subject.to_string()).unwrap();
        assert!(claim.fence > job.fence, "fences rise");
        job.fence = claim.fence;
        assert_eq!(
            (claim.lane, claim.force, claim.strikes, claim.parkings, claim.first_seen),
            (job.lane, job.force, job.strikes, job.parkings, job.first_seen),
        );
        // Whatever this worker held before is forgotten, as if it had died: its claim runs out.
        self.held[worker] = Some(claim);
    }

    async fn settle(&mut self) {
        let worker = self.pick(3);
        let Some(claim) = self.held[worker].clone() else { return };
        if self.random.one_in(4) {
            let owns = self.model.owns(&claim);
            if owns {
                let job = self.model.jobs.get_mut(&claim.subject.to_string()).unwrap();
                job.due = Some(after(self.bench.now(), 30));
            }
            let extended = self.bench.state.jobs.extend(&claim, HOLD, self.bench.now()).await.unwrap();
            assert_eq!(extended, owns);
            return;
        }
        let verdict = self.some_verdict();
        let expected = self.model.settle(&claim, &verdict);
        assert_eq!(self.bench.settle(&claim, verdict.clone()).await, expected, "{claim:?} {verdict:?}");
        // Sometimes it tries again with what is over.
        if !self.random.one_in(5) {
            self.held[worker] = None;
        }
    }

    async fn compare(&self) {
        for (subject, job) in &self.model.jobs {
            let record =
                self.bench.state.jobs.job(&store(), &subject.parse().unwrap()).await.unwrap().unwrap();
            assert_eq!(
                (record.phase, record.outcome, record.first_seen, record.version, record.settled),
                (job.phase, job.outcome, job.first_seen, job.version, job.settled),
                "{subject}",
            );
            assert_eq!(record.park.is_some(), job.phase == JobPhase::Parked, "{subject}");
        }
        assert_eq!(self.bench.state.jobs.counts(&store()).await.unwrap(), self.model.counts());
        let rows = self.bench.ledger().await;
        let found: BTreeMap<_, _> = rows
            .into_iter()
            .map(|row| (row.hour.as_second() / 3600, (row.seen, row.outcomes.into_iter().collect())))
            .collect();
        assert_eq!(found, self.model.ledger());
    }
}

async fn the_queue_and_the_ledger_follow_the_model_on_a_random_walk(bench: Bench) {
    let seed = 20_261_124;
    let mut walk = Walk {
        bench,
        model: Model::default(),
        random: Seeded(seed),
        held: [None, None, None],
        deliveries: 0,
    };
    for step in 0..1500 {
        walk.step().await;
        if step % 10 == 0 {
            walk.compare().await;
        }
    }
    walk.compare().await;
}
