//! One call of the Admin API: token, cost bucket, POST, and what came of it. One attempt.

#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use shopbeat_domain::failure::{Failure, FailureKind, Remote};
use shopbeat_domain::ids::ShopDomain;
use shopbeat_domain::ports::Clock;

use crate::classify::{Reply, Trouble, classify};
use crate::cost::{Bucket, Cost, Reserved};
use crate::http::{API_VERSION, BaseUrl, Http};
use crate::token::{Credentials, Token, Tokens};
use crate::wire::{Answered, Operation};

const TOKEN_HEADER: &str = "x-shopify-access-token";
const VERSION_HEADER: &str = "x-shopify-api-version";
/// An answer above this is not one of ours: the largest page is far smaller.
const LARGEST_ANSWER: usize = 32 * 1024 * 1024;

/// Hears of each answered call what Shopify charged for it, in thousandths of a point.
pub type Watch = Arc<dyn Fn(u64) + Send + Sync>;

pub(crate) struct Transport {
    http: Http,
    base: BaseUrl,
    shop: ShopDomain,
    clock: Arc<dyn Clock>,
    deadline: Duration,
    tokens: Tokens,
    bucket: Mutex<Bucket>,
    told_version: AtomicBool,
    watch: Option<Watch>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Call<'a, V> {
    query: &'static str,
    operation_name: &'static str,
    variables: &'a V,
}

impl Transport {
    pub(crate) fn new(
        http: Http,
        base: BaseUrl,
        shop: ShopDomain,
        credentials: Credentials,
        clock: Arc<dyn Clock>,
        deadline: Duration,
    ) -> Self {
        Self {
            http,
            base,
            shop,
            clock,
            deadline,
            tokens: Tokens::new(credentials),
            bucket: Mutex::default(),
            told_version: AtomicBool::new(false),
            watch: None,
        }
    }

    pub(crate) fn watched_by(self, watch: Watch) -> Self {
        Self { watch: Some(watch), ..self }
    }

    /// A call that was refused for lack of points was charged nothing.
    fn told(&self, was_done: bool, cost: Option<&Cost>) {
        let points = cost.and_then(|cost| cost.requested_query_cost).filter(|_| was_done);
        if let (Some(watch), Some(points)) =
            (&self.watch, points.and_then(|points| u64::try_from(points).ok()))
        {
            watch(points);
        }
    }

    pub(crate) fn shop(&self) -> &ShopDomain {
        &self.shop
    }

    pub(crate) fn http(&self) -> &Http {
        &self.http
    }

    pub(crate) fn deadline(&self) -> Duration {
        self.deadline
    }

    /// One attempt. A renewed token, the wait for the bucket and the call itself share one deadline; if too little
    /// of it is left before anything was sent, the answer is `Busy`.
    pub(crate) async fn call<O: Operation>(
        &self,
        variables: &O::Variables,
    ) -> Result<Answered<O::Data>, Trouble> {
        let began = self.clock.now();
        let token = self
            .tokens
            .current(&self.http, &self.base, &self.shop, self.clock.as_ref(), self.deadline)
            .await?;
        let reserved =
            InFlight { bucket: &self.bucket, operation: O::NAME, share: Some(self.admit::<O>(began).await?) };
        let sent = self.send::<O>(variables, &token, self.left(began)).await;
        let (status, retry_after, body) = match sent {
            Ok(reply) => reply,
            Err(failure) => return Err(failure.into()),
        };
        let (result, cost) = classify::<O>(&Reply { status, retry_after, body: &body });
        reserved.settle(cost.as_ref(), self.clock.as_ref());
        self.told(result.is_ok(), cost.as_ref());
        match result {
            Ok(answered) => {
                self.tokens.accepted();
                Ok(answered)
            }
            Err(Trouble::Other(mut failure)) if failure.kind == FailureKind::Unauthorized(None) => {
                failure.kind = FailureKind::Unauthorized(self.tokens.refused(&token).await);
                Err(failure.into())
            }
            Err(trouble) => Err(trouble),
        }
    }

    /// What is left of the deadline.
    fn left(&self, began: Timestamp) -> Duration {
        let passed = Duration::try_from(self.clock.now().duration_since(began)).unwrap_or_default();
        self.deadline.saturating_sub(passed)
    }

    async fn admit<O: Operation>(&self, began: Timestamp) -> Result<Reserved, Failure> {
        loop {
            let now = self.clock.now();
            let left = self.left(began);
            // Bound to a name: the guard must be gone before the sleep.
            let asked = lock(&self.bucket).reserve(O::NAME, now);
            let wait = match asked {
                Ok(reserved) if left >= self.deadline / 2 => return Ok(reserved),
                Ok(reserved) => {
                    lock(&self.bucket).give_back(&reserved);
                    Duration::ZERO
                }
                Err(wait) => wait,
            };
            if left.saturating_sub(wait) < self.deadline / 2 {
                let kind = FailureKind::Busy { retry_after: Some(wait) };
                let why = if wait.is_zero() {
                    "too little time was left"
                } else {
                    "the cost bucket is empty for now"
                };
                return Err(Failure::new(Remote::Shopify, kind, O::NAME, why));
            }
            self.clock.sleep(wait).await;
        }
    }

    async fn send<O: Operation>(
        &self,
        variables: &O::Variables,
        token: &Token,
        deadline: Duration,
    ) -> Result<(u16, Option<Duration>, Vec<u8>), Failure> {
        let url = self.base.of(&self.shop, &format!("/admin/api/{API_VERSION}/graphql.json"));
        let mut secret = reqwest::header::HeaderValue::from_str(token.expose()).map_err(|_| {
            let text = "the token holds characters that no header can carry";
            Failure::new(Remote::Shopify, FailureKind::Unauthorized(None), O::NAME, text)
        })?;
        secret.set_sensitive(true);
        let mut response = self
            .http
            .client()?
            .post(url)
            .header(TOKEN_HEADER, secret)
            .timeout(deadline)
            .json(&Call { query: O::TEXT, operation_name: O::NAME, variables })
            .send()
            .await
            .map_err(|error| lost::<O>(&error))?;
        self.tell_version(&response);
        let retry_after = retry_after(&response);
        let status = response.status().as_u16();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| lost::<O>(&error))? {
            if body.len() + chunk.len() > LARGEST_ANSWER {
                let kind = if O::CHANGES { FailureKind::Unanswered } else { FailureKind::Garbled };
                return Err(Failure::new(Remote::Shopify, kind, O::NAME, "the answer does not end"));
            }
            body.extend_from_slice(&chunk);
        }
        Ok((status, retry_after, body))
    }

    /// A version that ended does not fail: Shopify serves the oldest that is left, and says so in this header.
    fn tell_version(&self, response: &reqwest::Response) {
        let served = response.headers().get(VERSION_HEADER).and_then(|v| v.to_str().ok());
        if let Some(served) = served.filter(|served| *served != API_VERSION)
            && !self.told_version.swap(true, Ordering::Relaxed)
        {
            tracing::warn!(
                shop.domain = %self.shop,
                served,
                pinned = API_VERSION,
                "Shopify answers in another API version than the one this build was made for"
            );
        }
    }
}

fn lock(bucket: &Mutex<Bucket>) -> std::sync::MutexGuard<'_, Bucket> {
    bucket.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The share of a call under way; given back even when the call is dropped half-way.
struct InFlight<'a> {
    bucket: &'a Mutex<Bucket>,
    operation: &'static str,
    share: Option<Reserved>,
}

impl InFlight<'_> {
    fn settle(mut self, cost: Option<&Cost>, clock: &dyn Clock) {
        if let Some(share) = self.share.take() {
            lock(self.bucket).settle(self.operation, &share, cost, clock.now());
        }
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        if let Some(share) = self.share.take() {
            lock(self.bucket).give_back(&share);
        }
    }
}

/// No whole answer. Without a connection nothing was sent; anything later leaves it open.
fn lost<O: Operation>(error: &reqwest::Error) -> Failure {
    let (kind, text) = if error.is_connect() || error.is_builder() {
        (FailureKind::Unreachable, "no connection")
    } else if error.is_timeout() {
        (FailureKind::Unanswered, "no answer before the deadline")
    } else if error.is_body() || error.is_decode() {
        (if O::CHANGES { FailureKind::Unanswered } else { FailureKind::Garbled }, "the answer was cut")
    } else {
        (FailureKind::Unanswered, "the connection broke before the answer")
    };
    Failure::new(Remote::Shopify, kind, O::NAME, text)
}

/// `Retry-After` in seconds, whole or broken (`2.0`); a date or nonsense counts as not there.
fn retry_after(response: &reqwest::Response) -> Option<Duration> {
    let text = response.headers().get("retry-after")?.to_str().ok()?;
    let (whole, part) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
    let seconds: u64 = whole.parse().ok()?;
    let more = u64::from(part.bytes().any(|b| b != b'0'));
    Some(Duration::from_secs(seconds.saturating_add(more)))
}
