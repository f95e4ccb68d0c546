//! Shopify webhooks: is the signature good, and which order or product does it tell of?
//!
//! A body is a full resource with personal data; only ids and times are read from it, and nothing else is kept.
//! The signature is checked over the raw bytes before anything is parsed.

mod delivery;
mod signature;

pub use delivery::{Headers, Malformed, Payload, Subject};
pub use signature::WebhookSecrets;
