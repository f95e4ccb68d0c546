//! What may not stand in the code, or anywhere.

use crate::lex;
use crate::read::File;

/// Test code that may sleep (a file, or all below a directory), and why.
const MAY_SLEEP: [(&str, &str); 5] = [
    ("tests/harness/wait.rs", "the polling helper"),
    (VIRTUAL, "in virtual time a sleep takes no time, and is exact"),
    ("services/sync/src/auth/gate.rs", "an answer that takes long, in virtual time"),
    ("services/sync/src/grpc/tests/watching.rs", "virtual time: that nothing happens in a span"),
    ("tests/cluster/operator/quiet.rs", "a minute in which nothing may be written is no state to wait for"),
];

/// Every test of this crate runs in virtual time; that is held, too.
const VIRTUAL: &str = "services/engine/";

/// Marks of work left behind; in two parts, so that this file does not find itself.
const UNFINISHED: [&str; 3] = [concat!("FIX", "ME"), concat!("XX", "X"), concat!("TO", "DO")];
const UNFINISHED_MACROS: [&str; 2] = [concat!("todo", "!"), concat!("unimplemented", "!")];

/// Directories and hosts that are there on one machine only, or that a repository has no business with.
const FOREIGN: [&str; 10] = [
    concat!("/wo", "rk/"),
    concat!("/ro", "ot/"),
    concat!("/ho", "me/"),
    concat!("/Us", "ers/"),
    concat!("../sha", "red"),
    concat!("crates", ".io"),
    concat!("npmjs", ".org"),
    concat!("npmjs", ".com"),
    concat!("pypi", ".org"),
    concat!("proxy.golang", ".org"),
];

/// The tests that may name the library `redis`: a yardstick that appends to it. All others ask as an operator would.
const MAY_NAME_REDIS: &str = "tests/figures/";

/// Where floats have no business: between an amount and its decimal.
const NO_FLOATS: [&str; 2] = ["services/domain/", "services/engine/"];

/// Every line of the cleaned Rust files for which `is_bad` holds.
fn lines(files: &[File], is_bad: impl Fn(&File, usize, &str) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    for file in files.iter().filter(|file| file.path.ends_with(".rs")) {
        for (at, line) in lex::code(&file.text).lines().enumerate() {
            if is_bad(file, at, line) {
                found.push(format!("{}:{} {}", file.path, at + 1, line.trim()));
            }
        }
    }
    found
}

/// Lints switched off without a reason that is checked.
pub(crate) fn allowances(files: &[File]) -> Vec<String> {
    lines(files, |_, _, line| {
        let squeezed: String = line.chars().filter(|c| !c.is_whitespace()).collect();
        squeezed.contains("#[allow(")
            || squeezed.contains("#![allow(")
            || (squeezed.contains("cfg_attr(") && squeezed.contains(",allow("))
    })
}

/// Work left behind.
pub(crate) fn unfinished(files: &[File]) -> Vec<String> {
    let mut found = lines(files, |_, _, line| UNFINISHED_MACROS.iter().any(|word| line.contains(word)));
    // The schema slice is Shopify's, and holds the currency code of that name.
    for file in files.iter().filter(|file| !file.path.ends_with(".graphql")) {
        for (at, line) in file.text.lines().enumerate() {
            if UNFINISHED.iter().any(|word| lex::has_word(line, word)) {
                found.push(format!("{}:{}", file.path, at + 1));
            }
        }
    }
    found
}

fn is_test_file(path: &str) -> bool {
    path.starts_with("tests/")
        || path.contains("/tests/")
        || path.contains("/testing")
        || path.ends_with("_tests.rs")
        || path.ends_with("/tests.rs")
}

/// Whether each line is test code.
pub(crate) fn test_lines(file: &File, code: &str) -> Vec<bool> {
    let mut is_test = vec![is_test_file(&file.path); code.lines().count()];
    for (at, _) in code.match_indices("#[cfg(test)]") {
        let rest = code.get(at..).unwrap_or("");
        let open = rest.find(['{', ';']).filter(|open| rest.as_bytes().get(*open) == Some(&b'{'));
        let end = open.and_then(|open| Some(open + lex::closing(rest.get(open..)?)?)).unwrap_or(0);
        let first = code.get(..at).unwrap_or("").matches('\n').count();
        let lines = rest.get(..end).unwrap_or("").lines().count();
        is_test.iter_mut().skip(first).take(lines).for_each(|line| *line = true);
    }
    is_test
}

/// Tests that wait for time instead of a state. A clock's own `sleep` may sleep.
pub(crate) fn sleeping_tests(files: &[File]) -> Vec<String> {
    let mut found = Vec::new();
    for file in files.iter().filter(|file| file.path.ends_with(".rs")) {
        if MAY_SLEEP.iter().any(|(path, _)| file.path.starts_with(path)) {
            continue;
        }
        let code = lex::code(&file.text);
        let is_test = test_lines(file, &code);
        let all: Vec<&str> = code.lines().collect();
        for (at, line) in all.iter().enumerate() {
            let of_a_clock = at.checked_sub(1).and_then(|before| all.get(before));
            let of_a_clock = of_a_clock.is_some_and(|before| before.contains("fn sleep(&self"));
            if sleeps(line) && !of_a_clock && is_test.get(at) == Some(&true) {
                found.push(format!("{}:{} {}", file.path, at + 1, line.trim()));
            }
        }
    }
    found
}

/// Tests in real time where all time is virtual.
pub(crate) fn tests_in_real_time(files: &[File]) -> Vec<String> {
    lines(files, |file, _, line| {
        file.path.starts_with(VIRTUAL)
            && line.contains("tokio::test")
            && !line.contains("start_paused = true")
    })
}

fn sleeps(line: &str) -> bool {
    let named = ["time::", "thread::"].iter().any(|of| {
        line.split(of).skip(1).any(|rest| {
            rest.starts_with("sleep")
                || rest.strip_prefix('{').is_some_and(|list| lex::has_word(list, "sleep"))
        })
    });
    named || lex::has_word(line, "sleep_until")
}

/// Tests that are switched off.
pub(crate) fn ignored_tests(files: &[File]) -> Vec<String> {
    lines(files, |_, _, line| line.contains("#[ignore"))
}

/// Floats in the rooms of money.
pub(crate) fn floats(files: &[File]) -> Vec<String> {
    lines(files, |file, _, line| {
        NO_FLOATS.iter().any(|room| file.path.starts_with(room))
            && ["f32", "f64"].iter().any(|word| lex::has_word(line, word))
    })
}

/// Async code in the domain outside of its ports.
pub(crate) fn async_domain(files: &[File]) -> Vec<String> {
    lines(files, |file, _, line| {
        file.path.starts_with("services/domain/src/")
            && !file.path.starts_with("services/domain/src/ports/")
            && (lex::has_word(line, "async") || lex::has_word(line, "await"))
    })
}

/// Files besides `app.rs` that know every adapter.
pub(crate) fn second_wirings(files: &[File]) -> Vec<String> {
    const ADAPTERS: [&str; 3] = ["shopbeat_shopify", "shopbeat_rackbeat", "shopbeat_state"];
    let sources =
        files.iter().filter(|file| file.path.starts_with("services/sync/src/") && file.path.ends_with(".rs"));
    let others = sources.filter(|file| file.path != "services/sync/src/app.rs");
    let knows_all = |file: &&File| {
        let code = lex::code(&file.text);
        ADAPTERS.iter().all(|adapter| lex::has_word(&code, adapter))
    };
    others.filter(knows_all).map(|file| file.path.clone()).collect()
}

/// Tests that use the library `redis`, though they must not know how the state is kept.
pub(crate) fn tests_on_redis(files: &[File]) -> Vec<String> {
    lines(files, |file, _, line| {
        file.path.starts_with("tests/")
            && !file.path.starts_with(MAY_NAME_REDIS)
            && line.match_indices("redis::").any(|(at, _)| {
                let before = line.get(..at).unwrap_or("");
                let module = ["crate::", "self::", "super::"].iter().any(|of| before.ends_with(of));
                let part = before.ends_with(|c: char| c.is_alphanumeric() || c == '_');
                !module && !part
            })
    })
}

/// Places that are not there in a stranger's clone. The lock file names its registry, it cannot do otherwise.
pub(crate) fn foreign_places(files: &[File]) -> Vec<String> {
    let mut found = Vec::new();
    for file in files.iter().filter(|file| file.path != "Cargo.lock") {
        for (at, line) in file.text.lines().enumerate() {
            let named = FOREIGN.iter().filter(|place| line.contains(*place));
            found.extend(named.map(|place| format!("{}:{} names {place}", file.path, at + 1)));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::file;

    #[test]
    fn an_allowance_is_told_and_one_in_a_comment_is_not() {
        let bad = "#[allow(dead_code)]\n#![ allow (x)]\n#[cfg_attr(test, allow(y))]\n// #[allow(z)]\n";
        assert_eq!(allowances(&[file("a.rs", bad)]).len(), 3);
    }

    #[test]
    fn unfinished_work_is_told() {
        let bad = format!("fn a() {{ {}() }} // {} {}\n", UNFINISHED_MACROS[0], UNFINISHED[0], UNFINISHED[1]);
        assert_eq!(unfinished(&[file("a.rs", &bad)]).len(), 2);
        assert_eq!(unfinished(&[file("schema.graphql", UNFINISHED[1])]), Vec::<String>::new());
    }

    #[test]
    fn a_sleeping_test_is_told_and_a_sleeping_program_is_not() {
        let text = "async fn go() { tokio::time::sleep(a).await }\n#[cfg(test)]\nmod tests {\n  fn t() {\n    \
                    std::thread::sleep(b);\n  }\n  use tokio::time::{Duration, sleep};\n}\n";
        let found = sleeping_tests(&[file("services/a/src/b.rs", text)]);
        assert_eq!(found.len(), 2, "{found:?}");
        assert_eq!(sleeping_tests(&[file("services/a/tests/b.rs", text)]).len(), 3);
        let clock = "async fn sleep(&self, time: Duration) {\n    tokio::time::sleep(time).await;\n}\n";
        assert_eq!(sleeping_tests(&[file("tests/clock.rs", clock)]), Vec::<String>::new());
        assert_eq!(
            sleeping_tests(&[file("services/a/src/b.rs", "#[cfg(test)]\nmod tests;\nthread::sleep(a)\n")])
                .len(),
            0
        );
    }

    #[test]
    fn a_test_in_real_time_is_told_where_time_is_virtual() {
        let bad = "#[tokio::test(start_paused = true)]\n#[tokio::test]\n";
        assert_eq!(tests_in_real_time(&[file("services/engine/src/a.rs", bad)]).len(), 1);
        assert_eq!(tests_in_real_time(&[file("services/sync/src/a.rs", bad)]), Vec::<String>::new());
    }

    #[test]
    fn an_ignored_test_is_told() {
        assert_eq!(ignored_tests(&[file("a.rs", "#[ignore = \"slow\"]\n")]).len(), 1);
    }

    #[test]
    fn a_float_is_told_where_money_is() {
        assert_eq!(floats(&[file("services/domain/src/a.rs", "let x: f64 = 0.1;\n")]).len(), 1);
        assert_eq!(floats(&[file("services/sync/src/a.rs", "let x: f64 = 0.1;\n")]), Vec::<String>::new());
    }

    #[test]
    fn an_async_domain_and_a_second_wiring_are_told() {
        let text =
            "async fn a() {}\nuse shopbeat_shopify::A; use shopbeat_rackbeat::B; use shopbeat_state::C;\n";
        assert_eq!(async_domain(&[file("services/domain/src/a.rs", text)]).len(), 1);
        assert_eq!(async_domain(&[file("services/domain/src/ports/mod.rs", text)]), Vec::<String>::new());
        assert_eq!(second_wirings(&[file("services/sync/src/a.rs", text)]), ["services/sync/src/a.rs"]);
        assert_eq!(second_wirings(&[file("services/sync/src/app.rs", text)]), Vec::<String>::new());
    }

    #[test]
    fn a_test_that_uses_the_library_of_redis_is_told_and_the_harness_of_that_name_is_not() {
        let text = "use redis::Client;\nlet a = ::redis::cmd(b);\nuse crate::redis::Redis;\npub use self::redis::Redis;\n";
        assert_eq!(tests_on_redis(&[file("tests/program/a.rs", text)]).len(), 2);
        assert_eq!(tests_on_redis(&[file("tests/figures/a.rs", text)]), Vec::<String>::new());
        assert_eq!(tests_on_redis(&[file("services/state/src/a.rs", text)]), Vec::<String>::new());
    }

    #[test]
    fn a_place_of_one_machine_is_told() {
        let bad = format!("see {}x and {}\n", FOREIGN[0], FOREIGN[5]);
        assert_eq!(foreign_places(&[file("README.md", &bad)]).len(), 2);
        assert_eq!(foreign_places(&[file("Cargo.lock", &bad)]), Vec::<String>::new());
    }
}
