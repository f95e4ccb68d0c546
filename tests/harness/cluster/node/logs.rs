//! What `kubectl logs` asks a node for, by way of the API server.

use std::net::TcpListener as StdListener;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::routing::get;
use http::StatusCode;
use serde::Deserialize;
use tokio::net::TcpListener;
use tonic::service::Routes;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Identity, Server, ServerTlsConfig};

use super::host::Host;
use crate::cluster::child::tail;

/// What may be asked for; the rest of what kubectl can ask is left alone, `follow` among it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Asked {
    tail_lines: Option<usize>,
}

/// Serves the logs, with the certificate of `tls`: PEM, then its key.
pub(super) async fn serve(host: Arc<Host>, listener: StdListener, tls: (Vec<u8>, Vec<u8>)) {
    let routes =
        Router::new().route("/containerLogs/{namespace}/{pod}/{container}", get(log)).with_state(host);
    let tls = ServerTlsConfig::new().identity(Identity::from_pem(tls.0, tls.1));
    listener.set_nonblocking(true).expect("a listener can be non-blocking");
    let incoming = TcpIncoming::from(TcpListener::from_std(listener).expect("a listener"));
    let server = Server::builder().tls_config(tls).expect("a certificate").accept_http1(true);
    let mut server = server;
    server.add_routes(Routes::from(routes)).serve_with_incoming(incoming).await.expect("it serves");
}

async fn log(
    State(host): State<Arc<Host>>,
    Path((namespace, pod, container)): Path<(String, String, String)>,
    Query(asked): Query<Asked>,
) -> Result<String, StatusCode> {
    let path = host.log(&namespace, &pod, &container);
    let log = std::fs::read(path).map_err(|_| StatusCode::NOT_FOUND)?;
    let log = String::from_utf8_lossy(&log).into_owned();
    Ok(match asked.tail_lines {
        Some(lines) => tail(&log, lines) + "\n",
        None => log,
    })
}
