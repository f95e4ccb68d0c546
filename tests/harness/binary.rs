//! The program under test, built once.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Path of `shopbeat`, built like the tests themselves: the whole workspace with its tests, so that all crates have
/// the features they have in `cargo test --workspace` and nothing is built twice. `SHOPBEAT_TEST_BINARY` names a
/// program that was built otherwise.
///
/// # Panics
/// When it cannot be built.
#[must_use]
pub fn shopbeat() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| match std::env::var_os("SHOPBEAT_TEST_BINARY") {
        Some(path) => PathBuf::from(path),
        None => build(),
    })
}

/// Path of the program that runs as a worker beside the service: `SHOPBEAT_TEST_WORKER` names one of another version.
pub(crate) fn worker() -> PathBuf {
    std::env::var_os("SHOPBEAT_TEST_WORKER").map_or_else(|| shopbeat().to_owned(), PathBuf::from)
}

/// Path of `shopbeat-operator`, built the same way. `SHOPBEAT_TEST_OPERATOR` names an operator that was
/// built otherwise.
///
/// # Panics
/// When it cannot be built.
#[must_use]
pub fn operator() -> PathBuf {
    match std::env::var_os("SHOPBEAT_TEST_OPERATOR") {
        Some(path) => PathBuf::from(path),
        None => build().with_file_name("shopbeat-operator"),
    }
}

/// Builds once. The test's own binary is `<target>/<profile>/deps/<name>`.
fn build() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(build_now).clone()
}

fn build_now() -> PathBuf {
    let own = std::env::current_exe().expect("a test knows its own path");
    let profile = own.ancestors().nth(2).expect("tests lie in <target>/<profile>/deps");
    let target = profile.parent().expect("profiles lie in the target directory");
    let name = profile.file_name().and_then(|name| name.to_str()).unwrap_or("debug");
    let name = if name == "debug" { "dev" } else { name };
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| env!("CARGO").into());
    // What cargo tells a test of its package, build scripts of dependencies (ring's) watch as well: handed on, it would
    // build half the graph anew.
    let told = std::env::vars_os().map(|(name, _)| name);
    let told = told.filter(|name| name.to_str().is_some_and(|name| name.starts_with("CARGO_PKG_")));
    let mut build = Command::new(cargo);
    for name in told.chain(["CARGO_MANIFEST_DIR", "CARGO_MANIFEST_PATH"].map(Into::into)) {
        build.env_remove(name);
    }
    let built = build
        .args(["build", "--quiet", "--workspace", "--bins", "--tests", "--profile", name, "--target-dir"])
        .arg(target)
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .status();
    assert!(built.is_ok_and(|status| status.success()), "the program could not be built");
    profile.join("shopbeat")
}
