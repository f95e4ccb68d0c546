//! What the chart makes, the program takes: certificate, key and tokens.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use shopbeat_tests::{Process, SHORT, until};

use super::{BUNDLED, Objects};

/// A Secret of the chart as files, as a pod has it.
fn files(all: &Objects, secret: &str, dir: &Path) {
    for (key, text) in all.get("Secret", secret)["stringData"].as_object().unwrap() {
        std::fs::write(dir.join(key), text.as_str().unwrap()).unwrap();
    }
}

fn list(address: &str, dir: &Path, token: &str) -> Output {
    let mut command = Command::new(shopbeat_tests::shopbeat());
    command.args(["store", "list"]).env("SSL_CERT_FILE", dir.join("ca.crt"));
    command.envs([("SHOPBEAT_ADDR", address), ("SHOPBEAT_TOKEN", token)]).output().unwrap()
}

#[tokio::test]
async fn the_certificate_and_the_tokens_that_are_made_open_the_api_as_the_notes_tell() {
    let all = Objects::of(BUNDLED);
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    files(&all, "-tls", dir);
    files(&all, "-tokens", dir);
    let mut command = Command::new(shopbeat_tests::shopbeat());
    command.args([
        "serve",
        "--state",
        "memory",
        "--grpc-listen",
        "127.0.0.1:0",
        "--http-listen",
        "127.0.0.1:0",
    ]);
    command.args(["--log-format", "json"]).current_dir(dir);
    command.args(["--tls-cert", "tls.crt", "--tls-key", "tls.key", "--auth-tokens-file", "tokens.json"]);
    let service = Process::start("shopbeat", command, dir);
    let port = until("the service listens", SHORT, async || {
        let log = service.log();
        let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let address = lines.filter_map(|line| line["grpc.address"].as_str().map(str::to_owned)).next();
        address.and_then(|address| Some(address.rsplit_once(':')?.1.to_owned())).ok_or(log)
    })
    .await;
    for token in ["-cli-token", "-operator-token"] {
        let token = all.get("Secret", token)["stringData"]["token"].as_str().unwrap();
        let said = list(&format!("https://localhost:{port}"), dir, token);
        assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    }
    let said = list(&format!("https://localhost:{port}"), dir, &"x".repeat(48));
    assert_eq!(said.status.code(), Some(6), "{}", String::from_utf8_lossy(&said.stderr));
}
