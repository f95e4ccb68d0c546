//! What can be asked for: an id names one replay for good, and a span must be one that Shopify shows.

use super::*;

#[tokio::test(start_paused = true)]
async fn the_same_id_is_the_same_replay_and_another_one_has_to_wait() {
    let world = world().await;
    put_orders(&world, 1..=2);
    let first = begin(&world.ports, &world.id, &ask(" first ")).await.unwrap();
    assert_eq!(first.id, "first");
    let again = ReplayAsk { from: moment(1), ..ask("first") };
    assert_eq!(begin(&world.ports, &world.id, &again).await.unwrap(), first);
    let refused = begin(&world.ports, &world.id, &ask("second")).await.unwrap_err();
    let Problem::Precondition { reason, message } = refused else { panic!("{refused:?}") };
    assert_eq!(reason, "REPLAY_UNDER_WAY");
    assert!(message.contains("\"first\"") && message.contains("acme"), "{message}");
    assert_eq!(latest(&world.ports, &world.id).await.unwrap(), first);
    let over = end(&world, "first").await;
    assert_eq!(begin(&world.ports, &world.id, &ask("first")).await.unwrap(), over);
    begin(&world.ports, &world.id, &ask("second")).await.unwrap();
    assert_eq!(counts(&end(&world, "second").await), (ReplayPhase::Finished, 2, 2, 0, 0));
    // A text that was used before names what it named then.
    assert_eq!(begin(&world.ports, &world.id, &ask("first")).await.unwrap(), over);
}

#[tokio::test(start_paused = true)]
async fn a_span_that_cannot_stand_is_refused_by_its_field() {
    let world = world().await;
    let now = world.ports.now();
    let day = |days: i64| now - SignedDuration::from_hours(24 * days);
    let try_to = async |id: &str, from, to| {
        let ask = ReplayAsk { id: id.to_owned(), from, to };
        violation(begin(&world.ports, &world.id, &ask).await.unwrap_err())
    };
    assert_eq!(try_to("a\tb", day(1), None).await.0, "id");
    assert_eq!(try_to("", day(1), None).await.0, "id");
    for (from, to, words) in [
        (now, None, "in the future"),
        (day(-1), None, "in the future"),
        (day(1), Some(day(1)), "not before the end"),
        (day(1), Some(day(2)), "not before the end"),
        (day(61), None, "read_all_orders"),
    ] {
        let (field, problem) = try_to("r", from, to).await;
        assert_eq!(field, "from", "{problem}");
        assert!(problem.contains(words), "{problem}");
    }
    assert!(matches!(latest(&world.ports, &world.id).await, Err(Problem::Unknown { what: "replay", .. })));
    let store = world.raw.registry.store(&world.id).await.unwrap().unwrap();
    let scopes = [store.scopes.clone(), vec!["read_all_orders".to_owned()]].concat();
    world.raw.registry.put_store(&Store { scopes, ..store }).await.unwrap();
    let old = ReplayAsk { id: "old".to_owned(), from: day(61), to: Some(day(-1)) };
    let begun = begin(&world.ports, &world.id, &old).await.unwrap();
    assert_eq!((begun.from, begun.to), (day(61), world.ports.now()), "no end lies in the future");
}

#[tokio::test(start_paused = true)]
async fn a_disconnect_ends_the_replay_and_connecting_anew_does_not_go_on_with_it() {
    let world = world().await;
    put_orders(&world, 1..=30);
    miss_everything(&world).await;
    begin(&world.ports, &world.id, &ask("ended")).await.unwrap();
    let working = world.work();
    world.until("it is at it", async || saved(&world, "ended").await.done >= 5).await;
    world.connector.disconnect(&world.id).await.unwrap();
    let ended = saved(&world, "ended").await;
    assert_eq!(
        (ended.phase, ended.failure.as_deref()),
        (ReplayPhase::Failed, Some("the store was disconnected"))
    );
    working.stop().await;
    assert_eq!(notes(&world).await, 0);
    let refused = begin(&world.ports, &world.id, &ask("more")).await;
    assert!(matches!(refused, Err(Problem::Unknown { what: "store", .. })));
    let settings = world.raw.registry.store(&world.id).await.unwrap().unwrap().settings;
    world.connector.connect(world.request(settings)).await.unwrap();
    let working = world.work();
    tokio::time::sleep(Duration::from_secs(3600)).await;
    working.stop().await;
    assert_eq!(saved(&world, "ended").await, ended);
    assert_eq!(counts(&replay(&world, "anew").await), (ReplayPhase::Finished, 30, 30, 0, 0));
}
