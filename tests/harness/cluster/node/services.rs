//! Services: a local address per port, which leads to a ready pod.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, TcpListener as StdListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use k8s_openapi::api::core::v1::{Pod, Service};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::api::ListParams;
use kube::{Api, Client};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};

use super::host::{Host, lock};

/// Where a Service's port is, and the task that passes connections on.
#[derive(Debug)]
pub(super) struct Forward {
    address: SocketAddr,
}

/// What a connection is passed on to.
struct Target {
    namespace: String,
    selector: BTreeMap<String, String>,
    port: String,
    turn: AtomicUsize,
}

/// Services of a namespace.
pub(super) async fn all(client: &Client, namespace: &str) -> Result<Vec<Service>, String> {
    let list = Api::<Service>::namespaced(client.clone(), namespace).list(&ListParams::default()).await;
    list.map(|list| list.items).map_err(|error| format!("services of {namespace}: {error}"))
}

/// `HOST:PORT` as a pod may write it, and where that is.
pub(super) async fn names(host: &Arc<Host>, pod: &Pod) -> Result<BTreeMap<String, SocketAddr>, String> {
    let own = pod.metadata.namespace.as_deref().unwrap_or("default");
    let mut names = BTreeMap::new();
    let others = host.namespaces.iter().map(String::as_str).filter(|namespace| *namespace != own);
    for namespace in others.chain([own]) {
        for service in all(&host.live().admin, namespace).await? {
            let name = service.metadata.name.as_deref().unwrap_or_default();
            for port in ports(&service) {
                let Some(address) = forward(host, &service, port) else { continue };
                let mut forms = vec![
                    format!("{name}.{namespace}.svc.cluster.local:{port}"),
                    format!("{name}.{namespace}.svc:{port}"),
                    format!("{name}.{namespace}:{port}"),
                ];
                if namespace == own {
                    forms.push(format!("{name}:{port}"));
                }
                names.extend(forms.into_iter().map(|form| (form, address)));
            }
        }
    }
    names.extend(host.routes.iter().map(|(name, address)| (name.clone(), *address)));
    Ok(names)
}

fn ports(service: &Service) -> Vec<u16> {
    let ports = service.spec.iter().flat_map(|spec| spec.ports.iter().flatten());
    ports.filter_map(|port| u16::try_from(port.port).ok()).collect()
}

/// The local address of a Service's port; none if it has no such port. The first call opens it.
pub(super) fn forward(host: &Arc<Host>, service: &Service, port: u16) -> Option<SocketAddr> {
    let spec = service.spec.as_ref()?;
    let declared = spec.ports.iter().flatten().find(|declared| declared.port == i32::from(port))?;
    let target = match &declared.target_port {
        Some(IntOrString::Int(number)) => number.to_string(),
        Some(IntOrString::String(name)) => name.clone(),
        None => port.to_string(),
    };
    let namespace = service.metadata.namespace.clone().unwrap_or_default();
    let key = (namespace.clone(), service.metadata.name.clone().unwrap_or_default(), port);
    let mut forwards = lock(&host.forwards);
    if let Some(known) = forwards.get(&key) {
        return Some(known.address);
    }
    let selector = spec.selector.clone().unwrap_or_default();
    let target = Target { namespace, selector, port: target, turn: AtomicUsize::default() };
    let listener = StdListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
    let address = listener.local_addr().expect("it has an address");
    listener.set_nonblocking(true).expect("a listener can be non-blocking");
    let passing = pass(Arc::downgrade(host), listener, Arc::new(target));
    host.live().runtime.spawn(passing);
    forwards.insert(key, Forward { address });
    Some(address)
}

async fn pass(host: std::sync::Weak<Host>, listener: StdListener, target: Arc<Target>) {
    let listener = TcpListener::from_std(listener).expect("a listener");
    while let Ok((mut client, _)) = listener.accept().await {
        let Some(host) = host.upgrade() else { return };
        // A Service without a ready pod hangs up.
        let Some(address) = pick(&host, &target) else { continue };
        tokio::spawn(async move {
            if let Ok(mut server) = TcpStream::connect(address).await {
                let _ = copy_bidirectional(&mut client, &mut server).await;
            }
        });
    }
}

/// Ready pods in turn.
fn pick(host: &Host, target: &Target) -> Option<SocketAddr> {
    let pods = lock(&host.pods);
    let chosen = pods.values().filter(|known| {
        known.namespace == target.namespace
            && !target.selector.is_empty()
            && target.selector.iter().all(|(key, value)| known.labels.get(key) == Some(value))
    });
    let ports: Vec<u16> = chosen
        .filter_map(|known| {
            let state = lock(&known.state);
            if state.is_ready() { state.ports.get(&target.port).copied() } else { None }
        })
        .collect();
    let turn = target.turn.fetch_add(1, Ordering::Relaxed);
    let port = ports.get(turn.checked_rem(ports.len())?)?;
    Some((Ipv4Addr::LOCALHOST, *port).into())
}
