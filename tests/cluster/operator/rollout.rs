//! A change of all workers reaches a few at a time.

use std::collections::BTreeSet;

use shopbeat_tests::{SHORT, until};

use super::stage::Stage;

/// Workers whose newest template is not up.
async fn down(stage: &Stage) -> BTreeSet<String> {
    let all = stage.deployments().list(&kube::api::ListParams::default()).await.unwrap().items;
    let is_down = |live: &k8s_openapi::api::apps::v1::Deployment| {
        live.status.as_ref().and_then(|status| status.observed_generation) < live.metadata.generation
    };
    let handle = |live: k8s_openapi::api::apps::v1::Deployment| {
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
