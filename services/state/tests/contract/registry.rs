use secrecy::{ExposeSecret, SecretString};
use shopbeat_domain::failure::FailureKind;
use shopbeat_domain::ids::{AccountId, AgreementId, ShopDomain, StoreId};
use shopbeat_domain::money::Currency;
use shopbeat_domain::ports::SecretOwner;
use shopbeat_domain::settings::Settings;
use shopbeat_domain::store::{Agreement, Desired, Grant, ManagedBy, RECORD_VERSION, Store};

use crate::bench::{Bench, kind, on_every_engine};

on_every_engine!(
    a_store_is_written_only_over_the_revision_that_was_read,
    an_agreement_is_bound_to_one_account_both_ways,
    secrets_are_kept_apart_by_agreement_store_and_field,
    the_epoch_stays_once_it_is_set,
    warnings_and_a_round_trip_are_answered,
);

fn agreement_id(name: &str) -> AgreementId {
    AgreementId::parse(name).unwrap()
}

fn currency() -> Currency {
    serde_json::from_str("\"DKK\"").unwrap()
}

fn a_store(name: &str, bench: &Bench) -> Store {
    let shop = ShopDomain::parse(&format!("{name}.myshopify.com")).unwrap();
    Store {
        country: None,
        stock_accepted_at: None,
        version: RECORD_VERSION,
        revision: 0,
        id: StoreId::of(&shop),
        shop,
        agreement: agreement_id("main"),
        grant: Grant::ClientCredentials,
        desired: Desired::Running,
        hold: None,
        managed_by: ManagedBy::Api,
        settings: Settings::default(),
        currency: currency(),
        taxes_included: true,
        webhook_address: None,
        scopes: vec!["read_orders".to_owned()],
        connected_at: bench.now(),
        disconnected_at: None,
    }
}

async fn a_store_is_written_only_over_the_revision_that_was_read(bench: Bench) {
    let registry = &bench.state.registry;
    let new = a_store("acme", &bench);
    assert_eq!(registry.store(&new.id).await.unwrap(), None);
    assert!(registry.stores().await.unwrap().is_empty());
    let first = registry.put_store(&new).await.unwrap();
    assert_eq!(first.revision, 1);
    assert_eq!(kind(registry.put_store(&new).await), FailureKind::Conflict, "it is there by now");
    let paused = Store { desired: Desired::Paused, ..first.clone() };
    let second = registry.put_store(&paused).await.unwrap();
    assert_eq!(second.revision, 2);
    assert_eq!(kind(registry.put_store(&first).await), FailureKind::Conflict);
    assert_eq!(registry.store(&new.id).await.unwrap(), Some(second.clone()));
    let other = registry.put_store(&a_store("aaa", &bench)).await.unwrap();
    assert_eq!(registry.stores().await.unwrap(), [other, second]);
    let unknown = Store { revision: 3, ..a_store("unknown", &bench) };
    assert_eq!(kind(registry.put_store(&unknown).await), FailureKind::Conflict);
}

fn an_agreement(name: &str, account: u64) -> Agreement {
    Agreement {
        version: RECORD_VERSION,
        id: agreement_id(name),
        account: AccountId(account),
        company: "Acme ApS".to_owned(),
        currency: currency(),
    }
}

async fn an_agreement_is_bound_to_one_account_both_ways(bench: Bench) {
    let registry = &bench.state.registry;
    registry.bind_agreement(&an_agreement("main", 1)).await.unwrap();
    assert_eq!(kind(registry.bind_agreement(&an_agreement("main", 2)).await), FailureKind::Conflict);
    assert_eq!(kind(registry.bind_agreement(&an_agreement("other", 1)).await), FailureKind::Conflict);
    let renamed = Agreement { company: "Acme A/S".to_owned(), ..an_agreement("main", 1) };
    registry.bind_agreement(&renamed).await.unwrap();
    assert_eq!(registry.agreement(&renamed.id).await.unwrap(), Some(renamed.clone()));
    assert_eq!(registry.agreement(&agreement_id("other")).await.unwrap(), None);
    // A refused bind has bound nothing.
    registry.bind_agreement(&an_agreement("other", 2)).await.unwrap();
    assert_eq!(registry.agreements().await.unwrap(), [renamed, an_agreement("other", 2)]);
}

async fn secrets_are_kept_apart_by_agreement_store_and_field(bench: Bench) {
    let registry = &bench.state.registry;
    let store = StoreId::parse("acme").unwrap();
    let owners = [
        SecretOwner::Agreement(agreement_id("one")),
        SecretOwner::Agreement(agreement_id("two")),
        SecretOwner::Store(agreement_id("one"), store.clone()),
        SecretOwner::Store(agreement_id("two"), store),
    ];
    for (n, owner) in owners.iter().enumerate() {
        assert!(registry.secret(owner, "token").await.unwrap().is_none());
        registry.put_secret(owner, "token", &SecretString::from(format!("secret-{n}"))).await.unwrap();
    }
    for (n, owner) in owners.iter().enumerate() {
        let secret = registry.secret(owner, "token").await.unwrap().unwrap();
        assert_eq!(secret.expose_secret(), format!("secret-{n}"));
        assert!(registry.secret(owner, "other").await.unwrap().is_none());
    }
    registry.forget_secret(&owners[0], "token").await.unwrap();
    assert!(registry.secret(&owners[0], "token").await.unwrap().is_none());
    assert!(registry.secret(&owners[2], "token").await.unwrap().is_some());
}

async fn the_epoch_stays_once_it_is_set(bench: Bench) {
    let first = bench.state.registry.epoch(bench.now()).await.unwrap();
    assert_eq!(first, bench.now());
    bench.advance(3600);
    assert_eq!(bench.state.registry.epoch(bench.now()).await.unwrap(), first);
}

async fn warnings_and_a_round_trip_are_answered(bench: Bench) {
    bench.state.health.ping().await.unwrap();
    let warnings = bench.state.health.warnings().await.unwrap();
    assert!(warnings.iter().all(|warning| warning.contains("memory only")), "{warnings:?}");
}
