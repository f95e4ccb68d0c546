//! A process in a group of its own, with a log; it ends with the harness at the latest.

use std::fs::File;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child as Process, Command, ExitStatus, Stdio};
use std::time::Duration;

use tokio::time::{interval, timeout};

use crate::guard;

/// A child is asked this often whether it has ended.
const LOOK: Duration = Duration::from_millis(20);

/// A started process and all it starts.
#[derive(Debug)]
pub(super) struct Child {
    process: Process,
    log: PathBuf,
    status: Option<ExitStatus>,
}

impl Child {
    /// Starts `command`; what it says goes to `log`.
    pub(super) fn start(name: &str, mut command: Command, log: &Path) -> Result<Self, String> {
        let file = File::options().create(true).append(true).open(log);
        let file = file.map_err(|error| format!("{}: {error}", log.display()))?;
        let errors = file.try_clone().map_err(|error| error.to_string())?;
        command.stdin(Stdio::null()).stdout(file).stderr(errors).process_group(0);
        let process = command.spawn();
        let program = command.get_program().to_string_lossy().into_owned();
        let process = process.map_err(|error| format!("{name} ({program}) does not start: {error}"))?;
        guard::started(process.id());
        Ok(Self { process, log: log.to_owned(), status: None })
    }

    /// Its process id, which is its group's, too.
    pub(super) fn id(&self) -> u32 {
        self.process.id()
    }

    /// How it ended, if it did.
    pub(super) fn ended(&mut self) -> Option<ExitStatus> {
        if self.status.is_none() {
            self.status = self.process.try_wait().expect("a child can be asked");
            if self.status.is_some() {
                self.bury();
            }
        }
        self.status
    }

    /// Sends a signal to its whole group, if it is there.
    pub(super) fn signal(&mut self, signal: &str) {
        if self.ended().is_none() {
            send(signal, self.id());
        }
    }

    /// Waits until it has ended by itself.
    pub(super) async fn end(&mut self) -> ExitStatus {
        let mut look = interval(LOOK);
        loop {
            look.tick().await;
            if let Some(status) = self.ended() {
                return status;
            }
        }
    }

    /// SIGTERM, and SIGKILL after `grace`.
    pub(super) async fn stop(&mut self, grace: Duration) -> ExitStatus {
        self.signal("TERM");
        match timeout(grace, self.end()).await {
            Ok(status) => status,
            Err(_) => {
                self.signal("KILL");
                self.end().await
            }
        }
    }

    /// SIGKILL, and waits.
    pub(super) fn kill(&mut self) {
        if self.ended().is_none() {
            send("KILL", self.id());
            self.status = self.process.wait().ok();
            self.bury();
        }
    }

    /// All it said so far.
    pub(super) fn log(&self) -> String {
        let bytes = std::fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// What it left behind in its group goes as well: a container's processes end with its first.
    fn bury(&self) {
        send("KILL", self.id());
        guard::ended(self.id());
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.kill();
    }
}

/// `kill` of the system: the house forbids `unsafe`, which the call would take.
fn send(signal: &str, group: u32) {
    let mut command = Command::new("kill");
    command.args(["-s", signal, "--", &format!("-{group}")]);
    // There may be nobody left.
    let _ = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
}

/// The end of a log, for a failure.
pub(super) fn tail(log: &str, lines: usize) -> String {
    let all: Vec<&str> = log.lines().collect();
    all.get(all.len().saturating_sub(lines)..).unwrap_or_default().join("\n")
}
