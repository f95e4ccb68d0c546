//! What goes wrong around the operator.

use std::time::Duration;

use serde_json::json;
use shopbeat_tests::cluster::{Call, Fault, Front};
use shopbeat_tests::{LONG, SHORT, until};

use super::stage::Stage;

fn connects(calls: &[Call]) -> usize {
    calls.iter().filter(|call| matches!(call, Call::Connect(_))).count()
}

#[tokio::test]
async fn a_definition_that_is_missing_is_told_and_waited_for() {
    let stage = Stage::bare().await;
    let operator = stage.start();
    operator.readyz(503, "the definition of ShopifyStore is not installed").await;
    assert_eq!(operator.asks("/livez").await.unwrap().0, 200);
    stage.install_definition().await;
    stage.running("oslo", "acme-oslo").await;
    operator.readyz(200, "leading").await;
    let told = operator.process.log().matches("is not installed; waiting").count();
    assert_eq!(told, 1);
}

#[tokio::test]
async fn an_api_server_that_is_killed_and_forgets_its_past_loses_nothing() {
    let stage = Stage::set().await;
    let operator = stage.start();
    stage.running("oslo", "acme-oslo").await;
    stage.plane.expire_watches().await;
    stage.running("bergen", "bergen").await;
    stage.apply("oslo", "acme-oslo", json!({"state": "Paused"})).await;
    // A restart is shorter than the lease.
    stage.ready("oslo", "False", "Paused").await;
    stage.plane.kill_apiserver();
    operator.readyz(503, "the API server does not answer").await;
    stage.plane.start_apiserver().await;
    stage.delete("bergen").await;
    drop(operator);
    // One that lost its lease meanwhile has ended; Kubernetes begins it anew.
    let _again = stage.start();
    until("bergen is gone", LONG, async || match stage.stores().get_opt("bergen").await {
        Ok(None) => Ok(()),
        other => Err(format!("{other:?}")),
    })
    .await;
}

#[tokio::test]
async fn conflicts_and_errors_of_the_api_server_are_got_over() {
    let stage = Stage::set().await;
    let front = Front::start(&stage.plane, &stage.kubeconfig()).await;
    for (method, part, fault) in [
        ("PATCH", "/deployments/", Fault::Refuse(500)),
        ("PATCH", "/status", Fault::Refuse(409)),
        ("PATCH", "/shopifystores/oslo?", Fault::Refuse(409)),
        ("PATCH", "/deployments/", Fault::LoseAnswer),
        ("PATCH", "/status", Fault::LoseAnswer),
        ("GET", "/secrets/acme-rackbeat", Fault::Refuse(500)),
        ("GET", "/secrets/worker-env", Fault::Refuse(500)),
        ("PUT", "/leases/", Fault::Refuse(409)),
    ] {
        front.fail(method, part, fault, 1);
    }
    let operator = stage.operator("operator", front.kubeconfig());
    stage.running("oslo", "acme-oslo").await;
    until("all of it came to pass", SHORT, async || match front.left() {
        0 => Ok(()),
        left => Err(format!("{left} left")),
    })
    .await;
    operator.readyz(200, "leading").await;
    assert_eq!(
        connects(&stage.service.calls()),
        1,
        "a status that was refused is no reason to connect again"
    );
    front.cut();
    stage.apply("oslo", "acme-oslo", json!({"state": "Paused"})).await;
    stage.ready("oslo", "False", "Paused").await;
}

#[tokio::test]
async fn what_is_changed_or_deleted_while_nobody_watches_is_found_out_afterwards() {
    let stage = Stage::set().await;
    let front = Front::start(&stage.plane, &stage.kubeconfig()).await;
    let _operator = stage.with("operator", front.kubeconfig(), &["--leader-elect=false"]);
    stage.running("oslo", "acme-oslo").await;
    stage.running("bergen", "bergen").await;
    let before = stage.deployment("acme-oslo").await.metadata.uid;
    // No watch comes back before all is deleted, and the past is gone then.
    for part in ["/deployments", "/secrets", "/shopifystores"] {
        front.fail("GET", part, Fault::Refuse(500), 1);
    }
    front.cut();
    let how = kube::api::DeleteParams::default();
    stage.deployments().delete("shopbeat-worker-acme-oslo", &how).await.unwrap();
    stage.remove_secret("acme-oslo-shopify").await;
    stage.secret("bergen-shopify", &[("clientId", "id"), ("clientSecret", "second")]).await;
    stage.edit("bergen", json!({"state": "Paused"})).await;
    stage.plane.expire_watches().await;
    until("the worker is made anew", LONG, async || {
        let now = stage.deployment("acme-oslo").await.metadata.uid;
        (now != before).then_some(()).ok_or_else(|| format!("{now:?}"))
    })
    .await;
    stage.says("oslo", "CredentialsValid", "False", "SecretNotFound").await;
    stage.ready("bergen", "False", "Paused").await;
    until("the new secret is carried", SHORT, async || match connects(&stage.service.calls()) {
        3 => Ok(()),
        connects => Err(format!("{connects}")),
    })
    .await;
}

#[tokio::test]
async fn a_run_is_asked_for_once_though_no_status_can_be_written_and_the_operator_is_killed() {
    let stage = Stage::set().await;
    let front = Front::start(&stage.plane, &stage.kubeconfig()).await;
    front.fail("PATCH", "/status", Fault::Refuse(500), 10_000);
    let spec = json!({"initialSync": {"products": true, "run": "first"}});
    stage.apply("oslo", "acme-oslo", spec).await;
    let mut operator = stage.with("first", front.kubeconfig(), &["--leader-elect=false"]);
    let runs = |calls: &[Call]| calls.iter().filter(|call| matches!(call, Call::InitialSync(_))).count();
    until("the run is asked for", SHORT, async || match runs(&stage.service.calls()) {
        0 => Err(String::new()),
        _ => Ok(()),
    })
    .await;
    until("a status was tried several times", SHORT, async || {
        let tries = front.seen().iter().filter(|asked| asked.contains("/status")).count();
        if tries >= 4 { Ok(()) } else { Err(format!("{tries}")) }
    })
    .await;
    assert_eq!((runs(&stage.service.calls()), connects(&stage.service.calls())), (1, 1));
    operator.process.kill();
    let _again = stage.alone("second");
    stage.says("oslo", "InitialSynced", "False", "InitialSyncRunning").await;
    assert_eq!(runs(&stage.service.calls()), 1, "the service tells whose run it is");
}

#[tokio::test]
async fn of_two_operators_one_works_and_the_other_takes_over_when_it_is_killed() {
    let stage = Stage::set().await;
    let kubeconfig = stage.kubeconfig();
    let first = stage.operator("first", &kubeconfig);
    first.readyz(200, "leading").await;
    let second = stage.operator("second", &kubeconfig);
    second.readyz(200, "standing by").await;
    stage.running("oslo", "acme-oslo").await;
    assert_eq!(connects(&stage.service.calls()), 1);
    let mut first = first;
    first.process.kill();
    second.readyz(200, "leading").await;
    stage.running("bergen", "bergen").await;
    assert_eq!(connects(&stage.service.calls()), 2, "what was connected is not connected anew");

    // Told to stop, it gives the lease back: the next one need not wait for it.
    let third = stage.operator("third", &kubeconfig);
    third.readyz(200, "standing by").await;
    let mut second = second;
    assert!(second.process.terminate().await.success());
    let begun = std::time::Instant::now();
    third.readyz(200, "leading").await;
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn an_operator_that_is_killed_at_any_moment_goes_on_where_it_was() {
    let stage = Stage::set().await;
    // Its lease must not be waited for each time: each is the only one.
    let solo = |name: &str| stage.alone(name);
    for n in 0..6_u64 {
        stage.apply(&format!("shop-{n}"), &format!("shop-{n}"), json!({})).await;
    }
    for n in 0..6_u64 {
        let mut operator = solo(&format!("run-{n}"));
        // Somewhere between the first connect and the last status.
        let seen = stage.service.calls().len();
        let wanted = usize::try_from(n).unwrap();
        let _moment = tokio::time::timeout(Duration::from_secs(3), async {
            until("it did something", SHORT, async || {
                (stage.service.calls().len() > seen + wanted % 3).then_some(()).ok_or_else(String::new)
            })
            .await;
        })
        .await;
        operator.process.kill();
    }
    let _last = solo("last");
    for n in 0..6 {
        let handle = format!("shop-{n}");
        stage.worker_up(&handle).await;
        stage.ready(&handle, "True", "InSync").await;
        stage.delete(&handle).await;
    }
    for n in 0..6 {
        stage.gone(&format!("shop-{n}")).await;
        assert!(stage.service.store(&format!("shop-{n}")).is_none());
    }
}

#[tokio::test]
async fn a_service_that_stays_away_is_told_in_every_status_and_one_that_is_back_at_once() {
    let stage = Stage::set().await;
    let _operator = stage.start();
    stage.running("oslo", "acme-oslo").await;
    stage.service.go_away();
    stage.apply("bergen", "bergen", json!({})).await;
    let told = async |name: &str, status: &str, reason: &str| {
        until(&format!("{name} is {status} {reason}"), LONG, async || {
            let status_now = stage.stores().get(name).await.map_err(|error| error.to_string())?.status;
            let ready = status_now.iter().flat_map(|s| &s.conditions).find(|c| c.type_ == "Ready").cloned();
            match ready {
                Some(ready) if ready.status == status && ready.reason == reason => Ok(()),
                other => Err(format!("{other:?}")),
            }
        })
        .await;
    };
    told("oslo", "Unknown", "ServiceUnreachable").await;
    told("bergen", "Unknown", "ServiceUnreachable").await;
    stage.service.come_back();
    told("oslo", "True", "InSync").await;
    told("bergen", "False", "WorkerStarting").await;
    let events = stage.events("oslo").await;
    assert_eq!(events.get("ServiceUnreachable"), Some(&1), "{events:?}");
}
