//! Bad samples for the rules.

use crate::read::{Crate, Dependency, File, Kind};

pub(crate) fn file(path: &str, text: &str) -> File {
    File { path: path.to_owned(), text: text.to_owned() }
}

/// A crate with dependencies of one kind.
pub(crate) fn krate(name: &str, kind: Kind, dependencies: &[&str]) -> Crate {
    let dependency = |name: &&str| Dependency { name: (*name).to_owned(), kind, optional: false };
    Crate {
        name: name.to_owned(),
        room: String::new(),
        dependencies: dependencies.iter().map(dependency).collect(),
        features: Vec::new(),
        tests: Vec::new(),
    }
}
