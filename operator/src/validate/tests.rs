use serde_json::{Value, json};

use super::*;
use crate::resource::ShopifyStoreStatus;
use crate::resource::tests::read;

fn data(keys: &[(&str, &str)]) -> BTreeMap<String, ByteString> {
    keys.iter().map(|(key, value)| ((*key).to_owned(), ByteString(value.as_bytes().to_vec()))).collect()
}

/// A shop's Secret and the account's, good ones.
fn good() -> (BTreeMap<String, ByteString>, BTreeMap<String, ByteString>) {
    (data(&[("clientId", "id-1"), ("clientSecret", "s3cret-1")]), data(&[("token", "r4ckbeat-1")]))
}

fn refused(changes: &Value, shop: SecretData<'_>, rackbeat: SecretData<'_>) -> Vec<Invalid> {
    read_credentials(&read(changes).spec, shop, rackbeat).unwrap_err()
}

#[test]
fn credentials_are_read_without_the_line_end_that_an_editor_left() {
    let (_, rackbeat) = good();
    let shop = data(&[("clientId", "id-1\n"), ("clientSecret", " s3cret-1\r\n"), ("other", "x")]);
    let read_ones = read_credentials(&read(&json!({})).spec, Some(&shop), Some(&rackbeat)).unwrap();
    match &read_ones.shop {
        ShopCredentials::ClientCredentials { client_id, client_secret } => {
            assert_eq!((client_id.as_str(), client_secret.expose_secret()), ("id-1", "s3cret-1"));
        }
        other @ ShopCredentials::LegacyToken { .. } => panic!("{other:?}"),
    }
    assert_eq!(read_ones.rackbeat_token.expose_secret(), "r4ckbeat-1");

    let legacy = json!({"shopify": {"grant": "LegacyToken"}});
    let shop = data(&[("token", "shpat_1"), ("clientSecret", "s3cret-1")]);
    let read_ones = read_credentials(&read(&legacy).spec, Some(&shop), Some(&rackbeat)).unwrap();
    match &read_ones.shop {
        ShopCredentials::LegacyToken { token, client_secret } => {
            assert_eq!((token.expose_secret(), client_secret.expose_secret()), ("shpat_1", "s3cret-1"));
        }
        other @ ShopCredentials::ClientCredentials { .. } => panic!("{other:?}"),
    }
}

#[test]
fn every_missing_secret_and_key_is_told_at_once_with_its_remedy() {
    let told = told(&refused(&json!({}), None, Some(&data(&[("apiToken", "x")]))));
    assert_eq!(
        told,
        "shopify.credentialsSecretRef: there is no Secret \"oslo-shopify\" in this namespace; make it, with keys \
         clientId and clientSecret. rackbeat.credentialsSecretRef: Secret \"acme-rackbeat\" has no key \"token\"; add it"
    );
    let invalid = refused(&json!({}), Some(&data(&[("client_id", "x")])), None);
    let fields: Vec<&str> = invalid.iter().map(|invalid| invalid.field.as_str()).collect();
    assert_eq!(
        fields,
        ["shopify.credentialsSecretRef", "shopify.credentialsSecretRef", "rackbeat.credentialsSecretRef"]
    );
    assert_eq!(invalid[0].remedy, "add it; its key \"client_id\" may be meant");
    // The keys of the other grant are not enough.
    let legacy = json!({"shopify": {"grant": "LegacyToken"}});
    let (shop, rackbeat) = good();
    assert!(refused(&legacy, Some(&shop), Some(&rackbeat))[0].problem.contains("\"token\""));
}

#[test]
fn what_is_no_credential_is_told_without_being_shown() {
    let (_, rackbeat) = good();
    let long = "l".repeat(LONGEST_CREDENTIAL + 1);
    for (value, problem) in [
        ("", "is empty"),
        (" \n", "is empty"),
        ("two words", "holds spaces"),
        ("schlüssel", "holds spaces"),
        (&long, "too long"),
    ] {
        let shop = data(&[("clientId", "id-1"), ("clientSecret", value)]);
        let invalid = refused(&json!({}), Some(&shop), Some(&rackbeat));
        assert_eq!(invalid.len(), 1);
        assert!(invalid[0].problem.contains(problem), "{invalid:?}");
        assert!(value.trim().is_empty() || !format!("{invalid:?}").contains(value), "{invalid:?}");
    }
    let mut shop = data(&[("clientId", "id-1")]);
    shop.insert("clientSecret".to_owned(), ByteString(vec![0xff, 0xfe]));
    assert!(refused(&json!({}), Some(&shop), Some(&rackbeat))[0].problem.contains("is no text"));
}

#[test]
fn credentials_are_never_shown_and_their_digest_tells_them_apart() {
    let spec = read(&json!({})).spec;
    let (shop, rackbeat) = good();
    let first = read_credentials(&spec, Some(&shop), Some(&rackbeat)).unwrap();
    let shown = format!("{first:?}");
    assert!(!shown.contains("s3cret") && !shown.contains("r4ckbeat") && !shown.contains("id-1"), "{shown}");

    let digest = first.digest("uid-1");
    assert_eq!(digest.len(), 32);
    assert_eq!(digest, first.clone().digest("uid-1"));
    assert_ne!(digest, first.digest("uid-2"));
    // A letter that moves from one key to the next is another content.
    for (shop, rackbeat) in [
        (data(&[("clientId", "id-"), ("clientSecret", "1s3cret-1")]), rackbeat.clone()),
        (shop.clone(), data(&[("token", "r4ckbeat-2")])),
        (data(&[("clientId", "id-1"), ("clientSecret", "s3cret-2")]), rackbeat.clone()),
    ] {
        let other = read_credentials(&spec, Some(&shop), Some(&rackbeat)).unwrap();
        assert_ne!(digest, other.digest("uid-1"));
    }
    let legacy = read(&json!({"shopify": {"grant": "LegacyToken"}})).spec;
    let same = data(&[("token", "id-1"), ("clientSecret", "s3cret-1")]);
    assert_ne!(digest, read_credentials(&legacy, Some(&same), Some(&rackbeat)).unwrap().digest("uid-1"));
}

fn aged(name: &str, created: Option<&str>, changes: &Value) -> ShopifyStore {
    let mut store = read(changes);
    store.metadata.name = Some(name.to_owned());
    store.metadata.creation_timestamp = created.map(|at| serde_json::from_value(json!(at)).unwrap());
    store
}

#[test]
fn of_two_resources_for_one_shop_the_older_one_counts() {
    let same = json!({});
    let older = aged("zebra", Some("2026-11-01T00:00:00Z"), &same);
    let younger = aged("alpha", Some("2026-11-01T00:00:01Z"), &same);
    let unborn = aged("aardvark", None, &same);
    let other = aged("other", Some("2020-01-01T00:00:00Z"), &json!({"shopDomain": "other.myshopify.com"}));
    let mut elsewhere = aged("elsewhere", Some("2020-01-01T00:00:00Z"), &same);
    elsewhere.metadata.namespace = Some("elsewhere".to_owned());
    let all = [&younger, &unborn, &other, &elsewhere, &older];
    let name = |store: &ShopifyStore| gives_way_to(store, all).map(|elder| elder.name_any());
    assert_eq!(name(&older), None);
    assert_eq!(name(&other), None);
    assert_eq!(name(&younger).as_deref(), Some("zebra"));
    assert_eq!(name(&unborn).as_deref(), Some("zebra"));
    // Alone in the list, or not in it at all: nobody is older.
    assert_eq!(gives_way_to(&younger, [&younger]), None);
    assert_eq!(gives_way_to(&younger, []), None);
}

#[test]
fn of_two_resources_of_the_same_second_the_first_by_name_counts_whoever_asks() {
    let at = Some("2026-11-01T00:00:00Z");
    let (a, b) = (aged("a", at, &json!({})), aged("b", at, &json!({})));
    for all in [[&a, &b], [&b, &a]] {
        assert_eq!(gives_way_to(&a, all), None);
        assert_eq!(gives_way_to(&b, all).map(|elder| elder.name_any()).as_deref(), Some("a"));
        assert_eq!(elder(all).map(|elder| elder.name_any()).as_deref(), Some("a"));
    }
    // Unless the other has the shop already: it would keep it, and neither would work.
    let mut first = b.clone();
    first.status =
        Some(ShopifyStoreStatus { store_id: Some("acme".to_owned()), ..ShopifyStoreStatus::default() });
    for all in [[&a, &first], [&first, &a]] {
        assert_eq!(gives_way_to(&a, all).map(|elder| elder.name_any()).as_deref(), Some("b"));
        assert_eq!(gives_way_to(&first, all), None);
    }
    assert_eq!(gives_way_to(&b, [&first]), None, "its own status of a moment later");
}

#[test]
fn a_store_is_named_by_its_shops_handle() {
    assert_eq!(store_id(&read(&json!({})).spec), "acme-oslo");
}
