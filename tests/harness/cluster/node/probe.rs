//! Probes: is a container started, ready, alive?

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use bytes::{Buf as _, BufMut as _};
use http::uri::PathAndQuery;
use k8s_openapi::api::core::v1::{GRPCAction, HTTPGetAction, Probe};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tonic::Status;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::transport::Endpoint;

use super::command::Start;
use super::hooks::succeeds;
use crate::http::HttpClient;

/// How often, how long, how many in a row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    pub(super) delay: Duration,
    pub(super) period: Duration,
    pub(super) timeout: Duration,
    pub(super) successes: i32,
    pub(super) failures: i32,
}

impl Pace {
    pub(super) fn of(probe: &Probe) -> Self {
        let seconds = |told: Option<i32>, default: u64| {
            Duration::from_secs(told.and_then(|told| u64::try_from(told).ok()).unwrap_or(default))
        };
        Self {
            delay: seconds(probe.initial_delay_seconds, 0),
            period: seconds(probe.period_seconds, 10).max(Duration::from_secs(1)),
            timeout: seconds(probe.timeout_seconds, 1).max(Duration::from_secs(1)),
            successes: probe.success_threshold.unwrap_or(1).max(1),
            failures: probe.failure_threshold.unwrap_or(3).max(1),
        }
    }
}

/// Asks once.
pub(super) async fn ask(probe: &Probe, start: &Start, ports: &BTreeMap<String, u16>) -> Result<(), String> {
    let within = Pace::of(probe).timeout;
    let asked = async {
        if let Some(get) = &probe.http_get {
            http(get, ports).await
        } else if let Some(tcp) = &probe.tcp_socket {
            let address = address(&tcp.port, ports);
            TcpStream::connect(address).await.map(drop).map_err(|error| error.to_string())
        } else if let Some(grpc) = &probe.grpc {
            health(grpc, ports).await
        } else if let Some(exec) = &probe.exec {
            succeeds(start.command_of(exec.command.as_deref().unwrap_or_default())?, within).await
        } else {
            Err("this kind of probe is unknown here".to_owned())
        }
    };
    timeout(within, asked).await.map_err(|_| "no answer in time".to_owned())?
}

fn address(port: &IntOrString, ports: &BTreeMap<String, u16>) -> SocketAddr {
    let name = match port {
        IntOrString::Int(number) => number.to_string(),
        IntOrString::String(name) => name.clone(),
    };
    let real = ports.get(&name).copied().or_else(|| name.parse().ok()).unwrap_or_default();
    (Ipv4Addr::LOCALHOST, real).into()
}

async fn http(get: &HTTPGetAction, ports: &BTreeMap<String, u16>) -> Result<(), String> {
    let mut client = HttpClient::new(address(&get.port, ports));
    let answer = client.get(get.path.as_deref().unwrap_or("/")).await?;
    if (200..400).contains(&answer.status) {
        Ok(())
    } else {
        Err(format!("{}: {}", answer.status, answer.text))
    }
}

/// `grpc.health.v1.Health/Check`, whose messages are one field each.
async fn health(grpc: &GRPCAction, ports: &BTreeMap<String, u16>) -> Result<(), String> {
    let address = address(&IntOrString::Int(grpc.port), ports);
    let endpoint = Endpoint::from_shared(format!("http://{address}")).map_err(|error| error.to_string())?;
    let channel = endpoint.connect().await.map_err(|error| error.to_string())?;
    let mut client = tonic::client::Grpc::new(channel);
    client.ready().await.map_err(|error| error.to_string())?;
    let service = grpc.service.clone().unwrap_or_default();
    let path = PathAndQuery::from_static("/grpc.health.v1.Health/Check");
    let answer = client.unary(tonic::Request::new(service), path, HealthCodec).await;
    match answer.map_err(|status| status.message().to_owned())?.into_inner() {
        SERVING => Ok(()),
        other => Err(format!("health status {other}")),
    }
}

const SERVING: u8 = 1;

#[derive(Debug, Clone, Copy)]
struct HealthCodec;

impl Codec for HealthCodec {
    type Encode = String;
    type Decode = u8;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for HealthCodec {
    type Item = String;
    type Error = Status;

    /// Field 1, a string.
    fn encode(&mut self, service: String, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        if let Ok(length @ 1..=127) = u8::try_from(service.len()) {
            buffer.put_slice(&[0x0a, length]);
            buffer.put_slice(service.as_bytes());
        }
        Ok(())
    }
}

impl Decoder for HealthCodec {
    type Item = u8;
    type Error = Status;

    /// Field 1, an enum; left out if it is 0.
    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<u8>, Status> {
        let message = buffer.copy_to_bytes(buffer.remaining());
        Ok(Some(match message.as_ref() {
            [0x08, status, ..] => *status,
            _ => 0,
        }))
    }
}
