use std::time::Duration;

use axum::http::Method;
use serde_json::{Value, json};

use super::{ACCOUNT, TOKEN, bench, bench_with, line};
use crate::SandboxConfig;
use crate::fault::{Fault, Remote, Rule, When};
use crate::rackbeat::AccountSetup;

#[tokio::test]
async fn a_list_comes_with_206_and_pages_and_an_empty_page_past_the_end() {
    let bench = bench(&[]).await;
    let (status, first) = bench.get("/products?limit=2&page=1").await;
    assert_eq!(status, 206);
    assert_eq!((&first["total"], &first["pages"], &first["limit"]), (&json!(3), &json!(2), &json!(2)));
    assert_eq!(first["products"].as_array().unwrap().len(), 2);
    let (_, second) = bench.get("/products?limit=2&page=2&fields=number").await;
    assert_eq!(second["products"], json!([{ "number": "TENT" }]));
    let (status, past) = bench.get("/products?limit=2&page=3").await;
    assert_eq!((status, &past["products"]), (206, &json!([])));
    assert_eq!(bench.get("/products?limit=1001").await.0, 422);
    assert_eq!(bench.get("/products?limit=0").await.0, 422);
    assert_eq!(bench.get("/products").await.1["limit"], 20);
}

#[tokio::test]
async fn a_page_cap_holds_whatever_the_call_asks() {
    let bench = bench_with(SandboxConfig { page_cap: Some(1), ..SandboxConfig::default() }).await;
    let (_, first) = bench.get("/products?limit=1000").await;
    assert_eq!((&first["pages"], &first["limit"]), (&json!(3), &json!(1)));
}

#[tokio::test]
async fn a_wrong_token_is_401_and_a_revoked_one_becomes_so() {
    let bench = bench(&[]).await;
    let url = format!("{}/self", bench.sandbox.rackbeat_url());
    assert_eq!(bench.client.get(&url).send().await.unwrap().status(), 401);
    assert_eq!(bench.client.get(&url).bearer_auth("other").send().await.unwrap().status(), 401);
    let (status, about) = bench.get("/self").await;
    assert_eq!((status, &about["user_account"]["id"]), (200, &json!(ACCOUNT)));
    bench.sandbox.rackbeat().revoke_token(ACCOUNT, TOKEN);
    assert_eq!(bench.get("/self").await.0, 401);
}

#[tokio::test]
async fn the_481st_call_in_a_minute_is_429_until_the_window_slides() {
    let bench = bench(&[]).await;
    for _ in 0..480 {
        assert_eq!(bench.get("/self").await.0, 200);
    }
    let refused = bench.send(Method::GET, "/self", &Value::Null).await.unwrap();
    assert_eq!(refused.status(), 429);
    assert_eq!(refused.headers()["x-ratelimit-limit"], "480");
    assert_eq!(refused.headers()["x-ratelimit-remaining"], "0");
    let traffic = bench.sandbox.rackbeat().traffic(ACCOUNT);
    assert_eq!((traffic.total, traffic.throttled, traffic.busiest_minute), (481, 1, 481));
    assert_eq!(traffic.by_endpoint["GET /self"], 481);
    let wait: u64 = refused.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait));
    bench.sandbox.core().clock.advance(Duration::from_secs(wait));
    assert_eq!(bench.get("/self").await.0, 200);
}

#[tokio::test]
async fn a_burst_limit_and_lifted_limits_are_a_matter_of_switches() {
    let bursting = bench(&["rackbeat.burst=60-in-5s", "rackbeat.retry-after=absent"]).await;
    let mut refused = None;
    for at in 1..=61 {
        let response = bursting.send(Method::GET, "/self", &Value::Null).await.unwrap();
        if response.status() == 429 {
            assert!(!response.headers().contains_key("retry-after"));
            refused = Some(at);
            break;
        }
    }
    assert_eq!(refused, Some(61));
    let lifted = bench_with(SandboxConfig { limits: false, ..SandboxConfig::default() }).await;
    for _ in 0..500 {
        assert_eq!(lifted.get("/self").await.0, 200);
    }
}

#[tokio::test]
async fn closed_before_commits_nothing_and_closed_after_has_committed() {
    let bench = bench(&[]).await;
    let core = bench.sandbox.core();
    let body = json!({ "customer_id": 1001, "lines": [line("TENT", 1)] });
    for (what, orders) in [(Fault::CloseBefore, 0), (Fault::CloseAfter, 1)] {
        // On a connection already in use too: no client may send such a call again by itself.
        assert_eq!(bench.get("/self").await.0, 200);
        core.faults.clear();
        core.faults.add(Rule::new(Remote::Rackbeat, "POST /orders/drafts", When::Nth(1), what));
        let error = bench.send(Method::POST, "/orders/drafts", &body).await.unwrap_err();
        assert!(!error.is_timeout() && error.status().is_none() && error.is_request(), "{error:?}");
        assert_eq!(bench.sandbox.rackbeat().orders(ACCOUNT).len(), orders, "{what}");
    }
    assert_eq!(bench.post("/orders/drafts", body).await.0, 201);
    assert_eq!(core.faults.struck(), 2);
}

#[tokio::test]
async fn a_truncated_body_breaks_while_reading_and_html_comes_as_html() {
    let bench = bench(&[]).await;
    let core = bench.sandbox.core();
    core.faults.add(Rule::new(Remote::Rackbeat, "GET /self", When::Nth(1), Fault::Truncated));
    let cut = bench.send(Method::GET, "/self", &Value::Null).await.unwrap();
    assert_eq!(cut.status(), 200);
    assert!(cut.text().await.is_err());
    core.faults.add(Rule::new(Remote::Rackbeat, "POST /orders/drafts", When::Every, Fault::Html(200)));
    let body = json!({ "customer_id": 1001, "lines": [line("TENT", 1)] });
    let page = bench.send(Method::POST, "/orders/drafts", &body).await.unwrap();
    assert_eq!(page.status(), 200);
    assert!(page.text().await.unwrap().starts_with("<html>"));
    assert_eq!(bench.sandbox.rackbeat().orders(ACCOUNT).len(), 1);
}

#[tokio::test]
async fn a_call_can_hang_before_or_after_its_commit() {
    let bench = bench(&[]).await;
    let core = bench.sandbox.core();
    let url = format!("{}/orders/drafts", bench.sandbox.rackbeat_url());
    let body = json!({ "customer_id": 1001, "lines": [line("TENT", 1)] });
    for (what, orders) in [(Fault::Timeout, 0), (Fault::TimeoutAfter, 1)] {
        core.faults.clear();
        core.faults.add(Rule::new(Remote::Rackbeat, "POST /orders/drafts$", When::Every, what).at_most(1));
        let request =
            bench.client.post(&url).bearer_auth(TOKEN).json(&body).timeout(Duration::from_millis(300));
        assert!(request.send().await.unwrap_err().is_timeout());
        assert_eq!(bench.sandbox.rackbeat().orders(ACCOUNT).len(), orders, "{what}");
    }
}

#[tokio::test]
async fn a_status_fault_does_nothing_and_says_when_to_come_again() {
    let bench = bench(&[]).await;
    bench.sandbox.core().faults.add("rackbeat:*:nth=1:status=429/7".parse().unwrap());
    let body = json!({ "customer_id": 1001, "lines": [line("TENT", 1)] });
    let busy = bench.send(Method::POST, "/orders/drafts", &body).await.unwrap();
    assert_eq!((busy.status().as_u16(), busy.headers()["retry-after"].to_str().unwrap()), (429, "7"));
    assert!(bench.sandbox.rackbeat().orders(ACCOUNT).is_empty());
}

#[tokio::test]
async fn calls_and_client_headers_are_on_record() {
    let bench = bench(&[]).await;
    let url = format!("{}/orders/drafts", bench.sandbox.rackbeat_url());
    let request = bench.client.post(&url).bearer_auth(TOKEN).header("Consumer-Name", "Shopbeat");
    let refused =
        request.header("User-Agent", "Shopbeat (ops@example.test)").json(&json!({})).send().await.unwrap();
    assert_eq!(refused.status(), 422);
    let sim = bench.sandbox.rackbeat();
    assert_eq!(sim.calls_to("POST", "/orders/drafts"), 1);
    assert_eq!(sim.calls()[0].status, 422);
    let seen = sim.request_headers_seen();
    assert_eq!(seen[0].user_agent.as_deref(), Some("Shopbeat (ops@example.test)"));
    assert_eq!(seen[0].consumer_name.as_deref(), Some("Shopbeat"));
}

#[tokio::test]
async fn the_control_api_sets_faults_and_facts_and_shows_orders() {
    let bench = bench(&[]).await;
    bench.draft(json!([line("TENT", 2)])).await;
    let control = bench.sandbox.control_url();
    let get = async |path: &str| {
        let response = bench.client.get(format!("{control}{path}")).send().await.unwrap();
        response.json::<Value>().await.unwrap()
    };
    let orders = get("/control/rackbeat/orders?reference=shop/1").await;
    assert_eq!((&orders[0]["total"], &orders[0]["booked"]), (&json!("250.00"), &json!(false)));
    assert_eq!(get("/control/rackbeat/stock").await[2]["stock"], 10);
    let rule = json!("rackbeat:GET /self:every:status=503");
    let added = bench.client.post(format!("{control}/control/faults")).json(&rule).send().await.unwrap();
    assert_eq!(added.status(), 201);
    assert_eq!(bench.get("/self").await.0, 503);
    assert_eq!(get("/control/faults").await["faults"][0]["struck"], 1);
    bench.client.delete(format!("{control}/control/faults")).send().await.unwrap();
    assert_eq!(bench.get("/self").await.0, 200);
    let facts = json!({ "rackbeat.rounding": "per-line" });
    let set = bench.client.post(format!("{control}/control/facts")).json(&facts).send().await.unwrap();
    assert_eq!(set.json::<Value>().await.unwrap()["rackbeat.rounding"]["value"], "per-line");
    let before = bench.sandbox.core().clock.now();
    let later = json!({ "advance_ms": 3_600_000 });
    bench.client.post(format!("{control}/control/clock")).json(&later).send().await.unwrap();
    assert!(bench.sandbox.core().clock.now().duration_since(before).as_mins() >= 60);
    let unknown = json!({ "rackbeat.nothing": "x" });
    let refused = bench.client.post(format!("{control}/control/facts")).json(&unknown).send().await.unwrap();
    assert_eq!(refused.status(), 422);
}

#[tokio::test]
async fn accounts_do_not_see_each_other() {
    let bench = bench(&[]).await;
    let sim = bench.sandbox.rackbeat();
    sim.add_account(AccountSetup::named(9001, "second"));
    let number = bench.draft(json!([line("TENT", 1)])).await;
    let get = async |path: &str| {
        let url = format!("{}{path}", bench.sandbox.rackbeat_url());
        bench.client.get(url).bearer_auth("second").send().await.unwrap()
    };
    assert_eq!(get(&format!("/orders/{number}")).await.status(), 404);
    assert_eq!(get("/products/TENT").await.status(), 404);
    let about: Value = get("/self").await.json().await.unwrap();
    assert_eq!(about["user_account"]["id"], 9001);
    assert!(sim.orders(9001).is_empty());
}

#[tokio::test]
async fn a_body_that_is_no_json_is_refused_or_not_seen() {
    let bench = bench(&[]).await;
    let url = format!("{}/orders/drafts", bench.sandbox.rackbeat_url());
    let send = async |kind: &str, body: &'static str| {
        let request = bench.client.post(&url).bearer_auth(TOKEN).header("Content-Type", kind).body(body);
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!(send("application/json", "{\"customer_id\":").await, 400);
    assert_eq!(send("application/json; charset=utf8", "{\"customer_id\":1001}").await, 201);
    assert_eq!(send("text/plain", "{\"customer_id\":1001}").await, 422);
}
