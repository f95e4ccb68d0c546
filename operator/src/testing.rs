//! An API server of the tests: it answers what a test says, and remembers what it was asked.

use std::sync::{Arc, Mutex};

use axum::Json;
use axum::extract::Request;
use axum::http::StatusCode;
use clap::Parser as _;
use kube::runtime::reflector::store;
use kube::runtime::reflector::store::Writer;
use kube::runtime::watcher::Event;
use kube::{Client, Config};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::cli::{Cli, Command, RunOptions};
use crate::context::{Caches, Context};
use crate::events::Teller;
use crate::listed::Listed;
use crate::memory::Memories;
use crate::metrics::Metrics;
use crate::rollout::Rollout;
use crate::service::{Service, Shelf};

/// What a look needs: an API server that answers as told, a service that is away.
pub(crate) struct World {
    pub(crate) ctx: Arc<Context>,
    stores: Writer<Listed>,
    asked: Arc<Mutex<Vec<String>>>,
}

fn options() -> RunOptions {
    let arguments = ["shopbeat-operator", "run", "--namespace", "shops", "--worker-image", "image"];
    let nobody = ["--service-url", "http://127.0.0.1:9"];
    match Cli::try_parse_from(arguments.iter().chain(&nobody)).unwrap().command {
        Command::Run(options) => *options,
        other => panic!("{other:?}"),
    }
}

impl World {
    /// One whose API server answers each request, such as `PATCH /apis/…/status`, with this status.
    pub(crate) async fn answering(answer: fn(&str) -> u16) -> Self {
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let noted = Arc::clone(&asked);
        let app = axum::Router::new().fallback(async move |request: Request| {
            let request = format!("{} {}", request.method(), request.uri().path());
            let code = answer(&request);
            noted.lock().unwrap().push(request);
            let body = if code < 300 {
                json!({"metadata": {"name": "oslo"}})
            } else {
                json!({"kind": "Status", "status": "Failure", "code": code, "message": "no", "metadata": {}})
            };
            (StatusCode::from_u16(code).unwrap(), Json(body))
        });
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });
        let client = Client::try_from(Config::new(url.parse().unwrap())).unwrap();
        let (options, metrics) = (options(), Metrics::new());
        let (stores, writer) = store();
        let caches = Caches { stores, deployments: store().0, policies: store().0, secrets: store().0 };
        let ctx = Arc::new(Context {
            client: client.clone(),
            namespace: options.namespace.clone(),
            worker: options.worker.clone(),
            service: Service::new(&options, metrics.clone()).unwrap(),
            shelf: Shelf::default(),
            caches,
            memories: Memories::default(),
            rollout: Rollout::new(1),
            teller: Teller::new(client, "test".to_owned(), metrics.clone()),
            metrics,
            environment: watch::channel(None).1,
        });
        Self { ctx, stores: writer, asked }
    }

    /// A resource as the watch tells of it.
    pub(crate) fn tell(&mut self, resource: &Listed) {
        self.stores.apply_watcher_event(&Event::Apply(resource.clone()));
    }

    /// What was asked since the last time.
    pub(crate) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }

    /// How a meter stands; 0 if there is none.
    pub(crate) fn meter(&self, name: &str) -> u64 {
        let text = self.ctx.metrics.text().unwrap();
        let value = text.lines().find_map(|line| line.strip_prefix("shopbeat_operator_")?.strip_prefix(name));
        value.and_then(|value| value.trim().parse().ok()).unwrap_or(0)
    }
}

/// A resource that stands but for these changes.
pub(crate) fn listed(change: impl FnOnce(&mut Value)) -> Listed {
    let mut object = json!({
        "apiVersion": "shopbeat.dev/v1alpha1",
        "kind": "ShopifyStore",
        "metadata": {"name": "oslo", "namespace": "shops", "uid": "1", "generation": 2, "resourceVersion": "7"},
        "spec": {
            "shopDomain": "acme-oslo.myshopify.com",
            "agreement": "acme",
            "state": "Paused",
            "shopify": {"credentialsSecretRef": {"name": "oslo-shopify"}},
            "rackbeat": {"credentialsSecretRef": {"name": "acme-rackbeat"}},
            "orders": {"trigger": "Paid"},
        },
        "status": {"storeId": "acme-oslo"},
    });
    change(&mut object);
    serde_json::from_value(object).unwrap()
}
