//! A real `redis-server` on a free port, in a directory of its own, as the README says to run one.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use crate::process::Process;
use crate::wait::{SHORT, until};

/// The server; it ends with the test.
#[derive(Debug)]
pub struct Redis {
    process: Process,
    port: u16,
    dir: TempDir,
}

impl Redis {
    /// Starts one and waits until it answers.
    ///
    /// # Panics
    /// When there is no `redis-server`, or it does not answer.
    pub async fn start() -> Self {
        let there = Command::new("redis-server").arg("--version").output();
        assert!(
            there.is_ok_and(|output| output.status.success()),
            "redis-server is missing: install it (Debian: apt-get install redis-server; macOS: brew install redis)"
        );
        let dir = tempfile::tempdir().expect("a directory can be made");
        let port = free_port();
        let mut redis = Self { process: spawn(port, &dir), port, dir };
        redis.answers().await;
        redis
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// Kills it (SIGKILL): with `everysec` the last second may be lost.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts it again, on the same port with the same files.
    pub async fn restart(&mut self) {
        self.process = spawn(self.port, &self.dir);
        self.answers().await;
    }

    /// Runs a command beside the program, as an operator would; the first line of the answer.
    ///
    /// # Panics
    /// When it does not answer.
    #[must_use]
    pub fn run(&self, command: &[&str]) -> String {
        self.ask(command).expect("redis answers")
    }

    /// All keys that fit a pattern.
    ///
    /// # Panics
    /// When it does not answer.
    #[must_use]
    pub fn keys(&self, pattern: &str) -> Vec<String> {
        let script = "return table.concat(redis.call('keys', ARGV[1]), ' ')";
        let (stream, _) = self.send(&["EVAL", script, "0", pattern]).expect("redis answers");
        let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
        let _length = lines.next();
        let keys = lines.next().unwrap_or_default();
        keys.split_whitespace().map(ToOwned::to_owned).collect()
    }

    async fn answers(&mut self) {
        until("redis-server answers", SHORT, async || {
            assert!(self.process.ended().is_none(), "redis-server ended: {}", self.process.log());
            match self.ask(&["PING"]) {
                Ok(answer) if answer == "+PONG" => Ok(()),
                Ok(answer) => Err(answer),
                Err(error) => Err(error.to_string()),
            }
        })
        .await;
    }

    fn ask(&self, command: &[&str]) -> std::io::Result<String> {
        let (stream, _) = self.send(command)?;
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line)?;
        Ok(line.trim_end().to_owned())
    }

    fn send(&self, command: &[&str]) -> std::io::Result<(TcpStream, usize)> {
        let mut stream = TcpStream::connect_timeout(&self.address(), Duration::from_secs(1))?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        let mut text = format!("*{}\r\n", command.len());
        for word in command {
            text.push_str(&format!("${}\r\n{word}\r\n", word.len()));
        }
        stream.write_all(text.as_bytes())?;
        Ok((stream, text.len()))
    }
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
    listener.local_addr().expect("it has an address").port()
}

fn spawn(port: u16, dir: &TempDir) -> Process {
    let mut command = Command::new("redis-server");
    command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", ""]);
    command.args(["--appendonly", "yes", "--appendfsync", "everysec", "--maxmemory-policy", "noeviction"]);
    command.arg("--dir").arg(dir.path());
    Process::start("redis-server", command, dir.path())
}
