//! One loopback HTTP server per remote, and the place where a fault script strikes.
//!
//! axum cannot break a connection, so connections are driven by hyper directly: when the service
//! returns an error, hyper drops the connection without an answer, which is exactly what a client
//! must see for a call closed before or after its commit.

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::request::Parts;
use axum::http::{Request, Response, StatusCode, header};
use bytes::Bytes;
use futures::StreamExt as _;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::Core;
use crate::fault::{Fault, Remote};

/// Bodies larger than this are cut off: nothing a sync sends comes near.
const BODY_LIMIT: usize = 64 * 1024 * 1024;
/// How long a call that is never answered hangs at most.
const HANG: Duration = Duration::from_secs(120);

/// Names the route of a call for the fault script: an operation's name or `METHOD /path`.
pub type RouteNamer = Arc<dyn Fn(&Parts, &Bytes) -> String + Send + Sync>;

/// What a server serves.
#[derive(Clone)]
pub struct App {
    /// The handlers.
    pub router: Router,
    /// Faults and latency.
    pub core: Core,
    /// Whose calls these are for the fault script; `None` leaves faults and latency out (control API).
    pub remote: Option<Remote>,
    /// Names each call for the fault script.
    pub namer: RouteNamer,
}

/// A running server; dropped or shut down, it closes its connections.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    stop: CancellationToken,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// The connection ends here, without an answer.
#[derive(Debug, thiserror::Error)]
#[error("connection closed by the fault script")]
struct Broken;

impl Server {
    /// Listens on loopback, at `port` or a free one, and serves until dropped.
    ///
    /// # Errors
    /// When the port cannot be bound.
    pub async fn start(port: Option<u16>, app: App) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port.unwrap_or(0))).await?;
        let address = listener.local_addr()?;
        let stop = CancellationToken::new();
        let app = Arc::new(app);
        tokio::spawn({
            let stop = stop.clone();
            async move {
                loop {
                    let accepted = tokio::select! {
                        () = stop.cancelled() => break,
                        accepted = listener.accept() => accepted,
                    };
                    if let Ok((stream, _)) = accepted {
                        tokio::spawn(connection(stream, Arc::clone(&app), stop.clone()));
                    }
                }
            }
        });
        Ok(Self { address, stop })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops accepting and closes all connections.
    pub fn shutdown(&self) {
        self.stop.cancel();
    }
}

async fn connection(stream: TcpStream, app: Arc<App>, stop: CancellationToken) {
    // A refused option only costs latency.
    let _ = stream.set_nodelay(true);
    let service = hyper::service::service_fn(|request: Request<hyper::body::Incoming>| {
        let app = Arc::clone(&app);
        async move { answer(&app, request.map(Body::new)).await }
    });
    let served = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        () = stop.cancelled() => {}
        ended = served => if let Err(error) = ended {
            tracing::debug!(%error, "sandbox connection ended");
        },
    }
}

async fn answer(app: &App, request: Request<Body>) -> Result<Response<Body>, Broken> {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, BODY_LIMIT).await else {
        return Err(Broken);
    };
    let Some(remote) = app.remote else {
        return Ok(run(app, parts, body).await);
    };
    let route = (app.namer)(&parts, &body);
    let fault = app.core.faults.decide(remote, &route);
    if !app.core.latency.is_zero() {
        tokio::time::sleep(app.core.latency).await;
    }
    match fault {
        None => Ok(run(app, parts, body).await),
        Some(Fault::Status(code, after)) => Ok(refusal(code, after)),
        Some(Fault::Slow(ms)) => {
            let response = run(app, parts, body).await;
            tokio::time::sleep(Duration::from_millis(ms)).await;
            Ok(response)
        }
        Some(Fault::Timeout) => {
            tokio::time::sleep(HANG).await;
            Err(Broken)
        }
        Some(Fault::TimeoutAfter) => {
            drop(run(app, parts, body).await);
            tokio::time::sleep(HANG).await;
            Err(Broken)
        }
        Some(Fault::CloseBefore) => Err(Broken),
        Some(Fault::CloseAfter) => {
            drop(run(app, parts, body).await);
            Err(Broken)
        }
        Some(Fault::Truncated) => truncated(run(app, parts, body).await).await,
        Some(Fault::Html(code)) => {
            if (200..300).contains(&code) {
                drop(run(app, parts, body).await);
            }
            Ok(html(code))
        }
    }
}

async fn run(app: &App, parts: Parts, body: Bytes) -> Response<Body> {
    let request = Request::from_parts(parts, Body::from(body));
    let answered: Result<_, Infallible> = app.router.clone().oneshot(request).await;
    match answered {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

fn refusal(code: u16, after: Option<u32>) -> Response<Body> {
    let mut response = Response::new(Body::from(r#"{"message":"fault script"}"#));
    *response.status_mut() = StatusCode::from_u16(code).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    if let Some(after) = after {
        headers.insert(header::RETRY_AFTER, after.into());
    }
    response
}

fn html(code: u16) -> Response<Body> {
    let page = "<html><head><title>Bad gateway</title></head><body>An error occurred.</body></html>";
    let mut response = Response::new(Body::from(page));
    *response.status_mut() = StatusCode::from_u16(code).unwrap_or(StatusCode::BAD_GATEWAY);
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, header::HeaderValue::from_static("text/html; charset=UTF-8"));
    response
}

/// Half of the body under the length of the whole: the client waits for the rest and sees the
/// connection end instead.
async fn truncated(response: Response<Body>) -> Result<Response<Body>, Broken> {
    let (mut parts, body) = response.into_parts();
    let Ok(whole) = to_bytes(body, BODY_LIMIT).await else {
        return Err(Broken);
    };
    let half = whole.slice(..whole.len() / 2);
    parts.headers.insert(header::CONTENT_LENGTH, whole.len().into());
    // hyper sends what it has when the body makes it wait; an error at once would discard it unsent.
    let broken = async {
        tokio::task::yield_now().await;
        Err(io::Error::other(Broken))
    };
    let pieces = futures::stream::iter([Ok(half)]).chain(futures::stream::once(broken));
    Ok(Response::from_parts(parts, Body::from_stream(pieces)))
}
