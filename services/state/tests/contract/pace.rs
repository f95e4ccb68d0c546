use jiff::{SignedDuration, Timestamp};
use shopbeat_domain::job::Lane;
use shopbeat_domain::limits::{RACKBEAT_BURST, RACKBEAT_PER_MINUTE};

use crate::bench::{Bench, on_every_engine};
use crate::random::Seeded;

on_every_engine!(
    no_sliding_minute_ever_sees_more_than_the_limit,
    back_fill_leaves_room_for_orders,
    budgets_do_not_share,
);

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
