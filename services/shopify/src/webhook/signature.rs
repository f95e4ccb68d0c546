//! Is a delivery signed by whom it says?

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::header::HeaderMap;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;

use super::delivery::text;

const SIGNATURE: &str = "x-shopify-hmac-sha256";

/// What signs a store's webhooks: the client secret of its app, and the one before, since deliveries are signed
/// with the old one for up to an hour after a rotation. `Debug` shows neither.
#[derive(Debug, Clone)]
pub struct WebhookSecrets {
    current: SecretString,
    previous: Option<SecretString>,
}

impl WebhookSecrets {
    /// The current secret and, during a rotation, the previous one. An empty secret signs nothing: with it every
    /// signature is refused.
    #[must_use]
    pub fn new(current: SecretString, previous: Option<SecretString>) -> Self {
        Self { current, previous }
    }

    /// Whether `signature` (base64, as in `X-Shopify-Hmac-Sha256`) belongs to these raw bytes. Takes the same time
    /// wherever the two differ, and always tries both secrets.
    #[must_use]
    pub fn verify(&self, body: &[u8], signature: &str) -> bool {
        let Ok(claimed) = STANDARD.decode(signature.trim()) else { return false };
        let by_current = signed_by(&self.current, body, &claimed);
        let by_previous = self.previous.as_ref().is_some_and(|secret| signed_by(secret, body, &claimed));
        by_current | by_previous
    }

    /// The same, with the signature taken from the headers; without one the answer is no.
    #[must_use]
    pub fn verify_headers(&self, body: &[u8], headers: &HeaderMap) -> bool {
        text(headers, SIGNATURE).is_some_and(|signature| self.verify(body, signature))
    }
}

fn signed_by(secret: &SecretString, body: &[u8], claimed: &[u8]) -> bool {
    let secret = secret.expose_secret();
    if secret.is_empty() {
        return false;
    }
    // HMAC takes keys of any length; the error cannot come, and would mean no.
    let Ok(mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { return false };
    mac.chain_update(body).verify_slice(claimed).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> SecretString {
        SecretString::from(text)
    }

    fn sign(key: &str, body: &[u8]) -> String {
        let mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).unwrap();
        STANDARD.encode(mac.chain_update(body).finalize().into_bytes())
    }

    #[test]
    fn a_known_signature_is_accepted() {
        // RFC 4231, test case 2.
        let known = "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM=";
        let secrets = WebhookSecrets::new(secret("Jefe"), None);
        assert!(secrets.verify(b"what do ya want for nothing?", known));
        assert!(!secrets.verify(b"what do ya want for nothing!", known));
        // Made with another implementation, over a body as Shopify sends it.
        let hush = WebhookSecrets::new(secret("hush"), None);
        assert!(hush.verify(br#"{"id":820982911946154508}"#, "qBvrsZF7RfB1iS6BX6IHqJTp5L911P7intnPeTPsH0I="));
    }

    #[test]
    fn during_a_rotation_both_secrets_count_and_no_third() {
        let secrets = WebhookSecrets::new(secret("new"), Some(secret("old")));
        for key in ["new", "old"] {
            assert!(secrets.verify(b"{}", &sign(key, b"{}")), "{key}");
        }
        assert!(!secrets.verify(b"{}", &sign("older", b"{}")));
        assert!(!WebhookSecrets::new(secret("new"), None).verify(b"{}", &sign("old", b"{}")));
    }

    #[test]
    fn an_empty_secret_opens_nothing() {
        let secrets = WebhookSecrets::new(secret(""), Some(secret("")));
        assert!(!secrets.verify(b"{}", &sign("", b"{}")));
    }

    #[test]
    fn a_cut_or_odd_signature_is_refused() {
        let (secrets, good) = (WebhookSecrets::new(secret("k"), None), sign("k", b"{}"));
        for bad in ["", "=", &good[..10], &format!("{good}AAAA"), "не base64"] {
            assert!(!secrets.verify(b"{}", bad), "{bad:?}");
        }
        assert!(!secrets.verify_headers(b"{}", &HeaderMap::new()));
    }

    #[test]
    fn secrets_are_not_shown() {
        let shown = format!("{:?}", WebhookSecrets::new(secret("hush"), Some(secret("hush"))));
        assert!(!shown.contains("hush"), "{shown}");
    }
}
