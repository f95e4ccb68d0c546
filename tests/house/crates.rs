//! Who may know whom.

use crate::read::{Crate, Kind};

/// Each crate and the crates of the house that its shipped code may know.
const MAY_KNOW: [(&str, &[&str]); 10] = [
    ("shopbeat-proto", &[]),
    ("shopbeat-domain", &[]),
    ("shopbeat-engine", &["shopbeat-domain"]),
    ("shopbeat-shopify", &["shopbeat-domain"]),
    ("shopbeat-rackbeat", &["shopbeat-domain"]),
    ("shopbeat-state", &["shopbeat-domain"]),
    ("shopbeat-sandbox", &["shopbeat-domain"]),
    (
        "shopbeat",
        &[
            "shopbeat-proto",
            "shopbeat-domain",
            "shopbeat-engine",
            "shopbeat-shopify",
            "shopbeat-rackbeat",
            "shopbeat-state",
            SANDBOX,
        ],
    ),
    // It asks the service; it knows nothing of what that is made of.
    ("shopbeat-operator", &["shopbeat-proto"]),
    (
        "shopbeat-tests",
        &[
            "shopbeat",
            "shopbeat-operator",
            "shopbeat-proto",
            "shopbeat-domain",
            "shopbeat-engine",
            "shopbeat-shopify",
            "shopbeat-rackbeat",
            "shopbeat-state",
            SANDBOX,
        ],
    ),
];

/// What only the tests of a crate may know besides: the layers hold for what ships.
const TESTS_MAY_KNOW: [(&str, &[&str]); 2] = [
    ("shopbeat-engine", &["shopbeat-state"]),
    // The resource has every setting of the domain's one list.
    ("shopbeat-operator", &["shopbeat-domain"]),
];

const SANDBOX: &str = "shopbeat-sandbox";

/// Libraries (a trailing `*`: all that begin so) and the only crates that may name them, tests included.
const ONLY_IN: [(&str, &[&str]); 6] = [
    // The tests' yardstick appends to Redis; which of their files may is in words.rs.
    ("redis", &["shopbeat-state", "shopbeat-tests"]),
    ("redb", &["shopbeat-state"]),
    ("reqwest", &["shopbeat-shopify", "shopbeat-rackbeat", SANDBOX]),
    ("tonic*", &["shopbeat-proto", "shopbeat", "shopbeat-operator", "shopbeat-tests"]),
    ("kube*", &["shopbeat-operator", "shopbeat-tests"]),
    ("k8s-openapi", &["shopbeat-operator", "shopbeat-tests"]),
];

/// Crates that may not even be locked, and why.
const BANNED: [(&str, &str); 6] = [
    ("aws-lc-rs", "the one TLS provider is ring"),
    ("aws-lc-sys", "the one TLS provider is ring"),
    ("openssl", "TLS is rustls"),
    ("openssl-sys", "TLS is rustls"),
    ("native-tls", "TLS is rustls"),
    ("chrono", "time is jiff"),
];

fn listed<'a>(table: &[(&str, &'a [&'a str])], name: &str) -> Option<&'a [&'a str]> {
    table.iter().find(|(row, _)| *row == name).map(|(_, allowed)| *allowed)
}

/// Edges between our crates that are not in the tables.
pub(crate) fn edges(crates: &[Crate]) -> Vec<String> {
    let mut found = Vec::new();
    for one in crates {
        let Some(allowed) = listed(&MAY_KNOW, &one.name) else {
            found.push(format!("{} is not in the table of crates.rs", one.name));
            continue;
        };
        for other in one.dependencies.iter().filter(|other| listed(&MAY_KNOW, &other.name).is_some()) {
            let name = other.name.as_str();
            let for_tests = listed(&TESTS_MAY_KNOW, &one.name).is_some_and(|more| more.contains(&name));
            let may = allowed.contains(&name) || (other.kind == Kind::Dev && for_tests);
            if !may {
                found.push(format!("{} must not know {name} ({:?})", one.name, other.kind));
            }
        }
    }
    found
}

/// Libraries named outside of their rooms.
pub(crate) fn libraries(crates: &[Crate]) -> Vec<String> {
    let mut found = Vec::new();
    for (library, rooms) in ONLY_IN {
        let is_it = |name: &str| match library.strip_suffix('*') {
            Some(stem) => name == stem || name.starts_with(&format!("{stem}-")),
            None => name == library,
        };
        for one in crates.iter().filter(|one| !rooms.contains(&one.name.as_str())) {
            let named = one.dependencies.iter().filter(|other| is_it(&other.name));
            found.extend(named.map(|other| format!("{} must not name {}", one.name, other.name)));
        }
    }
    found
}

/// The service knows the sandbox only behind the feature `demo`.
pub(crate) fn optional_sandbox(crates: &[Crate]) -> Vec<String> {
    let Some(service) = crates.iter().find(|one| one.name == "shopbeat") else {
        return vec!["there is no crate shopbeat".to_owned()];
    };
    let mut found = Vec::new();
    let always = |other: &&crate::read::Dependency| {
        other.name == SANDBOX && other.kind == Kind::Normal && !other.optional
    };
    if service.dependencies.iter().any(|other| always(&other)) {
        found.push("shopbeat knows the sandbox always, not only with the feature demo".to_owned());
    }
    for (feature, on) in service.features.iter().filter(|(feature, _)| feature != "demo") {
        if on.iter().any(|name| name.contains(SANDBOX)) && feature != SANDBOX {
            found.push(format!("the feature {feature} switches the sandbox on; only demo may"));
        }
    }
    found
}

/// What a crate's manifest says by itself though the workspace says it.
pub(crate) fn manifest(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut section = "";
    let mut lints = false;
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if line.starts_with('[') {
            section = line.trim_matches(['[', ']']);
            if section.contains("dependencies.") {
                found.push(format!("[{section}]: write it as a line of [dependencies]"));
            }
            continue;
        }
        let squeezed: String = line.chars().filter(|c| !c.is_whitespace()).collect();
        lints |= section == "lints" && squeezed == "workspace=true";
        let inherits = squeezed.contains(".workspace=true") || squeezed.contains("{workspace=true");
        let shared = section.ends_with("dependencies")
            || ["version", "edition", "license", "publish", "rust-version"]
                .iter()
                .any(|key| section == "package" && (squeezed.starts_with(&format!("{key}="))));
        if shared && !inherits {
            found.push(format!("[{section}] {line}: take it from the workspace"));
        }
    }
    if !lints {
        found.push("[lints] workspace = true is missing".to_owned());
    }
    found
}

/// Crates in the lock file that may not be there.
pub(crate) fn banned(lock: &str) -> Vec<String> {
    let name = |line: &str| {
        line.strip_prefix("name = \"").and_then(|rest| rest.strip_suffix('"')).map(str::to_owned)
    };
    let names: Vec<String> = lock.lines().filter_map(name).collect();
    let there = BANNED.iter().filter(|(crate_, _)| names.iter().any(|name| name == crate_));
    there.map(|(crate_, why)| format!("{crate_}: {why}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::krate;

    #[test]
    fn an_adapter_that_knows_another_or_the_engine_is_told() {
        let bad = krate(
            "shopbeat-shopify",
            Kind::Normal,
            &["shopbeat-domain", "shopbeat-state", "shopbeat-engine"],
        );
        assert_eq!(edges(&[bad]).len(), 2);
        assert_eq!(edges(&[krate("shopbeat-domain", Kind::Dev, &["shopbeat-state"])]).len(), 1);
        assert_eq!(edges(&[krate("shopbeat-shiny", Kind::Normal, &[])]).len(), 1);
    }

    #[test]
    fn the_engine_may_know_the_state_in_its_tests_only() {
        assert_eq!(edges(&[krate("shopbeat-engine", Kind::Dev, &["shopbeat-state"])]), Vec::<String>::new());
        assert_eq!(edges(&[krate("shopbeat-engine", Kind::Normal, &["shopbeat-state"])]).len(), 1);
        assert_eq!(edges(&[krate("shopbeat-engine", Kind::Build, &["shopbeat-state"])]).len(), 1);
    }

    #[test]
    fn a_library_outside_of_its_rooms_is_told() {
        let bad = krate("shopbeat-engine", Kind::Dev, &["redis", "tonic-types", "redistribute"]);
        assert_eq!(
            libraries(&[bad]),
            ["shopbeat-engine must not name redis", "shopbeat-engine must not name tonic-types"]
        );
        assert_eq!(
            libraries(&[krate("shopbeat-state", Kind::Normal, &["redis", "redb"])]),
            Vec::<String>::new()
        );
    }

    #[test]
    fn a_sandbox_that_cannot_be_switched_off_is_told() {
        assert_eq!(optional_sandbox(&[krate("shopbeat", Kind::Normal, &[SANDBOX])]).len(), 1);
        let mut bad = krate("shopbeat", Kind::Normal, &[]);
        bad.features = vec![("default".to_owned(), vec!["dep:shopbeat-sandbox".to_owned()])];
        assert_eq!(optional_sandbox(&[bad]).len(), 1);
        assert_eq!(optional_sandbox(&[]).len(), 1);
    }

    #[test]
    fn a_version_of_its_own_and_missing_lints_are_told() {
        let bad =
            "[package]\nversion = \"1.0.0\"\n[dependencies]\nserde = \"1\"\nurl = { version = \"2\" }\n";
        assert_eq!(manifest(bad).len(), 4);
        let good = "[package]\nversion.workspace = true\n[lints]\nworkspace = true\n[dev-dependencies]\n\
                    tokio = { workspace = true, features = [\"test-util\"] }\n";
        assert_eq!(manifest(good), Vec::<String>::new());
    }

    #[test]
    fn a_second_tls_is_told() {
        assert_eq!(banned("[[package]]\nname = \"aws-lc-sys\"\n").len(), 1);
        assert_eq!(banned("[[package]]\nname = \"openssl-probe\"\n"), Vec::<String>::new());
    }
}
