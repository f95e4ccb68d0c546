//! A change of all workers reaches a few at a time.

use std::collections::BTreeSet;

use k8s_openapi::api::apps::v1::Deployment;
use kube::api::{DeleteParams, ObjectMeta, PostParams};
use shopbeat_tests::{SHORT, until};

use super::stage::Stage;

/// Workers whose newest template is not up.
async fn down(stage: &Stage) -> BTreeSet<String> {
    let all = stage.deployments().list(&kube::api::ListParams::default()).await.unwrap().items;
    let is_down = |live: &Deployment| {
        live.status.as_ref().and_then(|status| status.observed_generation) < live.metadata.generation
    };
    let handle = |live: Deployment| {
        let name = live.metadata.name.unwrap();
        name.strip_prefix("shopbeat-worker-").unwrap().to_owned()
    };
    all.into_iter().filter(is_down).map(handle).collect()
}

#[tokio::test]
async fn a_change_of_the_environment_takes_no_more_workers_down_than_it_may() {
    let stage = Stage::set().await;
    let _operator = stage.with_args("operator", &["--worker-rollout-at-most", "2"]);
    for n in 0..5 {
        stage.running(&format!("shop-{n}"), &format!("shop-{n}")).await;
    }
    stage.secret("worker-env", &[("SHOPBEAT_REDIS_URL", "redis://another")]).await;
    let mut changed = BTreeSet::new();
    while changed.len() < 5 {
        let wanted = 2.min(5 - changed.len());
        let now = until("some are changed", SHORT, async || {
            let now = down(&stage).await;
            assert!(now.len() <= 2, "too many at once: {now:?}");
            (now.len() == wanted).then(|| now.clone()).ok_or_else(|| format!("{now:?}"))
        })
        .await;
        for handle in &now {
            assert!(changed.insert(handle.clone()), "{handle} was changed twice");
            stage.worker_up(handle).await;
        }
    }
    assert!(down(&stage).await.is_empty());
}

/// The worker as a version of another selector would have made it.
fn of_older(live: Deployment) -> Deployment {
    let Deployment { metadata, mut spec, .. } = live;
    let mut annotations = metadata.annotations.unwrap_or_default();
    annotations.insert("shopbeat.dev/digest".to_owned(), "older".to_owned());
    if let Some(spec) = &mut spec {
        let older = ("older".to_owned(), "yes".to_owned());
        spec.selector.match_labels.get_or_insert_default().extend([older.clone()]);
        let template = spec.template.metadata.get_or_insert_default();
        template.labels.get_or_insert_default().extend([older]);
    }
    let metadata = ObjectMeta {
        name: metadata.name,
        labels: metadata.labels,
        annotations: Some(annotations),
        owner_references: metadata.owner_references,
        ..ObjectMeta::default()
    };
    Deployment { metadata, spec, status: None }
}

#[tokio::test]
async fn a_worker_whose_selector_cannot_be_changed_is_replaced() {
    let stage = Stage::set().await;
    let mut older = stage.alone("older");
    stage.running("oslo", "acme-oslo").await;
    older.process.kill();
    let made = stage.deployment("acme-oslo").await;
    let name = "shopbeat-worker-acme-oslo";
    stage.deployments().delete(name, &DeleteParams::default()).await.unwrap();
    stage.no_deployment("acme-oslo").await;
    stage.deployments().create(&PostParams::default(), &of_older(made.clone())).await.unwrap();
    stage.worker_up("acme-oslo").await;
    let _newer = stage.alone("newer");
    until("it is replaced", SHORT, async || {
        let now = stage.deployments().get(name).await.map_err(|error| error.to_string())?.spec;
        let (now, wanted) = (now.map(|spec| spec.selector), made.spec.as_ref().map(|spec| &spec.selector));
        if now.as_ref() == wanted { Ok(()) } else { Err(format!("{now:?}")) }
    })
    .await;
    stage.worker_up("acme-oslo").await;
    stage.ready("oslo", "True", "InSync").await;
}
