//! Where the programs of a control plane, and the tools around it, come from.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// A component's program: of `KUBEBUILDER_ASSETS`, as other projects have it, else built.
///
/// # Errors
/// One line that says what to install.
pub(super) fn component(name: &str) -> Result<PathBuf, String> {
    let assets = std::env::var_os("KUBEBUILDER_ASSETS").map(PathBuf::from);
    if let Some(found) = assets.map(|dir| dir.join(name)).filter(|path| path.is_file()) {
        return Ok(found);
    }
    static BUILT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let built = BUILT.get_or_init(|| script("build", &[]));
    built.clone().map(|program| program.with_file_name(name))
}

/// `helm`, of the major version that the charts are tried with, or `kubeconform`.
///
/// # Errors
/// One line that says what to install.
pub(super) fn tool(name: &'static str) -> Result<PathBuf, String> {
    script("tools", &[name])
}

/// Runs a script of `tests/controlplane`; the path it prints.
fn script(name: &str, args: &[&str]) -> Result<PathBuf, String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("controlplane").join(name);
    let output = Command::new(&path).args(args).stderr(std::process::Stdio::piped()).output();
    let output = output.map_err(|error| format!("{}: {error}", path.display()))?;
    if !output.status.success() {
        let told = String::from_utf8_lossy(&output.stderr);
        return Err(format!("tests/controlplane/{name}: {}", told.trim().lines().last().unwrap_or_default()));
    }
    Ok(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()))
}
