//! A child process with a log of its own, that ends with the test.

use std::fmt::Write as _;
use std::fs::File;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use crate::guard;
use crate::wait::{SHORT, until};

/// So many lines of its log are shown when a test fails.
const TOLD_LINES: usize = 60;

/// A child process. Dropped, it is killed; in a test that fails the end of its log is shown.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
    ended: bool,
}

impl Process {
    /// Starts `command`; what it says goes to a file in `dir`.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn start(name: &str, mut command: Command, dir: &Path) -> Self {
        let log = free_name(dir, name);
        let file = File::create(&log).expect("the log can be made");
        let errors = file.try_clone().expect("a file can be shared");
        command.stdin(Stdio::null()).stdout(file).stderr(errors).process_group(0);
        let child = command.spawn();
        let child =
            child.unwrap_or_else(|error| panic!("{name} ({}) does not start: {error}", show(&command)));
        guard::started(child.id());
        Self { name: name.to_owned(), child, log, ended: false }
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// All it said so far.
    #[must_use]
    pub fn log(&self) -> String {
        let bytes = std::fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// How it ended, if it did.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        let status = self.child.try_wait().expect("a child can be asked");
        if status.is_some() {
            self.bury();
        }
        status
    }

    /// Sends a signal by its name, such as `STOP`.
    ///
    /// # Panics
    /// When there is no such process any more.
    pub fn signal(&self, signal: &str) {
        let sent = Command::new("kill").arg(format!("-{signal}")).arg(self.id().to_string()).status();
        assert!(sent.is_ok_and(|status| status.success()), "{} cannot be sent {signal}", self.name);
    }

    /// Kills it, as `kill -9` does.
    pub fn kill(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.bury();
    }

    fn bury(&mut self) {
        if !self.ended {
            guard::ended(self.id());
        }
        self.ended = true;
    }

    /// Waits until it has ended by itself.
    pub async fn end(&mut self, within: Duration) -> ExitStatus {
        let name = format!("{} ends", self.name);
        until(&name, within, async || self.ended().ok_or_else(|| "it runs".to_owned())).await
    }

    /// Tells it to end (SIGTERM) and waits until it has.
    pub async fn terminate(&mut self) -> ExitStatus {
        self.signal("TERM");
        self.end(SHORT).await
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if !self.ended {
            self.kill();
        }
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<&str> = log.lines().collect();
            let mut told = format!("--- the end of the log of {}\n", self.name);
            for line in lines.iter().skip(lines.len().saturating_sub(TOLD_LINES)) {
                let _written = writeln!(told, "{line}");
            }
            eprint!("{told}");
        }
    }
}

fn free_name(dir: &Path, name: &str) -> PathBuf {
    (0_u32..)
        .map(|nth| dir.join(format!("{name}-{nth}.log")))
        .find(|path| !path.exists())
        .expect("a name is free")
}

fn show(command: &Command) -> String {
    command.get_program().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::{Command, Path, Process, Stdio};
    use crate::wait::{LONG, SHORT, until};

    const NAME: &str = "process::tests::a_process_ends_with_a_test_run_that_is_killed";
    /// Set in the run that is killed: where it tells the number of its process.
    const PLACE: &str = "SHOPBEAT_TEST_KILLED_RUN";

    fn is_there(id: &str) -> bool {
        let told = Command::new("kill").args(["-0", id]).stderr(Stdio::null()).status();
        told.expect("kill can be run").success()
    }

    #[tokio::test]
    async fn a_process_ends_with_a_test_run_that_is_killed() {
        if let Some(place) = std::env::var_os(PLACE) {
            let mut command = Command::new("sleep");
            command.arg("600");
            let process = Process::start("sleep", command, Path::new(&place));
            std::fs::write(Path::new(&place).join("id"), process.id().to_string()).expect("it can be told");
            return std::future::pending().await;
        }
        let place = tempfile::tempdir().expect("a directory can be made");
        let mut run = Command::new(std::env::current_exe().expect("a test knows its own path"));
        run.args(["--exact", NAME]).env(PLACE, place.path()).stdout(Stdio::null());
        let mut run = run.spawn().expect("it starts");
        let id = until("its process is told", LONG, async || {
            let told = std::fs::read_to_string(place.path().join("id")).unwrap_or_default();
            if told.is_empty() { Err(format!("{:?}", run.try_wait())) } else { Ok(told) }
        })
        .await;
        assert!(is_there(&id), "it runs");
        run.kill().expect("it can be killed");
        run.wait().expect("it can be waited for");
        until("its process has ended", SHORT, async || if is_there(&id) { Err(id.clone()) } else { Ok(()) })
            .await;
    }
}
