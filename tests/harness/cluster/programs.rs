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
    if let Some(found) = assets.as_ref().map(|dir| dir.join(name)).filter(|path| path.is_file()) {
        return Ok(found);
    }
    static BUILT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let built = BUILT.get_or_init(|| script("build", &[]));
    let program = built.clone().map_err(|missing| match assets {
        Some(dir) => format!("there is no {name} in {} (KUBEBUILDER_ASSETS); {missing}", dir.display()),
        None => missing,
    })?;
    Ok(program.with_file_name(name))
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
    said(name, Command::new(path).args(args))
}

fn said(name: &str, command: &mut Command) -> Result<PathBuf, String> {
    let output = command.stderr(std::process::Stdio::piped()).output();
    let output = output.map_err(|error| format!("tests/controlplane/{name}: {error}"))?;
    if !output.status.success() {
        let told = String::from_utf8_lossy(&output.stderr);
        let told = told.trim().lines().last().unwrap_or_default();
        return Err(format!(
            "tests/controlplane/{name}: {}",
            told.trim_start_matches("tests/controlplane: ")
        ));
    }
    Ok(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    /// A machine of these tools, with an empty cache, on which Go is this script or is not installed.
    struct Machine(tempfile::TempDir);

    impl Machine {
        fn new(go: Option<&str>) -> Self {
            let dir = tempfile::tempdir().unwrap();
            let path = std::env::var_os("PATH").unwrap();
            for tool in "bash cat chmod cut dirname flock grep head ln mkdir mv rm sed sha256sum shasum sort"
                .split(' ')
            {
                let found =
                    std::env::split_paths(&path).map(|place| place.join(tool)).find(|file| file.is_file());
                if let Some(found) = found {
                    symlink(found, dir.path().join(tool)).unwrap();
                }
            }
            if let Some(go) = go {
                let file = dir.path().join("go");
                fs::write(&file, format!("#!/usr/bin/env bash\n{go}")).unwrap();
                fs::set_permissions(file, fs::Permissions::from_mode(0o755)).unwrap();
            }
            Self(dir)
        }

        fn script(&self, name: &str, args: &[&str]) -> Result<PathBuf, String> {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("controlplane").join(name);
            let mut command = Command::new(path);
            command.args(args).env("PATH", self.0.path()).env("XDG_CACHE_HOME", self.0.path().join("cache"));
            said(name, command.env_remove("GOTOOLCHAIN"))
        }
    }

    #[test]
    fn without_go_one_line_says_what_to_install() {
        let bare = Machine::new(None);
        let old = Machine::new(Some("echo go1.20.3"));
        for (machine, found) in [(&bare, "none"), (&old, "go1.20.3")] {
            for (name, args) in [("build", &[][..]), ("tools", &["helm"])] {
                let told = machine.script(name, args).unwrap_err();
                let parts =
                    [&format!("(found: {found})"), "Go 1.26 or newer", "https://go.dev/dl", "missing"];
                assert!(parts.iter().all(|part| told.contains(part)), "{told}");
            }
        }
    }

    /// As Debian has it.
    #[test]
    fn a_go_that_is_too_old_fetches_the_one_that_is_asked_for() {
        let machine = Machine::new(Some(
            r#"case "$1" in
env) echo go1.24.4 ;;
build) while [ "$1" != -o ]; do shift; done; echo "$GOTOOLCHAIN" >"$2"; chmod +x "$2" ;;
install) echo "$GOTOOLCHAIN" >"$GOBIN/helm"; chmod +x "$GOBIN/helm" ;;
esac"#,
        ));
        for (name, args) in [("build", &[][..]), ("tools", &["helm"])] {
            let built = machine.script(name, args).unwrap();
            assert_eq!(fs::read_to_string(&built).unwrap(), "auto\n", "{name}");
            assert!(built.starts_with(machine.0.path().join("cache")), "{}", built.display());
        }
        let kubectl = machine.script("tools", &["kubectl"]).unwrap();
        assert!(kubectl.is_file(), "{}", kubectl.display());
    }
}
