//! Holds the house: who may know whom, how long things are, which words may not stand anywhere, and that the papers
//! say what the code says. Each rule is a pure function with a bad sample that it must find.

#[cfg(test)]
mod crates;
#[cfg(test)]
mod lengths;
#[cfg(test)]
mod lex;
#[cfg(test)]
mod papers;
#[cfg(test)]
mod read;
#[cfg(test)]
mod sample;
#[cfg(test)]
mod words;

/// What each rule found; a test fails with all of it, not only with the first.
#[derive(Default)]
struct Findings(Vec<String>);

impl Findings {
    fn add(&mut self, rule: &str, found: &[String]) {
        self.0.extend(found.iter().map(|one| format!("{rule}: {one}")));
    }

    fn none(self) {
        assert!(self.0.is_empty(), "the house does not hold:\n  {}", self.0.join("\n  "));
    }
}

#[test]
fn nobody_knows_whom_they_must_not_know() {
    let mut all = Findings::default();
    all.add("the layers of services/README.md", &crates::edges(&read::crates()));
    all.add("a library belongs to the rooms named in crates.rs", &crates::libraries(&read::crates()));
    all.add("the demo is a feature", &crates::optional_sandbox(&read::crates()));
    all.none();
}

#[test]
fn versions_and_lints_stand_once_in_the_workspace() {
    let mut all = Findings::default();
    for file in read::files().iter().filter(|file| file.path.ends_with("/Cargo.toml")) {
        all.add(&file.path, &crates::manifest(&file.text));
    }
    all.none();
}

#[test]
fn one_tls_and_no_banned_crate_is_locked() {
    let mut all = Findings::default();
    let lock = read::files().into_iter().find(|file| file.path == "Cargo.lock").unwrap();
    all.add("Cargo.lock", &crates::banned(&lock.text));
    all.none();
}

#[test]
fn files_and_functions_are_short_and_long_ones_are_told() {
    let mut all = Findings::default();
    let found = lengths::of(&read::files());
    for long in &found.questions {
        println!("long: {long}");
    }
    all.add("past these lengths it is a defect", &found.defects);
    all.none();
}

#[test]
fn words_that_must_not_stand_in_the_code_do_not() {
    let mut all = Findings::default();
    let files = read::files();
    all.add("use #[expect(lint, reason = …)]", &words::allowances(&files));
    all.add("unfinished", &words::unfinished(&files));
    all.add("a test waits on a state", &words::sleeping_tests(&files));
    all.add("time is virtual here", &words::tests_in_real_time(&files));
    all.add("a test that does not run proves nothing", &words::ignored_tests(&files));
    all.add("no floats where money is", &words::floats(&files));
    all.add("the domain is async in its ports only", &words::async_domain(&files));
    all.add("only app.rs knows every adapter", &words::second_wirings(&files));
    all.add("only the yardstick names redis", &words::tests_on_redis(&files));
    all.add("of one machine only", &words::foreign_places(&files));
    all.none();
}

#[test]
fn the_top_level_is_the_plan() {
    let mut all = Findings::default();
    all.add("the top level", &papers::top_level(&read::top_level()));
    all.none();
}

#[test]
fn the_papers_say_what_the_code_says() {
    let mut all = Findings::default();
    let files = read::files();
    let text = |path: &str| files.iter().find(|file| file.path == path).unwrap().text.clone();
    let (readme, architecture) = (text("README.md"), text("services/README.md"));
    all.add("README.md: the map", &papers::map(&readme, &read::crates()));
    all.add("README.md: settings", &papers::settings(&readme, shopbeat_domain::settings::LIST));
    all.add("README.md: environment", &papers::environment(&readme, &files));
    all.add("services/README.md: keys", &papers::keys(&architecture, &text("services/state/src/keys.rs")));
    all.add("services/README.md: ports", &papers::ports(&architecture, &files));
    all.add("services/README.md: tests", &papers::cited_tests(&architecture, &files));
    all.add("tests/run", &papers::unrun_tests(&text("tests/run"), &read::crates()));
    all.add("links", &papers::links(&files));
    all.none();
}
