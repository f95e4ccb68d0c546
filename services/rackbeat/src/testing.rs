//! What the tests of this crate share: a tiny Rackbeat that a closure answers for, time and pace that are told
//! what to say.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use secrecy::SecretString;
use serde_json::Value;
use shopbeat_domain::ids::{OrderId, Reference, ShopDomain, StoreId};
use shopbeat_domain::job::Lane;
use shopbeat_domain::ports::{Answer, Clock, Pace};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::{Consumer, RackbeatClient, http_client};

/// A request as the server saw it.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) method: Method,
    /// Below `/api`, still encoded.
    pub(crate) path: String,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: HeaderMap,
    /// The body's text.
    pub(crate) text: String,
}

impl Seen {
    /// `METHOD /path`.
    pub(crate) fn call(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    pub(crate) fn param(&self, key: &str) -> Option<&str> {
        self.query.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    pub(crate) fn page(&self) -> usize {
        self.param("page").and_then(|page| page.parse().ok()).unwrap_or(1)
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }
}

type Handler = Arc<dyn Fn(&Seen) -> (u16, String) + Send + Sync>;

/// The server, and a client that talks to it.
pub(crate) struct Fake {
    pub(crate) client: RackbeatClient,
    pub(crate) clock: Arc<FakeClock>,
    pub(crate) pace: Arc<FakePace>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Fake {
    /// Starts a server on a free loopback port; what the closure says is answered as JSON.
    pub(crate) async fn start(handler: impl Fn(&Seen) -> (u16, String) + Send + Sync + 'static) -> Self {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let handler: Handler = Arc::new(handler);
        let app = Router::new().fallback(answer).with_state((handler, Arc::clone(&seen)));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, app).await });
        let (clock, pace) = (Arc::new(FakeClock::default()), Arc::new(FakePace::default()));
        let client = client_at(address, Arc::clone(&clock), Arc::clone(&pace));
        Self { client, clock, pace, seen }
    }

    /// All calls so far, `METHOD /path`.
    pub(crate) fn calls(&self) -> Vec<String> {
        self.seen.lock().unwrap().iter().map(Seen::call).collect()
    }

    /// Takes the calls so far.
    pub(crate) fn take(&self) -> Vec<Seen> {
        std::mem::take(&mut *self.seen.lock().unwrap())
    }
}

async fn answer(
    State((handler, seen)): State<(Handler, Arc<Mutex<Vec<Seen>>>)>,
    method: Method,
    uri: Uri,
    Query(query): Query<Vec<(String, String)>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let path = uri.path().strip_prefix("/api").unwrap_or(uri.path()).to_owned();
    let text = String::from_utf8_lossy(&body).into_owned();
    let request = Seen { method, path, query, headers, text };
    let (status, body) = handler(&request);
    seen.lock().unwrap().push(request);
    let status = StatusCode::from_u16(status).unwrap();
    let kind = [(header::CONTENT_TYPE, "application/json"), (header::RETRY_AFTER, "7")];
    let mut response = (status, kind, body).into_response();
    if status.is_redirection() {
        response.headers_mut().insert(header::LOCATION, "/elsewhere".parse().unwrap());
    }
    response
}

/// A client of this address, with a token that must never be seen.
pub(crate) fn client_at(address: SocketAddr, clock: Arc<FakeClock>, pace: Arc<FakePace>) -> RackbeatClient {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let consumer = Consumer { name: "Shopbeat".to_owned(), contact: "ops@example.test".to_owned() };
    RackbeatClient::new(
        http_client().unwrap(),
        format!("http://{address}/api").parse().unwrap(),
        SecretString::from("tok.en.secret"),
        "budget".to_owned(),
        Lane::Order,
        pace,
        clock,
        consumer,
    )
}

/// Answers every connection with these bytes once a request has come, and closes it.
pub(crate) async fn raw_server(reply: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut bytes = vec![0; 4096];
                let _ = stream.read(&mut bytes).await;
                let _ = stream.write_all(reply.as_bytes()).await;
                let _ = stream.shutdown().await;
            });
        }
    });
    address
}

/// Time that passes only when somebody sleeps or a test says so.
#[derive(Debug)]
pub(crate) struct FakeClock(Mutex<Timestamp>);

impl Default for FakeClock {
    fn default() -> Self {
        Self(Mutex::new("2026-03-01T12:00:00Z".parse().unwrap()))
    }
}

impl FakeClock {
    pub(crate) fn advance(&self, by: Duration) {
        let mut now = self.0.lock().unwrap();
        *now = now.checked_add(by).unwrap();
    }
}

#[async_trait]
impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }

    async fn sleep(&self, time: Duration) {
        self.advance(time);
    }
}

/// Counts what is asked of it, and answers the waits it was told (last first), then always "go".
#[derive(Debug, Default)]
pub(crate) struct FakePace {
    pub(crate) waits: Mutex<Vec<Duration>>,
    pub(crate) asked: Mutex<Vec<(String, Lane)>>,
}

#[async_trait]
impl Pace for FakePace {
    async fn take(&self, budget: &str, lane: Lane, _now: Timestamp) -> Answer<Option<Duration>> {
        self.asked.lock().unwrap().push((budget.to_owned(), lane));
        Ok(self.waits.lock().unwrap().pop())
    }
}

pub(crate) fn reference(order: u64) -> Reference {
    Reference::new(&StoreId::of(&ShopDomain::parse("acme.myshopify.com").unwrap()), OrderId(order))
}

/// One page of a list, as Rackbeat answers it.
pub(crate) fn page_of(key: &str, rows: &[Value], page: usize, size: usize) -> (u16, String) {
    let pages = rows.len().div_ceil(size).max(1);
    if page > pages {
        return (404, r#"{"message":"Not found."}"#.to_owned());
    }
    let shown: Vec<_> = rows.iter().skip((page - 1) * size).take(size).collect();
    let body =
        serde_json::json!({ key: shown, "total": rows.len(), "pages": pages, "limit": size, "page": page });
    (206, body.to_string())
}
