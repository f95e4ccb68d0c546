//! A container's environment.

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{
    ConfigMap, Container, EnvFromSource, EnvVarSource, ObjectFieldSelector, Pod, ResourceFieldSelector,
    Secret,
};
use kube::{Api, Client};

use super::rewrite::expand;

/// Values of a ConfigMap or a Secret.
pub(super) type Values = BTreeMap<String, Vec<u8>>;

/// A ConfigMap's or a Secret's values, with the node's rights; none if it is not there and need not be.
pub(super) async fn values(
    client: &Client,
    namespace: &str,
    kind: &str,
    name: &str,
    optional: Option<bool>,
) -> Result<Option<Values>, String> {
    let found = if kind == "secret" {
        let secret = Api::<Secret>::namespaced(client.clone(), namespace).get_opt(name).await;
        secret.map(|secret| secret.map(|secret| bytes(secret.data.unwrap_or_default())))
    } else {
        let config = Api::<ConfigMap>::namespaced(client.clone(), namespace).get_opt(name).await;
        config.map(|config| config.map(texts))
    };
    match found {
        Ok(None) if optional != Some(true) => Err(format!("{kind} \"{name}\" not found")),
        Ok(found) => Ok(found),
        Err(error) => Err(format!("{kind} \"{name}\": {error}")),
    }
}

fn bytes(data: BTreeMap<String, ByteString>) -> Values {
    data.into_iter().map(|(key, value)| (key, value.0)).collect()
}

fn texts(config: ConfigMap) -> Values {
    let mut values: Values =
        config.data.unwrap_or_default().into_iter().map(|(key, value)| (key, value.into_bytes())).collect();
    values.extend(bytes(config.binary_data.unwrap_or_default()));
    values
}

/// The variables as the pod says them: `envFrom` first, then `env`, each of which may refer to those before it.
pub(super) async fn resolve(
    client: &Client,
    pod: &Pod,
    container: &Container,
) -> Result<BTreeMap<String, String>, String> {
    let namespace = pod.metadata.namespace.as_deref().unwrap_or("default");
    let mut variables = BTreeMap::new();
    for source in container.env_from.iter().flatten() {
        variables.extend(from_all(client, namespace, source).await?);
    }
    for variable in container.env.iter().flatten() {
        let value = match (&variable.value, &variable.value_from) {
            (Some(value), _) => Some(expand(value, &variables)),
            (None, Some(source)) => from_one(client, pod, container, source).await?,
            (None, None) => Some(String::new()),
        };
        if let Some(value) = value {
            variables.insert(variable.name.clone(), value);
        }
    }
    Ok(variables)
}

async fn from_all(
    client: &Client,
    namespace: &str,
    source: &EnvFromSource,
) -> Result<BTreeMap<String, String>, String> {
    let values = if let Some(secret) = &source.secret_ref {
        values(client, namespace, "secret", &secret.name, secret.optional).await?
    } else if let Some(config) = &source.config_map_ref {
        values(client, namespace, "configmap", &config.name, config.optional).await?
    } else {
        None
    };
    let prefix = source.prefix.as_deref().unwrap_or_default();
    let values = values.unwrap_or_default().into_iter();
    Ok(values.map(|(key, value)| (format!("{prefix}{key}"), text(&value))).collect())
}

async fn from_one(
    client: &Client,
    pod: &Pod,
    container: &Container,
    source: &EnvVarSource,
) -> Result<Option<String>, String> {
    let namespace = pod.metadata.namespace.as_deref().unwrap_or("default");
    let (kind, name, key, optional) = if let Some(secret) = &source.secret_key_ref {
        ("secret", &secret.name, &secret.key, secret.optional)
    } else if let Some(config) = &source.config_map_key_ref {
        ("configmap", &config.name, &config.key, config.optional)
    } else if let Some(field) = &source.field_ref {
        return of_field(pod, field).map(Some);
    } else if let Some(field) = &source.resource_field_ref {
        return of_resource(container, field).map(Some);
    } else {
        return Ok(None);
    };
    let values = values(client, namespace, kind, name, optional).await?;
    match values.and_then(|values| values.get(key).map(|value| text(value))) {
        None if optional != Some(true) => Err(format!("{kind} \"{name}\" has no key \"{key}\"")),
        found => Ok(found),
    }
}

/// A field of the pod itself.
pub(super) fn of_field(pod: &Pod, field: &ObjectFieldSelector) -> Result<String, String> {
    let metadata = &pod.metadata;
    let spec = pod.spec.as_ref();
    let path = field.field_path.as_str();
    let keyed = |name: &str| path.strip_prefix(name)?.strip_prefix("['")?.strip_suffix("']");
    let of = |map: &Option<BTreeMap<String, String>>, key: &str| {
        map.as_ref().and_then(|map| map.get(key)).cloned().unwrap_or_default()
    };
    let value = match path {
        "metadata.name" => metadata.name.clone(),
        "metadata.namespace" => metadata.namespace.clone(),
        "metadata.uid" => metadata.uid.clone(),
        "spec.nodeName" => spec.and_then(|spec| spec.node_name.clone()),
        "spec.serviceAccountName" => spec.and_then(|spec| spec.service_account_name.clone()),
        "status.podIP" | "status.podIPs" | "status.hostIP" | "status.hostIPs" => Some("127.0.0.1".to_owned()),
        _ => match (keyed("metadata.labels"), keyed("metadata.annotations")) {
            (Some(key), _) => Some(of(&metadata.labels, key)),
            (_, Some(key)) => Some(of(&metadata.annotations, key)),
            _ => return Err(format!("the field {path} is unknown here")),
        },
    };
    Ok(value.unwrap_or_default())
}

/// A limit or request, in bytes or whole cores; a machine of 64 of both where nothing is said.
fn of_resource(container: &Container, field: &ResourceFieldSelector) -> Result<String, String> {
    let resources = container.resources.clone().unwrap_or_default();
    let (kind, name) = field.resource.split_once('.').unwrap_or(("", &field.resource));
    let held = if kind == "requests" { resources.requests } else { resources.limits };
    let quantity = held.and_then(|held| held.get(name).cloned()).map(|quantity| quantity.0);
    match (name, quantity) {
        ("cpu", None) => Ok("64".to_owned()),
        (_, None) => Ok((64_u64 << 30).to_string()),
        (_, Some(quantity)) => {
            whole(&quantity).map(|whole| whole.to_string()).ok_or(format!("{quantity} is no quantity"))
        }
    }
}

fn whole(quantity: &str) -> Option<u64> {
    let digits = quantity.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: u64 = digits.parse().ok()?;
    match quantity.get(digits.len()..)? {
        "" => Some(number),
        "m" => Some(number.div_ceil(1000)),
        "k" => Some(number * 1000),
        "Ki" => Some(number << 10),
        "M" => Some(number * 1_000_000),
        "Mi" => Some(number << 20),
        "G" => Some(number * 1_000_000_000),
        "Gi" => Some(number << 30),
        _ => None,
    }
}

fn text(value: &[u8]) -> String {
    String::from_utf8_lossy(value).into_owned()
}
