use shopbeat_proto::v1::{Store, StoreStatus, WatchStoresResponse};

use super::*;
use crate::carry::owner;
use crate::testing::{World, listed};

const STATUS: &str = "PATCH /apis/shopbeat.dev/v1alpha1/namespaces/shops/shopifystores/oslo/status";
const EVENT: &str = "POST /apis/events.k8s.io/v1/namespaces/shops/events";

async fn look_at(world: &World, resource: &Listed) -> Result<Action, Error> {
    reconcile(Arc::new(resource.clone()), Arc::clone(&world.ctx)).await
}

#[tokio::test]
async fn what_cannot_be_read_is_told_once_and_waits_for_a_change() {
    let mut world = World::answering(|_| 200).await;
    let newer = listed(|object| object["spec"]["state"] = json!("Dreaming"));
    world.tell(&newer);
    assert_eq!(look_at(&world, &newer).await.unwrap(), Action::await_change());
    assert_eq!(world.asked(), [STATUS, EVENT], "nothing else is asked for, and no finalizer set");
    assert_eq!(world.meter(r#"stores{state="Running",ready="False",reason="SpecInvalid"}"#), 1);
    // Our cache shows the status of before for a while, or for ever.
    assert_eq!(look_at(&world, &newer).await.unwrap(), Action::await_change());
    assert_eq!(world.asked(), [""; 0]);
}

#[tokio::test]
async fn a_resource_that_is_gone_when_a_look_ends_leaves_nothing_behind() {
    let mut world = World::answering(|_| 404).await;
    let resource = listed(|object| object["spec"]["state"] = json!("Dreaming"));
    let error = look_at(&world, &resource).await.unwrap_err();
    assert_eq!(after_failure(&resource, &error, &world.ctx), Action::await_change());
    assert!(world.ctx.memories.is_empty(), "{:?}", world.ctx.memories);
    assert_eq!(world.meter(r#"stores{state="Running",ready="False",reason="SpecInvalid"}"#), 0);
    // Another of its name is another.
    world.tell(&listed(|object| object["metadata"]["uid"] = json!("2")));
    look_at(&world, &resource).await.unwrap_err();
    assert!(world.ctx.memories.is_empty(), "{:?}", world.ctx.memories);
}

#[tokio::test]
async fn looks_that_fail_are_made_ever_later() {
    let mut world = World::answering(|_| 500).await;
    let resource = listed(|object| object["spec"]["state"] = json!("Dreaming"));
    world.tell(&resource);
    for failures in 1..=3 {
        let error = look_at(&world, &resource).await.unwrap_err();
        let wanted = Action::requeue(crate::backoff::wait("1", failures));
        assert_eq!(after_failure(&resource, &error, &world.ctx), wanted);
    }
    assert!(!world.ctx.memories.is_empty());
}

#[tokio::test]
async fn a_service_that_is_back_is_asked_at_once_to_disconnect_what_waited_for_it() {
    let mut world = World::answering(|_| 200).await;
    let deleted = listed(|object| {
        object["metadata"]["deletionTimestamp"] = json!("2026-11-24T00:00:00Z");
        object["metadata"]["finalizers"] = json!([FINALIZER]);
    });
    world.tell(&deleted);
    let calls =
        |world: &World| world.meter(r#"service_calls_total{rpc="DisconnectStore",code="unavailable"}"#);
    for _ in 0..3 {
        assert_ne!(look_at(&world, &deleted).await.unwrap(), Action::await_change());
    }
    assert_eq!(calls(&world), 1, "what else wakes us does not hurry the next try");
    let store = Store { id: "acme-oslo".to_owned(), managed_by: Some(owner(&deleted)), ..Store::default() };
    let stores = vec![StoreStatus { store: Some(store), ..StoreStatus::default() }];
    let answer = WatchStoresResponse { stores, gone: Vec::new(), complete: true };
    world.ctx.shelf.take(answer, &mut Vec::new());
    look_at(&world, &deleted).await.unwrap();
    assert_eq!(calls(&world), 2);
    let finalizer = "PATCH /apis/shopbeat.dev/v1alpha1/namespaces/shops/shopifystores/oslo";
    assert!(!world.asked().iter().any(|asked| asked == finalizer), "it is not let go");
}
