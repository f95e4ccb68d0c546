//! A front of the API server that answers some requests itself: for faults that a healthy server does not show.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use axum::{Router, serve};
use futures::StreamExt as _;
use http::{StatusCode, header};
use kube::Client;
use kube::client::Body as KubeBody;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::plane::{Plane, config, lock};

/// What is answered instead of asking the API server, or instead of its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// An answer of this status, such as 500, 409 or 410; the request is not passed on.
    Refuse(u16),
    /// The request is passed on and done, and its answer is lost.
    LoseAnswer,
}

struct Rule {
    verb: String,
    part: String,
    fault: Fault,
    left: usize,
}

struct Inner {
    client: Client,
    rules: Mutex<Vec<Rule>>,
    cut: watch::Sender<u64>,
    seen: Mutex<Vec<String>>,
}

/// The front; it ends with the test.
pub struct Front {
    inner: Arc<Inner>,
    address: SocketAddr,
    kubeconfig: PathBuf,
    task: JoinHandle<()>,
}

impl Front {
    /// A front that passes everything on with the rights of a kubeconfig.
    ///
    /// # Panics
    /// When the file is none.
    pub async fn start(plane: &Plane, user: &Path) -> Self {
        let mut config = config(user).await;
        let namespace = config.default_namespace.clone();
        // What the client behind the front is told, the client before it is told as well.
        config.default_retry = false;
        let client = Client::try_from(config).expect("a client can be made");
        let (rules, seen, cut) = (Mutex::default(), Mutex::default(), watch::Sender::new(0));
        let inner = Arc::new(Inner { client, rules, cut, seen });
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port is free");
        let address = listener.local_addr().expect("it has an address");
        let app = Router::new().fallback(pass).with_state(Arc::clone(&inner));
        let task = tokio::spawn(async move {
            // It ends when it is dropped.
            let _ = serve(listener, app).await;
        });
        let kubeconfig = plane.free_file("front");
        let context = json!({ "name": "front", "context": { "cluster": "front", "user": "front", "namespace": namespace } });
        let file = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "front",
            "clusters": [{ "name": "front", "cluster": { "server": format!("http://{address}") } }],
            "users": [{ "name": "front", "user": {} }],
            "contexts": [context],
        });
        std::fs::write(&kubeconfig, file.to_string()).expect("a file can be written");
        Self { inner, address, kubeconfig, task }
    }

    /// A kubeconfig that leads to it.
    #[must_use]
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The next `times` requests of a method (`GET`, `PATCH`…) whose path and query contain `part` fail so.
    pub fn fail(&self, method: &str, part: &str, fault: Fault, times: usize) {
        let rule = Rule { verb: method.to_owned(), part: part.to_owned(), fault, left: times };
        lock(&self.inner.rules).push(rule);
    }

    /// So many of the failures that were asked for did not come to pass yet.
    #[must_use]
    pub fn left(&self) -> usize {
        lock(&self.inner.rules).iter().map(|rule| rule.left).sum()
    }

    /// Ends all answers that are still being given: every watch.
    pub fn cut(&self) {
        self.inner.cut.send_modify(|cuts| *cuts += 1);
    }

    /// All requests so far: method, path and query.
    #[must_use]
    pub fn seen(&self) -> Vec<String> {
        lock(&self.inner.seen).clone()
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl std::fmt::Debug for Front {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Front").field("address", &self.address).finish_non_exhaustive()
    }
}

async fn pass(State(inner): State<Arc<Inner>>, request: Request) -> Response {
    let asked = format!("{} {}", request.method(), request.uri());
    lock(&inner.seen).push(asked.clone());
    let fault = fault(&inner, &asked);
    if let Some(Fault::Refuse(code)) = fault {
        return refusal(code, "a fault of the test");
    }
    let (mut parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, 16 * 1024 * 1024).await else { return refusal(400, "the body was cut") };
    parts.headers.remove(header::HOST);
    let mut cuts = inner.cut.subscribe();
    let asked = http::Request::from_parts(parts, KubeBody::from(body.to_vec()));
    let answer = match inner.client.send(asked).await {
        Ok(_) if fault == Some(Fault::LoseAnswer) => return refusal(504, "the answer was lost"),
        Ok(answer) => answer,
        Err(error) => {
            let mut told = String::new();
            let _written = write!(told, "the API server is away: {error}");
            return refusal(502, &told);
        }
    };
    let (parts, body) = answer.into_parts();
    let cut = async move {
        let _ = cuts.changed().await;
    };
    let body = Body::new(body).into_data_stream().take_until(Box::pin(cut));
    Response::from_parts(parts, Body::from_stream(body))
}

fn fault(inner: &Inner, asked: &str) -> Option<Fault> {
    let (verb, uri) = asked.split_once(' ')?;
    let mut rules = lock(&inner.rules);
    let rule =
        rules.iter_mut().find(|rule| rule.left > 0 && rule.verb == verb && uri.contains(&rule.part))?;
    rule.left -= 1;
    Some(rule.fault)
}

/// As the API server refuses.
fn refusal(code: u16, message: &str) -> Response {
    let reason = match code {
        409 => "Conflict",
        410 => "Expired",
        500 => "InternalError",
        504 => "Timeout",
        _ => "Unknown",
    };
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {},
        "status": "Failure", "reason": reason, "code": code, "message": message,
    });
    let answer = Response::builder()
        .status(StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR))
        .header(header::CONTENT_TYPE, "application/json");
    answer.body(Body::from(status.to_string())).expect("an answer")
}
