//! What the definition's rules cannot say: what the Secrets must hold, and which of two resources for one shop counts.
//! Pure.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;

use k8s_openapi::ByteString;
use kube::ResourceExt as _;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};

use crate::resource::{Grant, ShopifyStore, ShopifyStoreSpec};

/// The ending of every shop's permanent domain.
const SHOP_SUFFIX: &str = ".myshopify.com";

/// No credential is longer; a longer one is a file put in by mistake.
const LONGEST_CREDENTIAL: usize = 1024;

/// A field that cannot stand: which, what is wrong and what to do. Never holds a credential.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}; {remedy}")]
pub struct Invalid {
    /// The field, as in the resource's spec: `orders.since`.
    pub field: String,
    /// What is wrong with it.
    pub problem: String,
    /// What to do.
    pub remedy: String,
}

impl Invalid {
    /// A field that cannot stand.
    pub fn new(field: impl Into<String>, problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { field: field.into(), problem: problem.into(), remedy: remedy.into() }
    }
}

/// All that is wrong, as one text for people.
#[must_use]
pub fn told(invalid: &[Invalid]) -> String {
    invalid.iter().map(ToString::to_string).collect::<Vec<_>>().join(". ")
}

/// The id of a resource's store: its shop's handle.
#[must_use]
pub fn store_id(spec: &ShopifyStoreSpec) -> &str {
    spec.shop_domain.strip_suffix(SHOP_SUFFIX).unwrap_or(&spec.shop_domain)
}

/// What opens a shop.
#[derive(Clone)]
pub enum ShopCredentials {
    /// Client id and secret of the merchant's own app.
    ClientCredentials {
        /// The client id.
        client_id: String,
        /// The client secret.
        client_secret: SecretString,
    },
    /// A pasted token.
    LegacyToken {
        /// The token.
        token: SecretString,
        /// The secret that signs webhooks.
        client_secret: SecretString,
    },
}

/// What opens both sides of a store.
#[derive(Clone)]
pub struct Credentials {
    /// The shop's.
    pub shop: ShopCredentials,
    /// The Rackbeat account's token.
    pub rackbeat_token: SecretString,
}

impl fmt::Debug for ShopCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ClientCredentials { .. } => "ClientCredentials(…)",
            Self::LegacyToken { .. } => "LegacyToken(…)",
        })
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("shop", &self.shop).finish_non_exhaustive()
    }
}

impl Credentials {
    /// A digest by which it is known whether these were carried to the service already. It tells nothing of them: each
    /// is at least 128 bits of randomness, and the resource's uid (`salt`) keeps equal ones of two stores apart.
    #[must_use]
    pub fn digest(&self, salt: &str) -> String {
        let (kind, first, second) = match &self.shop {
            ShopCredentials::ClientCredentials { client_id, client_secret } => {
                ("client-credentials", client_id.as_str(), client_secret.expose_secret())
            }
            ShopCredentials::LegacyToken { token, client_secret } => {
                ("legacy-token", token.expose_secret(), client_secret.expose_secret())
            }
        };
        let parts = [salt, kind, first, second, self.rackbeat_token.expose_secret()];
        let mut hash = Sha256::new();
        for part in parts {
            // With its length, so that no two lists run into the same bytes.
            hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            hash.update(part.as_bytes());
        }
        hex(&hash.finalize())
    }
}

/// The first 128 bits of a hash: enough to tell contents apart, short enough to be read.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes.iter().take(16).fold(String::with_capacity(32), |mut text, byte| {
        // A String takes all that is written.
        let _written = write!(text, "{byte:02x}");
        text
    })
}

/// The data of a Secret as the API has it; `None` where the Secret does not exist.
pub type SecretData<'a> = Option<&'a BTreeMap<String, ByteString>>;

/// Reads a store's credentials from the data of its two Secrets.
///
/// # Errors
/// All that is missing or cannot be a credential, never the value.
pub fn read_credentials(
    spec: &ShopifyStoreSpec,
    shopify: SecretData<'_>,
    rackbeat: SecretData<'_>,
) -> Result<Credentials, Vec<Invalid>> {
    let mut invalid = Vec::new();
    let shop_secret = Source {
        field: "shopify.credentialsSecretRef",
        name: &spec.shopify.credentials_secret_ref.name,
        data: shopify,
    };
    let shop =
        match spec.shopify.grant {
            Grant::ClientCredentials => shop_secret.read(["clientId", "clientSecret"], &mut invalid).map(
                |[client_id, client_secret]| ShopCredentials::ClientCredentials {
                    client_id: client_id.expose_secret().to_owned(),
                    client_secret,
                },
            ),
            Grant::LegacyToken => shop_secret
                .read(["token", "clientSecret"], &mut invalid)
                .map(|[token, client_secret]| ShopCredentials::LegacyToken { token, client_secret }),
        };
    let rackbeat_secret = Source {
        field: "rackbeat.credentialsSecretRef",
        name: &spec.rackbeat.credentials_secret_ref.name,
        data: rackbeat,
    };
    let rackbeat = rackbeat_secret.read(["token"], &mut invalid);
    match (shop, rackbeat) {
        (Some(shop), Some([rackbeat_token])) if invalid.is_empty() => {
            Ok(Credentials { shop, rackbeat_token })
        }
        _ => Err(invalid),
    }
}

/// A Secret to be read.
struct Source<'a> {
    field: &'static str,
    name: &'a str,
    data: SecretData<'a>,
}

impl Source<'_> {
    fn read<const N: usize>(&self, keys: [&str; N], invalid: &mut Vec<Invalid>) -> Option<[SecretString; N]> {
        let Some(data) = self.data else {
            invalid.push(Invalid::new(
                self.field,
                format!("there is no Secret {:?} in this namespace", self.name),
                format!("make it, with {}", key_names(&keys)),
            ));
            return None;
        };
        let read: Vec<SecretString> = keys.iter().filter_map(|key| self.key(data, key, invalid)).collect();
        read.try_into().ok()
    }

    fn key(
        &self,
        data: &BTreeMap<String, ByteString>,
        key: &str,
        invalid: &mut Vec<Invalid>,
    ) -> Option<SecretString> {
        match data.get(key).map(|bytes| credential(&bytes.0)) {
            Some(Ok(credential)) => Some(credential),
            Some(Err(problem)) => {
                let problem = format!("key {key:?} of Secret {:?} {problem}", self.name);
                invalid.push(Invalid::new(self.field, problem, "put the credential in as it was given out"));
                None
            }
            None => {
                let problem = format!("Secret {:?} has no key {key:?}", self.name);
                invalid.push(Invalid::new(self.field, problem, format!("add it{}", nearly(data, key))));
                None
            }
        }
    }
}

fn key_names(keys: &[&str]) -> String {
    match keys {
        [only] => format!("key {only}"),
        _ => format!("keys {}", keys.join(" and ")),
    }
}

/// A key of another case or with other signs is told: `client_id` for `clientId`. Keys are no secrets.
fn nearly(data: &BTreeMap<String, ByteString>, key: &str) -> String {
    let plain = |text: &str| -> String {
        text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
    };
    let wanted = plain(key);
    match data.keys().find(|other| plain(other) == wanted) {
        Some(other) => format!("; its key {other:?} may be meant"),
        None => String::new(),
    }
}

/// Takes the bytes of a Secret's key. Editors and `echo` leave a line's end behind, which is no part of it.
fn credential(bytes: &[u8]) -> Result<SecretString, &'static str> {
    let text = std::str::from_utf8(bytes).map_err(|_| "is no text")?.trim();
    if text.is_empty() {
        return Err("is empty");
    }
    if text.len() > LONGEST_CREDENTIAL {
        return Err("is too long for a credential");
    }
    if !text.bytes().all(|b| b.is_ascii_graphic()) {
        return Err("holds spaces or signs that no credential has");
    }
    Ok(SecretString::from(text))
}

/// Which of the resources that name one shop counts: the oldest, by its time of creation; of those of one second the one
/// that has connected the shop, then by its name. Those that
/// are being deleted count too, until they are gone: their store is theirs.
#[must_use]
pub fn elder<'a>(stores: impl IntoIterator<Item = &'a ShopifyStore>) -> Option<&'a ShopifyStore> {
    stores.into_iter().min_by(|a, b| by_age(a, b))
}

/// The resource that this one has to give way to, because it names the same shop and is older; `None` if it counts
/// itself.
#[must_use]
pub fn gives_way_to<'a>(
    store: &ShopifyStore,
    all: impl IntoIterator<Item = &'a ShopifyStore>,
) -> Option<&'a ShopifyStore> {
    let same = all.into_iter().filter(|other| {
        other.spec.shop_domain == store.spec.shop_domain
            && other.namespace() == store.namespace()
            // Itself, as it was a moment before or after, is no other.
            && other.name_any() != store.name_any()
    });
    elder(same).filter(|elder| by_age(elder, store) == Ordering::Less)
}

fn by_age(a: &ShopifyStore, b: &ShopifyStore) -> Ordering {
    // One without a time was never stored: it is the youngest.
    let key = |store: &ShopifyStore| {
        let created = store.metadata.creation_timestamp.as_ref().map(|time| time.0);
        let has_it = store.status.as_ref().is_some_and(|status| status.store_id.is_some());
        (created.is_none(), created, !has_it)
    };
    key(a).cmp(&key(b)).then_with(|| a.name_any().cmp(&b.name_any()))
}

#[cfg(test)]
mod tests;
