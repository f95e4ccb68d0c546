//! What a disconnect forgets, whatever goes wrong on the way.

use super::*;

pub(super) async fn assert_forgotten(world: &World, what: &str) {
    let store = world.raw.registry.store(&world.id).await.unwrap().unwrap();
    assert!(store.disconnected_at.is_some() && !crate::worker::wants_worker(&store), "{what}");
    assert_eq!(store_secret(world, secret::CLIENT_ID).await, None, "{what}");
    assert_eq!(store_secret(world, secret::LEGACY_TOKEN).await, None, "{what}");
    let signs = store_secret(world, secret::CLIENT_SECRET).await;
    assert_eq!(signs.as_deref(), Some("secret"), "{what}: privacy webhooks still come");
    for field in world.connector.agreement_secrets() {
        assert_eq!(agreement_secret(world, &field).await, None, "{what}: {field}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_disconnected_store_is_forgotten_and_with_the_last_one_its_agreements_token() {
    let world = WorldBuilder::default().build().await;
    let second = world.add_shop("beta.myshopify.com");
    let request = ConnectRequest { shop: second.domain.clone(), ..world.request(settings()) };
    let beta = world.connector.connect(request).await.unwrap().store.id;
    assert_eq!(world.connector.disconnect(&beta).await.unwrap(), [""; 0]);
    assert_eq!(*second.subscribed.lock().unwrap(), None);
    assert_connected_still(&world).await;
    assert_eq!(world.connector.disconnect(&world.id).await.unwrap(), [""; 0]);
    assert_forgotten(&world, "the last").await;
    assert_eq!(*world.shop.subscribed.lock().unwrap(), None);
    assert_eq!(world.erp.books.lock().unwrap().subscriptions, []);
    let again = world.connector.disconnect(&world.id).await.unwrap_err();
    assert_eq!(again, Problem::Unknown { what: "store", name: "acme".to_owned() });
    assert_eq!(world.connector.pause(&world.id).await.unwrap_err(), again);
}

async fn assert_connected_still(world: &World) {
    assert_eq!(agreement_secret(world, secret::RACKBEAT_TOKEN).await.as_deref(), Some("token"));
    assert_eq!(world.erp.books.lock().unwrap().subscriptions.len(), RACKBEAT_EVENTS.len() + 1);
    assert!(world.shop.subscribed.lock().unwrap().is_some());
}

#[tokio::test(start_paused = true)]
async fn a_store_is_disconnected_even_if_neither_side_lets_us_in_and_what_was_left_there_is_told() {
    let world = WorldBuilder::default().build().await;
    for call in ["shop.unsubscribe", "erp.unsubscribe"] {
        world.hooks.trouble(call, 0, 1, Trouble::Fails(FailureKind::Unauthorized(Some(Hold::Uninstalled))));
    }
    let left = world.connector.disconnect(&world.id).await.unwrap();
    assert_eq!(left.len(), 2, "{left:?}");
    assert!(left[0].contains("acme.myshopify.com") && left[1].contains(NORDLYS), "{left:?}");
    assert_forgotten(&world, "not let in").await;
}

#[tokio::test(start_paused = true)]
async fn any_call_may_go_wrong_and_disconnecting_again_forgets_everything() {
    let clean = WorldBuilder::default().build().await;
    let first = clean.hooks.calls().len();
    clean.connector.disconnect(&clean.id).await.unwrap();
    let calls = clean.hooks.calls().len();
    assert!(calls > first + 6, "{:?}", clean.hooks.calls());
    for at in first..calls {
        for mishap in Mishap::ALL {
            let world = WorldBuilder::default().build().await;
            world.hooks.plan(at, mishap);
            for _ in 0..2 {
                tokio::select! {
                    answer = world.connector.disconnect(&world.id) => match answer {
                        Ok(_) | Err(Problem::Unknown { .. } | Problem::Failed { .. }) => {}
                        Err(other) => panic!("{mishap:?}: {other:?}"),
                    },
                    () = world.hooks.crashed() => {}
                }
            }
            let what = format!("{mishap:?} at {:?}", world.hooks.calls().get(at));
            assert_forgotten(&world, &what).await;
        }
    }
}
