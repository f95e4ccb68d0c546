//! The chart: what it renders, what it refuses, what the API server says of it, and that its papers are true.

mod admitted;
mod docs;
mod install;
mod made;
mod papers;
mod rendered;
mod values;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use serde_json::Value;

/// Defaults, but for the one choice that the chart leaves to whoever installs it.
const DEFAULTS: &[&str] = &["--set", "state.existingSecret=platform-state"];
/// For trying out.
const BUNDLED: &[&str] = &["--set", "bundledRedis.enabled=true"];
/// Every secret is somebody else's.
const SECRETS: &[&str] = &["-f", "tests/cluster/chart/secrets.yaml"];
/// Everything is on.
const EVERYTHING: &[&str] = &["-f", "tests/cluster/chart/everything.yaml"];
/// Without the operator, plain, in small.
const SMALL: &[&str] = &[
    "--set",
    "state.redisUrl=redis://redis:6379,operator.enabled=false,tls.enabled=false,sync.replicas=1,tests.enabled=false",
];
/// All of them.
const SETS: [&[&str]; 5] = [DEFAULTS, BUNDLED, SECRETS, EVERYTHING, SMALL];

const CHART: &str = "charts/shopbeat";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A file of the repository.
fn text(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Runs helm in the repository's root, without a cluster.
fn helm(args: &[&str]) -> Output {
    static HELM: OnceLock<PathBuf> = OnceLock::new();
    let helm = HELM.get_or_init(|| {
        let found = Command::new(root().join("tests/controlplane/tools")).arg("helm").output().unwrap();
        assert!(found.status.success(), "{}", String::from_utf8_lossy(&found.stderr));
        PathBuf::from(String::from_utf8(found.stdout).unwrap().trim())
    });
    let mut command = Command::new(helm);
    command.args(args).current_dir(root()).env("KUBECONFIG", "/dev/null").env_remove("HELM_NAMESPACE");
    command.output().unwrap()
}

/// The chart's text with these values, as release `rel` in the namespace `shops`.
fn manifests(values: &[&str]) -> String {
    let output = helm(&[&["template", "rel", CHART, "-n", "shops"], values].concat());
    assert!(output.status.success(), "{values:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// What helm says when it refuses these values.
fn refusal(values: &[&str]) -> String {
    let output = helm(&[&["template", "rel", CHART, "-n", "shops"], values].concat());
    assert!(!output.status.success(), "{values:?} is not refused");
    String::from_utf8(output.stderr).unwrap()
}

/// All objects of a YAML text.
fn parse(yaml: &str) -> Vec<Value> {
    let all: Vec<Value> = serde_saphyr::from_multiple(yaml).unwrap_or_else(|error| panic!("{error}"));
    all.into_iter().filter(|one| !one.is_null()).collect()
}

/// Rendered objects.
struct Objects(Vec<Value>);

impl Objects {
    fn of(values: &[&str]) -> Self {
        Self(parse(&manifests(values)))
    }

    /// The one of that kind whose name ends so.
    fn get(&self, kind: &str, end: &str) -> &Value {
        let found: Vec<_> = self.of_kind(kind).filter(|one| name(one).ends_with(end)).collect();
        assert_eq!(found.len(), 1, "{kind} …{end} in {:?}", self.0.iter().map(name).collect::<Vec<_>>());
        found[0]
    }

    fn of_kind<'a>(&'a self, kind: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
        let kind = kind.to_owned();
        self.0.iter().filter(move |one| one["kind"] == kind.as_str())
    }

    /// Every pod, with the name of what makes it.
    fn pods(&self) -> Vec<(String, &Value)> {
        let pods = self.0.iter().filter_map(|one| {
            let spec = match one["kind"].as_str()? {
                "Pod" => &one["spec"],
                "Deployment" | "StatefulSet" | "Job" => &one["spec"]["template"]["spec"],
                _ => return None,
            };
            Some((name(one).to_owned(), spec))
        });
        pods.collect()
    }
}

fn name(object: &Value) -> &str {
    object["metadata"]["name"].as_str().unwrap_or_default()
}

/// The value of a variable of a pod's first container.
fn env<'a>(pod: &'a Value, variable: &str) -> Option<&'a str> {
    let all = pod["containers"][0]["env"].as_array()?;
    all.iter().find(|one| one["name"] == variable)?["value"].as_str()
}

/// The spec of the pods that a Deployment or the like makes.
fn pod_of(object: &Value) -> &Value {
    &object["spec"]["template"]["spec"]
}
