//! Who may change a store: the API, or the custom resource that manages it.

use shopbeat_domain::store::ManagedBy;

use super::*;

fn owner(uid: &str) -> Option<v1::KubernetesOwner> {
    let text = |text: &str| text.to_owned();
    Some(v1::KubernetesOwner { namespace: text("shops"), name: text("acme"), uid: text(uid) })
}

/// `acme`, managed by the resource `shops/acme`.
async fn managed() -> Set {
    let set = Set::up().await;
    let registry = &set.ports.state.registry;
    let store = registry.store(&StoreId::parse("acme").unwrap()).await.unwrap().unwrap();
    let managed_by = ManagedBy::Kubernetes {
        namespace: "shops".to_owned(),
        name: "acme".to_owned(),
        uid: "u-1".to_owned(),
    };
    registry.put_store(&Store { managed_by, ..store }).await.unwrap();
    set
}

fn reason(status: &Status) -> String {
    status.get_error_details().error_info().map(|info| info.reason.clone()).unwrap_or_default()
}

#[tokio::test]
async fn a_resources_store_is_changed_by_nobody_else_and_whoever_tries_learns_how() {
    let set = managed().await;
    for rpc in [Rpc::UpdateStore, Rpc::PauseStore, Rpc::ResumeStore, Rpc::DisconnectStore] {
        let refused = set.call(rpc, "acme", OURS).await.unwrap_err();
        assert_eq!(refused.code(), Code::FailedPrecondition, "{}", rpc.name());
        assert_eq!(reason(&refused), "STORE_MANAGED_ELSEWHERE");
        assert!(refused.message().contains("kubectl -n shops edit shopifystore acme"), "{refused}");
    }
    let mut client = SyncServiceClient::new(set.channel.clone());
    let message = |managed_by| v1::UpdateStoreRequest {
        store_id: "acme".to_owned(),
        desired: v1::Desired::Paused.into(),
        managed_by,
        ..v1::UpdateStoreRequest::default()
    };
    let other = client.update_store(with(message(owner("u-2")), OURS)).await.unwrap_err();
    assert_eq!(reason(&other), "STORE_MANAGED_ELSEWHERE");
    let nobody = Some(v1::KubernetesOwner { name: "acme".to_owned(), ..Default::default() });
    let bad = client.update_store(with(message(nobody), OURS)).await.unwrap_err();
    let details = bad.get_error_details();
    let fields = details.bad_request().unwrap().field_violations.iter().map(|v| v.field.as_str());
    assert_eq!(fields.collect::<Vec<_>>(), ["managed_by.namespace", "managed_by.uid"]);
    let paused = client.update_store(with(message(owner("u-1")), OURS)).await.unwrap().into_inner();
    assert_eq!((paused.store.unwrap().desired(), paused.changed.len()), (v1::Desired::Paused, 0));
}

#[tokio::test]
async fn its_owner_ends_a_store_though_both_remotes_are_away_and_may_say_so_twice() {
    let set = managed().await;
    let mut client = SyncServiceClient::new(set.channel.clone());
    let id = StoreId::parse("acme").unwrap();
    let registry = &set.ports.state.registry;
    let store = registry.store(&id).await.unwrap().unwrap();
    let webhook_address = Some("https://hooks.example.test/webhooks/shopify/acme".parse().unwrap());
    registry.put_store(&Store { webhook_address, ..store }).await.unwrap();
    let message = || v1::DisconnectStoreRequest { store_id: "acme".to_owned(), managed_by: owner("u-1") };
    let ended = client.disconnect_store(with(message(), OURS)).await.unwrap().into_inner();
    assert!(ended.store.unwrap().disconnected_at.is_some());
    assert_eq!(ended.left_behind.len(), 1, "{:?}", ended.left_behind);
    let again = client.disconnect_store(with(message(), OURS)).await.unwrap().into_inner();
    assert_eq!(again.left_behind, [""; 0]);
    let unknown = v1::DisconnectStoreRequest { store_id: "nobody".to_owned(), managed_by: owner("u-1") };
    assert_eq!(client.disconnect_store(with(unknown, OURS)).await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test]
async fn where_the_operator_connects_stores_everyone_else_is_told_what_to_apply() {
    let set = Set::with(|api| api.with_operator(true)).await;
    let mut client = SyncServiceClient::new(set.channel.clone());
    let stock = v1::StockSettings {
        locations: vec![v1::StockRoute { from: None, to: 7001 }],
        ..v1::StockSettings::default()
    };
    let settings = Some(v1::Settings { stock: Some(stock), ..v1::Settings::default() });
    let message = v1::ConnectStoreRequest { settings, ..connect("acme") };
    let refused = client.connect_store(with(message.clone(), OURS)).await.unwrap_err();
    assert_eq!(
        (refused.code(), reason(&refused).as_str()),
        (Code::FailedPrecondition, "MANAGED_BY_OPERATOR")
    );
    for part in [
        "kind: ShopifyStore",
        "shopDomain: acme.myshopify.com",
        "locations: [{\"to\":7001}]",
        "kubectl apply",
    ] {
        assert!(refused.message().contains(part), "{part} is not in {refused}");
    }
    assert!(!refused.message().contains("secret: secret"), "{refused}");
    let failed = crate::cli::Failed::from(refused);
    assert!(failed.to_string().contains("\nkind: ShopifyStore\n"), "line by line: {failed}");
    // The operator's own call gets past this: here the remotes are away.
    let own = v1::ConnectStoreRequest { managed_by: owner("u-1"), ..message };
    assert_eq!(client.connect_store(with(own, OURS)).await.unwrap_err().code(), Code::Unavailable);
    // What needs no new resource stays open.
    set.call(Rpc::PauseStore, "acme", OURS).await.unwrap();
}

#[tokio::test]
async fn a_run_is_asked_for_by_its_text_as_often_as_one_likes() {
    let set = Set::up().await;
    let mut client = SyncServiceClient::new(set.channel.clone());
    let message = |token: &str| v1::RunInitialSyncRequest {
        store_id: "acme".to_owned(),
        products: true,
        token: token.to_owned(),
        ..v1::RunInitialSyncRequest::default()
    };
    let mut ids = Vec::new();
    for _ in 0..2 {
        let run =
            client.run_initial_sync(with(message("first"), OURS)).await.unwrap().into_inner().run.unwrap();
        assert_eq!(run.token, "first");
        ids.push(run.id);
    }
    assert_eq!(ids[0], ids[1]);
    let long = client.run_initial_sync(with(message(&"x".repeat(101)), OURS)).await.unwrap_err();
    let details = long.get_error_details();
    assert_eq!(details.bad_request().unwrap().field_violations[0].field, "token");
}
