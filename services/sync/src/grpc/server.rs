//! The gRPC server: the API behind its gate, health, reflection.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use shopbeat_proto::v1::sync_service_server::SyncServiceServer;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::codec::CompressionEncoding;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;

use super::SyncApi;
use crate::auth::{Gate, Tokens};
use crate::metrics::Metrics;

/// No request of the API comes near it.
const LARGEST_REQUEST: usize = 1024 * 1024;
/// A connection that is silent this long is asked whether it still stands.
const KEEP_ALIVE: Duration = Duration::from_secs(30);
/// Calls that one connection may have under way.
const CALLS_AT_ONCE: usize = 256;

/// Serves the API until `shutdown`, then lets calls under way finish.
///
/// # Errors
/// When the server cannot be set up or its listener fails.
pub async fn serve(
    server: Server,
    listener: TcpListener,
    api: SyncApi,
    tokens: Option<Arc<Tokens>>,
    metrics: Metrics,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let service = SyncServiceServer::new(api)
        .max_decoding_message_size(LARGEST_REQUEST)
        .accept_compressed(CompressionEncoding::Gzip)
        .send_compressed(CompressionEncoding::Gzip);
    let (health, health_service) = tonic_health::server::health_reporter();
    health.set_serving::<SyncServiceServer<SyncApi>>().await;
    let reflection = |builder: tonic_reflection::server::Builder<'static>| {
        builder
            .register_encoded_file_descriptor_set(shopbeat_proto::FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    let told = health.clone();
    let signal = shutdown.clone();
    server
        .http2_keepalive_interval(Some(KEEP_ALIVE))
        .concurrency_limit_per_connection(CALLS_AT_ONCE)
        .add_service(Gate::new(service, tokens, metrics))
        .add_service(health_service)
        .add_service(reflection(tonic_reflection::server::Builder::configure()).build_v1()?)
        // Clients of 2023 and before ask for this one.
        .add_service(reflection(tonic_reflection::server::Builder::configure()).build_v1alpha()?)
        .serve_with_incoming_shutdown(TcpIncoming::from(listener).with_nodelay(Some(true)), async move {
            signal.cancelled().await;
            told.set_not_serving::<SyncServiceServer<SyncApi>>().await;
        })
        .await
        .context("the gRPC server failed")
}
