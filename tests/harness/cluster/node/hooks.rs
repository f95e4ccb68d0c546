//! Commands that run beside a container's own: hooks and probes.

use std::process::{Command, Stdio};
use std::time::Duration;

use k8s_openapi::api::core::v1::Container;
use tokio::time::timeout;

use super::command::Start;
use crate::wait::pause;

/// `preStop`, if the container has one; it may take so long.
pub(super) async fn before_stop(container: &Container, start: &Start, within: Duration) {
    let hook = container.lifecycle.as_ref().and_then(|lifecycle| lifecycle.pre_stop.as_ref());
    let Some(hook) = hook else { return };
    if let Some(sleep) = &hook.sleep {
        let seconds = u64::try_from(sleep.seconds).unwrap_or_default();
        pause(Duration::from_secs(seconds).min(within)).await;
    } else if let Some(exec) = &hook.exec
        && let Ok(command) = start.command_of(exec.command.as_deref().unwrap_or_default())
    {
        // As with a kubelet, a hook that fails holds up nothing.
        let _ = succeeds(command, within).await;
    }
}

/// Whether a command ends well in time; else why not.
pub(super) async fn succeeds(mut command: Command, within: Duration) -> Result<(), String> {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut command = tokio::process::Command::from(command);
    let status = timeout(within, command.kill_on_drop(true).status()).await;
    match status.map_err(|_| "it takes too long".to_owned())? {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(status.to_string()),
        Err(error) => Err(error.to_string()),
    }
}
