//! What is taken, and what is filled in.

use serde_json::{Value, json};
use shopbeat_domain::settings::LIST;
use shopbeat_operator::resource::ShopifyStore;
use shopbeat_operator::settings::settings;

use super::{Place, store};

fn in_full() -> Value {
    json!({
        "state": "Paused",
        "shopify": {"grant": "LegacyToken"},
        "rackbeat": {"currency": "NOK"},
        "orders": {
            "enabled": false, "since": "2026-11-01T02:00:00.5+02:00", "trigger": "Fulfilled",
            "target": "ShippedAndInvoiced", "test": "Transfer", "freightProduct": "FREIGHT",
            "roundingProduct": "R 1", "roundingTolerance": "1", "layout": 1, "employee": 2,
        },
        "customers": {
            "vatZone": "DomesticExempt", "group": 2, "paymentTerms": 3, "withoutEmail": "UseDefault",
            "defaultCustomer": 9_007_199_254_740_993_i64,
        },
        "products": {
            "master": "Rackbeat", "products": false, "boms": false, "fields": ["Name", "Category"], "group": 2,
            "unit": 3, "publish": "Active", "filter": {"field": {"slug": "webshop", "value": "ja, tak"}},
            "onDelete": "Bar", "stockLocation": 4,
        },
        "prices": {
            "rackbeatExcludesVat": false, "vatZone": "Eu", "vatTable": [{"group": 1, "percent": "12.5"}], "rate": "0.67",
        },
        "stock": {
            "enabled": true, "quantity": "Physical",
            "locations": [{"from": 1, "to": 7001}, {"from": 2, "to": 7001}, {"to": 87_654_321_098_765_i64}],
            "buffer": 1_000_000, "negative": "Send",
        },
        "initialSync": {
            "products": true, "stock": true, "run": "first", "dryRun": true, "policy": "Overwrite", "count": "OnHand",
            "location": 5,
        },
        "replay": {"id": "after outage", "from": "2026-11-01T00:00:00Z", "to": "2026-11-02T00:00:00Z"},
        "worker": {
            "resources": {"requests": {"cpu": 1, "memory": "64Mi"}, "limits": {"memory": "1.5Gi"}},
            "nodeSelector": {"pool": "shops"},
            "tolerations": [{"key": "a", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 5}],
            "affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [
                {"weight": 1, "preference": {"matchExpressions": [{"key": "zone", "operator": "Exists"}]}},
            ]}},
            "priorityClassName": "business",
            "podAnnotations": {"sidecar.istio.io/inject": "false"},
        },
    })
}

#[tokio::test]
async fn everything_that_can_be_said_is_taken_as_it_was_said_and_read_by_the_operator() {
    let place = Place::new("full").await;
    let said = store("oslo", &in_full());
    place.apply(&said).await.good();
    let stored = place.get("oslo").await;
    assert_eq!(stored["spec"], said["spec"]);
    // As the operator reads it, and back: nothing is lost, but that a number of `cpu` becomes its text.
    let read: ShopifyStore = serde_json::from_value(stored.clone()).unwrap();
    let mut back = serde_json::to_value(&read.spec).unwrap();
    assert_eq!(back["worker"]["resources"]["requests"]["cpu"], "1");
    back["worker"]["resources"]["requests"]["cpu"] = json!(1);
    assert_eq!(back, stored["spec"]);
    settings(&read.spec).unwrap();
}

#[tokio::test]
async fn the_defaults_are_visible_after_apply_and_are_those_of_the_service_but_stock() {
    let place = Place::new("defaults").await;
    place.apply(&store("oslo", &json!({}))).await.good();
    let spec = place.get("oslo").await["spec"].clone();
    assert_eq!((&spec["state"], &spec["shopify"]["grant"]), (&json!("Running"), &json!("ClientCredentials")));
    let mut looked_at = 0;
    for setting in LIST {
        let path =
            setting.path.split('_').enumerate().map(|(at, word)| match (at, word.split_at_checked(1)) {
                (1.., Some((first, rest))) => first.to_uppercase() + rest,
                _ => word.to_owned(),
            });
        let path: String = path.collect();
        let value = match spec.pointer(&format!("/{}", path.replace('.', "/"))) {
            None => String::new(),
            Some(Value::String(text)) => text.to_ascii_lowercase(),
            Some(other) => other.to_string(),
        };
        let default =
            if path == "stock.enabled" { "false".to_owned() } else { setting.default().replace('_', "") };
        assert_eq!(value, default, "{path}");
        looked_at += usize::from(!value.is_empty());
    }
    assert!(looked_at > 20, "{looked_at}");
    // A section that is begun gets the rest of its defaults, and a null is no value.
    place
        .apply(&store("other", &json!({"orders": {"target": "Draft", "layout": null}, "stock": {}})))
        .await
        .good();
    let spec = place.get("other").await["spec"].clone();
    assert_eq!((&spec["orders"]["target"], &spec["orders"]["trigger"]), (&json!("Draft"), &json!("Paid")));
    assert_eq!(spec["orders"].get("layout"), None);
    assert_eq!(spec["stock"]["negative"], "Clamp");
}

#[tokio::test]
async fn applying_the_same_again_changes_nothing_and_a_status_leaves_the_generation_alone() {
    let place = Place::new("again").await;
    place.apply(&store("oslo", &in_full())).await.good();
    let before = place.get("oslo").await["metadata"].clone();
    assert!(place.apply(&store("oslo", &in_full())).await.good().contains("unchanged"));
    let status = json!({"status": {"storeId": "acme-oslo"}}).to_string();
    place
        .kubectl(&["patch", "shop", "oslo", "--subresource=status", "--type=merge", "-p", &status])
        .await
        .good();
    let after = place.get("oslo").await["metadata"].clone();
    assert_eq!(after["generation"], before["generation"]);
    assert_ne!(after["resourceVersion"], before["resourceVersion"]);
    // A status that somebody applies with the spec is left out: only the operator writes it.
    let mut with_status = store("oslo", &in_full());
    with_status["status"] = json!({"storeId": "forged"});
    place.apply(&with_status).await.good();
    assert_eq!(place.get("oslo").await["status"]["storeId"], "acme-oslo");
}

#[tokio::test]
async fn whatever_the_api_server_takes_the_operator_can_read() {
    let place = Place::new("odd").await;
    // One resource that cannot be read would blind the watch for all of them.
    for (name, changes) in [
        (
            "whole",
            json!({"orders": {"layout": 2.0}, "stock": {"buffer": 3.0, "enabled": true, "locations": [{"to": 7001.0}]}}),
        ),
        ("exponent", json!({"customers": {"group": 1e3}})),
        ("largest", json!({"orders": {"employee": i64::MAX}})),
        (
            "quantity",
            json!({"worker": {"resources": {"limits": {"memory": 8_589_934_592_i64, "cpu": "0.5"}}}}),
        ),
        ("empty", json!({"worker": {"tolerations": [{}], "affinity": {}}, "initialSync": {}})),
    ] {
        let said = place.apply(&store(name, &changes)).await;
        if said.code == Some(0) {
            let stored = place.get(name).await;
            let read = serde_json::from_value::<ShopifyStore>(stored.clone());
            assert!(read.is_ok(), "{name}: {} in {}", read.unwrap_err(), stored["spec"]);
        } else {
            assert!(said.err.contains("spec."), "{name}: {}", said.err);
        }
    }
}

#[tokio::test]
async fn what_stands_together_is_taken() {
    let place = Place::new("together").await;
    for changes in [
        json!({}),
        json!({"customers": {"withoutEmail": "UseDefault", "defaultCustomer": 9999}}),
        json!({"products": {"master": "Rackbeat", "fields": ["Name", "Category"], "filter": {"groups": [1, 3]}}}),
        json!({"products": {"master": "Shopify", "fields": ["Weight", "Cost"]}}),
        json!({"products": {"master": "Rackbeat", "filter": {"field": {"slug": "webshop", "value": "yes"}}}}),
        json!({"prices": {"rate": "0.67", "vatTable": [{"group": 1, "percent": "25"}]}}),
        json!({"stock": {"enabled": true, "locations": [{"to": 7001}]}}),
        json!({"stock": {"enabled": true, "locations": [{"from": 1, "to": 7001}, {"from": 2, "to": 7001}]}}),
        json!({"stock": {"locations": [{"to": 7001}, {"from": 2, "to": 7002}]}}),
        json!({"initialSync": {"run": "first", "stock": true}}),
        json!({"initialSync": {"products": true}}),
        json!({"initialSync": {}}),
        json!({"replay": {"id": "a", "from": "2026-11-01T00:00:00Z"}}),
        json!({"replay": {"id": "a", "from": "2026-11-01T00:00:00Z", "to": "2026-11-01T00:00:01Z"}}),
        // The same moments in other zones: they are compared as moments, not as texts.
        json!({"replay": {"id": "a", "from": "2026-11-01T03:00:00+03:00", "to": "2026-11-01T00:00:01Z"}}),
        json!({"worker": {"podAnnotations": {"sidecar.istio.io/inject": "false"}}}),
    ] {
        let said = place.apply(&store("oslo", &changes)).await;
        assert_eq!(said.code, Some(0), "{changes}: {}", said.err);
        place.kubectl(&["delete", "shop", "oslo"]).await.good();
    }
}
