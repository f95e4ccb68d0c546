//! The simulated Shopify from outside: through its router, as a client sees it.

mod access;
mod bulk;
mod catalogue;
mod control;
mod operations;
mod orders;
mod paging;
mod product_writes;
mod stock;
mod told;
mod webhooks;

use axum::body::{Body, to_bytes};
use axum::http::Request;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::{ShopSpec, ShopifySim};
use crate::catalog::{Catalog, generated};
use crate::facts::Facts;
use crate::{Core, SandboxClock, SandboxConfig};

/// One shop and a client that is logged in.
struct Bench {
    sim: ShopifySim,
    token: String,
    facts: Facts,
    clock: SandboxClock,
}

const SHOP: &str = "fjeld.myshopify.com";

impl Bench {
    fn with(config: &SandboxConfig, spec: ShopSpec) -> Self {
        let core = Core::new(config);
        let clock = core.clock.clone();
        let sim = ShopifySim::new(core);
        sim.add_shop(ShopSpec { legacy_token: Some("shpat_old".to_owned()), ..spec });
        Self { sim, token: "shpat_old".to_owned(), facts: config.facts.clone(), clock }
    }

    fn new(catalog: Catalog) -> Self {
        let config = SandboxConfig { limits: false, ..SandboxConfig::default() };
        Self::with(&config, ShopSpec::new("fjeld", catalog))
    }

    fn small() -> Self {
        Self::new(generated(30, 2))
    }

    /// Sets a switch: `name=option`.
    fn set_fact(&self, text: &str) {
        self.facts.set_text(text).unwrap();
    }

    /// Places `count` ordinary orders.
    fn fill(&self, count: usize) -> Vec<u64> {
        (0..count)
            .map(|_| {
                let spec = self.sim.ordinary_order(SHOP).unwrap();
                self.sim.place_order(SHOP, &spec).unwrap()
            })
            .collect()
    }

    async fn send(&self, request: Request<Body>) -> (u16, String) {
        let response = self.sim.router().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    async fn ask(&self, query: &str, variables: Value) -> (u16, Value) {
        let request = Request::post(format!("/{SHOP}/admin/api/2026-10/graphql.json"))
            .header("Content-Type", "application/json")
            .header("X-Shopify-Access-Token", &self.token)
            .header("Host", "127.0.0.1:1")
            .body(Body::from(json!({ "query": query, "variables": variables }).to_string()))
            .unwrap();
        let (status, body) = self.send(request).await;
        (status, serde_json::from_str(&body).unwrap())
    }

    async fn data(&self, query: &str, variables: Value) -> Value {
        let (status, mut body) = self.ask(query, variables).await;
        assert_eq!(status, 200);
        assert!(body.get("errors").is_none(), "{}", body["errors"]);
        body["data"].take()
    }
}

/// The text of one of the operations the service really sends.
fn operation(file: &str) -> String {
    let path = format!("{}/../shopify/operations/{file}.graphql", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).unwrap()
}
