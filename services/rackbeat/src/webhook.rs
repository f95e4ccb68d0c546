//! Rackbeat's webhooks: is the token good, what do they tell of, and how they are registered.
//!
//! The token is a shared secret in a header, no signature over the body: whoever has it may say anything. So only
//! the key is taken from a body, and the thing itself is read from Rackbeat.

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use shopbeat_domain::failure::FailureKind;
use shopbeat_domain::ports::Answer;
use subtle::ConstantTimeEq as _;
use url::Url;

use crate::RackbeatClient;
use crate::pages::List;
use crate::transport::{Request, failure};
use crate::wire::{Text, Whole};

/// The header with the token.
pub const TOKEN_HEADER: &str = "rackbeat-webhook-token";
/// No event has a longer name.
const LONGEST_EVENT: usize = 100;
/// No number or id is longer.
const LONGEST_KEY: usize = 255;

/// The token by which a webhook proves that it comes from Rackbeat. `Debug` does not show it.
#[derive(Debug, Clone)]
pub struct WebhookToken(SecretString);

impl WebhookToken {
    /// The token that Rackbeat gave out. With an empty one everything is refused.
    #[must_use]
    pub fn new(token: SecretString) -> Self {
        Self(token)
    }

    /// Whether the header [`TOKEN_HEADER`] holds the token. Takes the same time wherever the two differ.
    #[must_use]
    pub fn verify(&self, header: &[u8]) -> bool {
        let token = self.0.expose_secret().as_bytes();
        !token.is_empty() && bool::from(token.ct_eq(header))
    }
}

/// What a webhook tells of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// The event, `order.created`; in the plural form of one guide's example (`orders.created`) it is not renamed.
    pub event: String,
    /// What the key is: `number`, `id`; `item` for stock events that name the item.
    pub key_name: String,
    /// The number or id of the thing.
    pub key: String,
    /// Its number or id before, when the event changed it.
    pub old_key: Option<String>,
}

#[derive(Deserialize)]
struct Body {
    #[serde(default)]
    key: Option<Text>,
    #[serde(default)]
    key_name: Option<Text>,
    #[serde(default)]
    old_key: Option<Text>,
    #[serde(default)]
    new_key: Option<Text>,
    #[serde(default)]
    item: Option<Text>,
    #[serde(default)]
    event: Option<Text>,
}

/// Reads a webhook. Live bodies were `{"key_name":"number","key":"1021"}` and, for stock,
/// `{"item":"TENT-2P","item_type":"product","type":"stock"}`; documented ones hold `event` and `data` as well. The
/// event is taken from the header `Rackbeat-Webhook-Event`, from the body only where that is missing.
#[must_use]
pub fn read_notice(event_header: Option<&str>, body: &[u8]) -> Option<Notice> {
    let body: Body = serde_json::from_slice(body).ok()?;
    let header = event_header.map(str::trim).filter(|event| !event.is_empty()).map(str::to_owned);
    let event = header.or(body.event.map(|event| event.0))?;
    let name = body.key_name.map(|name| name.0);
    let (key, key_name) = match (body.new_key.or(body.key), body.item) {
        (Some(key), _) => (key.0, name.unwrap_or_else(|| "number".to_owned())),
        (None, Some(item)) => (item.0, "item".to_owned()),
        (None, None) => return None,
    };
    if !plain_event(&event) || !plain_key(&key) || !plain_event(&key_name) {
        return None;
    }
    let old_key = body.old_key.map(|old| old.0).filter(|old| *old != key && plain_key(old));
    Some(Notice { event, key_name, key, old_key })
}

fn plain(text: &str, longest: usize) -> bool {
    !text.is_empty() && text.len() <= longest && !text.contains(char::is_control)
}

/// Whether this may be an event's name.
pub(crate) fn plain_event(text: &str) -> bool {
    plain(text, LONGEST_EVENT)
}

/// Whether this may be the number or id of a thing.
pub(crate) fn plain_key(text: &str) -> bool {
    plain(text, LONGEST_KEY)
}

#[derive(Serialize)]
struct Registration<'a> {
    event: &'a str,
    url: &'a str,
    is_active: bool,
}

/// A webhook as it is answered. No `Debug`: it may hold the token.
#[derive(Deserialize)]
struct WebhookRow {
    id: Whole,
    #[serde(default)]
    url: Option<Text>,
    #[serde(default)]
    token: Option<Text>,
}

impl WebhookRow {
    fn token(self) -> Option<SecretString> {
        self.token.filter(|token| !token.0.is_empty()).map(|token| SecretString::from(token.0))
    }
}

impl RackbeatClient {
    /// Has an event sent to this address; answers the token its deliveries will carry. The same event and address
    /// again is one webhook, not two; since the token may be told only the first time, it is then deleted and made
    /// anew.
    pub(crate) async fn register_webhook(&self, event: &str, url: &Url) -> Answer<SecretString> {
        let first = self.post_webhook(event, url).await?;
        let id = first.id;
        if let Some(token) = first.token() {
            return Ok(token);
        }
        self.delete_webhook(id).await?;
        let second = self.post_webhook(event, url).await?.token();
        second.ok_or_else(|| {
            failure(
                FailureKind::Garbled,
                "POST /webhooks",
                "a new webhook came without the token that it will bear",
            )
        })
    }

    /// Removes every webhook that points to this address; others are left alone.
    pub(crate) async fn unregister_webhooks(&self, url: &Url) -> Answer<()> {
        let rows = self.all::<WebhookRow>(&List::new("GET /webhooks", "/webhooks", "webhooks")).await?;
        let ours = |row: &WebhookRow| {
            let there = row.url.as_ref().and_then(|text| Url::parse(&text.0).ok());
            there.is_some_and(|there| there == *url)
        };
        for row in rows.into_iter().filter(ours) {
            self.delete_webhook(row.id).await?;
        }
        Ok(())
    }

    async fn post_webhook(&self, event: &str, url: &Url) -> Answer<WebhookRow> {
        let body = Registration { event, url: url.as_str(), is_active: true };
        self.send(Request::post("POST /webhooks", "/webhooks").json(&body)?).await?.one("webhook")
    }

    async fn delete_webhook(&self, id: Whole) -> Answer<()> {
        let request = Request::delete("DELETE /webhooks/{id}", format!("/webhooks/{}", id.0));
        match self.send(request).await {
            Err(gone) if gone.is_missing() => Ok(()),
            answer => answer.map(drop),
        }
    }
}

#[cfg(test)]
#[path = "webhook_tests.rs"]
mod tests;
