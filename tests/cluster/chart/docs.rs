//! That what the papers tell to do can be done: commands, values, manifests.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use shopbeat_operator::events::DEEDS;
use shopbeat_operator::status::REASONS;
use shopbeat_tests::cluster::Plane;
use shopbeat_tests::{Process, SHORT, until};

use super::{BUNDLED, CHART, Objects, SECRETS, helm, root, text};

const PAPERS: [&str; 7] =
    ["install", "upgrade", "gitops", "backup", "disaster-recovery", "security", "runbook"];

fn paper(name: &str) -> String {
    text(&format!("charts/docs/{name}.md"))
}

/// The blocks of a paper between fences of this kind.
fn blocks<'a>(paper: &'a str, kind: &str) -> Vec<&'a str> {
    let open = format!("```{kind}\n");
    paper.split(&open).skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
}

/// Every command line of `shopbeat` that papers, alerts and reasons tell, what stands for something filled in.
fn told_commands() -> BTreeSet<String> {
    let mut texts: Vec<String> = PAPERS.iter().map(|name| paper(name)).collect();
    texts.push(text("charts/shopbeat/files/alerts.yaml"));
    texts.push(text("charts/shopbeat/templates/NOTES.txt"));
    let mut found = BTreeSet::new();
    for told in texts {
        let told = told.replace("{{ $labels.store }}", "STORE").replace("\n   ", " ");
        for begin in ["`shopbeat ", "$ shopbeat ", "\n  shopbeat "] {
            let rest = told.split(begin).skip(1).filter_map(|rest| rest.split(['`', '\n', '#']).next());
            found.extend(rest.map(|rest| rest.split_whitespace().collect::<Vec<_>>().join(" ")));
        }
    }
    for reason in REASONS {
        let rest = reason.remedy().split("shopbeat sync ").skip(1);
        found.extend(rest.filter_map(|rest| Some(format!("sync {} STORE", rest.split(' ').next()?))));
    }
    // What only names the program, and the worker, which is no command for people.
    found.retain(|command| command != "…" && !command.starts_with("worker "));
    found
}

#[test]
fn every_command_that_is_told_can_be_said() {
    let told = told_commands();
    assert!(told.len() >= 14, "{told:?}");
    for command in told {
        let words = command.split_whitespace().map(|word| match word {
            "…" if command.starts_with("store connect") => "acme-oslo --agreement acme",
            "…" if command.starts_with("billing") => "2026-11",
            "…" => "x",
            // Its arguments are not told where it is only named.
            "show" if command == "order show" => "show STORE 1042",
            word => word,
        });
        let words: Vec<String> = words.flat_map(str::split_whitespace).map(str::to_owned).collect();
        // Nobody answers there: a command that can be said ends with 5, another one with 2.
        let said = Command::new(shopbeat_tests::shopbeat())
            .args(&words)
            .envs([("SHOPBEAT_ADDR", "http://127.0.0.1:1"), ("SHOPBEAT_TOKEN", "none")])
            .envs([
                ("SHOPBEAT_CLIENT_ID", "a"),
                ("SHOPBEAT_CLIENT_SECRET", "b"),
                ("SHOPBEAT_RACKBEAT_TOKEN", "c"),
            ])
            .output()
            .unwrap();
        assert_eq!(said.status.code(), Some(5), "{command}: {}", String::from_utf8_lossy(&said.stderr));
    }
}

#[test]
fn every_event_has_its_line_in_the_runbook_and_every_line_its_event() {
    let runbook = paper("runbook");
    let (_, table) = runbook.split_once("\n## Events\n").unwrap();
    let rows = table.lines().filter_map(|line| line.strip_prefix("| ")?.split(' ').next());
    let told: BTreeSet<&str> = rows.filter(|name| *name != "event").collect();
    assert_eq!(told, DEEDS.iter().map(|deed| deed.name()).collect());
}

#[test]
fn the_values_for_a_real_cluster_are_good_ones() {
    let install = paper("install");
    let values = blocks(&install, "yaml").into_iter().find(|one| one.starts_with("# values.yaml")).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("values.yaml");
    std::fs::write(&file, values).unwrap();
    let output = helm(&["template", "shopbeat", CHART, "-n", "shops", "-f", file.to_str().unwrap()]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let rendered = String::from_utf8(output.stdout).unwrap();
    // What the papers name is there.
    for name in ["shopbeat-grpc", "shopbeat-http", "shopbeat-operator", "shopbeat-sync", "shopbeat-cli-token"]
    {
        assert!(rendered.contains(&format!("name: {name}\n")), "{name}");
    }
}

#[test]
fn every_value_that_a_paper_names_is_one() {
    let values: Value = serde_saphyr::from_str(&text("charts/shopbeat/values.yaml")).unwrap();
    let groups: Vec<&String> = values.as_object().unwrap().keys().collect();
    let mut named = 0;
    for name in PAPERS {
        for told in paper(name).split('`').skip(1).step_by(2) {
            let path = told.split([':', '=', ' ']).next().unwrap();
            let Some((group, _)) = path.split_once('.') else { continue };
            let is_path = path.chars().all(|c| c.is_ascii_alphanumeric() || c == '.');
            // `orders.since` and the like are settings of a store; `tls.crt` is a key of a Secret.
            let is_value = is_path && groups.iter().any(|one| *one == group);
            if !is_value || ["tls.crt", "tls.key"].contains(&path) {
                continue;
            }
            assert!(values.pointer(&format!("/{}", path.replace('.', "/"))).is_some(), "{name}: {path}");
            named += 1;
        }
    }
    assert!(named > 20, "{named}");
}

#[test]
fn a_release_that_lets_no_webhook_in_says_so() {
    let notes = |more: &[&str]| {
        let install = ["install", "rel", CHART, "-n", "shops", "--dry-run=client"];
        let output = helm(&[&install, SECRETS, more].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(notes(&[]).contains("Give networkPolicy.webhooksFrom"));
    let given = ["--set", "networkPolicy.webhooksFrom[0].podSelector.matchLabels.a=b"];
    assert!(!notes(&given).contains("Give networkPolicy.webhooksFrom"));
}

/// Runs a script, in which what lies in this folder is found first.
fn shell(script: &str, folder: &Path) -> Output {
    let found = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
    Command::new("bash").args(["-euc", script]).env("PATH", found).output().unwrap()
}

#[tokio::test]
async fn what_the_notes_tell_can_be_pasted_into_a_shell() {
    let plane = Plane::shared().await;
    plane.apply("default", &shopbeat_operator::resource::definition_yaml().unwrap()).await.good();
    plane.kubectl(&["wait", "--for=condition=Established", "crd/shopifystores.shopbeat.dev"]).await.good();
    let namespace = plane.namespace("notes").await;
    let install = ["install", "rel", CHART, "-n", &namespace];
    let notes = plane.helm(&[&install, BUNDLED].concat()).await.good();
    let (_, told) = notes.split_once("shopbeat-crds):\n").unwrap();
    let (script, _) = told.split_once(&format!("kubectl -n {namespace} get shops -w")).unwrap();
    let tools = Command::new(root().join("tests/controlplane/tools")).arg("kubectl").output().unwrap();
    let kubectl = String::from_utf8(tools.stdout).unwrap();
    let script = format!("export KUBECONFIG={}\n{script}", plane.kubeconfig().display());
    let said = shell(&script, Path::new(kubectl.trim()).parent().unwrap());
    let complaint = String::from_utf8_lossy(&said.stderr);
    assert!(said.status.success() && complaint.is_empty(), "{script}: {complaint}");
    let oslo = plane.kubectl(&["get", "shop", "oslo", "-n", &namespace, "-o", "name"]).await.good();
    assert_eq!(oslo.trim(), "shopifystore.shopbeat.dev/oslo");
    // The resource that the papers show is taken as well.
    let install = paper("install");
    let store = blocks(&install, "yaml").into_iter().find(|one| one.contains("kind: ShopifyStore")).unwrap();
    let args = ["apply", "-n", &namespace, "--dry-run=server", "--validate=strict", "-f", "-"];
    plane.kubectl_as(plane.kubeconfig(), &args, Some(store)).await.good();
}

/// A Redis with the settings of the bundled one, and a `redis-cli` that finds it without being told, as in its pod.
struct Bundled {
    dir: tempfile::TempDir,
    server: Option<Process>,
}

impl Bundled {
    async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let [data, bin] = ["data", "bin"].map(|name| dir.path().join(name));
        std::fs::create_dir_all(&data).unwrap();
        std::fs::create_dir_all(&bin).unwrap();
        let found = shell("command -v redis-cli", &bin);
        let real = String::from_utf8(found.stdout).unwrap();
        assert!(found.status.success(), "redis-cli is missing: install it with redis-server");
        let all = Objects::of(BUNDLED);
        let secret = &all.get("Secret", "-redis")["stringData"];
        let [password, conf] = ["password", "redis.conf"].map(|key| secret[key].as_str().unwrap());
        let socket = dir.path().join("socket").display().to_string();
        let script = format!("#!/bin/sh\nREDISCLI_AUTH={password} exec {} -s {socket} \"$@\"\n", real.trim());
        let conf = conf.replace("/data", data.to_str().unwrap()).replace("port 6379", "port 0");
        std::fs::write(dir.path().join("redis.conf"), format!("{conf}\nunixsocket {socket}\n")).unwrap();
        std::fs::write(bin.join("redis-cli"), script).unwrap();
        std::fs::set_permissions(bin.join("redis-cli"), std::fs::Permissions::from_mode(0o755)).unwrap();
        let mut redis = Self { dir, server: None };
        redis.serve().await;
        redis
    }

    /// Starts it, as the kubelet does after each end.
    async fn serve(&mut self) {
        let dir = self.dir.path();
        let mut command = Command::new("redis-server");
        command.arg(dir.join("redis.conf"));
        self.server = Some(Process::start("redis-server", command, dir));
        until("redis answers", SHORT, async || {
            let said = self.say("redis-cli ping");
            if said == "PONG" { Ok(()) } else { Err(said) }
        })
        .await;
    }

    /// Runs a line of shell as in its pod.
    fn say(&self, script: &str) -> String {
        let script = script.replace("/data", self.dir.path().join("data").to_str().unwrap());
        let said = shell(&script, &self.dir.path().join("bin"));
        String::from_utf8_lossy(&[said.stdout, said.stderr].concat()).trim().to_owned()
    }

    /// Waits until it has ended.
    async fn ended(&mut self) {
        let server = self.server.as_mut().unwrap();
        until("redis ends", SHORT, async || server.ended().map(|_| ()).ok_or("it runs".to_owned())).await;
    }
}

#[tokio::test]
async fn a_snapshot_is_put_back_as_the_paper_tells_and_nothing_is_lost() {
    let mut redis = Bundled::start().await;
    redis.say(
        "redis-cli set kept yes && redis-cli save && mv /data/dump.rdb /data/restore && redis-cli flushall",
    );
    assert_eq!(redis.say("redis-cli dbsize"), "0");
    let backup = paper("backup");
    let (script, _) = backup.split_once("sh -c '").unwrap().1.split_once('\'').unwrap();
    assert_eq!(redis.say(script), "");
    redis.ended().await;
    redis.serve().await;
    assert_eq!(redis.say("redis-cli get kept"), "yes");
    // What is written from now on is kept as well.
    redis.say("redis-cli set later yes && redis-cli shutdown");
    redis.ended().await;
    redis.serve().await;
    assert_eq!(redis.say("redis-cli mget kept later"), "yes\nyes");
}
