//! The commands against the real API, over a real connection.

use std::sync::Arc;

use serde_json::Value;
use shopbeat_domain::ids::{OrderId, StoreId};
use shopbeat_domain::job::Offer;
use shopbeat_domain::ports::Clock as _;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::auth::Tokens;
use crate::cli::out::tests::Page;
use crate::grpc::{SyncApi, serve};
use crate::metrics::Metrics;
use crate::system::SystemClock;
use crate::testing::{add_store, ports};

const READER: &str = "reader-reader-reader-reader";
const OPERATOR: &str = "operator-operator-operator";

/// A service with store `acme`, whose order 7 waits, and `foreign` of another agreement.
struct Service {
    addr: String,
    shutdown: CancellationToken,
}

impl Service {
    async fn up() -> Self {
        let (metrics, shutdown) = (Metrics::new(), CancellationToken::new());
        let ports = ports(metrics.clone());
        add_store(&ports.state, "acme", "nordlys").await;
        add_store(&ports.state, "foreign", "elsewhere").await;
        let (acme, offer) = (StoreId::parse("acme").unwrap(), Offer::order(OrderId(7)));
        ports.state.jobs.offer(&acme, &[offer], None, ports.now()).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = format!("http://{}", listener.local_addr().unwrap());
        let file = format!(
            r#"[{{"name": "r", "token": "{READER}", "role": "reader", "agreements": ["nordlys"]}},
                {{"name": "o", "token": "{OPERATOR}", "role": "operator", "agreements": ["nordlys"]}}]"#
        );
        let tokens = Some(Arc::new(Tokens::parse(file.as_bytes()).unwrap()));
        let api = SyncApi::new(ports, None, shutdown.clone());
        tokio::spawn(serve(
            tonic::transport::Server::builder(),
            listener,
            api,
            tokens,
            metrics,
            shutdown.clone(),
        ));
        Self { addr, shutdown }
    }

    /// What a command line writes, and how it ends.
    async fn run(&self, token: &str, words: &[&str]) -> (String, Result<(), Failed>) {
        let options = ["--addr", &self.addr, "--token", token];
        let line = Line::try_parse_from(std::iter::once(&"x").chain(words).chain(&options)).unwrap();
        let page = Page::default();
        let done = dispatch(line.command, &mut page.out()).await;
        (page.text(), done)
    }

    async fn exit(&self, token: &str, words: &[&str]) -> Exit {
        self.run(token, words).await.1.unwrap_err().exit()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

#[tokio::test]
async fn stores_are_listed_for_people_and_for_programs_and_others_are_not_seen() {
    let service = Service::up().await;
    let (text, done) = service.run(READER, &["store", "list"]).await;
    done.unwrap();
    assert!(text.starts_with("STORE  AGREEMENT  STATE"), "{text}");
    assert!(text.contains("acme   nordlys    running  the API     paid"), "{text}");
    assert!(!text.contains("foreign"));
    let (text, done) = service.run(READER, &["store", "list", "--output", "json"]).await;
    done.unwrap();
    let shown: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(shown["stores"][0]["id"], "acme");
    assert_eq!(shown["stores"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn stores_are_watched_once_as_a_table_and_as_a_line_of_json_each() {
    let service = Service::up().await;
    let (text, done) = service.run(READER, &["store", "watch", "--once"]).await;
    done.unwrap();
    assert!(text.starts_with("STORE  AGREEMENT  STATE    WORKER"), "{text}");
    assert!(
        text.contains("acme   nordlys    running  none ") && text.contains("scopes are missing: "),
        "{text}"
    );
    assert!(!text.contains("foreign"));
    let (text, done) = service.run(READER, &["store", "watch", "--once", "--output", "json"]).await;
    done.unwrap();
    let [line] = text.lines().collect::<Vec<_>>()[..] else { panic!("{text}") };
    let shown: Value = serde_json::from_str(line).unwrap();
    assert_eq!((&shown["store"]["id"], &shown["report"]), (&Value::from("acme"), &Value::Null));
}

#[tokio::test]
async fn a_store_is_paused_shown_and_resumed() {
    let service = Service::up().await;
    let (_, done) = service.run(OPERATOR, &["store", "pause", "acme"]).await;
    done.unwrap();
    let (text, done) = service.run(READER, &["store", "show", "acme"]).await;
    done.unwrap();
    for part in
        ["paused", "none: nothing moves", "1 seen = 0 transferred + 0 parked + 1 pending", "orders.target"]
    {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
    assert_eq!(
        service.exit(OPERATOR, &["order", "transfer", "acme", "6123456789012"]).await,
        Exit::Precondition
    );
    let (text, done) = service.run(OPERATOR, &["store", "resume", "acme", "--output", "json"]).await;
    done.unwrap();
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap()["store"]["desired"], "running");
}

#[tokio::test]
async fn each_kind_of_refusal_has_its_exit_code() {
    let service = Service::up().await;
    assert_eq!(service.exit(READER, &["store", "show", "foreign"]).await, Exit::NotFound);
    assert_eq!(service.exit(READER, &["store", "pause", "acme"]).await, Exit::NotAllowed);
    assert_eq!(service.exit("wrong-wrong-wrong-wrong", &["store", "list"]).await, Exit::NotAllowed);
    assert_eq!(service.exit(READER, &["order", "show", "acme", "#9"]).await, Exit::Unavailable);
    assert_eq!(service.exit(READER, &["sync", "watch", "acme"]).await, Exit::NotFound);
    let (text, done) = service.run(READER, &["store", "list", "--agreement", "Not A Name"]).await;
    let failed = done.unwrap_err();
    assert_eq!((failed.exit(), text.as_str()), (Exit::Usage, ""));
    assert!(failed.to_string().contains("\n  agreement_id: "), "{failed}");
}

#[tokio::test]
async fn an_order_that_waits_is_shown_and_nothing_is_parked() {
    let service = Service::up().await;
    let order = "gid://shopify/Order/7";
    let (text, done) = service.run(READER, &["order", "show", "acme", order, "--output", "json"]).await;
    done.unwrap();
    let shown: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&shown["order_id"], &shown["state"]), (&Value::from(7), &Value::from("pending")));
    let (text, done) = service.run(READER, &["parked", "list", "acme"]).await;
    done.unwrap();
    assert_eq!(text, "nothing is parked\n");
    assert_eq!(service.exit(OPERATOR, &["parked", "retry", "acme", order]).await, Exit::Precondition);
}

#[tokio::test]
async fn a_run_is_begun_once_and_told() {
    let service = Service::up().await;
    let begin = ["sync", "initial", "acme", "--dry-run", "--output", "json"];
    let (first, done) = service.run(OPERATOR, &begin).await;
    done.unwrap();
    let (second, _) = service.run(OPERATOR, &begin).await;
    let [first, second]: [Value; 2] = [first, second].map(|text| serde_json::from_str(&text).unwrap());
    assert_eq!(first["id"], second["id"]);
    assert_eq!((&first["phase"], &first["plan"]["products"]), (&Value::from("queued"), &Value::from(true)));
    let (text, done) = service.run(OPERATOR, &begin[..4]).await;
    done.unwrap();
    assert!(text.contains("watch it with `shopbeat sync watch acme"), "{text}");
}

#[tokio::test]
async fn a_replay_is_begun_under_a_text_and_looked_at() {
    let service = Service::up().await;
    assert_eq!(service.exit(READER, &["replay", "acme", "--latest"]).await, Exit::NotFound);
    let line = ["replay", "acme", "--from", "2026-11-01T00:00:00Z", "--id", "outage"];
    assert_eq!(service.exit(READER, &line).await, Exit::NotAllowed);
    let (text, done) = service.run(OPERATOR, &["replay", "acme", "--from", "2999-01-01"]).await;
    assert!(text.is_empty(), "{text}");
    let refused = done.unwrap_err();
    assert_eq!(refused.exit(), Exit::Usage);
    assert!(refused.to_string().contains("from: lies in the future"), "{refused}");
    let begun = (SystemClock.now() - jiff::SignedDuration::from_hours(2))
        .round(jiff::Unit::Second)
        .unwrap()
        .to_string();
    let line = ["replay", "acme", "--from", &begun, "--id", "outage"];
    let (text, done) = service.run(OPERATOR, &line).await;
    done.unwrap();
    assert!(text.starts_with("replay outage of acme, orders of "), "{text}");
    assert!(text.contains(": queued\n0 of 0 orders through"), "{text}");
    let (text, done) = service.run(READER, &["replay", "acme", "--latest", "--output", "json"]).await;
    done.unwrap();
    let shown: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&shown["id"], &shown["phase"]), (&Value::from("outage"), &Value::from("queued")));
    assert_eq!(shown["from"], begun.as_str());
    assert_eq!(service.exit(OPERATOR, &["replay", "foreign", "--from", &begun]).await, Exit::NotFound);
}
