//! The papers against the code: a README that says something else is worse than none.

use std::collections::BTreeSet;

use shopbeat_domain::settings::Setting;

use crate::lex;
use crate::read::{Crate, File};
use crate::words;

/// All that may lie on the top level.
const TOP_LEVEL: [&str; 18] = [
    "Cargo.toml",
    "Cargo.lock",
    "CONTRIBUTING.md",
    "Dockerfile",
    "LICENSE",
    "README.md",
    "charts",
    "operator",
    "proto",
    "services",
    "tests",
    ".ci",
    ".clippy.toml",
    ".config",
    ".deny.toml",
    ".dockerignore",
    ".gitignore",
    ".rustfmt.toml",
];

/// What lies on the top level without being planned.
pub(crate) fn top_level(names: &[String]) -> Vec<String> {
    names.iter().filter(|name| !TOP_LEVEL.contains(&name.as_str())).cloned().collect()
}

/// Crates that the map does not show.
pub(crate) fn map(readme: &str, crates: &[Crate]) -> Vec<String> {
    let missing = crates.iter().filter(|one| !readme.contains(&format!("| `{}` |", one.room)));
    missing.map(|one| format!("{} has no row | `{}` | …", one.name, one.room)).collect()
}

/// Integration tests that `tests/run` does not run.
pub(crate) fn unrun_tests(run: &str, crates: &[Crate]) -> Vec<String> {
    let tests = crates.iter().flat_map(|one| &one.tests);
    let missing = tests.filter(|test| !run.contains(&format!("--test {test} ")));
    missing.map(|test| format!("no suite runs `--test {test}`")).collect()
}

/// First cells of table rows that are one piece of code.
fn first_cells(text: &str) -> BTreeSet<String> {
    let cell = |line: &str| Some(line.strip_prefix("| `")?.split_once("` |")?.0.to_owned());
    text.lines().filter_map(cell).collect()
}

/// Missing ones and ones too many.
fn compare(have: &BTreeSet<String>, want: &BTreeSet<String>) -> Vec<String> {
    let missing = want.difference(have).map(|name| format!("{name} is missing"));
    missing.chain(have.difference(want).map(|name| format!("{name} is not there any more"))).collect()
}

/// The README's row of a setting.
fn setting_row(setting: &Setting) -> String {
    let default = match setting.default() {
        text if text.is_empty() => "none".to_owned(),
        text => format!("`{text}`"),
    };
    let Setting { path, what, since, .. } = setting;
    let allowed = setting.allowed().replace('<', "\\<");
    format!("| `{path}` | {allowed} | {default} | {what} | {since} |")
}

/// Rows of settings in which the README and the list in the domain differ; what is missing can be pasted.
pub(crate) fn settings(readme: &str, list: &[Setting]) -> Vec<String> {
    let sections: BTreeSet<&str> = list.iter().filter_map(|one| Some(one.path.split_once('.')?.0)).collect();
    let is_setting = |row: &&str| {
        let path = row.strip_prefix("| `").and_then(|rest| rest.split_once('.'));
        path.is_some_and(|(section, _)| sections.contains(section))
    };
    let have = readme.lines().filter(is_setting).map(str::to_owned).collect();
    compare(&have, &list.iter().map(setting_row).collect())
}

/// Names of environment variables in a text.
fn variables(text: &str) -> BTreeSet<String> {
    const BEGIN: &str = "SHOPBEAT_";
    let names = text.match_indices(BEGIN).filter_map(|(at, _)| {
        let rest = text.get(at..)?;
        let name: String =
            rest.chars().take_while(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || *c == '_').collect();
        (name.len() > BEGIN.len()).then_some(name)
    });
    names.collect()
}

/// Environment variables of the command line that only the code or only the README has.
pub(crate) fn environment(readme: &str, files: &[File]) -> Vec<String> {
    let (mut want, mut given) = (BTreeSet::new(), BTreeSet::new());
    for file in
        files.iter().filter(|file| file.path.starts_with("services/sync/src/") && file.path.ends_with(".rs"))
    {
        let is_test = words::test_lines(file, &lex::code(&file.text));
        for (line, is_test) in file.text.lines().zip(is_test) {
            // What the build script tells the compiler is no matter of whoever runs it.
            if !line.contains("\"SHOPBEAT_") || line.contains("env!(") || is_test {
                continue;
            }
            // A variable that is handed to a child is one of those that are read.
            let names = if line.contains(".env(\"") { &mut given } else { &mut want };
            names.extend(variables(line));
        }
    }
    let mut found = compare(&variables(readme), &want);
    found.extend(
        given.difference(&want).map(|name| format!("{name} is set for a child, and nothing reads it")),
    );
    found
}

/// Rows of the key table that differ between `keys.rs` and the architecture.
pub(crate) fn keys(architecture: &str, source: &str) -> Vec<String> {
    let row = |line: &str| line.strip_prefix("//! | `P:").map(|rest| format!("| `P:{rest}"));
    let want: BTreeSet<String> = source.lines().filter_map(row).collect();
    if want.is_empty() {
        return vec!["no key was found in keys.rs".to_owned()];
    }
    let have = architecture.lines().filter(|line| line.starts_with("| `P:")).map(str::to_owned).collect();
    compare(&have, &want)
}

/// Ports that the table of ports does not name, or that are not there any more.
pub(crate) fn ports(architecture: &str, files: &[File]) -> Vec<String> {
    let name = |line: &str| Some(line.strip_prefix("pub trait ")?.split([':', ' ', '{']).next()?.to_owned());
    let sources = files.iter().filter(|file| file.path.starts_with("services/domain/src/ports/"));
    let traits = sources.flat_map(|file| {
        let code = lex::code(&file.text);
        code.lines().filter_map(name).collect::<Vec<_>>()
    });
    let want: BTreeSet<String> = traits.collect();
    if want.is_empty() {
        return vec!["no port was found in the domain".to_owned()];
    }
    let section = architecture.split("\n## ").find(|part| part.starts_with("Ports")).unwrap_or("");
    compare(&first_cells(section), &want)
}

/// Tests that the failure table cites and that are not there.
pub(crate) fn cited_tests(architecture: &str, files: &[File]) -> Vec<String> {
    let section = architecture.split("\n## ").find(|part| part.starts_with("Failures")).unwrap_or("");
    let pieces = section.split('`').skip(1).step_by(2);
    let is_sentence = |piece: &&str| {
        piece.matches('_').count() >= 3
            && piece.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    };
    let cited: BTreeSet<&str> = pieces.filter(is_sentence).collect();
    if cited.is_empty() {
        return vec!["the section Failures cites no test".to_owned()];
    }
    let sources: Vec<&File> = files.iter().filter(|file| file.path.ends_with(".rs")).collect();
    let is_there = |name: &str| sources.iter().any(|file| lex::has_word(&file.text, name));
    cited.into_iter().filter(|name| !is_there(name)).map(|name| format!("there is no test {name}")).collect()
}

/// Links between papers that lead nowhere.
pub(crate) fn links(files: &[File]) -> Vec<String> {
    let mut found = Vec::new();
    for file in files.iter().filter(|file| file.path.ends_with(".md")) {
        let folder = file.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        for target in
            file.text.split("](").skip(1).filter_map(|rest| rest.split_once(')').map(|(target, _)| target))
        {
            let target = target.split('#').next().unwrap_or("");
            if target.is_empty() || target.contains("://") {
                continue;
            }
            let path = resolve(folder, target);
            let inside = format!("{path}/");
            if !files.iter().any(|other| other.path == path || other.path.starts_with(&inside)) {
                found.push(format!("{}: {target} is not there", file.path));
            }
        }
    }
    found
}

fn resolve(folder: &str, target: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            name => parts.push(name),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use shopbeat_domain::settings::LIST;

    use super::*;
    use crate::read::Kind;
    use crate::sample::{file, krate};

    #[test]
    fn a_crate_off_the_map_a_test_that_no_suite_runs_and_a_stray_file_are_told() {
        let mut off = krate("shopbeat-engine", Kind::Normal, &[]);
        off.room = "services/engine".to_owned();
        assert_eq!(map("| `services/domain` | words |", std::slice::from_ref(&off)).len(), 1);
        off.tests = vec!["contract".to_owned(), "forgotten".to_owned()];
        assert_eq!(
            unrun_tests("tests_of --test contract \"$@\"", &[off]),
            ["no suite runs `--test forgotten`"]
        );
        assert_eq!(top_level(&["proto".to_owned(), "notes.txt".to_owned()]), ["notes.txt"]);
    }

    #[test]
    fn a_setting_that_is_described_otherwise_than_in_the_list_is_told() {
        let one = &LIST[..1];
        let row = setting_row(&one[0]);
        assert_eq!(settings(&format!("{row}\n| `SHOPBEAT_X` | |\n"), one), [""; 0]);
        let found = settings("| `orders.enabled` | on |\n", one);
        assert_eq!(
            found,
            [format!("{row} is missing"), "| `orders.enabled` | on | is not there any more".to_owned()]
        );
    }

    #[test]
    fn a_variable_on_one_side_only_is_told() {
        let text = "#[arg(long, env = \"SHOPBEAT_NEW\")]\nenv!(\"SHOPBEAT_BUILT\")\n.env(\"SHOPBEAT_LOST\", x)\n\
                    #[cfg(test)]\nmod tests {\n\"SHOPBEAT_TEST\"\n}\n";
        let source = file("services/sync/src/o.rs", text);
        let found = environment("`SHOPBEAT_OLD`, all begin with `SHOPBEAT_`", &[source]);
        let lost = "SHOPBEAT_LOST is set for a child, and nothing reads it";
        assert_eq!(found, ["SHOPBEAT_NEW is missing", "SHOPBEAT_OLD is not there any more", lost]);
    }

    #[test]
    fn a_changed_key_and_a_missing_port_are_told() {
        let source = "//! | `P:{a}:x` | hash | old | - |\n";
        assert_eq!(keys("| `P:{a}:x` | hash | new | - |\n", source).len(), 2);
        assert_eq!(keys("", "").len(), 1);
        let sources = [
            file("services/domain/src/ports/mod.rs", "pub trait Clock: Send {\n"),
            file("services/domain/src/ports/state.rs", "pub trait Jobs {\n"),
            file("services/domain/src/job.rs", "pub trait NoPort {\n"),
        ];
        let found = ports("\n## Ports\n| `Clock` | time |\n| `Gone` | |\n", &sources);
        assert_eq!(found, ["Jobs is missing", "Gone is not there any more"]);
        assert_eq!(ports("", &sources[2..]).len(), 1);
    }

    #[test]
    fn a_cited_test_that_is_not_there_is_told() {
        let source = file("a.rs", "fn a_dead_worker_is_replaced() {}");
        let paper = "\n## Failures\n| x | `a_dead_worker_is_replaced`, `nobody_wrote_this_one` |\n## Next\n`not_of_this_section`";
        assert_eq!(cited_tests(paper, &[source]), ["there is no test nobody_wrote_this_one"]);
        assert_eq!(cited_tests("", &[]).len(), 1);
    }

    #[test]
    fn a_link_that_leads_nowhere_is_told() {
        let paper = file(
            "services/README.md",
            "[a](../README.md#x) [b](domain) [c](gone.md) [d](https://example.com)",
        );
        let files = [paper, file("README.md", ""), file("services/domain/Cargo.toml", "")];
        assert_eq!(links(&files), ["services/README.md: gone.md is not there"]);
    }
}
