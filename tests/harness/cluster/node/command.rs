//! What is started for a container.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use k8s_openapi::api::core::v1::{Container, Pod};

use super::host::Host;
use super::rewrite::{Rewrites, expand, with_ports};
use super::{Program, env, services, volumes};
use crate::cluster::kubeconfig::{self, User};

/// Where the API puts a service account's token.
const ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// A container, ready to be started.
#[derive(Debug, Clone)]
pub(super) struct Start {
    env: BTreeMap<String, String>,
    dir: PathBuf,
    rewrites: Rewrites,
    host: Arc<Host>,
    variables: BTreeMap<String, String>,
    ports: BTreeMap<String, u16>,
    words: Vec<String>,
}

/// Resolves all that a container says; what is missing is told, and tried again by the caller.
pub(super) async fn prepare(
    host: &Arc<Host>,
    pod: &Pod,
    container: &Container,
    pod_dir: &Path,
    ports: &BTreeMap<String, u16>,
) -> Result<Start, String> {
    let live = host.live();
    let variables = env::resolve(&live.client, pod, container).await?;
    let rewrites = Rewrites {
        mounts: mounts(container, pod_dir),
        ports: numbered(ports),
        names: services::names(host, pod).await?,
    };
    let mut env: BTreeMap<String, String> =
        variables.iter().map(|(name, value)| (name.clone(), rewrites.apply(value))).collect();
    for (name, value) in surroundings(host, pod, pod_dir, &rewrites) {
        env.entry(name).or_insert(value);
    }
    let words = container.command.clone().unwrap_or_default();
    let words = if words.is_empty() { vec![host.entrypoint(container)?] } else { words };
    let words = words.into_iter().chain(container.args.iter().flatten().cloned()).collect();
    let dir = container.working_dir.as_deref().map(|dir| PathBuf::from(rewrites.apply(dir)));
    let dir = dir.filter(|dir| dir.is_dir()).unwrap_or_else(|| pod_dir.to_owned());
    Ok(Start { env, dir, rewrites, host: Arc::clone(host), variables, ports: ports.clone(), words })
}

impl Start {
    /// The container's own command.
    pub(super) fn command(&self) -> Result<Command, String> {
        self.command_of(&self.words)
    }

    /// Another command in the same surroundings: a hook's or a probe's.
    pub(super) fn command_of(&self, words: &[String]) -> Result<Command, String> {
        let (name, args) = words.split_first().ok_or("the command is empty")?;
        let name = expand(name, &self.variables);
        let known = self.host.programs.get(&name);
        let program = match known {
            Some(program) => program.path.clone(),
            None => on_path(&name).ok_or(format!("exec: \"{name}\": the node knows no such program"))?,
        };
        let mut command = Command::new(program);
        command.env_clear().envs(&self.env).current_dir(&self.dir);
        command.args(args.iter().map(|arg| self.rewrites.apply(&expand(arg, &self.variables))));
        for (name, value) in known.into_iter().flat_map(Program::env_of) {
            let value = with_ports(value, &self.ports).filter(|_| !self.variables.contains_key(name));
            if let Some(value) = value {
                command.env(name, value);
            }
        }
        command.args(
            known.into_iter().flat_map(|known| &known.args).filter_map(|arg| with_ports(arg, &self.ports)),
        );
        Ok(command)
    }
}

impl Program {
    fn env_of(&self) -> impl Iterator<Item = (&str, &str)> {
        self.env.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl Host {
    fn entrypoint(&self, container: &Container) -> Result<String, String> {
        let image = container.image.as_deref().unwrap_or_default();
        let found = self.entrypoints.iter().find(|(part, _)| image.contains(part.as_str()));
        found
            .map(|(_, command)| command.clone())
            .ok_or(format!("the node knows no entrypoint of image \"{image}\""))
    }
}

fn on_path(name: &str) -> Option<PathBuf> {
    let file = Path::new(name).file_name()?;
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|dir| dir.join(file)).find(|path| path.is_file())
}

fn mounts(container: &Container, pod_dir: &Path) -> Vec<(String, PathBuf)> {
    let mounts = container.volume_mounts.iter().flatten();
    let mounts = mounts.map(|mount| {
        let dir = volumes::directory(pod_dir, &mount.name);
        let here = mount.sub_path.as_deref().map_or_else(|| dir.clone(), |part| dir.join(part));
        (mount.mount_path.trim_end_matches('/').to_owned(), here)
    });
    mounts.collect()
}

fn numbered(ports: &BTreeMap<String, u16>) -> BTreeMap<u16, u16> {
    ports.iter().filter_map(|(name, real)| Some((name.parse().ok()?, *real))).collect()
}

/// What every container has: where the API server is, and a kubeconfig if the pod has a token.
fn surroundings(host: &Host, pod: &Pod, pod_dir: &Path, rewrites: &Rewrites) -> Vec<(String, String)> {
    let mut all = vec![
        ("PATH".to_owned(), std::env::var("PATH").unwrap_or_default()),
        ("HOME".to_owned(), pod_dir.display().to_string()),
        ("HOSTNAME".to_owned(), pod.metadata.name.clone().unwrap_or_default()),
        ("KUBERNETES_SERVICE_HOST".to_owned(), "127.0.0.1".to_owned()),
    ];
    if let Some((_, port)) = host.url.rsplit_once(':') {
        all.push(("KUBERNETES_SERVICE_PORT".to_owned(), port.trim_end_matches('/').to_owned()));
    }
    if let Some((_, dir)) = rewrites.mounts.iter().find(|(path, _)| path == ACCOUNT) {
        let namespace = pod.metadata.namespace.as_deref().unwrap_or("default");
        let token = dir.join("token");
        let path = pod_dir.join("kubeconfig");
        let path = kubeconfig::write(&path, &host.url, &host.authority, namespace, &User::TokenFile(&token));
        all.push(("KUBECONFIG".to_owned(), path.display().to_string()));
    }
    all
}
