use std::time::Duration;

use shopbeat_domain::ids::OrderId;
use shopbeat_domain::job::{
    Claim, IgnoreRule, JobCounts, JobPhase, JobRecord, Lane, Offer, Outcome, Settled, Subject, Verdict,
};

use crate::bench::{Bench, HOLD, after, done, on_every_engine, order, park, parked, store};

on_every_engine!(
    jobs_come_by_lane_then_ahead_then_oldest,
    of_many_workers_at_once_each_job_goes_to_one,
    a_ready_job_offered_ahead_moves_ahead_and_stays_one_job,
    an_event_during_the_work_runs_the_job_again,
    a_job_is_taken_back_from_a_dead_holder_and_keeps_its_place,
    an_extended_claim_is_not_taken_back,
    force_stays_until_the_job_is_done,
    a_job_that_is_put_off_is_not_ahead_any_more,
    strikes_and_parkings_count_in_a_row,
    a_watermark_moves_with_its_offers_and_never_back,
    a_sweep_drops_what_was_settled_at_that_version,
    a_sweep_leaves_parked_jobs_alone_and_an_event_puts_them_back,
    a_parked_job_is_retried_when_it_is_due,
    an_event_during_work_that_ends_parked_queues_it_again,
    a_delayed_job_comes_back_when_it_is_due,
    parked_jobs_are_listed_page_by_page_with_their_reason,
    the_next_due_time_is_the_earliest_of_all,
    a_wait_ends_with_an_offer_even_one_from_before,
    ignored_orders_are_counted_by_their_rule_and_runs_not_at_all,
);

impl Bench {
    async fn order_claimed(&self) -> Option<u64> {
        match self.claim().await?.subject {
            Subject::Order(OrderId(id)) => Some(id),
            Subject::InitialSync(_) | Subject::Replay(_) | Subject::Stock | Subject::Products => Some(0),
        }
    }

    async fn record(&self, id: u64) -> JobRecord {
        self.state.jobs.job(&store(), &Subject::Order(OrderId(id))).await.unwrap().unwrap()
    }

    async fn extend(&self, claim: &Claim) -> bool {
        self.state.jobs.extend(claim, HOLD, self.now()).await.unwrap()
    }

    async fn counts(&self) -> JobCounts {
        self.state.jobs.counts(&store()).await.unwrap()
    }
}

async fn jobs_come_by_lane_then_ahead_then_oldest(bench: Bench) {
    bench.offer(Offer::initial_sync("r1")).await;
    for id in 1..=3 {
        bench.offer(order(id)).await;
    }
    let waiting = bench.offer(Offer { ahead: true, ..order(4) }).await;
    assert_eq!(waiting, 5);
    bench.offer(Offer { lane: Lane::Stock, ahead: true, ..order(5) }).await;
    let mut order_of_claims = Vec::new();
    while let Some(id) = bench.order_claimed().await {
        order_of_claims.push(id);
    }
    assert_eq!(order_of_claims, [4, 1, 2, 3, 5, 0]);
}

async fn of_many_workers_at_once_each_job_goes_to_one(bench: Bench) {
    let offers: Vec<Offer> = (1..=40).map(order).collect();
    bench.state.jobs.offer(&store(), &offers, None, bench.now()).await.unwrap();
    let mut workers = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (jobs, now) = (bench.state.jobs.clone(), bench.now());
        workers.spawn(async move {
            let mut claims = Vec::new();
            while let Some(claim) = jobs.claim(&store(), &Lane::ALL, HOLD, now).await.unwrap() {
                claims.push((claim.subject.to_string(), claim.fence));
                jobs.settle(&claim, &done(Outcome::Transferred), None, false, now).await.unwrap();
            }
            claims
        });
    }
    let claims: Vec<(String, u64)> = workers.join_all().await.into_iter().flatten().collect();
    let subjects: std::collections::BTreeSet<_> = claims.iter().map(|(subject, _)| subject).collect();
    let fences: std::collections::BTreeSet<_> = claims.iter().map(|(_, fence)| fence).collect();
    assert_eq!((claims.len(), subjects.len(), fences.len()), (40, 40, 40));
    assert_eq!(bench.columns().await, [("transferred".to_owned(), 40)]);
}

async fn a_ready_job_offered_ahead_moves_ahead_and_stays_one_job(bench: Bench) {
    bench.offer(order(1)).await;
    bench.offer(order(2)).await;
    let waiting = bench.offer(Offer { ahead: true, ..order(2) }).await;
    assert_eq!(waiting, 2);
    // An offer without haste does not move it back.
    bench.offer(order(2)).await;
    assert_eq!(bench.order_claimed().await, Some(2));
    assert_eq!(bench.order_claimed().await, Some(1));
    assert_eq!(bench.order_claimed().await, None);
}

async fn an_event_during_the_work_runs_the_job_again(bench: Bench) {
    bench.offer(order(1)).await;
    let claim = bench.claim().await.unwrap();
    bench.offer(order(1)).await;
    assert!(bench.claim().await.is_none(), "one subject is worked on once at a time");
    assert_eq!(bench.settle(&claim, done(Outcome::Transferred)).await, Settled::Again);
    assert_eq!(bench.columns().await, [("transferred".to_owned(), 1)]);
    let again = bench.claim().await.unwrap();
    assert!(again.fence > claim.fence);
    assert_eq!(bench.settle(&again, done(Outcome::Transferred)).await, Settled::Stands);
    assert!(bench.claim().await.is_none());
    assert_eq!(bench.record(1).await.settled, 2);
}

async fn a_job_is_taken_back_from_a_dead_holder_and_keeps_its_place(bench: Bench) {
    bench.offer(order(1)).await;
    let dead = bench.claim().await.unwrap();
    bench.offer(order(2)).await;
    bench.advance(29);
    assert_eq!(bench.order_claimed().await, Some(2));
    bench.offer(order(3)).await;
    bench.advance(1);
    let second = bench.claim().await.unwrap();
    assert_eq!(second.subject, dead.subject, "it is older than order 3");
    assert!(second.fence > dead.fence);
    assert_eq!(second.first_seen, dead.first_seen);
    // The dead one wakes up.
    assert!(!bench.extend(&dead).await);
    assert_eq!(bench.settle(&dead, done(Outcome::Transferred)).await, Settled::Fenced);
    assert_eq!(bench.record(1).await.outcome, Outcome::Pending);
    assert_eq!(bench.record(1).await.settled, 0);
    assert!(bench.extend(&second).await);
    assert_eq!(bench.settle(&second, done(Outcome::Transferred)).await, Settled::Stands);
}

async fn an_extended_claim_is_not_taken_back(bench: Bench) {
    bench.offer(order(1)).await;
    let claim = bench.claim().await.unwrap();
    for _ in 0..3 {
        bench.advance(20);
        assert!(bench.extend(&claim).await);
        assert!(bench.claim().await.is_none());
    }
    assert_eq!(bench.settle(&claim, done(Outcome::Transferred)).await, Settled::Stands);
    assert!(!bench.extend(&claim).await, "a settled claim is over");
}

async fn a_job_that_is_put_off_is_not_ahead_any_more(bench: Bench) {
    bench.offer(Offer { ahead: true, ..order(1) }).await;
    bench.offer(order(2)).await;
    let claim = bench.claim().await.unwrap();
    assert_eq!(claim.subject, order(1).subject);
    bench.settle(&claim, Verdict::Later { at: bench.now(), strike: false }).await;
    assert_eq!(bench.claim().await.unwrap().subject, order(2).subject, "others have their turn");
    assert_eq!(bench.claim().await.unwrap().subject, order(1).subject);
}

async fn force_stays_until_the_job_is_done(bench: Bench) {
    bench.offer(order(1)).await;
    bench.offer(Offer { force: true, ..order(1) }).await;
    let claim = bench.claim().await.unwrap();
    assert!(claim.force);
    bench.settle(&claim, Verdict::Later { at: bench.now(), strike: false }).await;
    let claim = bench.claim().await.unwrap();
    assert!(claim.force, "a delay does not end it");
    let again = Some(after(bench.now(), 60));
    bench
        .settle(&claim, Verdict::Done { outcome: Outcome::Transferred, version: None, again_at: again })
        .await;
    bench.advance(60);
    let claim = bench.claim().await.unwrap();
    assert!(!claim.force, "what was asked for is done; it is only looked at again");
}

async fn strikes_and_parkings_count_in_a_row(bench: Bench) {
    bench.offer(order(1)).await;
    let now = bench.now();
    let later = |strike| Verdict::Later { at: now, strike };
    let steps = [
        (later(true), (1, 0)),
        (later(false), (1, 0)),
        (later(true), (2, 0)),
        (parked(now, Some(now)), (0, 1)),
        (later(true), (1, 1)),
        (parked(now, Some(now)), (0, 2)),
        (Verdict::Done { outcome: Outcome::Pending, version: None, again_at: Some(now) }, (0, 0)),
    ];
    for (verdict, expected) in steps {
        let claim = bench.claim().await.unwrap();
        bench.settle(&claim, verdict.clone()).await;
        let next = bench.claim().await.unwrap();
        assert_eq!((next.strikes, next.parkings), expected, "after {verdict:?}");
        // Give it back for the next step, as a worker that stopped would.
        bench.advance(30);
    }
}

async fn a_watermark_moves_with_its_offers_and_never_back(bench: Bench) {
    let (jobs, marks) = (&bench.state.jobs, &bench.state.watermarks);
    assert_eq!(marks.watermark(&store(), "orders").await.unwrap(), None);
    let (early, late) = (bench.now(), after(bench.now(), 60));
    jobs.offer(&store(), &[order(1), order(2)], Some(("orders", late)), bench.now()).await.unwrap();
    assert_eq!(marks.watermark(&store(), "orders").await.unwrap(), Some(late));
    assert_eq!(bench.counts().await.ready, 2);
    jobs.offer(&store(), &[], Some(("orders", early)), bench.now()).await.unwrap();
    assert_eq!(marks.watermark(&store(), "orders").await.unwrap(), Some(late));
    assert_eq!(marks.watermark(&store(), "other").await.unwrap(), None);
}

async fn a_sweep_drops_what_was_settled_at_that_version(bench: Bench) {
    let version = bench.now();
    for again_at in [None, Some(after(version, 3600))] {
        bench.offer(order(1)).await;
        let claim = bench.claim().await.unwrap();
        let verdict = Verdict::Done { outcome: Outcome::Transferred, version: Some(version), again_at };
        bench.settle(&claim, verdict).await;
        for old in [version, after(version, -1)] {
            assert_eq!(bench.offer(Offer::swept(OrderId(1), old)).await, 0);
        }
        assert!(bench.claim().await.is_none());
    }
    assert_eq!(bench.record(1).await.version, Some(version));
    assert_eq!(bench.offer(Offer::swept(OrderId(1), after(version, 1))).await, 1);
}

async fn a_sweep_leaves_parked_jobs_alone_and_an_event_puts_them_back(bench: Bench) {
    bench.offer(order(1)).await;
    let claim = bench.claim().await.unwrap();
    bench.settle(&claim, parked(bench.now(), None)).await;
    assert_eq!(bench.columns().await, [("parked".to_owned(), 1)]);
    bench.offer(Offer::swept(OrderId(1), after(bench.now(), 5))).await;
    bench.advance(100 * 24 * 3600);
    assert!(bench.claim().await.is_none(), "it waits for a person");
    assert_eq!(bench.counts().await, JobCounts { parked: 1, ..JobCounts::default() });
    bench.offer(order(1)).await;
    assert_eq!(bench.columns().await, [("pending".to_owned(), 1)]);
    assert_eq!(bench.record(1).await.park, None);
    assert_eq!(bench.order_claimed().await, Some(1));
    assert_eq!(bench.counts().await, JobCounts { claimed: 1, ..JobCounts::default() });
}

async fn a_parked_job_is_retried_when_it_is_due(bench: Bench) {
    bench.offer(order(1)).await;
    let claim = bench.claim().await.unwrap();
    bench.settle(&claim, parked(bench.now(), Some(after(bench.now(), 900)))).await;
    bench.advance(899);
    assert!(bench.claim().await.is_none());
    assert_eq!(bench.columns().await, [("parked".to_owned(), 1)]);
    bench.advance(1);
    let claim = bench.claim().await.unwrap();
    assert_eq!(claim.parkings, 1);
    assert_eq!(bench.columns().await, [("pending".to_owned(), 1)]);
    bench.settle(&claim, done(Outcome::Transferred)).await;
    assert_eq!(bench.columns().await, [("transferred".to_owned(), 1)]);
}

async fn an_event_during_work_that_ends_parked_queues_it_again(bench: Bench) {
    bench.offer(order(1)).await;
    let claim = bench.claim().await.unwrap();
    bench.offer(order(1)).await;
    assert_eq!(bench.settle(&claim, parked(bench.now(), None)).await, Settled::Again);
    assert_eq!(bench.columns().await, [("pending".to_owned(), 1)]);
    assert_eq!(bench.record(1).await.phase, JobPhase::Ready);
    assert!(bench.state.jobs.parked(&store(), None, 10).await.unwrap().is_empty());
    assert_eq!(bench.claim().await.unwrap().parkings, 1);
}

async fn a_delayed_job_comes_back_when_it_is_due(bench: Bench) {
    bench.offer(order(1)).await;
    let claim = bench.claim().await.unwrap();
    let at = after(bench.now(), 60);
    assert_eq!(bench.settle(&claim, Verdict::Later { at, strike: false }).await, Settled::Stands);
    assert_eq!(bench.counts().await.delayed, 1);
    bench.advance(59);
    assert!(bench.claim().await.is_none());
    bench.advance(1);
    assert_eq!(bench.order_claimed().await, Some(1));
}

async fn parked_jobs_are_listed_page_by_page_with_their_reason(bench: Bench) {
    let since = bench.now();
    for id in [30, 10, 20] {
        bench.offer(order(id)).await;
        let claim = bench.claim().await.unwrap();
        bench.settle(&claim, parked(since, None)).await;
    }
    let jobs = &bench.state.jobs;
    let first = jobs.parked(&store(), None, 2).await.unwrap();
    let ids: Vec<String> = first.iter().map(|record| record.subject.to_string()).collect();
    assert_eq!(ids, ["order:10", "order:20"]);
    assert_eq!(first[0].park, Some(park(since, None)));
    assert_eq!((first[0].phase, first[0].outcome), (JobPhase::Parked, Outcome::Parked));
    let rest = jobs.parked(&store(), Some("order:20"), 2).await.unwrap();
    assert_eq!(rest.len(), 1);
    assert_eq!(rest[0].subject.to_string(), "order:30");
    // A store of which the name begins alike has nothing to do with it.
    let other = shopbeat_domain::ids::StoreId::parse("acme-2").unwrap();
    assert!(jobs.parked(&other, None, 10).await.unwrap().is_empty());
}

async fn the_next_due_time_is_the_earliest_of_all(bench: Bench) {
    let jobs = &bench.state.jobs;
    let start = bench.now();
    assert_eq!(jobs.next_due(&store()).await.unwrap(), None);
    for (id, verdict) in [
        (1, parked(start, None)),
        (2, parked(start, Some(after(start, 900)))),
        (3, Verdict::Later { at: after(start, 60), strike: false }),
    ] {
        bench.offer(order(id)).await;
        assert_eq!(jobs.next_due(&store()).await.unwrap(), Some(bench.now()), "a ready job is due now");
        let claim = bench.claim().await.unwrap();
        bench.settle(&claim, verdict).await;
    }
    assert_eq!(jobs.next_due(&store()).await.unwrap(), Some(after(start, 60)));
    bench.offer(order(4)).await;
    bench.claim().await.unwrap();
    assert_eq!(jobs.next_due(&store()).await.unwrap(), Some(after(start, 30)), "a claim may run out");
}

async fn a_wait_ends_with_an_offer_even_one_from_before(bench: Bench) {
    let jobs = &bench.state.jobs;
    let long = Duration::from_secs(60);
    let deadline = Duration::from_secs(15);
    // The offer came after the worker looked and before it waited.
    bench.offer(order(1)).await;
    tokio::time::timeout(deadline, jobs.wait(&store(), long))
        .await
        .expect("the offer is not missed")
        .unwrap();
    let acme = store();
    let waiting = jobs.wait(&acme, long);
    let offering = async {
        tokio::task::yield_now().await;
        bench.offer(order(2)).await
    };
    let (waited, _) =
        tokio::time::timeout(deadline, async { tokio::join!(waiting, offering) }).await.unwrap();
    waited.unwrap();
    // A dropped wait swallows nothing.
    assert!(tokio::time::timeout(Duration::from_millis(1), jobs.wait(&store(), long)).await.is_err());
    bench.offer(order(3)).await;
    tokio::time::timeout(deadline, jobs.wait(&store(), long))
        .await
        .expect("the offer is not missed")
        .unwrap();
    // Nothing comes: it ends all the same.
    jobs.wait(&store(), Duration::from_millis(10)).await.unwrap();
}

async fn ignored_orders_are_counted_by_their_rule_and_runs_not_at_all(bench: Bench) {
    bench.offer(Offer::initial_sync("r1")).await;
    bench.offer(order(1)).await;
    bench.advance(3600);
    bench.offer(order(2)).await;
    for _ in 0..3 {
        let claim = bench.claim().await.unwrap();
        bench.settle(&claim, done(Outcome::Ignored(IgnoreRule::BeforeStart))).await;
    }
    let rows = bench.ledger().await;
    assert_eq!(rows.len(), 2);
    assert!(rows[0].hour < rows[1].hour);
    for row in rows {
        assert_eq!((row.seen, row.outcomes), (1, vec![("ignored:before_start".to_owned(), 1)]));
    }
}
