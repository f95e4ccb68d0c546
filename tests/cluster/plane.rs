//! The control plane of the tests is a real one, and what the harness tells of it is true.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use futures::StreamExt as _;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::api::{Api, DeleteParams, ListParams, ObjectMeta, PostParams, WatchEvent, WatchParams};
use shopbeat_tests::cluster::{Fault, Front, Parts, Plane};
use shopbeat_tests::{LONG, SHORT, until};

const CONFIG_MAP: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: kept}\ndata: {a: b}\n";

#[tokio::test]
async fn kubectl_applies_and_reads() {
    let plane = Plane::shared().await;
    let namespace = plane.namespace("kubectl").await;
    plane.apply(&namespace, CONFIG_MAP).await.good();
    let read =
        plane.kubectl(&["get", "configmap", "kept", "-n", &namespace, "-o", "jsonpath={.data.a}"]).await;
    assert_eq!(read.good(), "b");
    let missing = plane.kubectl(&["get", "configmap", "missing", "-n", &namespace]).await;
    assert!(missing.bad().contains("not found"));
    let version = plane.kubectl(&["version"]).await.good();
    assert!(version.contains("Server Version: v1."), "{version}");
}

#[tokio::test]
async fn a_service_account_has_no_rights_until_they_are_granted_and_the_audit_log_tells() {
    let plane = Plane::shared().await;
    let namespace = plane.namespace("rights").await;
    let kubeconfig = plane.service_account(&namespace, "default").await;
    let client = plane.client_of(&kubeconfig).await;
    let secrets: Api<Secret> = Api::namespaced(client, &namespace);
    let refused = secrets.list(&ListParams::default()).await.expect_err("it is forbidden");
    assert!(matches!(&refused, kube::Error::Api(status) if status.is_forbidden()), "{refused}");
    let user = format!("system:serviceaccount:{namespace}:default");
    let told: Vec<_> = plane.audit().into_iter().filter(|line| line.user.username == user).collect();
    assert!(told.iter().any(|line| line.is_forbidden() && line.verb == "list"), "{told:?}");

    let role = format!("--serviceaccount={namespace}:default");
    plane
        .kubectl(&["create", "rolebinding", "view", "--clusterrole=edit", &role, "-n", &namespace])
        .await
        .good();
    until("the right is seen", SHORT, async || {
        secrets.list(&ListParams::default()).await.map(|_| ()).map_err(|error| error.to_string())
    })
    .await;
}

#[tokio::test]
async fn what_was_written_is_there_after_the_api_server_was_killed() {
    let plane = Plane::with(Parts { controllers: false, scheduler: false }).await;
    let client = plane.client().await;
    let configs: Api<ConfigMap> = Api::namespaced(client, "default");
    let metadata = ObjectMeta { name: Some("kept".to_owned()), ..ObjectMeta::default() };
    let config = ConfigMap { metadata, ..ConfigMap::default() };
    let before = plane.requests().await;
    configs.create(&PostParams::default(), &config).await.expect("it is written");
    let wrote = plane
        .requests()
        .await
        .since(&before)
        .only(|asked| asked.resource == "configmaps" && asked.is_write());
    assert_eq!(wrote.total(), 1, "{wrote:?}");

    plane.kill_apiserver();
    configs.get("kept").await.expect_err("nobody answers");
    plane.start_apiserver().await;
    configs.get("kept").await.expect("it is there");
    plane.stop().await;
}

#[tokio::test]
async fn nothing_of_a_plane_outlives_a_test_run_that_is_killed() {
    let place = tempfile::tempdir().expect("a directory can be made");
    let mut run = Command::new(std::env::current_exe().expect("a test knows its own path"));
    run.args(["--exact", "plane::what_was_written_is_there_after_the_api_server_was_killed"]);
    run.env("TMPDIR", place.path()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut run = run.spawn().expect("it starts");
    let planes = || -> Vec<PathBuf> {
        let entries = std::fs::read_dir(place.path()).expect("the directory is there");
        entries.filter_map(Result::ok).map(|entry| entry.path()).collect()
    };
    until("its API server is started", LONG, async || {
        let started = planes().iter().any(|plane| plane.join("kube-apiserver.log").exists());
        if started { Ok(()) } else { Err(format!("{:?}", run.try_wait())) }
    })
    .await;
    run.kill().expect("it can be killed");
    run.wait().expect("it can be waited for");
    // A plane's directory goes after its processes.
    until("all of it is gone", SHORT, async || {
        let left = planes();
        if left.is_empty() { Ok(()) } else { Err(format!("{left:?}")) }
    })
    .await;
}

#[tokio::test]
async fn a_watch_is_told_that_the_past_is_gone() {
    let plane = Plane::with(Parts { controllers: false, scheduler: false }).await;
    let configs: Api<ConfigMap> = Api::namespaced(plane.client().await, "default");
    let list = configs.list(&ListParams::default()).await.expect("a list");
    let version = list.metadata.resource_version.expect("a version");
    plane.expire_watches().await;
    let path = format!(
        "/api/v1/namespaces/default/configmaps?watch=true&timeoutSeconds=5&resourceVersion={version}"
    );
    let told = plane.kubectl(&["get", "--raw", &path]).await;
    let told = format!("{}{}", told.out, told.err);
    assert!(told.contains("too old resource version") || told.contains("Expired"), "{told}");
}

#[tokio::test]
async fn a_front_fails_what_it_is_told_to_and_cuts_watches() {
    let plane = Plane::shared().await;
    let namespace = plane.namespace("front").await;
    let front = Front::start(plane, plane.kubeconfig()).await;
    let configs: Api<ConfigMap> = Api::namespaced(plane.client_of(front.kubeconfig()).await, &namespace);
    let path = format!("/namespaces/{namespace}/configmaps");
    front.fail("POST", &path, Fault::Refuse(500), 1);
    front.fail("DELETE", &path, Fault::LoseAnswer, 1);
    let metadata = ObjectMeta { name: Some("kept".to_owned()), ..ObjectMeta::default() };
    let config = ConfigMap { metadata, ..ConfigMap::default() };
    let refused = configs.create(&PostParams::default(), &config).await.expect_err("it is refused");
    assert!(matches!(&refused, kube::Error::Api(status) if status.code == 500), "{refused}");

    let watch = WatchParams::default().disable_bookmarks().fields("metadata.name=kept");
    let events = configs.watch(&watch, "0").await.expect("a watch");
    let mut events = std::pin::pin!(events);
    configs.create(&PostParams::default(), &config).await.expect("it is passed on");
    let first = tokio::time::timeout(SHORT, events.next()).await.expect("an event comes in time");
    assert!(matches!(first, Some(Ok(WatchEvent::Added(_)))), "{first:?}");
    front.cut();
    let last = tokio::time::timeout(SHORT, events.next()).await.expect("the watch ends in time");
    assert!(!matches!(last, Some(Ok(_))), "{last:?}");

    // Whether the client asks again or not: it was done at the first time.
    let _ = configs.delete("kept", &DeleteParams::default()).await;
    assert_eq!(configs.get_opt("kept").await.expect("an answer"), None);
    assert_eq!(front.left(), 0);
}
