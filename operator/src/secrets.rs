//! The Secrets that stores refer to. They are watched by their metadata; their content is read when their version is new,
//! and kept no longer than the call that carries it.

use k8s_openapi::api::core::v1::Secret;
use kube::core::PartialObjectMeta;
use kube::runtime::reflector::{ObjectRef, Store};
use kube::{Api, ResourceExt as _};
use sha2::{Digest as _, Sha256};

use crate::memory::SecretVersions;
use crate::resource::{ShopifyStore, ShopifyStoreSpec};
use crate::status::{Reason, Trouble};
use crate::validate::{Credentials, hex, read_credentials, told};

/// A new text in this annotation carries the same credentials over once more: for an app that was installed again, or a
/// shop that is open again.
pub const RECONNECT: &str = "shopbeat.dev/reconnect";

/// Whether a store refers to this Secret.
#[must_use]
pub fn refers_to(spec: &ShopifyStoreSpec, secret: &str) -> bool {
    spec.shopify.credentials_secret_ref.name == secret || spec.rackbeat.credentials_secret_ref.name == secret
}

/// The versions of a store's Secrets, as they are watched.
#[must_use]
pub fn versions(
    resource: &ShopifyStore,
    namespace: &str,
    watched: &Store<PartialObjectMeta<Secret>>,
) -> SecretVersions {
    let version = |name: &str| {
        let secret = watched.get(&ObjectRef::new(name).within(namespace))?;
        secret.metadata.resource_version.clone()
    };
    SecretVersions {
        shopify: version(&resource.spec.shopify.credentials_secret_ref.name),
        rackbeat: version(&resource.spec.rackbeat.credentials_secret_ref.name),
        generation: resource.metadata.generation,
    }
}

/// Reads a store's credentials.
///
/// # Errors
/// The API server's, and, inside, what is wrong with the Secrets.
pub async fn read(
    secrets: &Api<Secret>,
    spec: &ShopifyStoreSpec,
) -> Result<Result<Credentials, Trouble>, kube::Error> {
    let shopify = secrets.get_opt(&spec.shopify.credentials_secret_ref.name).await?;
    let rackbeat = secrets.get_opt(&spec.rackbeat.credentials_secret_ref.name).await?;
    let is_missing = shopify.is_none() || rackbeat.is_none();
    // A Secret without data is one whose keys are all missing.
    let data = |secret: Option<Secret>| secret.map(|secret| secret.data.unwrap_or_default());
    let (shopify, rackbeat) = (data(shopify), data(rackbeat));
    Ok(read_credentials(spec, shopify.as_ref(), rackbeat.as_ref()).map_err(|invalid| {
        let reason = if is_missing { Reason::SecretNotFound } else { Reason::SecretIncomplete };
        Trouble::new(reason, told(&invalid))
    }))
}

/// The digest of credentials, as the status keeps it.
#[must_use]
pub fn digest(credentials: &Credentials, resource: &ShopifyStore) -> String {
    let digest = credentials.digest(&resource.uid().unwrap_or_default());
    match resource.annotations().get(RECONNECT) {
        Some(text) => format!("{digest}+{}", hex(&Sha256::digest(text))),
        None => digest,
    }
}
