use shopbeat_domain::ids::OrderId;
use shopbeat_domain::job::{JobPhase, Lane, Offer, Outcome, Settled, Subject, Verdict};

use crate::bench::{Bench, HOLD, after, done, on_every_engine, order, store};

on_every_engine!(
    only_the_lanes_that_are_asked_for_are_claimed_and_others_stay_where_they_are,
    what_is_due_becomes_ready_whatever_lane_is_asked_for,
    stock_and_products_are_jobs_like_others,
    a_watermark_is_moved_alone_and_never_back,
);

impl Bench {
    async fn of(&self, lanes: &[Lane]) -> Option<String> {
        let claim = self.state.jobs.claim(&store(), lanes, HOLD, self.now()).await.unwrap();
        claim.map(|claim| claim.subject.to_string())
    }
}

async fn only_the_lanes_that_are_asked_for_are_claimed_and_others_stay_where_they_are(bench: Bench) {
    for offer in [Offer::initial_sync("r"), order(1), Offer::stock(), Offer::products(), order(2)] {
        bench.offer(offer).await;
    }
    assert_eq!(bench.of(&[]).await, None);
    assert_eq!(bench.of(&[Lane::Product]).await.as_deref(), Some("products:push"));
    assert_eq!(bench.of(&[Lane::Product]).await, None);
    // In their own order, whatever order they are named in.
    assert_eq!(bench.of(&[Lane::BackFill, Lane::Stock]).await.as_deref(), Some("stock:push"));
    bench.offer(Offer { ahead: true, ..order(3) }).await;
    assert_eq!(bench.of(&[Lane::BackFill, Lane::Stock]).await.as_deref(), Some("initial:r"));
    assert_eq!(bench.state.jobs.counts(&store()).await.unwrap().ready, 3);
    for expected in ["order:3", "order:1", "order:2"] {
        assert_eq!(bench.of(&Lane::ALL).await.as_deref(), Some(expected));
    }
    assert_eq!(bench.of(&Lane::ALL).await, None);
}

async fn what_is_due_becomes_ready_whatever_lane_is_asked_for(bench: Bench) {
    bench.offer(order(1)).await;
    let claim = bench.claim().await.unwrap();
    bench.settle(&claim, Verdict::Later { at: after(bench.now(), 5), strike: false }).await;
    bench.offer(order(2)).await;
    bench.claim().await.unwrap();
    bench.advance(30);
    assert_eq!(bench.of(&[Lane::Stock]).await, None);
    assert_eq!(bench.state.jobs.counts(&store()).await.unwrap().ready, 2);
    assert_eq!(bench.of(&[Lane::Order]).await.as_deref(), Some("order:2"), "it kept its place");
    assert_eq!(bench.of(&[Lane::Order]).await.as_deref(), Some("order:1"));
}

async fn stock_and_products_are_jobs_like_others(bench: Bench) {
    for (offer, subject) in [(Offer::stock(), Subject::Stock), (Offer::products(), Subject::Products)] {
        bench.offer(offer.clone()).await;
        bench.offer(offer.clone()).await;
        let claim = bench.claim().await.unwrap();
        assert_eq!((&claim.subject, claim.lane), (&subject, offer.lane));
        bench.offer(offer.clone()).await;
        assert!(bench.claim().await.is_none(), "one job");
        let again_at = Some(after(bench.now(), 60));
        let verdict = Verdict::Done { outcome: Outcome::Transferred, version: None, again_at };
        assert_eq!(bench.settle(&claim, verdict.clone()).await, Settled::Again);
        let again = bench.claim().await.unwrap();
        assert_eq!(bench.settle(&again, verdict).await, Settled::Stands);
        assert!(bench.claim().await.is_none());
        bench.advance(60);
        let due = bench.claim().await.unwrap();
        assert_eq!(due.subject, subject);
        bench.settle(&due, done(Outcome::Transferred)).await;
        let record = bench.state.jobs.job(&store(), &subject).await.unwrap().unwrap();
        assert_eq!(record.phase, JobPhase::Idle);
    }
    assert!(bench.ledger().await.is_empty(), "only orders are counted");
    bench.offer(Offer::order(OrderId(1))).await;
    assert_eq!(bench.columns().await, [("pending".to_owned(), 1)]);
}

async fn a_watermark_is_moved_alone_and_never_back(bench: Bench) {
    let marks = &bench.state.watermarks;
    let (early, late) = (bench.now(), after(bench.now(), 60));
    marks.move_watermark(&store(), "products", early).await.unwrap();
    marks.move_watermark(&store(), "products", late).await.unwrap();
    marks.move_watermark(&store(), "products", early).await.unwrap();
    assert_eq!(marks.watermark(&store(), "products").await.unwrap(), Some(late));
    assert_eq!(marks.watermark(&store(), "orders").await.unwrap(), None);
    assert!(bench.claim().await.is_none());
}
