//! Access tokens: got with the app's client credentials and renewed before they end, or pasted by the merchant.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use shopbeat_domain::failure::{Failure, FailureKind, Remote};
use shopbeat_domain::ids::ShopDomain;
use shopbeat_domain::ports::Clock;
use shopbeat_domain::store::Hold;
use tokio::sync::Mutex;

use crate::http::{BaseUrl, Http};

const CALL: &str = "POST /admin/oauth/access_token";
/// A token is renewed this long before its end, or a tenth of its life if that is shorter.
const EARLY: i64 = 600;
/// Tokens of the client credentials grant live a day, should the answer not say.
const USUAL_LIFE: i64 = 86_399;

/// How a store's token is got. `Debug` shows no secret.
#[derive(Debug, Clone)]
pub enum Credentials {
    /// Client id and secret of an app in the store's own organisation: a token of 24 hours, asked for anew.
    ClientCredentials {
        /// The app's client id (public).
        client_id: String,
        /// The app's client secret; signs the webhooks too.
        client_secret: SecretString,
    },
    /// A pasted token (`shpat_…`) that has no end. Such apps cannot be made any more since 2026; old ones work.
    LegacyToken(SecretString),
}

/// The one place that holds a store's token. Ten callers that find it stale make one call.
#[derive(Debug)]
pub(crate) struct Tokens {
    credentials: Credentials,
    held: Mutex<Option<Token>>,
    /// Tokens refused since the last call that went well.
    refused: AtomicU32,
}

/// A token as it was handed out.
#[derive(Debug, Clone)]
pub(crate) struct Token {
    secret: Arc<SecretString>,
    renew_at: Option<Timestamp>,
}

impl Token {
    pub(crate) fn expose(&self) -> &str {
        self.secret.expose_secret()
    }
}

#[derive(Deserialize)]
struct Granted {
    access_token: SecretString,
    #[serde(default)]
    expires_in: Option<i64>,
}

impl Tokens {
    pub(crate) fn new(credentials: Credentials) -> Self {
        Self { credentials, held: Mutex::new(None), refused: AtomicU32::new(0) }
    }

    /// The token to use now. The lock is held while it is renewed: others wait for the same answer.
    pub(crate) async fn current(
        &self,
        http: &Http,
        base: &BaseUrl,
        shop: &ShopDomain,
        clock: &dyn Clock,
        deadline: Duration,
    ) -> Result<Token, Failure> {
        let (client_id, client_secret) = match &self.credentials {
            Credentials::LegacyToken(token) => {
                return Ok(Token { secret: Arc::new(token.clone()), renew_at: None });
            }
            Credentials::ClientCredentials { client_id, client_secret } => (client_id, client_secret),
        };
        let mut held = self.held.lock().await;
        let now = clock.now();
        if let Some(token) = held.as_ref().filter(|t| t.renew_at.is_none_or(|at| now < at)) {
            return Ok(token.clone());
        }
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", client_id.as_str()),
            ("client_secret", client_secret.expose_secret()),
        ];
        let request =
            http.client()?.post(base.of(shop, "/admin/oauth/access_token")).form(&form).timeout(deadline);
        let granted = ask(request).await?;
        let life = granted.expires_in.unwrap_or(USUAL_LIFE).max(0);
        let renew_in = SignedDuration::from_secs(life - EARLY.min(life / 10));
        let token = Token {
            secret: Arc::new(granted.access_token),
            renew_at: Some(now.checked_add(renew_in).unwrap_or(now)),
        };
        *held = Some(token.clone());
        Ok(token)
    }

    /// A call with this token was answered 401. The token is forgotten (unless it was replaced meanwhile), and the
    /// store is to be held once there is no hope: a pasted token never gets better, and neither does a second
    /// fresh one in a row.
    pub(crate) async fn refused(&self, token: &Token) -> Option<Hold> {
        let mut held = self.held.lock().await;
        if held.as_ref().is_some_and(|t| Arc::ptr_eq(&t.secret, &token.secret)) {
            *held = None;
            self.refused.fetch_add(1, Ordering::Relaxed);
        }
        let legacy = matches!(self.credentials, Credentials::LegacyToken(_));
        (legacy || self.refused.load(Ordering::Relaxed) > 1).then_some(Hold::TokenDead)
    }

    /// A call went well: earlier refusals are forgotten.
    pub(crate) fn accepted(&self) {
        self.refused.store(0, Ordering::Relaxed);
    }
}

fn failure(kind: FailureKind, message: impl Into<String>) -> Failure {
    Failure::new(Remote::Shopify, kind, CALL, message)
}

/// One attempt. A lost answer is harmless here: an unused token is no order, so it counts as "nothing was done".
async fn ask(request: reqwest::RequestBuilder) -> Result<Granted, Failure> {
    let response = request.send().await.map_err(|error| {
        if error.is_connect() || error.is_builder() {
            failure(FailureKind::Unreachable, "no connection for a token")
        } else {
            failure(FailureKind::Busy { retry_after: None }, "no answer to the request for a token")
        }
    })?;
    let status = response.status().as_u16();
    let body = response
        .bytes()
        .await
        .map_err(|_| failure(FailureKind::Busy { retry_after: None }, "the answer with the token was cut"))?;
    match status {
        200 => serde_json::from_slice(&body)
            .map_err(|_| failure(FailureKind::Garbled, "the answer with the token cannot be read")),
        429 | 430 | 500.. => {
            Err(failure(FailureKind::Busy { retry_after: None }, format!("HTTP {status} instead of a token")))
        }
        402 | 423 => Err(failure(
            FailureKind::Unauthorized(Some(Hold::ShopFrozen)),
            format!("HTTP {status}: Shopify has frozen or locked the shop"),
        )),
        _ => Err(denied(status, &body)),
    }
}

/// Shopify's OAuth errors in words that say what to do. They come as JSON (`{"error": "…"}`) or as a page that
/// has the code in its title, so the code is looked for anywhere.
fn denied(status: u16, body: &[u8]) -> Failure {
    let text = String::from_utf8_lossy(body);
    for (code, hold, remedy) in [
        (
            "shop_not_permitted",
            Hold::TokenDead,
            "client credentials work only for a store of the app's own organisation; create the app in the \
             organisation that owns the store",
        ),
        (
            "app_not_installed",
            Hold::Uninstalled,
            "the app is not installed in this store; install it, then connect again",
        ),
        ("invalid_client", Hold::TokenDead, "client id or secret is wrong, or the secret was rotated"),
    ] {
        if text.contains(code) {
            return failure(FailureKind::Unauthorized(Some(hold)), format!("{code}: {remedy}"));
        }
    }
    match status {
        404 => failure(FailureKind::Unreachable, "HTTP 404: there is no such shop at this address"),
        400 | 401 | 403 => {
            failure(FailureKind::Unauthorized(None), format!("the token was refused with HTTP {status}"))
        }
        _ => failure(FailureKind::Garbled, format!("HTTP {status} instead of a token")),
    }
}
