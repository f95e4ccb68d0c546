//! Ends what the harness started, however the harness ends.
//!
//! A plane that is shared by the tests of a binary lies in a static, which nobody drops, and a test run may be killed.
//! So a small shell beside it holds the other end of a pipe: when the pipe closes it kills the process groups that are
//! still on its list, and removes the directories.

use std::io::Write as _;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};

/// Only directories of this name are removed by the shell.
pub(crate) const DIRECTORY_PREFIX: &str = "shopbeat-plane-";

/// Lines come in: `+ GROUP` started, `- GROUP` ended, `d DIRECTORY` to be removed.
const SCRIPT: &str = r#"
groups=" "; dirs=""
while read -r what which; do
    case "$what" in
    +) groups="$groups$which " ;;
    -) groups="${groups%% $which *} ${groups#* $which }" ;;
    d) dirs="$dirs$which
" ;;
    esac
done
for group in $groups; do kill -s KILL -- "-$group" 2>/dev/null; done
printf '%s' "$dirs" | while read -r dir; do
    case "$dir" in */shopbeat-plane-*) rm -rf -- "$dir" ;; esac
done
"#;

struct Shell {
    input: ChildStdin,
    _child: Child,
}

fn tell(line: &str) {
    static SHELL: OnceLock<Mutex<Shell>> = OnceLock::new();
    let shell = SHELL.get_or_init(|| {
        use std::os::unix::process::CommandExt as _;
        let mut command = Command::new("sh");
        // A group of its own: what a terminal sends to the tests must not end it first.
        command.args(["-c", SCRIPT]).process_group(0);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().expect("sh starts");
        let input = child.stdin.take().expect("its input is piped");
        Mutex::new(Shell { input, _child: child })
    });
    let mut shell = shell.lock().unwrap_or_else(PoisonError::into_inner);
    writeln!(shell.input, "{line}").expect("the guard reads");
}

/// A process group was started.
pub(crate) fn started(group: u32) {
    tell(&format!("+ {group}"));
}

/// It has ended; its number may be somebody else's soon.
pub(crate) fn ended(group: u32) {
    tell(&format!("- {group}"));
}

/// A directory that goes with the harness.
pub(crate) fn remove_at_end(directory: &Path) {
    tell(&format!("d {}", directory.display()));
}
