//! One call: ask for its place in the budget, send it once, say what is known of how it ended.

use std::time::Duration;

use reqwest::header::{
    ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER, USER_AGENT,
};
use reqwest::{Method, StatusCode};
use secrecy::ExposeSecret as _;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use shopbeat_domain::failure::{Failure, FailureKind, Refusal, Remote};
use shopbeat_domain::ports::Answer;
use shopbeat_domain::store::Hold;
use url::Url;

use crate::RackbeatClient;
use crate::quirks::{Choice, Way};
use crate::refusal;
use crate::wire::{self, Unreadable};

/// A call waits at most this part of its deadline for its place in the budget: both together stay well within a
/// worker's lease. Whoever has to wait longer is told, and comes back.
fn pace_patience(deadline: Duration) -> Duration {
    deadline * 2 / 3
}

/// A call to be sent.
#[derive(Debug)]
pub(crate) struct Request {
    method: Method,
    /// `METHOD /path` with ids left out.
    name: &'static str,
    /// Path below the base, its parts percent-encoded.
    path: String,
    query: Vec<(&'static str, String)>,
    body: Option<Vec<u8>>,
}

impl Request {
    /// A read. The name is `GET /path` with ids left out, the path is the true one.
    pub(crate) fn get(name: &'static str, path: impl Into<String>) -> Self {
        Self::new(Method::GET, name, path)
    }

    pub(crate) fn post(name: &'static str, path: impl Into<String>) -> Self {
        Self::new(Method::POST, name, path)
    }

    pub(crate) fn put(name: &'static str, path: impl Into<String>) -> Self {
        Self::new(Method::PUT, name, path)
    }

    pub(crate) fn delete(name: &'static str, path: impl Into<String>) -> Self {
        Self::new(Method::DELETE, name, path)
    }

    fn new(method: Method, name: &'static str, path: impl Into<String>) -> Self {
        Self { method, name, path: path.into(), query: Vec::new(), body: None }
    }

    pub(crate) fn query(mut self, key: &'static str, value: &(impl ToString + ?Sized)) -> Self {
        self.query.push((key, value.to_string()));
        self
    }

    /// With this JSON body.
    pub(crate) fn json<T: Serialize>(mut self, body: &T) -> Answer<Self> {
        match serde_json::to_vec(body) {
            Ok(bytes) => {
                self.body = Some(bytes);
                Ok(self)
            }
            // Nothing was sent; a body of ours that is no JSON would be refused for ever.
            Err(_) => Err(failure(
                FailureKind::Refused(Refusal::Other),
                self.name,
                "the request cannot be written as JSON",
            )),
        }
    }

    fn is_write(&self) -> bool {
        self.method != Method::GET
    }

    /// The answer to a write came but cannot be read: it was most likely done. To a read: garbled.
    fn unreadable(&self, why: Unreadable) -> Failure {
        unreadable(self.name, self.is_write(), why)
    }
}

fn unreadable(name: &'static str, write: bool, why: Unreadable) -> Failure {
    let kind = if write { FailureKind::Unanswered } else { FailureKind::Garbled };
    failure(kind, name, why.0)
}

/// A success: the body of a 2xx.
#[derive(Debug)]
pub(crate) struct Reply {
    name: &'static str,
    write: bool,
    body: Vec<u8>,
}

impl Reply {
    /// The one thing under `key`.
    pub(crate) fn one<T: DeserializeOwned>(&self, key: &str) -> Answer<T> {
        wire::one(&self.body, key).map_err(|why| unreadable(self.name, self.write, why))
    }

    /// The list under `key`.
    pub(crate) fn list<T: DeserializeOwned>(&self, key: &str) -> Answer<wire::Listing<T>> {
        wire::list(&self.body, key).map_err(|why| unreadable(self.name, self.write, why))
    }
}

/// A failure of Rackbeat.
pub(crate) fn failure(kind: FailureKind, call: &str, message: impl Into<String>) -> Failure {
    Failure::new(Remote::Rackbeat, kind, call, message)
}

/// Percent-encodes everything but letters, digits and `-._~`.
pub(crate) fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

impl RackbeatClient {
    /// Sends a call once and answers the body of a 2xx.
    pub(crate) async fn send(&self, request: Request) -> Answer<Reply> {
        self.wait_for_pace(request.name).await?;
        let url = self.url(&request)?;
        let headers = self.headers(request.name)?;
        let shared = &self.shared;
        let mut sending =
            shared.http.request(request.method.clone(), url.clone()).headers(headers).timeout(self.deadline);
        if let Some(body) = &request.body {
            sending = sending.header(CONTENT_TYPE, "application/json").body(body.clone());
        }
        let began = shared.clock.now();
        let response = sending.send().await.map_err(|error| not_answered(&request, &error))?;
        let (status, landed) = (response.status(), response.url().clone());
        let retry_after = retry_after(response.headers());
        let body = response.bytes().await;
        let took = shared.clock.now().duration_since(began);
        tracing::debug!(
            call = request.name,
            status = status.as_u16(),
            took_ms = took.as_millis(),
            "rackbeat call"
        );
        if landed != url && request.is_write() {
            // A redirect that was followed may have turned a POST into a GET.
            let why = "the call was redirected: set Rackbeat's base URL to the final address";
            return Err(failure(FailureKind::Unanswered, request.name, why));
        }
        if !status.is_success() {
            return Err(classify(&request, status, retry_after, body.as_deref().unwrap_or_default()));
        }
        let body = body.map_err(|error| not_answered(&request, &error))?.to_vec();
        if !body.is_empty() {
            let parsed: Result<&RawValue, _> = serde_json::from_slice(&body);
            parsed.map_err(|error| request.unreadable(error.into()))?;
        }
        Ok(Reply { name: request.name, write: request.is_write(), body })
    }

    /// Tries two forms of one call, the one known to work (or the likelier) first, the other when the first is not
    /// there. That is safe for writes: what is not there has done nothing.
    pub(crate) async fn either(
        &self,
        choice: &Choice,
        form: impl Fn(Way) -> Answer<Request>,
    ) -> Answer<Reply> {
        let way = choice.first();
        let first = self.send(form(way)?).await;
        let missing = match first {
            Err(missing) if missing.is_missing() => missing,
            Ok(reply) => {
                choice.learn(way);
                return Ok(reply);
            }
            other => return other,
        };
        match self.send(form(way.other())?).await {
            Ok(reply) => {
                choice.learn(way.other());
                Ok(reply)
            }
            Err(other) if other.is_missing() => Err(missing),
            Err(other) => Err(other),
        }
    }

    async fn wait_for_pace(&self, name: &str) -> Answer<()> {
        let shared = &self.shared;
        let mut waited = Duration::ZERO;
        while let Some(wait) = shared.pace.take(&shared.budget, self.lane, shared.clock.now()).await? {
            // A pace that says "wait no time" must not spin.
            let wait = wait.max(Duration::from_millis(1));
            waited += wait;
            if waited > pace_patience(self.deadline) {
                let busy = FailureKind::Busy { retry_after: Some(wait) };
                return Err(failure(busy, name, "the budget of calls is used up for now"));
            }
            shared.clock.sleep(wait).await;
        }
        if let Some(watch) = &self.watch {
            watch(self.lane, waited);
        }
        Ok(())
    }

    fn url(&self, request: &Request) -> Answer<Url> {
        let text = format!("{}{}", self.shared.base.as_str().trim_end_matches('/'), request.path);
        let mut url = Url::parse(&text).map_err(|_| {
            failure(FailureKind::Refused(Refusal::Other), request.name, "the call has no valid address")
        })?;
        if !request.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&request.query);
        }
        Ok(url)
    }

    fn headers(&self, name: &str) -> Answer<HeaderMap> {
        let shared = &self.shared;
        let bearer = format!("Bearer {}", shared.token.expose_secret().trim());
        let mut bearer = HeaderValue::from_str(&bearer).map_err(|_| {
            // Such a token can never have been given out.
            let dead = FailureKind::Unauthorized(Some(Hold::TokenDead));
            failure(dead, name, "the token holds characters that no token has")
        })?;
        bearer.set_sensitive(true);
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, bearer);
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        // The vendor's SDK calls these mandatory and says that leaving them out may get an address restricted.
        let agent = format!("Shopbeat/{} ({})", env!("CARGO_PKG_VERSION"), shared.consumer.contact);
        let told = [
            (USER_AGENT, agent.as_str()),
            (HeaderName::from_static("consumer-name"), shared.consumer.name.as_str()),
            (HeaderName::from_static("consumer-contact"), shared.consumer.contact.as_str()),
            (HeaderName::from_static("api-version"), "latest"),
        ];
        for (key, text) in told {
            let visible: String = text.chars().filter(|sign| !sign.is_control()).collect();
            if let Ok(value) = HeaderValue::from_bytes(visible.as_bytes()) {
                headers.insert(key, value);
            }
        }
        Ok(headers)
    }
}

/// No whole answer came.
fn not_answered(request: &Request, error: &reqwest::Error) -> Failure {
    if error.is_connect() || error.is_builder() {
        return failure(FailureKind::Unreachable, request.name, "no connection");
    }
    let why = if error.is_timeout() { "no answer in time" } else { "the connection broke before the answer" };
    failure(FailureKind::Unanswered, request.name, why)
}

/// Seconds; the other form of the header (a date) is not believed, since clocks differ.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}

/// What an answer that is no success says.
fn classify(request: &Request, status: StatusCode, retry_after: Option<Duration>, body: &[u8]) -> Failure {
    let told = refusal::read(request.name, status.as_u16(), body, request.body.as_deref());
    let kind = match status.as_u16() {
        300..=399 => {
            let why = "it answers with a redirect: set Rackbeat's base URL to the final address";
            return failure(FailureKind::Unreachable, request.name, why);
        }
        // One 401 is no proof that the key is dead; whoever sees it again and again may conclude that.
        401 => FailureKind::Unauthorized(None),
        403 => FailureKind::Refused(Refusal::Forbidden),
        // 405 as well: a call that is gone answers it where the path still serves another method.
        404 | 405 => FailureKind::Missing,
        409 => FailureKind::Conflict,
        423 => FailureKind::Refused(Refusal::Locked),
        429 => FailureKind::Busy { retry_after },
        408 | 500..=599 if request.is_write() => FailureKind::Unanswered,
        408 | 500..=599 => FailureKind::Busy { retry_after },
        _ => FailureKind::Refused(told.refusal),
    };
    let message = match kind {
        FailureKind::Refused(_) => told.message,
        _ => format!("HTTP {}", status.as_u16()),
    };
    let fields = if matches!(kind, FailureKind::Refused(_)) { told.fields } else { Vec::new() };
    failure(kind, request.name, message).with_fields(fields)
}

#[cfg(test)]
#[path = "transport_tests.rs"]
mod tests;
