//! Secrets come from files or from the environment, never from the command line, where others can see them.

use std::io::Read as _;
use std::path::Path;

use super::failure::{Exit, Failed};

/// Larger is no secret.
const LARGEST: u64 = 64 * 1024;

/// The secret in the file (`-`: the standard input), else in the environment variable; `None` without either.
///
/// # Errors
/// A file that cannot be read or is empty. Its content is never told.
pub(crate) fn read(file: Option<&Path>, variable: &str) -> Result<Option<String>, Failed> {
    let Some(file) = file else {
        return Ok(std::env::var(variable)
            .ok()
            .map(|text| text.trim().to_owned())
            .filter(|text| !text.is_empty()));
    };
    let mut text = String::new();
    let read = if file.as_os_str() == "-" {
        std::io::stdin().take(LARGEST).read_to_string(&mut text)
    } else {
        std::fs::File::open(file).and_then(|open| open.take(LARGEST).read_to_string(&mut text))
    };
    let name = file.display();
    read.map_err(|error| Failed::new(Exit::Usage, format!("{name} cannot be read: {error}")))?;
    match text.trim() {
        "" => Err(Failed::new(Exit::Usage, format!("{name} is empty"))),
        secret => Ok(Some(secret.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_read_from_its_file_without_the_line_end() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secret");
        std::fs::write(&file, "shpss_1\n").unwrap();
        assert_eq!(read(Some(&file), "SHOPBEAT_NO_SUCH_VARIABLE").unwrap().as_deref(), Some("shpss_1"));
        std::fs::write(&file, " \n").unwrap();
        assert_eq!(read(Some(&file), "X").unwrap_err().exit(), Exit::Usage);
        assert_eq!(read(Some(&folder.path().join("none")), "X").unwrap_err().exit(), Exit::Usage);
        assert_eq!(read(None, "SHOPBEAT_NO_SUCH_VARIABLE").unwrap(), None);
    }
}
