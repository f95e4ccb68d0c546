//! The node of the tests runs pods as a kubelet would.

use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, ListParams};
use shopbeat_tests::cluster::{Node, NodePlan, Plane};
use shopbeat_tests::{LONG, SHORT, until};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const SERVER: &str = r#"
apiVersion: apps/v1
kind: Deployment
metadata: {name: server}
spec:
  replicas: 1
  selector: {matchLabels: {app: server}}
  template:
    metadata: {labels: {app: server}}
    spec:
      terminationGracePeriodSeconds: 5
      containers:
        - name: server
          image: example.test/redis
          command: [redis-server]
          args: ["--port", "6379", "--bind", "127.0.0.1", "--save", "", "--dir", /data]
          ports: [{name: redis, containerPort: 6379}]
          readinessProbe: {tcpSocket: {port: redis}, periodSeconds: 1}
          volumeMounts: [{name: data, mountPath: /data}]
      volumes: [{name: data, emptyDir: {}}]
---
apiVersion: v1
kind: Service
metadata: {name: store}
spec:
  selector: {app: server}
  ports: [{port: 7000, targetPort: redis}]
"#;

/// Says what it was given, and stays.
const SAYS: &str = r#"
apiVersion: v1
kind: Pod
metadata: {name: says, labels: {app: says}}
spec:
  terminationGracePeriodSeconds: 1
  initContainers:
    - {name: before, image: x, command: [sh, -c, "echo before > /shared/before"], volumeMounts: [{name: shared, mountPath: /shared}]}
  containers:
    - name: says
      image: x
      command: [sh, -c]
      args: ["echo $(GREETING) of $(WHO); cat /etc/word/word /shared/before; cat $KUBECONFIG; exec sleep 600"]
      env:
        - {name: WHO, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
        - {name: GREETING, value: "$(TOLD_word)"}
      envFrom: [{prefix: TOLD_, configMapRef: {name: words}}]
      volumeMounts: [{name: word, mountPath: /etc/word}, {name: shared, mountPath: /shared}]
  volumes:
    - {name: word, secret: {secretName: word}}
    - {name: shared, emptyDir: {}}
"#;

const SAID: &str = r#"
apiVersion: v1
kind: ConfigMap
metadata: {name: words}
data: {word: hello}
---
apiVersion: v1
kind: Secret
metadata: {name: word}
stringData: {word: "hush\n"}
"#;

/// One that fails again and again, and one that is done.
const ENDS: &str = r#"
apiVersion: v1
kind: Pod
metadata: {name: fails}
spec:
  containers: [{name: fails, image: x, command: [sh, -c, "exit 3"]}]
---
apiVersion: v1
kind: Pod
metadata: {name: done}
spec:
  restartPolicy: Never
  containers: [{name: done, image: x, command: [sh, -c, "exit 0"]}]
"#;

fn node<'a>(plane: &'a Plane, namespace: &str) -> NodePlan<'a> {
    Node::plan(plane, &format!("node-{namespace}")).of(namespace)
}

fn lives(process: u32) -> bool {
    let mut kill = std::process::Command::new("kill");
    kill.args(["-s", "0", &process.to_string()]).stderr(std::process::Stdio::null());
    kill.status().is_ok_and(|status| status.success())
}

async fn answers(address: std::net::SocketAddr) -> Result<(), String> {
    let mut stream = TcpStream::connect(address).await.map_err(|error| error.to_string())?;
    stream.write_all(b"PING\r\n").await.map_err(|error| error.to_string())?;
    let mut answer = [0_u8; 5];
    stream.read_exact(&mut answer).await.map_err(|error| error.to_string())?;
    if &answer == b"+PONG" { Ok(()) } else { Err(format!("{answer:?}")) }
}

async fn pod(plane: &Plane, namespace: &str, name: &str) -> Pod {
    Api::namespaced(plane.client().await, namespace).get(name).await.expect("the pod is there")
}

#[tokio::test]
async fn a_deployment_becomes_ready_is_reached_by_its_service_and_ends_with_its_deletion() {
    let plane = Plane::shared().await;
    let namespace = plane.namespace("server").await;
    let node = node(plane, &namespace).start().await;
    plane.apply(&namespace, SERVER).await.good();
    let wait = ["wait", "--for=condition=Available", "deployment/server", "-n", &namespace, "--timeout=60s"];
    plane.kubectl(&wait).await.good();

    let pods = node.ready(&namespace, "app", "server", 1).await;
    let process = pods[0].containers["server"].process.expect("it runs");
    let address = node.service(&namespace, "store", 7000).await;
    answers(address).await.expect("the Service leads to it");

    // Killed, it is started again, and the Service leads to it again.
    node.signal(&namespace, &pods[0].pod, "server", "KILL");
    until("it is started again", LONG, async || {
        match node.labelled(&namespace, "app", "server").as_slice() {
            [pod] if pod.is_ready && pod.containers["server"].restarts == 1 => Ok(()),
            pods => Err(format!("{pods:?}")),
        }
    })
    .await;
    answers(address).await.expect("the Service leads to it");

    let process_now =
        node.labelled(&namespace, "app", "server")[0].containers["server"].process.expect("it runs");
    assert_ne!(process, process_now);
    plane.kubectl(&["delete", "deployment", "server", "-n", &namespace, "--wait"]).await.good();
    until("its pod is gone", LONG, async || match node.labelled(&namespace, "app", "server").as_slice() {
        [] => Ok(()),
        pods => Err(format!("{pods:?}")),
    })
    .await;
    assert!(!lives(process_now), "its process lives on");
    let pods: Api<Pod> = Api::namespaced(plane.client().await, &namespace);
    assert_eq!(pods.list(&ListParams::default()).await.expect("a list").items.len(), 0);
}

#[tokio::test]
async fn a_pod_waits_for_what_it_needs_and_is_given_it() {
    let plane = Plane::shared().await;
    let namespace = plane.namespace("says").await;
    let node = node(plane, &namespace).start().await;
    plane.apply(&namespace, SAYS).await.good();
    until("it is told what is missing", SHORT, async || {
        let status = pod(plane, &namespace, "says").await.status.unwrap_or_default();
        let told = format!("{:?}", status.container_statuses);
        if told.contains("secret \\\"word\\\" not found") { Ok(()) } else { Err(told) }
    })
    .await;
    plane.apply(&namespace, SAID).await.good();
    node.ready(&namespace, "app", "says", 1).await;
    until("it says what it was given", SHORT, async || {
        let log = node.log(&namespace, "says", "says");
        let is_all = log.contains("hello of says\nhush\nbefore\n") && log.contains("tokenFile");
        if is_all { Ok(()) } else { Err(log) }
    })
    .await;
    let said = plane.kubectl(&["logs", "says", "-n", &namespace]).await.good();
    assert_eq!(said, node.log(&namespace, "says", "says"));
}

#[tokio::test]
async fn what_fails_is_started_again_and_what_is_done_is_not() {
    let plane = Plane::shared().await;
    let namespace = plane.namespace("ends").await;
    let _node = node(plane, &namespace).start().await;
    plane.apply(&namespace, ENDS).await.good();
    until("one was started again", LONG, async || {
        let status = pod(plane, &namespace, "fails").await.status.unwrap_or_default();
        let containers = status.container_statuses.unwrap_or_default();
        let container = containers.first().ok_or("no status")?;
        let last = container.last_state.clone().and_then(|last| last.terminated);
        let is_so = container.restart_count >= 2 && last.is_some_and(|last| last.exit_code == 3);
        if is_so && status.phase.as_deref() == Some("Running") {
            Ok(())
        } else {
            Err(format!("{container:?}"))
        }
    })
    .await;
    until("one is done", SHORT, async || {
        let status = pod(plane, &namespace, "done").await.status.unwrap_or_default();
        if status.phase.as_deref() == Some("Succeeded") { Ok(()) } else { Err(format!("{status:?}")) }
    })
    .await;
}

#[tokio::test]
async fn pods_outlive_the_api_server() {
    let plane = Plane::start().await;
    let namespace = plane.namespace("outlive").await;
    let node = node(&plane, &namespace).start().await;
    plane.apply(&namespace, SERVER).await.good();
    let pods = node.ready(&namespace, "app", "server", 1).await;
    let process = pods[0].containers["server"].process.expect("it runs");
    let address = node.service(&namespace, "store", 7000).await;
    plane.kill_apiserver();
    answers(address).await.expect("it goes on");
    plane.start_apiserver().await;
    let pods = node.ready(&namespace, "app", "server", 1).await;
    assert_eq!(pods[0].containers["server"].process, Some(process));

    plane.kubectl(&["delete", "deployment", "server", "-n", &namespace]).await.good();
    until("its process ends", LONG, async || if lives(process) { Err(String::new()) } else { Ok(()) }).await;
}
