//! A pod's volumes, as directories of this machine.

use std::path::{Path, PathBuf};

use k8s_openapi::api::authentication::v1::{BoundObjectReference, TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::{
    DownwardAPIVolumeFile, KeyToPath, Pod, ServiceAccount, ServiceAccountTokenProjection, Volume,
    VolumeProjection,
};
use kube::api::PostParams;
use kube::{Api, Client};

use super::env::{of_field, values};

/// Directory of a volume.
pub(super) fn directory(pod_dir: &Path, volume: &str) -> PathBuf {
    pod_dir.join("volumes").join(volume)
}

/// Makes all volumes of a pod; what is missing is told, and tried again by the caller.
pub(super) async fn fill(client: &Client, pod: &Pod, pod_dir: &Path) -> Result<(), String> {
    let volumes = pod.spec.iter().flat_map(|spec| spec.volumes.iter().flatten());
    for volume in volumes {
        let dir = directory(pod_dir, &volume.name);
        std::fs::create_dir_all(&dir).map_err(|error| error.to_string())?;
        let filler = Filler { client, pod, dir: &dir };
        filler.fill(volume).await.map_err(|error| format!("volume \"{}\": {error}", volume.name))?;
    }
    Ok(())
}

struct Filler<'a> {
    client: &'a Client,
    pod: &'a Pod,
    dir: &'a Path,
}

impl Filler<'_> {
    fn namespace(&self) -> &str {
        self.pod.metadata.namespace.as_deref().unwrap_or("default")
    }

    async fn fill(&self, volume: &Volume) -> Result<(), String> {
        if let Some(secret) = &volume.secret {
            let name = secret.secret_name.as_deref().unwrap_or_default();
            self.keys("secret", name, secret.optional, secret.items.as_deref()).await
        } else if let Some(config) = &volume.config_map {
            self.keys("configmap", &config.name, config.optional, config.items.as_deref()).await
        } else if let Some(projected) = &volume.projected {
            for source in projected.sources.iter().flatten() {
                self.project(source).await?;
            }
            Ok(())
        } else if let Some(downward) = &volume.downward_api {
            self.downward(downward.items.as_deref())
        } else if volume.empty_dir.is_some() || volume.persistent_volume_claim.is_some() {
            Ok(()) // the directory is enough: it lives as long as the pod
        } else {
            Err("this kind is unknown here".to_owned())
        }
    }

    async fn project(&self, source: &VolumeProjection) -> Result<(), String> {
        if let Some(secret) = &source.secret {
            self.keys("secret", &secret.name, secret.optional, secret.items.as_deref()).await
        } else if let Some(config) = &source.config_map {
            self.keys("configmap", &config.name, config.optional, config.items.as_deref()).await
        } else if let Some(downward) = &source.downward_api {
            self.downward(downward.items.as_deref())
        } else if let Some(token) = &source.service_account_token {
            self.token(token).await
        } else {
            Err("this kind of projection is unknown here".to_owned())
        }
    }

    async fn keys(
        &self,
        kind: &str,
        name: &str,
        optional: Option<bool>,
        items: Option<&[KeyToPath]>,
    ) -> Result<(), String> {
        let found = values(self.client, self.namespace(), kind, name, optional).await?.unwrap_or_default();
        let Some(items) = items.filter(|items| !items.is_empty()) else {
            return found.iter().try_for_each(|(key, value)| self.write(key, value));
        };
        for item in items {
            match found.get(&item.key) {
                Some(value) => self.write(&item.path, value)?,
                None if optional == Some(true) => {}
                None => return Err(format!("{kind} \"{name}\" has no key \"{}\"", item.key)),
            }
        }
        Ok(())
    }

    fn downward(&self, items: Option<&[DownwardAPIVolumeFile]>) -> Result<(), String> {
        for item in items.unwrap_or_default() {
            let field = item.field_ref.as_ref().ok_or("resource fields are unknown here")?;
            self.write(&item.path, of_field(self.pod, field)?.as_bytes())?;
        }
        Ok(())
    }

    /// A token that dies with the pod, asked for with the node's rights.
    async fn token(&self, source: &ServiceAccountTokenProjection) -> Result<(), String> {
        let metadata = &self.pod.metadata;
        let bound = BoundObjectReference {
            api_version: Some("v1".to_owned()),
            kind: Some("Pod".to_owned()),
            name: metadata.name.clone(),
            uid: metadata.uid.clone(),
        };
        let spec = TokenRequestSpec {
            audiences: source.audience.iter().cloned().collect(),
            bound_object_ref: Some(bound),
            expiration_seconds: source.expiration_seconds,
        };
        let account = self.pod.spec.as_ref().and_then(|spec| spec.service_account_name.as_deref());
        let account = account.unwrap_or("default");
        let request = TokenRequest { spec, ..TokenRequest::default() };
        let api: Api<ServiceAccount> = Api::namespaced(self.client.clone(), self.namespace());
        let answer = api.create_token_request(account, &PostParams::default(), &request).await;
        let answer = answer.map_err(|error| format!("a token of {account}: {error}"))?;
        self.write(&source.path, answer.status.ok_or("no token")?.token.as_bytes())
    }

    /// Written beside and renamed, so that nobody reads half of it.
    fn write(&self, path: &str, value: &[u8]) -> Result<(), String> {
        let path = self.dir.join(path);
        let told = |error: std::io::Error| format!("{}: {error}", path.display());
        if std::fs::read(&path).is_ok_and(|held| held == value) {
            return Ok(());
        }
        std::fs::create_dir_all(path.parent().unwrap_or(self.dir)).map_err(told)?;
        let beside = path.with_extension("new");
        std::fs::write(&beside, value).map_err(told)?;
        std::fs::rename(&beside, &path).map_err(told)
    }
}
