//! The simulated Rackbeat over real HTTP.

mod documents;
mod goods;
mod hooks;
mod items;
mod lists;
mod orders;
mod switches;
mod wire;

use std::time::Duration;

use axum::http::Method;
use serde_json::{Value, json};

use crate::facts::Facts;
use crate::{Sandbox, SandboxConfig};

pub(super) const ACCOUNT: i64 = 8123;
pub(super) const TOKEN: &str = "sandbox-rackbeat-token";

/// A running sandbox and a client with its token.
pub(super) struct Bench {
    pub(super) sandbox: Sandbox,
    pub(super) client: reqwest::Client,
}

pub(super) async fn bench(facts: &[&str]) -> Bench {
    let switches = Facts::defaults();
    for fact in facts {
        switches.set_text(fact).unwrap();
    }
    bench_with(SandboxConfig { facts: switches, ..SandboxConfig::default() }).await
}

pub(super) async fn bench_with(config: SandboxConfig) -> Bench {
    let sandbox = Sandbox::start(config).await.unwrap();
    let client = reqwest::Client::builder().timeout(Duration::from_secs(5)).build().unwrap();
    let bench = Bench { sandbox, client };
    let sim = bench.sandbox.rackbeat();
    assert!(sim.add_product(ACCOUNT, "TENT", "Tent", "100".parse().unwrap(), "10".parse().unwrap()));
    assert!(sim.add_product(ACCOUNT, "MUG", "Mug", "10".parse().unwrap(), "0".parse().unwrap()));
    assert!(sim.add_service(ACCOUNT, "FREIGHT", "Freight", "0".parse().unwrap()));
    assert_eq!(sim.add_customer(ACCOUNT, "Ida Holm", Some("ida@example.test")), Some(1001));
    bench
}

impl Bench {
    pub(super) async fn send(
        &self,
        method: Method,
        path: &str,
        body: &Value,
    ) -> reqwest::Result<reqwest::Response> {
        let url = format!("{}{path}", self.sandbox.rackbeat_url());
        let request = self.client.request(method, url).bearer_auth(TOKEN);
        let request = if body.is_null() { request } else { request.json(body) };
        request.send().await
    }

    pub(super) async fn call(&self, method: Method, path: &str, body: Value) -> (u16, Value) {
        let response = self.send(method, path, &body).await.unwrap();
        let status = response.status().as_u16();
        let text = response.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    pub(super) async fn get(&self, path: &str) -> (u16, Value) {
        self.call(Method::GET, path, Value::Null).await
    }

    pub(super) async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        self.call(Method::POST, path, body).await
    }

    pub(super) async fn put(&self, path: &str, body: Value) -> (u16, Value) {
        self.call(Method::PUT, path, body).await
    }

    pub(super) async fn delete(&self, path: &str) -> (u16, Value) {
        self.call(Method::DELETE, path, Value::Null).await
    }

    /// A draft of these lines; its number.
    pub(super) async fn draft(&self, lines: Value) -> i64 {
        let body = json!({ "customer_id": 1001, "heading": "shop/1", "lines": lines });
        let (status, made) = self.post("/orders/drafts", body).await;
        assert_eq!(status, 201, "{made}");
        assert_eq!(made["order"]["is_booked"], false);
        made["order"]["number"].as_i64().unwrap()
    }

    /// A booked order of these lines; its number.
    pub(super) async fn booked(&self, lines: Value) -> i64 {
        let number = self.draft(lines).await;
        let (status, _) =
            self.post(&format!("/orders/{number}/book"), json!({ "mail": { "send": false } })).await;
        assert_eq!(status, 200);
        number
    }
}

pub(super) fn line(item: &str, quantity: i64) -> Value {
    json!({ "item_id": item, "quantity": quantity, "line_price": 100, "discount_percentage": 0, "vat_percentage": 25 })
}
