//! Two workers on one store.

use shopbeat_sandbox::seed::Seeded;
use shopbeat_tests::{LONG, Plan, Process, SHORT, World, seed, until};

async fn holder(world: &mut World) -> String {
    world.store("fjeld").await.worker
}

async fn holder_is_another(world: &mut World, before: &str) -> String {
    until("another worker has the store", SHORT, async || {
        let now = holder(world).await;
        if !now.is_empty() && now != before { Ok(now) } else { Err(format!("{now:?} has it")) }
    })
    .await
}

fn jobs_done(worker: &Process) -> usize {
    worker.log().lines().filter(|line| line.contains("job done")).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_workers_on_one_store_one_works_and_the_other_takes_over_at_once() {
    let mut world = World::start(Plan::new(111).on_redis()).await;
    world.connect("fjeld").await;
    world.start_worker("fjeld");
    let first = holder_is_another(&mut world, "").await;
    let second = world.service.worker("fjeld");
    world.buy_many("fjeld", 30);
    world.settled("fjeld", LONG).await;
    assert_eq!(holder(&mut world).await, first);
    assert!(jobs_done(&world.workers["fjeld"]) >= 30);
    assert_eq!(jobs_done(&second), 0, "{}", second.log());

    let status = world.workers.get_mut("fjeld").unwrap().terminate().await;
    assert!(status.success(), "{status}");
    world.workers.insert("fjeld".to_owned(), second);
    holder_is_another(&mut world, &first).await;
    world.buy_many("fjeld", 10);
    world.finish(LONG).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_stopped_past_its_lease_and_woken_does_no_harm() {
    let seed = seed(112);
    let mut draw = Seeded::labelled(seed, "stops");
    let mut world = World::start(Plan::new(seed).on_redis()).await;
    world.connect("fjeld").await;
    world.start_worker("fjeld");
    let mut holding = holder_is_another(&mut world, "").await;
    for _ in 0..4 {
        world.buy_many("fjeld", 20);
        world.rackbeat().clear_calls();
        let wanted = 10 + usize::try_from(draw.below(40)).unwrap();
        until("the worker is at it", LONG, async || {
            let seen = world.rackbeat().calls().len();
            if seen >= wanted { Ok(()) } else { Err(format!("{seen} of {wanted} calls")) }
        })
        .await;
        let mut stopped = world.workers.remove("fjeld").unwrap();
        stopped.signal("STOP");
        world.start_worker("fjeld");
        holding = holder_is_another(&mut world, &holding).await;
        // Woken while the other is at the very same orders.
        stopped.signal("CONT");
        world.settled("fjeld", LONG).await;
        world.check("fjeld").await;
        assert_eq!(holder(&mut world).await, holding);
        assert!(stopped.terminate().await.success());
    }
    world.finish(LONG).await;
}
