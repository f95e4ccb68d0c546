use shopbeat_domain::ids::DeliveryId;
use shopbeat_domain::job::{JobPhase, Outcome};
use shopbeat_domain::limits::DELIVERY_MEMORY;
use shopbeat_domain::ports::Received;

use crate::bench::{Bench, done, on_every_engine, order, store};

on_every_engine!(
    second_delivery_of_the_same_event_is_answered_and_dropped,
    a_delivery_of_another_store_is_another_delivery,
    a_new_delivery_about_a_settled_order_runs_it_again_and_counts_it_once,
);

fn delivery(text: &str) -> DeliveryId {
    DeliveryId::parse(text).unwrap()
}

async fn second_delivery_of_the_same_event_is_answered_and_dropped(bench: Bench) {
    let inbox = &bench.state.inbox;
    let first = inbox.receive(&store(), &delivery("d1"), &order(1), bench.now()).await.unwrap();
    assert_eq!(first, Received::Queued);
    let claim = bench.claim().await.unwrap();
    bench.settle(&claim, done(Outcome::Transferred)).await;
    // The very last moment at which it must be remembered.
    let memory = i64::try_from(DELIVERY_MEMORY.as_secs()).unwrap();
    bench.advance(memory - 1);
    let second = inbox.receive(&store(), &delivery("d1"), &order(1), bench.now()).await.unwrap();
    assert_eq!(second, Received::Repeat);
    assert!(bench.claim().await.is_none());
    assert_eq!(bench.ledger().await.iter().map(|row| row.seen).sum::<u64>(), 1);
}

async fn a_delivery_of_another_store_is_another_delivery(bench: Bench) {
    let other = shopbeat_domain::ids::StoreId::parse("acme-oslo").unwrap();
    for store in [store(), other.clone()] {
        let received =
            bench.state.inbox.receive(&store, &delivery("d1"), &order(1), bench.now()).await.unwrap();
        assert_eq!(received, Received::Queued);
    }
    assert_eq!(bench.state.jobs.counts(&other).await.unwrap().ready, 1);
    assert_eq!(bench.state.jobs.counts(&store()).await.unwrap().ready, 1);
}

async fn a_new_delivery_about_a_settled_order_runs_it_again_and_counts_it_once(bench: Bench) {
    for text in ["d1", "d2"] {
        let received =
            bench.state.inbox.receive(&store(), &delivery(text), &order(1), bench.now()).await.unwrap();
        assert_eq!(received, Received::Queued);
        let claim = bench.claim().await.unwrap();
        bench.settle(&claim, done(Outcome::Transferred)).await;
    }
    assert_eq!(bench.columns().await, [("transferred".to_owned(), 1)]);
    let record = bench.state.jobs.job(&store(), &order(1).subject).await.unwrap().unwrap();
    assert_eq!((record.phase, record.settled), (JobPhase::Idle, 2));
}
