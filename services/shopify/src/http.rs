//! Where Shopify is reached, and the one HTTP client that all shops share.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use shopbeat_domain::failure::{Failure, FailureKind, Remote};
use shopbeat_domain::ids::ShopDomain;
use url::Url;

/// The Admin API version that every operation here was written and checked for.
pub const API_VERSION: &str = "2026-10";
/// Part of the template that is replaced by the shop's domain.
const SHOP: &str = "{shop}";
const CONNECT_DEADLINE: Duration = Duration::from_secs(5);

/// The address of a shop as a template: `https://{shop}`, where `{shop}` is the `….myshopify.com` domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrl(String);

/// A template that makes no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no address of Shopify: {reason}")]
pub struct BadBaseUrl {
    text: String,
    reason: String,
}

impl BaseUrl {
    /// Shopify itself.
    #[must_use]
    pub fn shopify() -> Self {
        Self(format!("https://{SHOP}"))
    }

    /// Reads a template; a slash at its end is dropped.
    ///
    /// # Errors
    /// When it does not become an `http` or `https` address for a shop.
    pub fn parse(text: &str) -> Result<Self, BadBaseUrl> {
        let bad = |reason: &str| BadBaseUrl { text: text.to_owned(), reason: reason.to_owned() };
        let base = text.trim().trim_end_matches('/');
        let sample =
            Url::parse(&base.replace(SHOP, "shop.myshopify.com")).map_err(|e| bad(&e.to_string()))?;
        if !matches!(sample.scheme(), "http" | "https") {
            return Err(bad("it must begin with http:// or https://"));
        }
        if sample.query().is_some() || sample.fragment().is_some() {
            return Err(bad("it must end with the host or a path"));
        }
        Ok(Self(base.to_owned()))
    }

    /// The address of one shop's resource; `path` begins with a slash.
    pub(crate) fn of(&self, shop: &ShopDomain, path: &str) -> String {
        format!("{}{path}", self.0.replace(SHOP, shop.as_str()))
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The HTTP client of a process, built when it is first needed (an idle worker needs none) and shared by clones.
/// A TLS provider must have been installed by then (`rustls::crypto::…::install_default`).
#[derive(Debug, Clone, Default)]
pub struct Http(Arc<OnceLock<reqwest::Client>>);

impl Http {
    /// Nothing is built yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    pub(crate) fn client(&self) -> Result<&reqwest::Client, Failure> {
        if let Some(client) = self.0.get() {
            return Ok(client);
        }
        let client = reqwest::Client::builder()
            .user_agent(concat!("Shopbeat/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_DEADLINE)
            // A redirect would turn our POST into a GET; the answer says what happened instead.
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| {
                let text = format!("no HTTP client could be built: {error}");
                Failure::new(Remote::Shopify, FailureKind::Unreachable, "connect", text)
            })?;
        Ok(self.0.get_or_init(|| client))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shop_stands_where_the_template_says() {
        let shop = ShopDomain::parse("acme.myshopify.com").unwrap();
        assert_eq!(BaseUrl::shopify().of(&shop, "/admin"), "https://acme.myshopify.com/admin");
        let local = BaseUrl::parse("http://127.0.0.1:4000/{shop}/").unwrap();
        assert_eq!(local.of(&shop, "/admin"), "http://127.0.0.1:4000/acme.myshopify.com/admin");
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for bad in ["", "{shop}", "ftp://{shop}", "https://", "https://{shop}?a=b"] {
            assert!(BaseUrl::parse(bad).is_err(), "{bad}");
        }
    }
}
