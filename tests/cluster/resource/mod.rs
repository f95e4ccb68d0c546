//! The resource against a real API server: what it takes, what it refuses and with what words, what it fills in, and how
//! kubectl shows it.

mod refused;
mod shown;
mod taken;

use serde_json::{Value, json};
use shopbeat_operator::resource::definition_yaml;
use shopbeat_tests::cluster::{Plane, Said};

/// A namespace of a plane that knows the resource.
struct Place {
    plane: &'static Plane,
    namespace: String,
}

impl Place {
    async fn new(name: &str) -> Self {
        let plane = Plane::shared().await;
        let yaml = definition_yaml().unwrap();
        // Several tests do so at once: server-side, where none of them conflicts with another.
        let apply = ["apply", "--server-side", "--force-conflicts", "-f", "-"];
        plane.kubectl_as(plane.kubeconfig(), &apply, Some(&yaml)).await.good();
        let established = ["wait", "--for=condition=Established", "crd/shopifystores.shopbeat.dev"];
        plane.kubectl(&established).await.good();
        Self { plane, namespace: plane.namespace(name).await }
    }

    async fn apply(&self, store: &Value) -> Said {
        self.plane.apply(&self.namespace, &store.to_string()).await
    }

    async fn kubectl(&self, args: &[&str]) -> Said {
        self.plane.kubectl(&[args, &["-n", &self.namespace]].concat()).await
    }

    async fn get(&self, name: &str) -> Value {
        let text = self.kubectl(&["get", "shop", name, "-o", "json"]).await.good();
        serde_json::from_str(&text).unwrap()
    }
}

/// The least that a resource must say, with changes over it.
fn store(name: &str, changes: &Value) -> Value {
    let mut store = json!({
        "apiVersion": "shopbeat.dev/v1alpha1",
        "kind": "ShopifyStore",
        "metadata": {"name": name},
        "spec": {
            "shopDomain": "acme-oslo.myshopify.com",
            "agreement": "acme",
            "shopify": {"credentialsSecretRef": {"name": "oslo-shopify"}},
            "rackbeat": {"credentialsSecretRef": {"name": "acme-rackbeat"}},
        },
    });
    merge(&mut store["spec"], changes);
    store
}

fn merge(into: &mut Value, changes: &Value) {
    match (into, changes) {
        (Value::Object(into), Value::Object(changes)) => {
            for (key, value) in changes {
                merge(into.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (into, value) => *into = value.clone(),
    }
}
