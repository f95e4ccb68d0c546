//! The NetworkPolicy of a store's worker.

use serde_json::{Value, json};

use super::deployment::HTTP;
use super::{metadata, selector};
use crate::resource::ShopifyStore;

/// Out: names, https (Shopify and Rackbeat), Redis. In: probes and metrics. Where to is left open: Shopify's and
/// Rackbeat's addresses change, and Redis may be anywhere.
pub(super) fn policy(store: &ShopifyStore, redis_port: u16) -> Value {
    json!({
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata(store),
        "spec": {
            "podSelector": selector(store),
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [{"ports": [{"port": HTTP, "protocol": "TCP"}]}],
            "egress": [
                {"ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]},
                {"ports": [{"port": 443, "protocol": "TCP"}]},
                {"ports": [{"port": redis_port, "protocol": "TCP"}]},
            ],
        },
    })
}
