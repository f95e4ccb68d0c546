//! Opening: the connection, and what the server must be like.

use std::sync::Arc;
use std::time::Duration;

use ::redis::aio::{ConnectionManager, ConnectionManagerConfig};
use ::redis::io::tcp::TcpSettings;
use ::redis::{Client, IntoConnectionInfo, cmd};
use shopbeat_domain::failure::{Failure, FailureKind, Refusal};
use shopbeat_domain::ports::{Answer, Clock, State};

use super::scripts::Scripts;
use super::waiting::Waiting;
use super::{Engine, PATIENCE, patiently, told};
use crate::keys::Keys;
use crate::record::failed;
use crate::seal::Sealing;

/// The prefix of all keys of a deployment that names no other.
pub const DEFAULT_PREFIX: &str = "shopbeat";

/// Under [`PATIENCE`], so that the library's own, better told timeout comes first.
const RESPONSE_TIMEOUT: Duration = Duration::from_millis(1500);
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// Opens the state on a Redis server (`redis://…`, or `rediss://…` with a TLS provider installed). Everything it
/// keeps lies under `prefix`.
///
/// # Errors
/// `Unreachable`, `Unanswered` or `Unauthorized` as the server is; `Refused` with what to change when it is older
/// than 6.2, a cluster, or may evict keys.
pub async fn redis(url: &str, prefix: &str, sealing: Sealing, clock: Arc<dyn Clock>) -> Answer<State> {
    // The library's words on a bad URL might quote it, with its password.
    let bad_url =
        |_| failed("open", FailureKind::Unreachable, "the Redis URL is not redis://… or rediss://…");
    if prefix.is_empty() || prefix.contains(['{', '}']) {
        return Err(refused("the prefix of Redis keys must not be empty nor hold { or }"));
    }
    let info = url.into_connection_info().map_err(bad_url)?;
    // Without it, a server that vanished with packets under way is waited for a quarter of an hour.
    let tcp = TcpSettings::default().set_nodelay(true);
    #[cfg(target_os = "linux")]
    let tcp = tcp.set_user_timeout(Duration::from_secs(5));
    let client = Client::open(info.set_tcp_settings(tcp)).map_err(bad_url)?;
    let config = ConnectionManagerConfig::new()
        .set_number_of_retries(1)
        .set_min_delay(Duration::from_millis(50))
        .set_max_delay(Duration::from_millis(200))
        .set_response_timeout(Some(RESPONSE_TIMEOUT))
        .set_connection_timeout(Some(CONNECT_TIMEOUT))
        .set_pipeline_buffer_size(512);
    let connect = ConnectionManager::new_with_config(client.clone(), config);
    let manager = tokio::time::timeout(2 * PATIENCE, connect)
        .await
        .map_err(|_| failed("open", FailureKind::Unreachable, "Redis did not answer in time"))?
        .map_err(|error| told("open", &error))?;
    let engine = Engine {
        client,
        manager,
        keys: Keys::new(prefix),
        scripts: Scripts::new(),
        sealing,
        clock,
        waiting: Waiting::default(),
    };
    engine.info("open").await?.check()?;
    Ok(state(&Arc::new(engine)))
}

fn state(engine: &Arc<Engine>) -> State {
    State {
        registry: engine.clone(),
        inbox: engine.clone(),
        jobs: engine.clone(),
        journal: engine.clone(),
        leases: engine.clone(),
        ids: engine.clone(),
        watermarks: engine.clone(),
        pace: engine.clone(),
        ledger: engine.clone(),
        runs: engine.clone(),
        replays: engine.clone(),
        pulses: engine.clone(),
        heaps: engine.clone(),
        board: engine.clone(),
        holds: engine.clone(),
        records: engine.clone(),
        billing: engine.clone(),
        health: engine.clone(),
    }
}

fn refused(message: impl Into<String>) -> Failure {
    failed("open", FailureKind::Refused(Refusal::Other), message)
}

/// What `INFO` says; it may be read where `CONFIG` is forbidden.
pub(super) struct Info(String);

impl Engine {
    pub(super) async fn info(&self, call: &str) -> Answer<Info> {
        let mut manager = self.manager.clone();
        patiently(call, cmd("INFO").query_async(&mut manager)).await.map(Info)
    }
}

impl Info {
    /// The value of a line `name:value`.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        self.0.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
    }

    /// Whether this server can hold the state.
    fn check(&self) -> Answer<()> {
        let version = self.value("redis_version").unwrap_or("unknown");
        let mut parts = version.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
        let (major, minor) = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
        if (major, minor) < (6, 2) {
            return Err(refused(format!("the server is Redis {version}; 6.2 or newer is needed")));
        }
        if self.value("redis_mode") == Some("cluster") {
            return Err(refused("the server is a cluster node; a standalone Redis is needed"));
        }
        match self.value("maxmemory_policy") {
            None | Some("noeviction") => Ok(()),
            Some(policy) => Err(refused(format!(
                "the server may evict keys (maxmemory-policy {policy}), which would lose orders; set \
                 `maxmemory-policy noeviction`"
            ))),
        }
    }

    /// What an operator should know.
    pub(super) fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.value("aof_enabled") != Some("1") {
            warnings.push(
                "Redis keeps no append-only file: a crash loses all since its last snapshot; set `appendonly yes`"
                    .to_owned(),
            );
        }
        for (name, what) in
            [("aof_last_write_status", "the append-only file"), ("rdb_last_bgsave_status", "a snapshot")]
        {
            if self.value(name).is_some_and(|status| status != "ok") {
                warnings.push(format!("Redis could not write {what} ({name}); look at its disk and log"));
            }
        }
        warnings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(info: &str) -> Answer<()> {
        Info(info.replace('\n', "\r\n")).check()
    }

    #[test]
    fn a_server_that_is_too_old_or_evicts_is_refused_with_the_remedy() {
        assert!(check("redis_version:6.2.0\nmaxmemory_policy:noeviction\n").is_ok());
        assert!(
            check("redis_version:6.0.16\nmaxmemory_policy:noeviction\n").unwrap_err().message.contains("6.2")
        );
        let evicts = check("redis_version:7.0.15\nmaxmemory_policy:allkeys-lru\n").unwrap_err();
        assert!(evicts.message.contains("maxmemory-policy noeviction"));
        assert!(check("redis_version:7.0.15\nredis_mode:cluster\n").is_err());
        assert!(check("nonsense").is_err());
    }

    #[test]
    fn a_missing_append_only_file_is_told() {
        assert_eq!(Info("aof_enabled:0".to_owned()).warnings().len(), 1);
        assert!(Info("aof_enabled:1\naof_last_write_status:ok".to_owned()).warnings().is_empty());
        assert_eq!(Info("aof_enabled:1\naof_last_write_status:err".to_owned()).warnings().len(), 1);
    }
}
