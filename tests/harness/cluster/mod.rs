//! A real Kubernetes control plane for tests, and a node that runs pods as local processes.
//!
//! ```no_run
//! use shopbeat_tests::cluster::{Node, Plane, Program};
//!
//! # async fn example() {
//! // etcd, kube-apiserver and kube-controller-manager, shared by the tests of this binary. Each takes its own namespace.
//! let plane = Plane::shared().await;
//! let namespace = plane.namespace("orders").await;
//! let client = plane.client().await; // kube::Client of the cluster's administrator; one per test, not shared
//!
//! // kubectl and helm as a user has them; `good` fails the test with what they said, unless they succeeded.
//! plane.kubectl(&["get", "pods", "-n", &namespace]).await.good();
//! plane.apply(&namespace, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n").await.good();
//! plane.helm(&["lint", "charts/shopbeat"]).await.good(); // runs in the repository's root
//!
//! // A kubeconfig of a service account, for the operator's RBAC; what the API server tells of it.
//! let kubeconfig = plane.service_account(&namespace, "default").await;
//! let forbidden = plane.audit().into_iter().filter(|line| line.is_forbidden()).count();
//! let before = plane.requests().await;
//! let writes = plane.requests().await.since(&before).only(|asked| asked.is_write()).total();
//!
//! // Pods of these namespaces run on this node, as processes; see the module `node` for what it rewrites.
//! let node = Node::plan(plane, "node-a")
//!     .of(&namespace)
//!     .runs("/usr/local/bin/shopbeat", Program::at("target/debug/shopbeat"))
//!     .route("redis.example:6379", "127.0.0.1:7000".parse().unwrap())
//!     .start()
//!     .await;
//! # let _ = (kubeconfig, client, forbidden, writes, node);
//! # }
//! ```
//!
//! [`Front`] stands before the API server and answers some requests with 500, 409 or 410, or cuts all watches.
//!
//! A test that kills the API server, or fills the cluster, takes [`Plane::start`] of its own: seconds, and about half a
//! gigabyte. All processes end with the harness, also when it is killed.
//!
//! The programs are those of `KUBEBUILDER_ASSETS`, else they are built once by `tests/controlplane/build`. With
//! `SHOPBEAT_TEST_KUBECONFIG` the shared plane is the cluster of that file; what a cluster of somebody else cannot do
//! (audit, a node, being killed) fails there, saying so.

mod access;
mod certs;
mod child;
mod fake_service;
mod front;
mod kubeconfig;
mod node;
mod plane;
mod ports;
mod programs;
mod spawn;
mod told;
mod tools;

pub use fake_service::{Call, FakeService};
pub use front::{Fault, Front};
pub use node::{Node, Plan as NodePlan, Program, Running, RunningContainer};
pub use plane::{Parts, Plane};
pub use told::{Asked, Audited, AuditedAnswer, AuditedObject, AuditedUser, Requests};
pub use tools::Said;
