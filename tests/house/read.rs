//! Reads the house: every file of the checkout and what cargo knows of the crates.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// A text file of the checkout.
#[derive(Debug, Clone)]
pub(crate) struct File {
    /// From the root, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Normal,
    Dev,
    Build,
}

#[derive(Debug, Clone)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) optional: bool,
}

/// A crate of the workspace.
#[derive(Debug, Clone)]
pub(crate) struct Crate {
    pub(crate) name: String,
    /// Its directory, from the root.
    pub(crate) room: String,
    pub(crate) dependencies: Vec<Dependency>,
    /// Each feature and what it switches on.
    pub(crate) features: Vec<(String, Vec<String>)>,
    /// Names of its integration tests.
    pub(crate) tests: Vec<String>,
}

/// Made by builds and tools, never part of the house.
const NOT_OURS: [&str; 3] = ["target", ".git", "node_modules"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

/// Every text file.
pub(crate) fn files() -> Vec<File> {
    let root = root();
    let mut found = Vec::new();
    let mut open = vec![root.clone()];
    while let Some(directory) = open.pop() {
        for entry in std::fs::read_dir(&directory).unwrap() {
            let path = entry.unwrap().path();
            if NOT_OURS.iter().any(|name| path.ends_with(name)) {
                continue;
            }
            if path.is_dir() {
                open.push(path);
            } else if let Ok(text) = std::fs::read_to_string(&path) {
                let path = path.strip_prefix(&root).unwrap().to_str().unwrap().replace('\\', "/");
                found.push(File { path, text });
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// The names on the top level.
pub(crate) fn top_level() -> Vec<String> {
    let entries = std::fs::read_dir(root()).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| !NOT_OURS.contains(&name.as_str())).collect()
}

/// The crates of the workspace; needs no network.
pub(crate) fn crates() -> Vec<Crate> {
    let answer = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(answer.status.success(), "{}", String::from_utf8_lossy(&answer.stderr));
    let metadata: Value = serde_json::from_slice(&answer.stdout).unwrap();
    metadata["packages"].as_array().unwrap().iter().map(package).collect()
}

fn package(json: &Value) -> Crate {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let manifest = PathBuf::from(text(&json["manifest_path"]));
    let room = manifest.parent().unwrap().strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
    let dependencies = json["dependencies"].as_array().unwrap().iter().map(|dependency| Dependency {
        name: text(&dependency["name"]),
        kind: match dependency["kind"].as_str() {
            None => Kind::Normal,
            Some("dev") => Kind::Dev,
            Some("build") => Kind::Build,
            Some(other) => panic!("a dependency of kind {other}"),
        },
        optional: dependency["optional"].as_bool().unwrap(),
    });
    let features = json["features"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, on)| (name.clone(), on.as_array().unwrap().iter().map(text).collect()));
    let is_test = |target: &&Value| target["kind"].as_array().unwrap().iter().any(|kind| kind == "test");
    let tests =
        json["targets"].as_array().unwrap().iter().filter(is_test).map(|target| text(&target["name"]));
    Crate {
        name: text(&json["name"]),
        room,
        dependencies: dependencies.collect(),
        features: features.collect(),
        tests: tests.collect(),
    }
}
