//! A control plane, a fake service and an operator.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use k8s_openapi::ByteString;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::{Api, Client, ResourceExt as _};
use serde_json::{Value, json};
use shopbeat_operator::resource::{ShopifyStore, definition};
use shopbeat_tests::cluster::{FakeService, Parts, Plane};
use shopbeat_tests::{HttpClient, Process, SHORT, operator, until};

/// What an operator test needs. No controllers: a Deployment is as ready as the test says.
pub(super) struct Stage {
    pub(super) plane: Plane,
    pub(super) client: Client,
    pub(super) namespace: String,
    pub(super) service: FakeService,
}

impl Stage {
    /// With the definition installed.
    pub(super) async fn set() -> Self {
        let stage = Self::bare().await;
        stage.install_definition().await;
        stage
    }

    /// Without the definition.
    pub(super) async fn bare() -> Self {
        let plane = Plane::with(Parts { controllers: false, scheduler: false }).await;
        let client = plane.client().await;
        let namespace = plane.namespace("shops").await;
        let service = FakeService::start().await;
        let stage = Self { plane, client, namespace, service };
        stage.secret("worker-env", &[("SHOPBEAT_REDIS_URL", "redis://redis")]).await;
        stage.secret("acme-rackbeat", &[("token", "rb-token")]).await;
        stage
    }

    pub(super) async fn install_definition(&self) {
        self.install(&definition()).await;
    }

    pub(super) async fn install(&self, definition: &CustomResourceDefinition) {
        let api: Api<CustomResourceDefinition> = Api::all(self.client.clone());
        api.create(&PostParams::default(), definition).await.expect("the definition is taken");
        until("the definition is served", SHORT, async || {
            self.stores().list(&ListParams::default()).await.map(|_| ()).map_err(|error| error.to_string())
        })
        .await;
    }

    pub(super) fn stores(&self) -> Api<ShopifyStore> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    pub(super) fn deployments(&self) -> Api<Deployment> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    pub(super) async fn secret(&self, name: &str, data: &[(&str, &str)]) {
        let api: Api<Secret> = Api::namespaced(self.client.clone(), &self.namespace);
        let data: BTreeMap<String, ByteString> = data
            .iter()
            .map(|(key, value)| ((*key).to_owned(), ByteString(value.as_bytes().to_vec())))
            .collect();
        let body = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "data": data});
        api.patch(name, &PatchParams::apply("test").force(), &Patch::Apply(body))
            .await
            .expect("a Secret is taken");
    }

    pub(super) async fn remove_secret(&self, name: &str) {
        let api: Api<Secret> = Api::namespaced(self.client.clone(), &self.namespace);
        api.delete(name, &DeleteParams::default()).await.expect("it is removed");
    }

    /// Applies a store of this shop, with its Secret, as its owner would.
    pub(super) async fn apply(&self, name: &str, handle: &str, more: Value) {
        self.secret(&format!("{handle}-shopify"), &[("clientId", "id"), ("clientSecret", "first")]).await;
        let mut spec = json!({
            "shopDomain": format!("{handle}.myshopify.com"),
            "agreement": "acme",
            "shopify": {"credentialsSecretRef": {"name": format!("{handle}-shopify")}},
            "rackbeat": {"credentialsSecretRef": {"name": "acme-rackbeat"}},
        });
        for (key, value) in more.as_object().into_iter().flatten() {
            spec[key] = value.clone();
        }
        let body = json!({
            "apiVersion": "shopbeat.dev/v1alpha1", "kind": "ShopifyStore", "metadata": {"name": name}, "spec": spec,
        });
        let how = PatchParams::apply("test").force();
        self.stores().patch(name, &how, &Patch::Apply(body)).await.expect("the store is taken");
    }

    /// Changes a store's spec, and nothing else.
    pub(super) async fn edit(&self, name: &str, spec: Value) {
        let patch = Patch::Merge(json!({"spec": spec}));
        self.stores().patch(name, &PatchParams::default(), &patch).await.expect("it is edited");
    }

    pub(super) async fn annotate(&self, name: &str, key: &str, value: &str) {
        let patch = json!({"metadata": {"annotations": {key: value}}});
        self.stores()
            .patch(name, &PatchParams::default(), &Patch::Merge(patch))
            .await
            .expect("it is annotated");
    }

    pub(super) async fn delete(&self, name: &str) {
        self.stores().delete(name, &DeleteParams::default()).await.expect("it is deleted");
    }

    pub(super) async fn gone(&self, name: &str) {
        until(&format!("{name} is gone"), SHORT, async || match self.stores().get_opt(name).await {
            Ok(None) => Ok(()),
            other => Err(format!("{other:?}")),
        })
        .await;
    }

    /// Waits for the condition Ready of a store, and answers the store.
    pub(super) async fn ready(&self, name: &str, status: &str, reason: &str) -> ShopifyStore {
        self.says(name, "Ready", status, reason).await
    }

    pub(super) async fn says(&self, name: &str, type_: &str, status: &str, reason: &str) -> ShopifyStore {
        until(&format!("{name} is {type_}={status} {reason}"), SHORT, async || {
            let store = self.stores().get(name).await.map_err(|error| error.to_string())?;
            let said = store.status.as_ref().and_then(|status| {
                status.conditions.iter().find(|condition| condition.type_ == type_).cloned()
            });
            match said {
                Some(said) if said.status == status && said.reason == reason => Ok(store),
                other => Err(format!("{other:?}\n{:?}", self.service.calls().last())),
            }
        })
        .await
    }

    pub(super) async fn deployment(&self, handle: &str) -> Deployment {
        let name = format!("shopbeat-worker-{handle}");
        until(&format!("{name} is there"), SHORT, async || {
            self.deployments().get(&name).await.map_err(|error| error.to_string())
        })
        .await
    }

    pub(super) async fn no_deployment(&self, handle: &str) {
        let name = format!("shopbeat-worker-{handle}");
        until(&format!("{name} is gone"), SHORT, async || match self.deployments().get_opt(&name).await {
            Ok(None) => Ok(()),
            other => Err(format!("{other:?}")),
        })
        .await;
    }

    /// A worker comes up, as the Deployment controller would tell it.
    pub(super) async fn worker_up(&self, handle: &str) {
        let live = self.deployment(handle).await;
        let status = json!({"status": {
            "observedGeneration": live.metadata.generation, "replicas": 1, "updatedReplicas": 1, "readyReplicas": 1,
        }});
        let name = live.name_any();
        let how = PatchParams::default();
        self.deployments().patch_status(&name, &how, &Patch::Merge(status)).await.expect("it is told");
    }

    /// A store from its making to Ready.
    pub(super) async fn running(&self, name: &str, handle: &str) -> ShopifyStore {
        self.apply(name, handle, json!({})).await;
        self.worker_up(handle).await;
        self.ready(name, "True", "InSync").await
    }

    /// Reasons of the events about a store, with how often each was made.
    pub(super) async fn events(&self, name: &str) -> BTreeMap<String, usize> {
        let api: Api<Event> = Api::namespaced(self.client.clone(), &self.namespace);
        let mut counts = BTreeMap::new();
        for event in api.list(&ListParams::default()).await.expect("events are listed").items {
            if event.regarding.as_ref().and_then(|about| about.name.as_deref()) == Some(name) {
                // The same words again within minutes are counted in the event that is there.
                let times = event.series.map_or(1, |series| usize::try_from(series.count).unwrap_or(0));
                *counts.entry(event.reason.unwrap_or_default()).or_default() += times;
            }
        }
        counts
    }

    /// An operator with the rights of this kubeconfig.
    pub(super) fn operator(&self, name: &str, kubeconfig: &Path) -> Operator {
        self.with(name, kubeconfig, &[])
    }

    /// An operator without a lease.
    pub(super) fn alone(&self, name: &str) -> Operator {
        self.with(name, self.plane.kubeconfig(), &["--leader-elect=false"])
    }

    /// An operator with further options.
    pub(super) fn with_args(&self, name: &str, more: &[&str]) -> Operator {
        self.with(name, self.plane.kubeconfig(), more)
    }

    pub(super) fn with(&self, name: &str, kubeconfig: &Path, more: &[&str]) -> Operator {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let port = listener.local_addr().expect("it has an address").port();
        drop(listener);
        let mut command = Command::new(operator());
        command
            .arg("run")
            .args(["--namespace", &self.namespace, "--service-url", &self.service.url()])
            .args(["--worker-image", "shopbeat:test", "--worker-env-secret", "worker-env"])
            .args(more)
            .args(["--http-listen", &format!("127.0.0.1:{port}")])
            .env("KUBECONFIG", kubeconfig)
            .env("HOSTNAME", name)
            .env("SHOPBEAT_OPERATOR_LOG", "info,shopbeat_operator=debug");
        let process = Process::start(name, command, self.plane.dir());
        Operator { process, port }
    }

    pub(super) fn start(&self) -> Operator {
        self.operator("operator", self.plane.kubeconfig())
    }

    pub(super) fn kubeconfig(&self) -> PathBuf {
        self.plane.kubeconfig().to_owned()
    }
}

/// An operator's process.
pub(super) struct Operator {
    pub(super) process: Process,
    port: u16,
}

impl Operator {
    /// What a probe says: status and text.
    pub(super) async fn asks(&self, path: &str) -> Result<(u16, String), String> {
        let mut client = HttpClient::new(([127, 0, 0, 1], self.port).into());
        client.get(path).await.map(|answer| (answer.status, answer.text))
    }

    /// A meter's value, by its whole sample's name; 0 where it was never counted.
    pub(super) async fn meter(&self, sample: &str) -> u64 {
        let metrics = self.asks("/metrics").await.expect("metrics").1;
        let mut lines = metrics.lines();
        let value = lines.find_map(|line| line.strip_prefix(sample).and_then(|rest| rest.strip_prefix(' ')));
        value.map_or(0, |value| value.parse().expect("a count"))
    }

    /// Waits for `/readyz` to say this.
    pub(super) async fn readyz(&self, status: u16, text: &str) {
        until(&format!("/readyz says {status} {text:?}"), SHORT, async || match self.asks("/readyz").await {
            Ok((now, said)) if now == status && said.contains(text) => Ok(()),
            other => Err(format!("{other:?}\n{}", self.process.log())),
        })
        .await;
    }
}
