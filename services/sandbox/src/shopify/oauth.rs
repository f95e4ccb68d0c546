//! `POST /admin/oauth/access_token`: the client credentials grant.

use serde_json::{Map, Value, json};

use super::shop::Shop;

/// Status and body.
pub(crate) type Answer = (u16, Value);

/// The request's fields, sent as a form or as JSON.
pub(crate) fn fields(content_type: &str, body: &[u8]) -> Map<String, Value> {
    if content_type.starts_with("application/json") {
        return serde_json::from_slice(body).unwrap_or_default();
    }
    let query = String::from_utf8_lossy(body);
    let Ok(url) = reqwest::Url::parse(&format!("http://form/?{query}")) else {
        return Map::new();
    };
    url.query_pairs().map(|(key, value)| (key.into_owned(), json!(value))).collect()
}

/// Issues a token, or says why not in Shopify's words.
pub(crate) fn grant(shop: &mut Shop, asked: &Map<String, Value>) -> Answer {
    let text = |name: &str| asked.get(name).and_then(Value::as_str).unwrap_or_default();
    let refuse =
        |status: u16, error: &str, why: &str| (status, json!({ "error": error, "error_description": why }));
    if text("grant_type") != "client_credentials" {
        return refuse(400, "unsupported_grant_type", "This grant is not simulated.");
    }
    let known = text("client_id") == shop.spec.client_id;
    if !known && text("client_id").is_empty() {
        return refuse(400, "invalid_request", "client_id is missing.");
    }
    if !known {
        return refuse(400, "shop_not_permitted", "Client credentials cannot be performed on this shop.");
    }
    if text("client_secret") != shop.spec.client_secret {
        return refuse(401, "invalid_client", "Client authentication failed.");
    }
    if !shop.installed {
        return refuse(400, "app_not_installed", "The application is not installed on this shop.");
    }
    let token = format!("shpat_{}", shop.tokens_draw.token(32));
    let now = shop.core.clock.now();
    let life = shop.spec.token_life;
    shop.tokens.insert(token.clone(), now + life);
    shop.tokens_issued += 1;
    let answer = json!({
        "access_token": token,
        "scope": shop.spec.scopes.join(","),
        "expires_in": life.as_secs(),
    });
    (200, answer)
}

/// Whether `token` opens the shop now.
pub(crate) fn is_valid(shop: &Shop, token: &str) -> bool {
    if !shop.installed {
        return false;
    }
    if shop.spec.legacy_token.as_deref() == Some(token) {
        return true;
    }
    shop.tokens.get(token).is_some_and(|ends| *ends > shop.core.clock.now())
}
