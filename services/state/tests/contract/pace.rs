use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use shopbeat_domain::job::Lane;
use shopbeat_domain::limits::{RACKBEAT_BURST, RACKBEAT_PER_MINUTE};

use crate::bench::{Bench, on_every_engine};
use crate::random::Seeded;

on_every_engine!(
    no_sliding_minute_ever_sees_more_than_the_limit,
    back_fill_leaves_room_for_orders,
    budgets_do_not_share,
    under_any_load_no_lane_starves_and_no_minute_sees_more_than_the_limit,
    orders_and_the_others_all_get_their_share_when_all_keep_asking,
    a_lane_alone_gets_the_whole_minute,
    a_place_is_not_kept_for_one_that_died,
    a_clock_that_jumped_back_does_not_stop_the_calls,
);

const MINUTE: i64 = 60_000_000;

/// Calls that were let go, by time and lane.
type Calls = Vec<(Timestamp, Lane)>;

/// Somebody who makes one call after the other: after each answer it asks again, `late` after it was told to.
struct Asker {
    lane: Lane,
    late: i64,
    /// How long a call takes.
    call: i64,
    at: i64,
}

/// Lets all of them ask for as long as they are told to wait, in the order of time.
async fn all_ask(bench: &Bench, askers: &mut [Asker], until: i64) -> Calls {
    let start = bench.now();
    let mut random = Seeded(11);
    let mut calls = Calls::new();
    while let Some(next) = askers.iter_mut().min_by_key(|asker| asker.at)
        && next.at < until
    {
        let now = micros(start, next.at);
        let late = i64::try_from(random.below(u64::try_from(next.late).unwrap() + 1)).unwrap();
        match bench.state.pace.take("token", next.lane, now).await.unwrap() {
            None => {
                calls.push((now, next.lane));
                next.at += next.call;
            }
            Some(wait) => {
                assert!(wait < Duration::from_secs(61), "{wait:?}");
                next.at += i64::try_from(wait.as_micros()).unwrap().max(1) + late;
            }
        }
    }
    calls
}

fn askers(counts: [usize; 4], late: i64, call: i64) -> Vec<Asker> {
    let lanes = Lane::ALL.into_iter().zip(counts);
    lanes
        .flat_map(|(lane, count)| (0..count).map(move |_| lane))
        .map(|lane| Asker { lane, late, call, at: 0 })
        .collect()
}

/// Fails if a closed window of a minute saw more than the limit.
fn check_minutes(calls: &Calls) {
    let most = usize::try_from(RACKBEAT_PER_MINUTE).unwrap();
    for pair in calls.windows(most + 1) {
        let (first, last) = (pair[0].0, pair[most].0);
        assert!(last > micros(first, MINUTE), "{} calls from {first} to {last}", most + 1);
    }
}

/// How many calls of each lane went after a while, when nothing of the first burst is left.
fn counts(calls: &Calls, from: Timestamp) -> [usize; 4] {
    Lane::ALL.map(|lane| calls.iter().filter(|(at, of)| *of == lane && *at >= from).count())
}

async fn under_any_load_no_lane_starves_and_no_minute_sees_more_than_the_limit(bench: Bench) {
    let mut random = Seeded(3);
    for round in 0..4 {
        let counts_of = [0; 4].map(|_: usize| 1 + usize::try_from(random.below(6)).unwrap());
        let (late, call) =
            (i64::try_from(random.below(20_000)).unwrap(), 1 + i64::try_from(random.below(90_000)).unwrap());
        bench.advance(600);
        let start = bench.now();
        let calls = all_ask(&bench, &mut askers(counts_of, late, call), 3 * MINUTE).await;
        check_minutes(&calls);
        let from = micros(start, MINUTE);
        let of_lane = counts(&calls, from);
        let all: usize = of_lane.iter().sum();
        for (lane, count) in Lane::ALL.into_iter().zip(of_lane) {
            assert!(count * 16 >= all, "round {round}: {lane:?} had {count} of {all}");
        }
    }
}

async fn orders_and_the_others_all_get_their_share_when_all_keep_asking(bench: Bench) {
    let start = bench.now();
    let calls = all_ask(&bench, &mut askers([8, 6, 6, 6], 5_000, 50_000), 4 * MINUTE).await;
    check_minutes(&calls);
    let of_lane = counts(&calls, micros(start, MINUTE));
    let all: usize = of_lane.iter().sum();
    assert!(of_lane[0] * 2 >= all, "orders: {of_lane:?}");
    assert!(of_lane[1..].iter().all(|count| count * 16 >= all), "{of_lane:?}");
    // All of it is used: three minutes' worth.
    assert!(all * 100 >= 99 * 3 * usize::try_from(RACKBEAT_PER_MINUTE).unwrap(), "{of_lane:?}");
}

async fn a_lane_alone_gets_the_whole_minute(bench: Bench) {
    for lane in Lane::ALL {
        bench.advance(600);
        let start = bench.now();
        let mut only = vec![];
        only.extend((0..6).map(|_| Asker { lane, late: 1_000, call: 60_000, at: 0 }));
        let calls = all_ask(&bench, &mut only, 3 * MINUTE).await;
        check_minutes(&calls);
        let steady = counts(&calls, micros(start, MINUTE)).iter().sum::<usize>();
        assert!(steady * 100 >= 99 * 2 * usize::try_from(RACKBEAT_PER_MINUTE).unwrap(), "{lane:?}: {steady}");
    }
}

async fn a_place_is_not_kept_for_one_that_died(bench: Bench) {
    let start = bench.now();
    let pace = &bench.state.pace;
    let mut orders = askers([8, 0, 0, 0], 0, 50_000);
    let mut calls = all_ask(&bench, &mut orders, MINUTE).await;
    // It asks, is told to wait, and never comes back.
    let asked = micros(start, MINUTE);
    let mut told = None;
    for lane in [Lane::Stock, Lane::Product, Lane::BackFill] {
        while told.is_none() {
            told = pace.take("token", lane, asked).await.unwrap();
        }
        told = None;
    }
    for order in &mut orders {
        order.at -= MINUTE;
    }
    bench.advance(60);
    calls.extend(all_ask(&bench, &mut orders, 2 * MINUTE).await);
    let later = calls.iter().filter(|(at, _)| *at >= micros(start, 2 * MINUTE)).count();
    assert!(later * 100 >= 99 * usize::try_from(RACKBEAT_PER_MINUTE).unwrap(), "{later}");
}

async fn a_clock_that_jumped_back_does_not_stop_the_calls(bench: Bench) {
    let pace = &bench.state.pace;
    let future = micros(bench.now(), 60 * MINUTE);
    while pace.take("token", Lane::Order, future).await.unwrap().is_none() {}
    let mut now = bench.now();
    for _ in 0..2 {
        assert!(pace.take("token", Lane::Order, now).await.unwrap().is_some(), "it is used up, not whole");
    }
    for _ in 0..20 {
        while let Some(wait) = pace.take("token", Lane::Order, now).await.unwrap() {
            assert!(wait < Duration::from_secs(1), "{wait:?}");
            now = micros(now, i64::try_from(wait.as_micros()).unwrap());
        }
    }
    assert!(now < micros(bench.now(), 5_000_000), "{now}");
}

fn micros(at: Timestamp, micros: i64) -> Timestamp {
    at.checked_add(SignedDuration::from_micros(micros)).unwrap()
}

async fn no_sliding_minute_ever_sees_more_than_the_limit(bench: Bench) {
    let mut random = Seeded(7);
    let mut now = bench.now();
    let end = micros(now, 150_000_000);
    let mut pause = micros(now, 70_000_000);
    let mut calls: Vec<Timestamp> = Vec::new();
    // Orders as fast as they may go, other lanes in between, and after more than a minute a pause in which the
    // burst fills up.
    while now < end {
        let lane =
            if random.one_in(6) { Lane::ALL[usize::try_from(random.below(4)).unwrap()] } else { Lane::Order };
        match bench.state.pace.take("token", lane, now).await.unwrap() {
            None => calls.push(now),
            Some(wait) if lane == Lane::Order => {
                let wait = i64::try_from(wait.as_micros()).unwrap();
                now = micros(now, if random.one_in(5) { wait / 2 + 1 } else { wait });
            }
            Some(_) => {}
        }
        if now >= pause {
            now = micros(now, i64::try_from(random.below(5_000_000)).unwrap());
            pause = micros(now, 70_000_000);
        }
    }
    for (first, start) in calls.iter().enumerate() {
        let end = micros(*start, 60_000_000);
        let within = calls[first..].iter().take_while(|call| **call <= end).count();
        assert!(within <= usize::try_from(RACKBEAT_PER_MINUTE).unwrap(), "{within} calls from {start}");
    }
    // The limit is made use of, too: 2.5 minutes' worth, but for the pauses.
    assert!(calls.len() > usize::try_from(RACKBEAT_PER_MINUTE).unwrap() * 2, "{}", calls.len());
}

async fn back_fill_leaves_room_for_orders(bench: Bench) {
    let pace = &bench.state.pace;
    let now = bench.now();
    let mut taken = Vec::new();
    for lane in Lane::ALL.into_iter().rev() {
        let mut count = 0;
        while pace.take("token", lane, now).await.unwrap().is_none() {
            count += 1;
        }
        taken.push(count);
    }
    let quarter = RACKBEAT_BURST / 4;
    assert_eq!(taken, [quarter; 4], "each lane finds a quarter that the less urgent ones left");
    let order = pace.take("token", Lane::Order, now).await.unwrap().unwrap();
    let back_fill = pace.take("token", Lane::BackFill, now).await.unwrap().unwrap();
    assert!(back_fill > order * 10, "{back_fill:?} {order:?}");
    let later = micros(now, i64::try_from(order.as_micros()).unwrap());
    assert!(pace.take("token", Lane::BackFill, later).await.unwrap().is_some());
    assert_eq!(
        pace.take("token", Lane::Order, later).await.unwrap(),
        None,
        "the wait that was told is enough"
    );
}

async fn budgets_do_not_share(bench: Bench) {
    let pace = &bench.state.pace;
    while pace.take("one", Lane::Order, bench.now()).await.unwrap().is_none() {}
    assert_eq!(pace.take("two", Lane::Order, bench.now()).await.unwrap(), None);
}

#[tokio::test]
async fn both_engines_answer_the_same_to_the_same_calls() {
    let (memory, redis) = (Bench::memory().await, Bench::redis().await);
    let mut random = Seeded(23);
    let mut now = memory.now();
    let (mut gone, mut waited) = (0, 0);
    for step in 0..20_000 {
        let lane = Lane::ALL[usize::try_from(random.below(4)).unwrap()];
        let answer = memory.state.pace.take("token", lane, now).await.unwrap();
        assert_eq!(redis.state.pace.take("token", lane, now).await.unwrap(), answer, "{step}: {lane:?}");
        if answer.is_none() {
            gone += 1;
        } else {
            waited += 1;
        }
        let pause = if random.one_in(500) { 20_000_000 } else { 60_000 };
        now = micros(now, i64::try_from(random.below(pause)).unwrap());
        if random.one_in(4000) {
            // A clock that goes back far, and one that goes back a little.
            now = micros(now, -i64::try_from(random.below(300_000_000)).unwrap());
        }
    }
    assert!(gone > 1000 && waited > 1000, "{gone} {waited}");
}
