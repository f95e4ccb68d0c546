//! Who may change a store, what it says it wants, and how it leaves.

use super::leaving::assert_forgotten;
use super::*;

#[tokio::test(start_paused = true)]
async fn what_a_custom_resource_manages_only_it_may_change() {
    let world = unconnected().await;
    let request = ConnectRequest { managed_by: kubernetes("acme"), ..world.request(settings()) };
    world.connector.connect(request.clone()).await.unwrap();
    let by_api = world.connector.connect(world.request(settings())).await.unwrap_err();
    assert_eq!(reason(&by_api), "STORE_MANAGED_ELSEWHERE");
    let told = by_api.to_string();
    assert!(told.contains("ShopifyStore shops/acme"), "{told}");
    assert!(told.contains("`kubectl -n shops edit shopifystore acme`"), "{told}");
    let twin = ConnectRequest { managed_by: kubernetes("twin"), ..request.clone() };
    assert_eq!(reason(&world.connector.connect(twin).await.unwrap_err()), "STORE_MANAGED_ELSEWHERE");
    for answer in [world.connector.pause(&world.id).await, world.connector.resume(&world.id).await] {
        assert_eq!(reason(&answer.unwrap_err()), "STORE_MANAGED_ELSEWHERE");
    }
    let change = Change { desired: Some(Desired::Paused), ..Change::default() };
    for by in [ManagedBy::Api, kubernetes("twin"), made_again("acme")] {
        let updated = world.connector.update(&world.id, &by, &settings(), change).await;
        assert_eq!(reason(&updated.unwrap_err()), "STORE_MANAGED_ELSEWHERE", "{by:?}");
        let ended = world.connector.disconnect_by(&world.id, &by).await;
        assert_eq!(reason(&ended.unwrap_err()), "STORE_MANAGED_ELSEWHERE", "{by:?}");
    }
    assert_connected(&world, "secret", "unchanged").await;
    let own = kubernetes("acme");
    let updated = world.connector.update(&world.id, &own, &settings(), change).await.unwrap();
    assert_eq!((updated.store.desired, updated.changed.len()), (Desired::Paused, 0));
    let again = world.connector.connect(request).await.unwrap().store;
    assert_eq!(again.desired, Desired::Paused, "what is not said stays");
    assert_eq!(world.connector.disconnect_by(&world.id, &own).await.unwrap(), [""; 0]);
    assert_forgotten(&world, "by its owner").await;
}

/// The resource of this name, deleted and made again.
fn made_again(name: &str) -> ManagedBy {
    ManagedBy::Kubernetes { namespace: "shops".to_owned(), name: name.to_owned(), uid: "8".to_owned() }
}

#[tokio::test(start_paused = true)]
async fn a_resource_takes_over_what_the_api_connected_and_one_that_was_made_again_what_it_had() {
    let world = WorldBuilder::default().build().await;
    let by = |managed_by: ManagedBy| ConnectRequest { managed_by, ..world.request(settings()) };
    // It is not its own before it has connected it.
    let change = Change { desired: Some(Desired::Paused), ..Change::default() };
    let early =
        world.connector.update(&world.id, &kubernetes("acme"), &settings(), change).await.unwrap_err();
    assert_eq!(reason(&early), "STORE_MANAGED_ELSEWHERE");
    assert!(early.to_string().contains("through the API"), "{early}");
    let taken = world.connector.connect(by(kubernetes("acme"))).await.unwrap();
    assert_eq!(taken.store.managed_by, kubernetes("acme"));
    let told = |connected: &Connected| {
        connected.warnings.iter().filter(|warning| warning.contains("ShopifyStore shops/acme")).count()
    };
    assert_eq!(told(&taken), 1, "{:?}", taken.warnings);
    let again = world.connector.connect(by(made_again("acme"))).await.unwrap();
    assert_eq!((again.store.managed_by.clone(), told(&again)), (made_again("acme"), 0));
    let old = world.connector.disconnect_by(&world.id, &kubernetes("acme")).await.unwrap_err();
    assert_eq!(
        reason(&old),
        "STORE_MANAGED_ELSEWHERE",
        "the one that was deleted has nothing to say any more"
    );
    world.connector.disconnect_by(&world.id, &made_again("acme")).await.unwrap();
    let free = world.connector.connect(by(ManagedBy::Api)).await.unwrap();
    assert_eq!(free.store.managed_by, ManagedBy::Api, "a disconnected store is anybody's");
}

#[tokio::test(start_paused = true)]
async fn what_the_owner_wants_can_be_said_with_the_connect_and_billing_is_told() {
    let world = unconnected().await;
    let by = |desired| ConnectRequest { desired, ..world.request(settings()) };
    assert_eq!(world.connector.connect(by(None)).await.unwrap().store.desired, Desired::Running);
    let stopped = world.connector.connect(by(Some(Desired::Stopped))).await.unwrap().store;
    assert!(stopped.desired == Desired::Stopped && !crate::worker::wants_worker(&stopped));
    let change = Change { desired: Some(Desired::Running), ..Change::default() };
    let resumed = world.connector.update(&world.id, &ManagedBy::Api, &settings(), change).await.unwrap();
    assert_eq!((resumed.store.desired, resumed.changed.len()), (Desired::Running, 0));
    let again = world.connector.update(&world.id, &ManagedBy::Api, &settings(), change).await.unwrap();
    assert_eq!(again.store.revision, resumed.store.revision, "the same again is no change");
    let events = world.raw.billing.entries(&nordlys()).await.unwrap();
    let events: Vec<&str> = events.iter().map(|entry| entry.event.name()).collect();
    assert_eq!(events, ["connected", "paused", "resumed"]);
}

#[tokio::test(start_paused = true)]
async fn a_store_leaves_however_long_its_remotes_take_and_its_worker_gives_the_lease_back() {
    let world = WorldBuilder::default().build().await;
    let working = world.work();
    world.until("the worker has it", async || world.holder().await.is_some()).await;
    for call in ["shop.unsubscribe", "erp.unsubscribe"] {
        world.hooks.trouble(call, 0, 1, Trouble::Slow(Duration::from_secs(3600)));
    }
    let asked = world.ports.now();
    let left = world.connector.disconnect(&world.id).await.unwrap();
    let took = world.ports.now().duration_since(asked).unsigned_abs();
    assert!(took <= 2 * limits::LEAVE_PATIENCE + Duration::from_secs(5), "{took:?}");
    assert!(left.len() == 2 && left.iter().all(|what| what.contains("did not answer in time")), "{left:?}");
    assert_forgotten(&world, "slow").await;
    world.until("the lease is free", async || world.holder().await.is_none()).await;
    working.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_store_that_takes_the_agreement_up_while_the_last_one_leaves_keeps_its_token_and_webhooks() {
    let world = WorldBuilder::default().build().await;
    world.hooks.trouble("erp.unsubscribe", 0, 1, Trouble::Slow(Duration::from_secs(5)));
    let request = ConnectRequest { managed_by: kubernetes("acme"), ..world.request(settings()) };
    let connecting = async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        world.connector.connect(request).await.unwrap();
    };
    let (left, ()) = tokio::join!(world.connector.disconnect(&world.id), connecting);
    assert_eq!(left.unwrap(), [""; 0]);
    assert_connected(&world, "secret", "meanwhile").await;
}

#[tokio::test(start_paused = true)]
async fn a_topic_that_the_shop_refuses_is_told_and_all_of_them_are_an_error() {
    let world = unconnected().await;
    let refused = ("orders/paid".to_owned(), "no access".to_owned());
    world.shop.refused_topics.lock().unwrap().push(refused);
    let connected = world.connector.connect(world.request(settings())).await.unwrap();
    let told = connected.warnings.iter().any(|told| told.contains("orders/paid (no access)"));
    assert!(told, "{:?}", connected.warnings);
    *world.shop.takes_topics.lock().unwrap() = false;
    let problem = world.connector.connect(world.request(settings())).await.unwrap_err();
    assert_eq!(reason(&problem), "WEBHOOKS_REFUSED");
    assert!(problem.to_string().contains("no access"), "{problem}");
}
