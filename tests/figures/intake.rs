//! Webhook intake: the service and the yardstick take turns, on one Redis, under the same requests.

use std::net::SocketAddr;
use std::process::Command;
use std::rc::Rc;

use shopbeat_tests::{Process, SHORT, until};

use crate::cost::{cpu_micros, median};
use crate::genuine::Sample;
use crate::load::{Run, send};
use crate::place::{Place, SECRET, ends_with_us};
use crate::yardstick::{LISTENS, VERB};

/// How much is sent.
pub(crate) struct Plan {
    /// Requests of a round.
    pub(crate) requests: usize,
    /// Pairs of rounds, one of the service and one of the yardstick.
    pub(crate) pairs: usize,
}

impl Plan {
    /// `--requests N --pairs N`.
    pub(crate) fn read(mut arguments: impl Iterator<Item = String>) -> Self {
        let mut plan = Self { requests: 20_000, pairs: 5 };
        while let Some(name) = arguments.next() {
            let value = arguments.next().and_then(|value| value.parse().ok());
            let value = value.filter(|value| *value > 0).expect("each option takes a number");
            match name.as_str() {
                "--requests" => plan.requests = value,
                "--pairs" => plan.pairs = value,
                other => panic!("{other} is no option; there are --requests and --pairs"),
            }
        }
        plan
    }

    fn warm_up(&self) -> usize {
        (self.requests / 4).max(1)
    }
}

/// A round, and the CPU time that a request cost in it, in microseconds.
#[derive(Debug, Clone)]
pub(crate) struct Round {
    pub(crate) run: Run,
    pub(crate) server: u64,
    pub(crate) redis: u64,
    pub(crate) load: u64,
}

/// What was measured.
pub(crate) struct Intake {
    pub(crate) body: usize,
    pub(crate) service: Vec<Round>,
    pub(crate) yardstick: Vec<Round>,
}

impl Intake {
    /// Of each pair: the service's rate in thousandths of the yardstick's.
    pub(crate) fn ratios(&self) -> Vec<u64> {
        let pairs = self.service.iter().zip(&self.yardstick);
        pairs.map(|(ours, bare)| ours.run.per_second * 1000 / bare.run.per_second.max(1)).collect()
    }

    /// The middle rate of the service's rounds in thousandths of the yardstick's.
    pub(crate) fn ratio(&self) -> u64 {
        middle(&self.service, |round| round.run.per_second) * 1000
            / middle(&self.yardstick, |round| round.run.per_second).max(1)
    }
}

/// The middle of a figure over rounds.
pub(crate) fn middle(rounds: &[Round], of: impl Fn(&Round) -> u64) -> u64 {
    median(&rounds.iter().map(of).collect::<Vec<_>>())
}

struct Side {
    name: &'static str,
    address: SocketAddr,
    process: u32,
}

pub(crate) async fn measure(place: &Place, plan: &Plan) -> Intake {
    let sample = Sample::new();
    let (bare, address) = yardstick(place).await;
    let ours = Side { name: "service", address: place.service.http, process: place.process.id() };
    let bare = Side { name: "yardstick", address, process: bare.id() }.keeping(bare);
    let mut intake = Intake { body: sample.len(), service: Vec::new(), yardstick: Vec::new() };
    let mut sent = 0;
    let mut take = |count: usize| {
        let requests = Rc::new(sample.requests(sent, count));
        sent += u64::try_from(count).expect("a count");
        requests
    };
    let warm_up = take(plan.warm_up());
    send(ours.address, &warm_up).await;
    send(bare.side.address, &warm_up).await;
    for _ in 0..plan.pairs {
        let requests = take(plan.requests);
        intake.service.push(round(place, &ours, &requests).await);
        intake.yardstick.push(round(place, &bare.side, &requests).await);
    }
    let queued = place.redis.run(&["ZCARD", "shopbeat:{fjeld}:ready"]);
    assert_eq!(queued, format!(":{sent}"), "every webhook became a job of its own");
    let appended = place.redis.run(&["XLEN", "yardstick"]);
    assert_eq!(appended, format!(":{sent}"), "the yardstick appended as many");
    intake
}

async fn round(place: &Place, side: &Side, requests: &Rc<Vec<Vec<u8>>>) -> Round {
    let processes = [side.process, place.redis_process(), std::process::id()];
    let before = processes.map(cpu_micros);
    let run = send(side.address, requests).await;
    let count = u64::try_from(requests.len()).expect("a count");
    let mut costs =
        processes.iter().zip(before).map(|(process, before)| (cpu_micros(*process) - before) / count);
    let mut cost = || costs.next().unwrap_or_default();
    let round = Round { run, server: cost(), redis: cost(), load: cost() };
    eprintln!("{}: {round:?}", side.name);
    round
}

/// A side, and the process that ends with it.
struct Kept {
    side: Side,
    _process: Process,
}

impl Side {
    fn keeping(self, process: Process) -> Kept {
        Kept { side: self, _process: process }
    }
}

async fn yardstick(place: &Place) -> (Process, SocketAddr) {
    let mut command = Command::new(std::env::current_exe().expect("a program knows its path"));
    command.args([VERB, &format!("redis://{}/0", place.redis.address()), SECRET]);
    let mut process = Process::start(VERB, command, place.dir.path());
    ends_with_us(process.id());
    let address = until("the yardstick listens", SHORT, async || {
        assert!(process.ended().is_none(), "the yardstick ended: {}", process.log());
        let log = process.log();
        let address = log.lines().find_map(|line| line.strip_prefix(LISTENS)?.parse().ok());
        address.ok_or(log)
    })
    .await;
    (process, address)
}
