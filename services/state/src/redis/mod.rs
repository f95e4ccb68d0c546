//! The engine on Redis 6.2 or newer, standalone. Each step that must be atomic is one Lua script beside this code;
//! the keys are in `keys.rs`.
//!
//! "Durable" here is what Redis offers: with `appendonly yes` and `appendfsync everysec`, a crash of the server may
//! lose the last second or two, even of the process alone (a write is put off while the one before it is being
//! synced). `Registry::epoch` tells the engine when that may have happened, the sweep brings back what is missing,
//! and the reference in Rackbeat guards against doubles. `appendfsync always` loses nothing.

mod billing;
mod board;
mod health;
mod heaps;
mod holds;
mod ids;
mod jobs;
mod journal;
mod leases;
mod ledger;
mod open;
mod pace;
mod pulses;
mod records;
mod registry;
mod replays;
mod runs;
mod scripts;
mod waiting;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use ::redis::aio::ConnectionManager;
use ::redis::{Cmd, ErrorKind, FromRedisValue, RedisError, RedisResult, ScriptInvocation, ServerErrorKind};
use shopbeat_domain::failure::{Failure, FailureKind, Refusal};
use shopbeat_domain::ports::{Answer, Clock};

pub use self::open::{DEFAULT_PREFIX, redis};
use self::scripts::Scripts;
use self::waiting::Waiting;
use crate::keys::Keys;
use crate::record::failed;
use crate::seal::Sealing;

/// No call takes longer, whatever the server or the network does.
const PATIENCE: Duration = Duration::from_secs(2);
/// So many things go into one command or script at most: Redis does nothing else meanwhile.
const CHUNK: usize = 1000;

struct Engine {
    client: ::redis::Client,
    manager: ConnectionManager,
    keys: Keys,
    scripts: Scripts,
    sealing: Sealing,
    clock: Arc<dyn Clock>,
    waiting: Waiting,
}

impl Engine {
    async fn command<T: FromRedisValue>(&self, call: &str, command: &Cmd) -> Answer<T> {
        let mut manager = self.manager.clone();
        patiently(call, command.query_async(&mut manager)).await
    }

    async fn script<T: FromRedisValue>(&self, call: &str, script: &ScriptInvocation<'_>) -> Answer<T> {
        let mut manager = self.manager.clone();
        patiently(call, script.invoke_async(&mut manager)).await
    }
}

async fn patiently<T>(call: &str, work: impl Future<Output = RedisResult<T>>) -> Answer<T> {
    match tokio::time::timeout(PATIENCE, work).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(told(call, &error)),
        Err(_) => Err(failed(call, FailureKind::Unanswered, "Redis did not answer in time")),
    }
}

/// What is known about a failed call. Redis's words go along: they name commands and codes, never arguments.
fn told(call: &str, error: &RedisError) -> Failure {
    let kind = match error.kind() {
        ErrorKind::Io if error.is_connection_refusal() => FailureKind::Unreachable,
        ErrorKind::Io => FailureKind::Unanswered,
        ErrorKind::AuthenticationFailed => FailureKind::Unauthorized(None),
        ErrorKind::Parse | ErrorKind::UnexpectedReturnType => FailureKind::Garbled,
        ErrorKind::InvalidClientConfig | ErrorKind::Client => FailureKind::Unreachable,
        ErrorKind::Server(kind) => told_by_server(kind, error),
        _ => told_by_code(error.code().unwrap_or_default()),
    };
    failed(call, kind, error.to_string())
}

fn told_by_server(kind: ServerErrorKind, error: &RedisError) -> FailureKind {
    match kind {
        ServerErrorKind::BusyLoading
        | ServerErrorKind::MasterDown
        | ServerErrorKind::TryAgain
        | ServerErrorKind::ClusterDown
        | ServerErrorKind::ReadOnly => FailureKind::Busy { retry_after: None },
        ServerErrorKind::NoPerm => FailureKind::Unauthorized(None),
        // An error raised inside a script is answered as ERR with the cause's code in its text.
        _ => told_by_code(error.detail().and_then(|text| text.split_whitespace().next()).unwrap_or_default()),
    }
}

fn told_by_code(code: &str) -> FailureKind {
    match code {
        // Out of memory; a script of somebody else runs; the disk refuses; too few replicas.
        "OOM" | "BUSY" | "MISCONF" | "NOREPLICAS" => FailureKind::Busy { retry_after: None },
        "NOAUTH" | "WRONGPASS" => FailureKind::Unauthorized(None),
        "WRONGTYPE" => FailureKind::Garbled,
        _ => FailureKind::Refused(Refusal::Other),
    }
}
