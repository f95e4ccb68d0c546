//! The yardstick: the least that could be called an intake. A bare handler that reads the bytes, checks the
//! signature and appends ids from the headers to a stream. It parses nothing, knows no repeat and no order, and
//! counts nothing; it has the libraries, the runtime and the Redis that the service has.

use std::io::Write as _;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{HeaderMap, StatusCode};
use redis::aio::MultiplexedConnection;
use sha2::Sha256;
use tokio::net::TcpListener;

/// The argument by which this binary becomes the yardstick.
pub(crate) const VERB: &str = "yardstick";
/// What it says before its address.
pub(crate) const LISTENS: &str = "yardstick listens on ";

#[derive(Clone)]
struct Bare {
    redis: MultiplexedConnection,
    secret: Vec<u8>,
}

/// Serves until it is killed.
pub(crate) async fn serve(redis: &str, secret: &str) {
    let client = redis::Client::open(redis).expect("an address of Redis");
    let redis = client.get_multiplexed_async_connection().await.expect("Redis answers");
    let router = Router::new()
        .route("/webhooks/shopify/{store}", post(take))
        .with_state(Bare { redis, secret: secret.as_bytes().to_vec() });
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let address = listener.local_addr().expect("it has an address");
    println!("{LISTENS}{address}");
    std::io::stdout().flush().expect("it is read");
    axum::serve(listener, router).await.expect("it serves");
}

async fn take(State(mut bare): State<Bare>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let header = |name: &str| headers.get(name).map(|value| value.as_bytes()).unwrap_or_default();
    let signature = STANDARD.decode(header("x-shopify-hmac-sha256")).unwrap_or_default();
    let mac = Hmac::<Sha256>::new_from_slice(&bare.secret).expect("a key of any length");
    if mac.chain_update(&body).verify_slice(&signature).is_err() {
        return StatusCode::UNAUTHORIZED;
    }
    let mut append = redis::cmd("XADD");
    append.arg("yardstick").arg("*");
    append.arg("webhook").arg(header("x-shopify-webhook-id")).arg("topic").arg(header("x-shopify-topic"));
    match append.query_async::<String>(&mut bare.redis).await {
        Ok(_) => StatusCode::OK,
        Err(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}
