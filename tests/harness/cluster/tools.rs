//! `kubectl` and `helm`, as a user has them.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

/// What a command said.
#[derive(Debug, Clone)]
pub struct Said {
    /// The command.
    pub command: String,
    /// Its exit code; none if a signal ended it.
    pub code: Option<i32>,
    /// What it wrote.
    pub out: String,
    /// What it complained of, and warnings of the API server.
    pub err: String,
}

impl Said {
    /// What it wrote.
    ///
    /// # Panics
    /// With what it complained of, when it failed.
    #[track_caller]
    pub fn good(self) -> String {
        assert!(
            self.code == Some(0),
            "{} ended with {:?}:\n{}{}",
            self.command,
            self.code,
            self.out,
            self.err
        );
        self.out
    }

    /// What it complained of.
    ///
    /// # Panics
    /// When it succeeded.
    #[track_caller]
    pub fn bad(self) -> String {
        assert!(self.code != Some(0), "{} succeeded: {}{}", self.command, self.out, self.err);
        self.err
    }
}

/// Runs a tool in the repository's root; its caches and settings lie in `home`, not in the developer's.
pub(super) async fn run(
    program: &Path,
    args: &[&str],
    input: Option<&str>,
    home: &Path,
    config: &Path,
) -> Said {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut command = Command::new(program);
    command.args(args).current_dir(root).env("HOME", home).env("KUBECONFIG", config);
    command.env_remove("HELM_NAMESPACE").env_remove("KUBECTL_EXTERNAL_DIFF").env_remove("HELM_KUBECONTEXT");
    for kind in ["CACHE", "CONFIG", "DATA"] {
        command.env(format!("HELM_{kind}_HOME"), home.join("helm").join(kind.to_lowercase()));
    }
    command.stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() });
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child =
        command.spawn().unwrap_or_else(|error| panic!("{} does not start: {error}", program.display()));
    if let (Some(input), Some(mut pipe)) = (input, child.stdin.take()) {
        // One that ends early does not read it all, and says why.
        let _ = pipe.write_all(input.as_bytes()).await;
    }
    let output = child.wait_with_output().await.expect("it can be waited for");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let name = program.file_name().map(PathBuf::from).unwrap_or_default();
    Said {
        command: format!("{} {}", name.display(), args.join(" ")),
        code: output.status.code(),
        out: text(&output.stdout),
        err: text(&output.stderr),
    }
}
