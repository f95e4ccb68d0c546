//! What could never work is refused when it is applied, and the answer says what to do.

use serde_json::{Value, json};
use shopbeat_operator::resource::definition;

use super::{Place, store};

#[tokio::test]
async fn what_could_never_work_is_refused_with_its_field_and_remedy() {
    let place = Place::new("refused").await;
    let mut all = String::new();
    for (changes, told) in cases() {
        let said = place.apply(&store("oslo", &changes)).await;
        assert!(said.code != Some(0), "{changes} is taken");
        for part in told {
            assert!(said.err.contains(part), "{changes}: {part:?} is not in {}", said.err);
        }
        all.push_str(&said.err);
    }
    assert!(place.kubectl(&["get", "shops"]).await.err.contains("No resources found"));
    let silent: Vec<String> = rules(false).into_iter().filter(|message| !all.contains(message)).collect();
    assert_eq!(silent, Vec::<String>::new(), "rules that refused nothing here");
}

/// Messages of the definition's rules: of those that hold an edit against what was there before, or of the others.
fn rules(of_edits: bool) -> Vec<String> {
    fn collect(schema: &Value, of_edits: bool, found: &mut Vec<String>) {
        for rule in schema["x-kubernetes-validations"].as_array().into_iter().flatten() {
            let (text, message) = (rule["rule"].as_str().unwrap(), rule["message"].as_str().unwrap());
            if text.contains("oldSelf") == of_edits {
                found.push(message.to_owned());
            }
        }
        match schema {
            Value::Object(fields) => fields.values().for_each(|field| collect(field, of_edits, found)),
            Value::Array(items) => items.iter().for_each(|item| collect(item, of_edits, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    collect(&serde_json::to_value(definition()).unwrap(), of_edits, &mut found);
    assert!(!found.is_empty());
    found
}

fn cases() -> Vec<(Value, Vec<&'static str>)> {
    let mut all = shapes();
    all.extend(more_shapes());
    all.extend(contradictions());
    all
}

/// One value that cannot be.
fn shapes() -> Vec<(Value, Vec<&'static str>)> {
    vec![
        (json!({"shopDomain": "acme.com"}), vec!["spec.shopDomain", "should match"]),
        (json!({"shopDomain": "Acme.myshopify.com"}), vec!["spec.shopDomain"]),
        (json!({"shopDomain": "acme-.myshopify.com"}), vec!["spec.shopDomain"]),
        (json!({"agreement": "Acme A/S"}), vec!["spec.agreement"]),
        (json!({"agreement": ""}), vec!["spec.agreement"]),
        (json!({"state": "running"}), vec!["spec.state", "\"Running\", \"Paused\", \"Stopped\""]),
        (json!({"shopify": {"grant": "OAuth"}}), vec!["spec.shopify.grant", "\"LegacyToken\""]),
        (
            json!({"shopify": {"credentialsSecretRef": {"name": "Not A Name"}}}),
            vec!["spec.shopify.credentialsSecretRef.name"],
        ),
        (
            json!({"rackbeat": {"credentialsSecretRef": {"name": ""}}}),
            vec!["spec.rackbeat.credentialsSecretRef.name"],
        ),
        (json!({"rackbeat": {"currency": "kr"}}), vec!["spec.rackbeat.currency"]),
        (json!({"orders": {"since": "yesterday"}}), vec!["spec.orders.since"]),
        (json!({"orders": {"since": "2026-11-01T00:00:00"}}), vec!["spec.orders.since"]),
        (json!({"orders": {"since": "2026-13-01T00:00:00Z"}}), vec!["spec.orders.since"]),
        (json!({"orders": {"trigger": "ready"}}), vec!["spec.orders.trigger", "\"Fulfilled\""]),
        (json!({"orders": {"freightProduct": "  "}}), vec!["spec.orders.freightProduct"]),
        (
            json!({"orders": {"freightProduct": "a number of more than 25 letters"}}),
            vec!["spec.orders.freightProduct", "25"],
        ),
        (json!({"orders": {"roundingTolerance": "1.5"}}), vec!["spec.orders.roundingTolerance"]),
        (json!({"orders": {"roundingTolerance": 0.05}}), vec!["spec.orders.roundingTolerance", "string"]),
        (json!({"orders": {"layout": 0}}), vec!["spec.orders.layout"]),
        (json!({"customers": {"group": "1"}}), vec!["spec.customers.group", "integer"]),
        (json!({"customers": {"vatZone": "EU"}}), vec!["spec.customers.vatZone", "\"Eu\""]),
    ]
}

/// The same about goods and one-shot work.
fn more_shapes() -> Vec<(Value, Vec<&'static str>)> {
    vec![
        (json!({"products": {"master": "Rackbeat", "fields": ["Sku"]}}), vec!["spec.products.fields[0]"]),
        (
            json!({"products": {"master": "Rackbeat", "fields": ["Name", "Name"]}}),
            vec!["spec.products.fields[1]", "Duplicate"],
        ),
        (json!({"products": {"master": "Rackbeat", "fields": []}}), vec!["spec.products.fields"]),
        (
            json!({"prices": {"vatTable": [{"group": 1, "percent": "101"}]}}),
            vec!["spec.prices.vatTable[0].percent"],
        ),
        (
            json!({"prices": {"vatTable": [{"group": 1, "percent": "25"}, {"group": 1, "percent": "12"}]}}),
            vec!["spec.prices.vatTable[1]", "Duplicate"],
        ),
        (json!({"prices": {"rate": "-1"}}), vec!["spec.prices.rate"]),
        (json!({"stock": {"locations": [{"to": 0}]}}), vec!["spec.stock.locations[0].to"]),
        (json!({"stock": {"locations": [{"from": 1}]}}), vec!["spec.stock.locations[0].to", "Required"]),
        (json!({"stock": {"buffer": 1_000_001}}), vec!["spec.stock.buffer"]),
        (json!({"initialSync": {"products": true, "run": ""}}), vec!["spec.initialSync.run"]),
        (json!({"initialSync": {"products": true, "run": "x".repeat(101)}}), vec!["spec.initialSync.run"]),
        (json!({"replay": {"id": "a"}}), vec!["spec.replay.from", "Required"]),
        (
            json!({"worker": {"resources": {"limits": {"memory": "lots"}}}}),
            vec!["spec.worker.resources.limits.memory"],
        ),
        (
            json!({"worker": {"resources": {"limits": {"memory": true}}}}),
            vec!["spec.worker.resources.limits.memory"],
        ),
    ]
}

/// Values that are fine by themselves.
fn contradictions() -> Vec<(Value, Vec<&'static str>)> {
    let filter = json!({"groups": [1], "field": {"slug": "a", "value": "b"}});
    vec![
        (
            json!({"customers": {"withoutEmail": "UseDefault"}}),
            vec!["spec.customers.defaultCustomer", "is needed when customers.withoutEmail is UseDefault"],
        ),
        (
            json!({"products": {"fields": ["Name"]}}),
            vec!["spec.products.fields", "leave products.fields out"],
        ),
        (
            json!({"products": {"master": "Rackbeat", "fields": ["Weight"]}}),
            vec!["spec.products.fields", "do not go from Rackbeat to Shopify"],
        ),
        (
            json!({"products": {"master": "Shopify", "fields": ["Category"]}}),
            vec!["spec.products.fields", "does not go from Shopify to Rackbeat"],
        ),
        (
            json!({"products": {"filter": {"groups": [1]}}}),
            vec!["spec.products.filter", "set products.master to Rackbeat"],
        ),
        (
            json!({"products": {"master": "Rackbeat", "filter": {}}}),
            vec!["spec.products.filter", "exactly one of"],
        ),
        (
            json!({"products": {"master": "Rackbeat", "filter": filter}}),
            vec!["spec.products.filter", "exactly one of"],
        ),
        (json!({"prices": {"rate": "0.00"}}), vec!["spec.prices.rate", "must be above 0"]),
        (
            json!({"stock": {"enabled": true}}),
            vec!["spec.stock.locations", "name at least one location of the shop"],
        ),
        (
            json!({"stock": {"locations": [{"to": 1}, {"to": 1}]}}),
            vec!["spec.stock.locations", "names a way twice"],
        ),
        (
            json!({"stock": {"locations": [{"to": 1}, {"from": 2, "to": 1}]}}),
            vec!["spec.stock.locations", "choose either"],
        ),
        (json!({"initialSync": {"run": "first"}}), vec!["spec.initialSync.run", "asks for nothing"]),
        (
            json!({"replay": {"id": "a", "from": "2026-11-02T00:00:00Z", "to": "2026-11-02T01:00:00+02:00"}}),
            vec!["spec.replay.to", "replay.from must be before replay.to"],
        ),
        (
            json!({"worker": {"podAnnotations": {"shopbeat.dev/x": "y"}}}),
            vec!["spec.worker.podAnnotations", "belong to the operator"],
        ),
    ]
}

#[tokio::test]
async fn what_is_left_out_and_must_be_said_is_told() {
    let place = Place::new("required").await;
    let bare = json!({
        "apiVersion": "shopbeat.dev/v1alpha1", "kind": "ShopifyStore", "metadata": {"name": "bare"}, "spec": {},
    });
    let told = place.apply(&bare).await.bad();
    for field in ["spec.shopDomain", "spec.agreement", "spec.shopify", "spec.rackbeat"] {
        assert!(told.contains(&format!("{field}: Required")), "{field} is not in {told}");
    }
}

#[tokio::test]
async fn a_misspelt_field_is_refused_by_name() {
    let place = Place::new("misspelt").await;
    for (changes, field) in [
        (json!({"order": {"target": "Draft"}}), "spec.order"),
        (json!({"orders": {"freight_product": "F"}}), "spec.orders.freight_product"),
        (json!({"stock": {"locations": [{"to": 1, "form": 2}]}}), "spec.stock.locations[0].form"),
        (json!({"worker": {"affinity": {"nodeAfinity": {}}}}), "spec.worker.affinity.nodeAfinity"),
    ] {
        let told = place.apply(&store("oslo", &changes)).await.bad();
        assert!(told.contains("unknown field") && told.contains(field), "{field}: {told}");
    }
}

#[tokio::test]
async fn shop_and_agreement_never_change_and_the_refusal_says_what_to_do() {
    let place = Place::new("immutable").await;
    place.apply(&store("oslo", &json!({}))).await.good();
    let mut all = String::new();
    for (changes, told) in [
        (
            json!({"shopDomain": "other.myshopify.com"}),
            "shopDomain cannot be changed: another shop is another ShopifyStore",
        ),
        (
            json!({"agreement": "other"}),
            "agreement cannot be changed: delete this ShopifyStore and apply it again",
        ),
    ] {
        let said = place.apply(&store("oslo", &changes)).await.bad();
        assert!(said.contains(told), "{said}");
        all.push_str(&said);
    }
    for message in rules(true) {
        assert!(all.contains(&message), "{message:?} is told of no edit");
    }
    place.apply(&store("oslo", &json!({"state": "Paused", "orders": {"target": "Draft"}}))).await.good();
    assert_eq!(place.get("oslo").await["spec"]["state"], "Paused");
}
