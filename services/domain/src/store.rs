//! A connected store and its agreement, as the registry keeps them (credentials are kept apart, sealed).

use std::fmt;

use jiff::Timestamp;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::ids::{AccountId, AgreementId, ShopDomain, StoreId};
use crate::money::Currency;
use crate::settings::Settings;

/// What the owner wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
pub enum Desired {
    /// Work.
    #[default]
    Running,
    /// Keep recording what comes in, write nothing.
    Paused,
    /// No worker; webhooks are still recorded.
    Stopped,
}

/// What the service itself found out that forbids writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Hold {
    /// The merchant uninstalled the app.
    Uninstalled,
    /// The credentials are refused, again and again.
    TokenDead,
    /// The shop is frozen or locked by Shopify.
    ShopFrozen,
}

impl fmt::Display for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Uninstalled => "the app was uninstalled; connect the store again",
            Self::TokenDead => "the credentials are refused; connect the store again with good ones",
            Self::ShopFrozen => {
                "Shopify has frozen or locked the shop; its owner must clear that with Shopify"
            }
        })
    }
}

/// Who may change the store's settings.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
pub enum ManagedBy {
    /// The gRPC API.
    #[default]
    Api,
    /// A custom resource.
    Kubernetes {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
        /// Its uid.
        uid: String,
    },
}

/// How the store's Shopify token is got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
pub enum Grant {
    /// Client id and secret of the merchant's own app; tokens of 24 hours.
    #[default]
    ClientCredentials,
    /// A pasted token (`shpat_…`) that does not end; such apps cannot be made any more since 2026.
    LegacyToken,
}

/// Names of the sealed fields.
pub mod secret {
    /// Client id of the merchant's app.
    pub const CLIENT_ID: &str = "client_id";
    /// Client secret: gets tokens and signs webhooks.
    pub const CLIENT_SECRET: &str = "client_secret";
    /// The secret before the last rotation: webhooks may be signed with it for a while.
    pub const PREVIOUS_CLIENT_SECRET: &str = "previous_client_secret";
    /// Until when that one counts, a time as text.
    pub const PREVIOUS_CLIENT_SECRET_UNTIL: &str = "previous_client_secret_until";
    /// A pasted token.
    pub const LEGACY_TOKEN: &str = "legacy_token";
    /// The agreement's token.
    pub const RACKBEAT_TOKEN: &str = "rackbeat_token";

    /// The token that Rackbeat's deliveries of one event bear.
    #[must_use]
    pub fn rackbeat_webhook_token(event: &str) -> String {
        format!("rackbeat_webhook_token/{event}")
    }
}

/// What opens a shop. `secrecy` keeps it out of `Debug`.
#[derive(Debug, Clone)]
pub enum ShopCredentials {
    /// The merchant's own app.
    ClientCredentials {
        /// Client id.
        client_id: String,
        /// Client secret.
        client_secret: SecretString,
    },
    /// A pasted token, with the secret that signs its app's webhooks.
    LegacyToken {
        /// The token, `shpat_…`.
        token: SecretString,
        /// The app's client secret.
        client_secret: SecretString,
    },
}

impl ShopCredentials {
    /// Which grant they are for.
    #[must_use]
    pub fn grant(&self) -> Grant {
        match self {
            Self::ClientCredentials { .. } => Grant::ClientCredentials,
            Self::LegacyToken { .. } => Grant::LegacyToken,
        }
    }

    /// What signs the app's webhooks.
    #[must_use]
    pub fn client_secret(&self) -> &SecretString {
        match self {
            Self::ClientCredentials { client_secret, .. } | Self::LegacyToken { client_secret, .. } => {
                client_secret
            }
        }
    }
}

/// A connected store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Store {
    /// Layout of this record; readers take this one and the one before.
    pub version: u32,
    /// Rises with each change; a write must name the one it read.
    pub revision: u64,
    /// The store.
    pub id: StoreId,
    /// Its shop.
    pub shop: ShopDomain,
    /// Its Rackbeat account.
    pub agreement: AgreementId,
    /// How its token is got.
    pub grant: Grant,
    /// What the owner wants.
    pub desired: Desired,
    /// What forbids writing.
    pub hold: Option<Hold>,
    /// Who may change it.
    pub managed_by: ManagedBy,
    /// Its settings.
    pub settings: Settings,
    /// The shop's currency.
    pub currency: Currency,
    /// The shop's prices hold the tax.
    pub taxes_included: bool,
    /// The shop's country, ISO code; decides nothing by itself, preflight names it beside the VAT rates.
    #[serde(default)]
    pub country: Option<String>,
    /// Quantities are sent only from this moment on: its initial sync of stock finished, or a person accepted the
    /// report of what would change. A store is never set to zero by connecting it.
    #[serde(default)]
    pub stock_accepted_at: Option<Timestamp>,
    /// The scopes that were granted.
    pub scopes: Vec<String>,
    /// Where its webhooks were told to go; a worker checks and repairs the subscriptions there.
    pub webhook_address: Option<Url>,
    /// When it was first connected.
    pub connected_at: Timestamp,
    /// When it was disconnected; the record stays for the ledger and the journals.
    pub disconnected_at: Option<Timestamp>,
}

/// The layout of stored records that this code writes.
pub const RECORD_VERSION: u32 = 1;

impl Store {
    /// Whether a worker may write for it.
    #[must_use]
    pub fn may_write(&self) -> bool {
        self.desired == Desired::Running && self.hold.is_none() && self.disconnected_at.is_none()
    }

    /// Whether it is connected; a disconnected one stays for its ledger and journals.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.disconnected_at.is_none()
    }

    /// Whether quantities may be sent to it.
    #[must_use]
    pub fn takes_stock(&self) -> bool {
        self.is_connected() && self.settings.stock.enabled && self.stock_accepted_at.is_some()
    }
}

/// A Rackbeat account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agreement {
    /// Layout of this record.
    pub version: u32,
    /// The name the operator gave it.
    pub id: AgreementId,
    /// The account behind it; bound at the first connect.
    pub account: AccountId,
    /// The company's name, as Rackbeat tells it.
    pub company: String,
    /// The currency the account is kept in.
    pub currency: Currency,
}
