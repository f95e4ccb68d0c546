//! A real `redis-server` child on a free port, in a directory of its own; it ends with the test.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Generous, since many servers start at once on few cores.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

pub(crate) struct Server {
    child: Child,
    port: u16,
    dir: TempDir,
    more: Vec<String>,
}

impl Server {
    pub(crate) fn start(more: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let more: Vec<String> = more.iter().map(|&arg| arg.to_owned()).collect();
        // A port that was free may be taken by the time the server binds it.
        for _ in 0..10 {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let mut child = spawn(port, &dir, &more);
            if answers(&mut child, port) {
                return Self { child, port, dir, more };
            }
        }
        panic!("redis-server did not start");
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// On the same port, with the same append-only file.
    pub(crate) fn restart(&mut self) {
        self.child = spawn(self.port, &self.dir, &self.more);
        assert!(answers(&mut self.child, self.port), "redis-server did not come back");
    }

    /// Runs a command beside the engine, as an operator would.
    pub(crate) fn run<T: redis::FromRedisValue>(&self, command: &[&str]) -> T {
        let mut connection = redis::Client::open(self.url()).unwrap().get_connection().unwrap();
        let mut cmd = redis::cmd(command[0]);
        cmd.arg(&command[1..]);
        cmd.query(&mut connection).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn spawn(port: u16, dir: &TempDir, more: &[String]) -> Child {
    Command::new("redis-server")
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "yes"])
        .arg("--dir")
        .arg(dir.path())
        .args(more)
        .stdout(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| {
            panic!("cannot run redis-server ({error}): install it, e.g. `apt-get install redis-server`")
        })
}

/// Whether it answers before its deadline; false if it ended.
fn answers(child: &mut Child, port: u16) -> bool {
    let client = redis::Client::open(format!("redis://127.0.0.1:{port}")).unwrap();
    let started = Instant::now();
    while started.elapsed() < DEADLINE {
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        let pong = client
            .get_connection_with_timeout(Duration::from_secs(1))
            .and_then(|mut connection| redis::cmd("PING").query::<String>(&mut connection));
        if pong.is_ok() {
            return true;
        }
        std::thread::yield_now();
    }
    false
}
