//! A tiny server that answers what a test tells it to, and a clock that only moves when somebody sleeps.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, Response};
use futures::StreamExt as _;
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use serde_json::{Value, json};
use shopbeat_domain::failure::FailureKind;
use shopbeat_domain::ids::ShopDomain;
use shopbeat_domain::ports::Clock;

use crate::{BaseUrl, Credentials, Http, ShopifyClient};

/// Virtual time.
#[derive(Debug)]
pub(crate) struct TestClock {
    now: Mutex<Timestamp>,
    pub(crate) slept: Mutex<Vec<Duration>>,
}

impl TestClock {
    pub(crate) fn new() -> Arc<Self> {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        Arc::new(Self { now: Mutex::new(now), slept: Mutex::default() })
    }

    pub(crate) fn advance(&self, time: Duration) {
        let mut now = self.now.lock().unwrap();
        *now = now.checked_add(SignedDuration::try_from(time).unwrap()).unwrap();
    }
}

#[async_trait]
impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        *self.now.lock().unwrap()
    }

    async fn sleep(&self, time: Duration) {
        self.slept.lock().unwrap().push(time);
        self.advance(time);
    }
}

/// One scripted answer.
#[derive(Debug, Clone)]
pub(crate) enum Say {
    /// Status, headers, body.
    Answer(u16, Vec<(&'static str, String)>, String),
    /// Promises more bytes than it sends, then closes.
    Cut(String),
    /// Closes without a word.
    Close,
    /// Never answers.
    Hang,
}

impl Say {
    pub(crate) fn json(value: &Value) -> Self {
        Self::Answer(200, Vec::new(), value.to_string())
    }

    pub(crate) fn status(status: u16, body: &str) -> Self {
        Self::Answer(status, Vec::new(), body.to_owned())
    }
}

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) path: String,
    pub(crate) token: Option<String>,
    pub(crate) body: String,
}

impl Seen {
    pub(crate) fn variables(&self) -> Value {
        serde_json::from_str::<Value>(&self.body).unwrap()["variables"].clone()
    }
}

#[derive(Default)]
struct Script {
    says: Mutex<VecDeque<Say>>,
    seen: Mutex<Vec<Seen>>,
}

/// The server; it answers in the order of its script and panics a request beyond it.
pub(crate) struct Server {
    script: Arc<Script>,
    pub(crate) address: String,
}

impl Server {
    pub(crate) async fn start(says: impl IntoIterator<Item = Say>) -> Self {
        let script =
            Arc::new(Script { says: Mutex::new(says.into_iter().collect()), seen: Mutex::default() });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(answer).with_state(Arc::clone(&script));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { script, address }
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.script.seen.lock().unwrap().clone()
    }

    /// How much of the script was not asked for.
    pub(crate) fn left(&self) -> usize {
        self.script.says.lock().unwrap().len()
    }
}

async fn answer(State(script): State<Arc<Script>>, request: Request<Body>) -> Response<Body> {
    let path = request.uri().path().to_owned();
    let token = request.headers().get("x-shopify-access-token").map(|t| t.to_str().unwrap().to_owned());
    let body = axum::body::to_bytes(request.into_body(), usize::MAX).await.unwrap();
    let seen = Seen { path, token, body: String::from_utf8(body.to_vec()).unwrap() };
    script.seen.lock().unwrap().push(seen);
    let say = script.says.lock().unwrap().pop_front();
    match say.expect("a request beyond the script") {
        Say::Answer(status, headers, body) => {
            let mut response = Response::builder().status(status);
            for (name, value) in headers {
                response = response.header(name, value);
            }
            response.body(Body::from(body)).unwrap()
        }
        Say::Cut(body) => {
            let length = body.len() + 10;
            // The server sends what it has while the stream has nothing yet.
            let cut = async {
                tokio::task::yield_now().await;
                Err(std::io::Error::other("cut"))
            };
            let broken = futures::stream::iter([Ok(body)]).chain(futures::stream::once(cut));
            Response::builder().header("content-length", length).body(Body::from_stream(broken)).unwrap()
        }
        // A panicking handler makes the server drop the connection.
        Say::Close => panic!("as scripted"),
        Say::Hang => std::future::pending().await,
    }
}

/// A client of that server with a pasted token.
pub(crate) fn client(server: &Server, clock: &Arc<TestClock>) -> ShopifyClient {
    client_with(&server.address, clock, Credentials::LegacyToken(SecretString::from("shpat_test")))
}

pub(crate) fn client_with(address: &str, clock: &Arc<TestClock>, credentials: Credentials) -> ShopifyClient {
    // Err means that another test has installed it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let shop = ShopDomain::parse("acme.myshopify.com").unwrap();
    let base = BaseUrl::parse(address).unwrap();
    let clock: Arc<dyn Clock> = Arc::clone(clock) as _;
    ShopifyClient::new(Http::new(), base, shop, credentials, clock, Duration::from_millis(1_500))
}

/// The answer to who the shop is.
pub(crate) fn shop() -> Value {
    json!({"data": {
        "shop": {"id": "gid://shopify/Shop/1", "name": "Acme", "myshopifyDomain": "acme.myshopify.com",
            "currencyCode": "DKK", "taxesIncluded": true, "ianaTimezone": "Europe/Copenhagen",
            "plan": {"publicDisplayName": "Basic"}},
        "currentAppInstallation": {"accessScopes": [{"handle": "read_orders"}]}
    }})
}

/// An error beside status 200.
pub(crate) fn coded(code: &str) -> Say {
    Say::json(&json!({"errors": [{"message": "words", "extensions": {"code": code}}]}))
}

/// They have too much to do, and do not say for how long.
pub(crate) const BUSY: FailureKind = FailureKind::Busy { retry_after: None };
