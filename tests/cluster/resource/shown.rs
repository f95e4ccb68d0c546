//! How kubectl shows it.

use serde_json::json;
use shopbeat_operator::resource::definition_yaml;

use super::{Place, store};

#[tokio::test]
async fn kubectl_get_shops_tells_how_a_store_is_doing() {
    let place = Place::new("columns").await;
    place.apply(&store("oslo", &json!({}))).await.good();
    let now = "2026-11-24T12:00:00Z";
    let status = json!({"status": {
        "observedGeneration": 1,
        "conditions": [
            {"type": "Ready", "status": "True", "reason": "InSync", "message": "All is over.", "lastTransitionTime": now},
            {"type": "InSync", "status": "True", "reason": "CaughtUp", "message": "", "lastTransitionTime": now},
        ],
        "storeId": "acme-oslo", "worker": "shopbeat-worker-acme-oslo", "workerInstance": "w-1", "lag": "1.2s",
        "pending": 0, "parked": 1, "lastOrder": "#1042", "shopifyApiVersion": "2026-10",
        "initialSync": {"run": "first", "phase": "Importing", "done": 5, "total": 10, "message": "Half of it."},
        "replay": {"id": "a", "phase": "Finished", "orders": 3, "changed": 0},
        "billing": {"position": 1, "free": true},
        "credentialsDigest": "abc", "carried": {"generation": 1, "settings": "def"},
    }});
    let patch = ["patch", "shop", "oslo", "--subresource=status", "--type=merge", "-p", &status.to_string()];
    place.kubectl(&patch).await.good();
    assert_eq!(place.get("oslo").await["status"], status["status"]);

    let lines = |text: String| -> Vec<Vec<String>> {
        text.lines().map(|line| line.split_whitespace().map(str::to_owned).collect()).collect()
    };
    let table = lines(place.kubectl(&["get", "shops"]).await.good());
    let columns =
        ["NAME", "SHOP", "STATE", "READY", "REASON", "LAG", "PENDING", "PARKED", "LAST-ORDER", "AGE"];
    assert_eq!(table[0], columns);
    let values = ["oslo", "acme-oslo", "Running", "True", "InSync", "1.2s", "0", "1", "#1042"];
    assert_eq!(table[1][..9], values);

    let wide = place.kubectl(&["get", "shops", "-o", "wide"]).await.good();
    for column in ["AGREEMENT", "WORKER", "INITIAL-SYNC", "MESSAGE"] {
        assert!(wide.contains(column), "{column} is not in {wide}");
    }
    for value in ["acme ", "shopbeat-worker-acme-oslo", "Importing", "All is over."] {
        assert!(wide.contains(value), "{value} is not in {wide}");
    }
    place.kubectl(&["wait", "--for=condition=Ready", "shop/oslo", "--timeout=10s"]).await.good();
}

#[tokio::test]
async fn the_resource_goes_by_its_names() {
    let place = Place::new("names").await;
    place.apply(&store("oslo", &json!({}))).await.good();
    for name in
        ["shop", "shops", "shopifystore", "shopifystores", "shopbeat", "shopifystores.v1alpha1.shopbeat.dev"]
    {
        let told = place.kubectl(&["get", name, "-o", "name"]).await.good();
        assert_eq!(told.trim(), "shopifystore.shopbeat.dev/oslo", "{name}");
    }
    place.kubectl(&["delete", "shop", "oslo", "--timeout=10s"]).await.good();
}

#[tokio::test]
async fn kubectl_explain_reads_like_a_manual() {
    let place = Place::new("explain").await;
    for (field, parts) in [
        (
            "shop",
            vec!["KIND:       ShopifyStore", "A Shopify shop that is kept in step with a Rackbeat account"],
        ),
        ("shop.spec", vec!["shopDomain", "-required-", "initialSync", "Cannot be changed"]),
        (
            "shop.spec.orders.target",
            vec!["ReadyToShip: booked and flagged ready for shipping", "Default: Booked."],
        ),
        ("shop.spec.stock.locations.to", vec!["<integer>", "Shopify's id of the location"]),
        ("shop.spec.worker.tolerations.key", vec!["<string>"]),
        ("shop.status.lag", vec!["1.2s"]),
    ] {
        let told = place.kubectl(&["explain", field]).await.good();
        let flowing = told.split_whitespace().collect::<Vec<_>>().join(" ");
        for part in parts {
            let part = part.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(flowing.contains(&part), "{field}: {part:?} is not in {told}");
        }
    }
}

#[tokio::test]
async fn what_the_program_prints_can_be_applied_and_is_the_definition() {
    let printed = std::process::Command::new(shopbeat_tests::operator()).arg("crd").output().unwrap();
    assert!(printed.status.success(), "{printed:?}");
    let printed = String::from_utf8(printed.stdout).unwrap();
    assert_eq!(printed.trim_end(), definition_yaml().unwrap().trim_end());
    let place = Place::new("printed").await;
    let dry = ["apply", "--server-side", "--force-conflicts", "--dry-run=server", "-f", "-"];
    place.plane.kubectl_as(place.plane.kubeconfig(), &dry, Some(&printed)).await.good();
}

#[tokio::test]
async fn the_chart_installs_the_definition_and_keeps_it() {
    let place = Place::new("crds").await;
    // Not installed for good: other tests share the plane, and what they applied is another manager's.
    let rendered = place.plane.helm(&["template", "crds", "charts/shopbeat-crds"]).await.good();
    let dry = ["apply", "--server-side", "--force-conflicts", "--dry-run=server", "-f", "-"];
    let said = place.plane.kubectl_as(place.plane.kubeconfig(), &dry, Some(&rendered)).await.good();
    assert!(said.contains("shopifystores.shopbeat.dev"), "{said}");
    assert!(rendered.contains("helm.sh/resource-policy: keep"));
    place.plane.helm(&["lint", "charts/shopbeat-crds"]).await.good();
}
