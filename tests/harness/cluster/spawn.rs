//! How the components are called.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::certs::{Authority, Identity};
use super::child::Child;
use super::ports::free_port;
use super::programs;

/// Everything is told, without bodies: Secrets stay out of it.
const AUDIT_POLICY: &str = "apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
  - level: Metadata
";

/// Addresses and files of one plane.
#[derive(Debug)]
pub(super) struct Site {
    pub(super) dir: PathBuf,
    pub(super) etcd_port: u16,
    pub(super) peer_port: u16,
    pub(super) port: u16,
    pub(super) authority: PathBuf,
    server: Identity,
    signer: (PathBuf, PathBuf),
}

impl Site {
    pub(super) fn new(dir: &Path, authority: &Authority) -> Self {
        std::fs::write(dir.join("audit-policy.yaml"), AUDIT_POLICY).expect("a file can be written");
        let names = ["127.0.0.1", "10.96.0.1", "localhost", "kubernetes", "kubernetes.default.svc"];
        Self {
            dir: dir.to_owned(),
            etcd_port: free_port(),
            peer_port: free_port(),
            port: free_port(),
            authority: authority.file(),
            server: authority.server("kube-apiserver", &names),
            signer: authority.signer("service-accounts"),
        }
    }

    /// Where the API server is.
    pub(super) fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    /// What the API server writes about each request.
    pub(super) fn audit_log(&self) -> PathBuf {
        self.dir.join("audit.log")
    }

    pub(super) fn etcd(&self) -> Result<Child, String> {
        let client = format!("http://127.0.0.1:{}", self.etcd_port);
        let peer = format!("http://127.0.0.1:{}", self.peer_port);
        self.spawn(
            "etcd",
            &[
                "--name=only".to_owned(),
                format!("--data-dir={}", self.dir.join("etcd").display()),
                format!("--listen-client-urls={client}"),
                format!("--advertise-client-urls={client}"),
                format!("--listen-peer-urls={peer}"),
                format!("--initial-advertise-peer-urls={peer}"),
                format!("--initial-cluster=only={peer}"),
                "--unsafe-no-fsync".to_owned(), // the machine does not lose its power in a test
                "--log-level=warn".to_owned(),
            ],
        )
    }

    pub(super) fn apiserver(&self) -> Result<Child, String> {
        let (private, public) = &self.signer;
        let authority = self.authority.display();
        self.spawn(
            "kube-apiserver",
            &[
                format!("--etcd-servers=http://127.0.0.1:{}", self.etcd_port),
                format!("--secure-port={}", self.port),
                "--bind-address=127.0.0.1".to_owned(),
                "--advertise-address=127.0.0.1".to_owned(),
                // Else it refuses to advertise the loopback.
                "--endpoint-reconciler-type=none".to_owned(),
                // A node's name is no host's name here.
                "--kubelet-preferred-address-types=InternalIP".to_owned(),
                format!("--cert-dir={}", self.dir.display()),
                format!("--tls-cert-file={}", self.server.certificate.display()),
                format!("--tls-private-key-file={}", self.server.key.display()),
                format!("--client-ca-file={authority}"),
                "--authorization-mode=Node,RBAC".to_owned(),
                "--enable-admission-plugins=NodeRestriction".to_owned(),
                "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
                format!("--service-account-key-file={}", public.display()),
                format!("--service-account-signing-key-file={}", private.display()),
                "--service-cluster-ip-range=10.96.0.0/16".to_owned(),
                format!("--audit-policy-file={}", self.dir.join("audit-policy.yaml").display()),
                format!("--audit-log-path={}", self.audit_log().display()),
                // In one file: what was rotated away would not be counted.
                "--audit-log-maxsize=8192".to_owned(),
                "--profiling=false".to_owned(),
            ],
        )
    }

    pub(super) fn controllers(&self, kubeconfig: &Path) -> Result<Child, String> {
        self.spawn(
            "kube-controller-manager",
            &[
                format!("--kubeconfig={}", kubeconfig.display()),
                format!("--service-account-private-key-file={}", self.signer.0.display()),
                format!("--root-ca-file={}", self.authority.display()),
                "--leader-elect=false".to_owned(),
                "--secure-port=0".to_owned(),
                // With its usual limits most of its start is waiting for itself.
                "--kube-api-qps=500".to_owned(),
                "--kube-api-burst=1000".to_owned(),
                "--concurrent-deployment-syncs=20".to_owned(),
                "--concurrent-replicaset-syncs=20".to_owned(),
            ],
        )
    }

    pub(super) fn scheduler(&self, kubeconfig: &Path) -> Result<Child, String> {
        self.spawn(
            "kube-scheduler",
            &[
                format!("--kubeconfig={}", kubeconfig.display()),
                "--leader-elect=false".to_owned(),
                "--secure-port=0".to_owned(),
                "--kube-api-qps=500".to_owned(),
                "--kube-api-burst=1000".to_owned(),
            ],
        )
    }

    fn spawn(&self, name: &str, args: &[String]) -> Result<Child, String> {
        let program = programs::component(name)?;
        let mut command = Command::new(program);
        command.args(args).current_dir(&self.dir);
        Child::start(name, command, &self.dir.join(format!("{name}.log")))
    }
}
