//! A small HTTP client that keeps its connection, and the webhooks it sends.

use std::net::SocketAddr;

use axum::body::{Body, to_bytes};
use hyper::Request;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use shopbeat_sandbox::shopify::sign;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body as text.
    pub text: String,
}

/// A client of one server.
#[derive(Debug)]
pub struct HttpClient {
    address: SocketAddr,
    connection: Option<SendRequest<Body>>,
}

impl HttpClient {
    /// A client that has not connected yet.
    #[must_use]
    pub fn new(address: SocketAddr) -> Self {
        Self { address, connection: None }
    }

    /// Sends a request.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn send(&mut self, request: Request<Body>) -> Result<Answer, String> {
        let mut connection = match self.connection.take() {
            Some(connection) if !connection.is_closed() => connection,
            _ => self.connect().await?,
        };
        connection.ready().await.map_err(|error| error.to_string())?;
        let response = connection.send_request(request).await.map_err(|error| error.to_string())?;
        let status = response.status().as_u16();
        let body = Body::new(response.into_body());
        let body = to_bytes(body, 16 * 1024 * 1024).await.map_err(|error| error.to_string())?;
        self.connection = Some(connection);
        Ok(Answer { status, text: String::from_utf8_lossy(&body).into_owned() })
    }

    /// `GET`.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn get(&mut self, path: &str) -> Result<Answer, String> {
        let request = Request::get(path).header("host", self.address.to_string());
        self.send(request.body(Body::empty()).map_err(|error| error.to_string())?).await
    }

    /// Posts a webhook.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn post(&mut self, hook: &Webhook) -> Result<Answer, String> {
        let mut request = Request::post(&hook.path).header("host", self.address.to_string());
        for (name, value) in &hook.headers {
            request = request.header(*name, value);
        }
        let body = Body::from(hook.body.clone());
        self.send(request.body(body).map_err(|error| error.to_string())?).await
    }

    /// Posts a webhook that announces more bytes than it sends, then hangs up; what the server said, if anything.
    ///
    /// # Panics
    /// When the server cannot be reached.
    pub async fn post_cut(&self, hook: &Webhook) -> String {
        let mut stream = TcpStream::connect(self.address).await.expect("the server listens");
        let mut head = format!("POST {} HTTP/1.1\r\nhost: {}\r\n", hook.path, self.address);
        for (name, value) in &hook.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("content-length: {}\r\n\r\n", hook.body.len() + 100));
        stream.write_all(head.as_bytes()).await.expect("the server reads");
        stream.write_all(&hook.body).await.expect("the server reads");
        stream.shutdown().await.expect("a connection can be closed");
        let mut answer = Vec::new();
        // A reset is as good as silence.
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8_lossy(&answer).into_owned()
    }

    async fn connect(&self) -> Result<SendRequest<Body>, String> {
        let stream = TcpStream::connect(self.address).await.map_err(|error| error.to_string())?;
        let (sender, connection) =
            handshake(TokioIo::new(stream)).await.map_err(|error| error.to_string())?;
        tokio::spawn(connection);
        Ok(sender)
    }
}

/// A delivery as Shopify sends it.
#[derive(Debug, Clone)]
pub struct Webhook {
    /// Where to.
    pub path: String,
    /// Headers but the host's and the length's.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Webhook {
    /// A genuine one of the store `handle`, signed with `secret`.
    #[must_use]
    pub fn signed(handle: &str, secret: &str, topic: &str, id: &str, body: &[u8]) -> Self {
        let headers = vec![
            ("content-type", "application/json".to_owned()),
            ("x-shopify-topic", topic.to_owned()),
            ("x-shopify-shop-domain", format!("{handle}.myshopify.com")),
            ("x-shopify-webhook-id", id.to_owned()),
            ("x-shopify-hmac-sha256", sign(secret, body)),
        ];
        Self { path: format!("/webhooks/shopify/{handle}"), headers, body: body.to_vec() }
    }

    /// The same with another header.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.retain(|(known, _)| *known != name);
        self.headers.push((name, value.to_owned()));
        self
    }

    /// The same without a header.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| *known != name);
        self
    }
}
