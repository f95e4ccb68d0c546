//! Resources as they are listed. One that this version cannot read (a newer definition allows what it does not know) must
//! not keep the others from being read: it is kept with what of it can be read, and its owner is told of the rest.

use std::borrow::Cow;
use std::ops::Deref;

use k8s_openapi::NamespaceResourceScope;
use kube::Resource;
use kube::core::ObjectMeta;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value, json};

use crate::resource::{ShopifyStore, ShopifyStoreSpec, ShopifyStoreStatus};
use crate::validate::Invalid;

/// A resource as it is listed.
#[derive(Debug, Clone)]
pub struct Listed {
    resource: ShopifyStore,
    unreadable: Vec<Invalid>,
}

impl Listed {
    /// Fields of the spec that cannot be read. If there are any, the resource holds the other ones, and must not be
    /// acted upon but for its deletion.
    #[must_use]
    pub fn unreadable(&self) -> &[Invalid] {
        &self.unreadable
    }
}

impl Deref for Listed {
    type Target = ShopifyStore;

    fn deref(&self) -> &ShopifyStore {
        &self.resource
    }
}

impl Resource for Listed {
    type DynamicType = ();
    type Scope = NamespaceResourceScope;

    fn kind((): &()) -> Cow<'_, str> {
        ShopifyStore::kind(&())
    }

    fn group((): &()) -> Cow<'_, str> {
        ShopifyStore::group(&())
    }

    fn version((): &()) -> Cow<'_, str> {
        ShopifyStore::version(&())
    }

    fn plural((): &()) -> Cow<'_, str> {
        ShopifyStore::plural(&())
    }

    fn meta(&self) -> &ObjectMeta {
        &self.resource.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.resource.metadata
    }
}

/// A resource, its sections not read yet.
#[derive(Deserialize)]
struct Raw {
    metadata: ObjectMeta,
    #[serde(default)]
    spec: Value,
    #[serde(default)]
    status: Value,
}

impl<'de> Deserialize<'de> for Listed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Raw { metadata, spec, status } = Raw::deserialize(deserializer)?;
        let mut unreadable = Vec::new();
        let spec = match ShopifyStoreSpec::deserialize(&spec) {
            Ok(spec) => spec,
            Err(_) => salvaged(spec, &mut unreadable).map_err(D::Error::custom)?,
        };
        // A status that a newer operator wrote is written anew.
        let status = ShopifyStoreStatus::deserialize(&status).ok();
        Ok(Self { resource: ShopifyStore { metadata, spec, status }, unreadable })
    }
}

/// What of a spec can be read; `unreadable` gathers the rest.
fn salvaged(spec: Value, unreadable: &mut Vec<Invalid>) -> Result<ShopifyStoreSpec, serde_json::Error> {
    let nothing = json!({
        "shopDomain": "",
        "agreement": "",
        "shopify": {"credentialsSecretRef": {"name": ""}},
        "rackbeat": {"credentialsSecretRef": {"name": ""}},
    });
    let given = match spec {
        Value::Object(given) => given,
        _ => Map::new(),
    };
    for field in
        nothing.as_object().into_iter().flat_map(Map::keys).filter(|field| !given.contains_key(*field))
    {
        unreadable.push(Invalid::new(field.as_str(), "it is missing", "add it"));
    }
    let mut read = nothing;
    for (field, value) in given {
        let before = read.get(&field).cloned();
        read[&field] = value;
        if let Err(error) = ShopifyStoreSpec::deserialize(&read) {
            let remedy = "correct it, or run an operator of the version that knows it";
            let problem = format!("this operator cannot read it ({error})");
            match before {
                Some(before) => read[&field] = before,
                None => {
                    let _unread = read.as_object_mut().and_then(|read| read.remove(&field));
                }
            }
            unreadable.push(Invalid::new(field, problem, remedy));
        }
    }
    ShopifyStoreSpec::deserialize(&read)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::State;
    use crate::testing::listed;
    use crate::validate::{store_id, told};

    #[test]
    fn what_can_be_read_is_the_resource_itself() {
        let whole = listed(|_| {});
        assert_eq!(whole.unreadable(), []);
        assert_eq!((store_id(&whole.spec), whole.spec.state), ("acme-oslo", State::Paused));
        assert_eq!(whole.status.as_ref().unwrap().store_id.as_deref(), Some("acme-oslo"));
        assert_eq!(listed(|object| object["spec"]["newer"] = json!({"a": 1})).unreadable(), []);
    }

    #[test]
    fn a_value_of_a_newer_version_is_named_and_all_else_is_read() {
        let newer = listed(|object| {
            object["spec"]["orders"]["trigger"] = json!("Someday");
            object["spec"]["initialSync"] = json!({"products": true, "run": 7});
        });
        let told = told(newer.unreadable());
        assert!(
            told.contains("orders: ") && told.contains("Someday") && told.contains("initialSync: "),
            "{told}"
        );
        assert_eq!((store_id(&newer.spec), newer.spec.state), ("acme-oslo", State::Paused));
        assert_eq!(newer.spec.rackbeat.credentials_secret_ref.name, "acme-rackbeat");
        assert_eq!(newer.meta().generation, Some(2));
        assert_eq!(newer.status.as_ref().unwrap().store_id.as_deref(), Some("acme-oslo"));
    }

    #[test]
    fn a_list_holds_the_good_beside_the_bad() {
        let bad =
            json!({"metadata": {"name": "bad"}, "spec": {"agreement": 3}, "status": {"pending": "many"}});
        let bad: Listed = serde_json::from_value(bad).unwrap();
        let fields: Vec<&str> = bad.unreadable().iter().map(|invalid| invalid.field.as_str()).collect();
        assert_eq!(fields, ["rackbeat", "shopDomain", "shopify", "agreement"]);
        assert!(bad.status.is_none());
        let none: Listed = serde_json::from_value(json!({"metadata": {"name": "none"}})).unwrap();
        assert_eq!(none.unreadable().len(), 4);
    }
}
