use clap::CommandFactory as _;

use super::*;

fn run(args: &[&str]) -> Result<RunOptions, clap::Error> {
    let line = ["shopbeat-operator", "run", "--namespace", "shops"].iter().chain(args).copied();
    match Cli::try_parse_from(line)?.command {
        Command::Run(options) => Ok(*options),
        Command::Crd | Command::Release(_) => unreachable!("it is `run`"),
    }
}

const LEAST: [&str; 6] = [
    "--service-url",
    "http://shopbeat:50051",
    "--worker-image",
    "shopbeat:1",
    "--worker-env-secret",
    "worker",
];

/// What is said against the least that is needed, with more.
fn problems(more: &[&str]) -> String {
    let options = run(&[LEAST.as_slice(), more].concat()).unwrap();
    options.check().err().map(|bad| bad.to_string()).unwrap_or_default()
}

#[test]
fn verify_cli() {
    Cli::command().debug_assert();
}

#[test]
fn every_option_has_its_environment_variable_and_help() {
    for command in Cli::command().get_subcommands() {
        for argument in command.get_arguments() {
            let name = argument.get_id().as_str();
            assert!(argument.get_help().is_some(), "{name}");
            if !["help", "version"].contains(&name) {
                let env = argument.get_env().unwrap_or_else(|| panic!("{name} has no variable"));
                assert!(env.to_str().unwrap().starts_with("SHOPBEAT_OPERATOR_"), "{env:?}");
            }
        }
    }
}

#[test]
fn the_least_is_enough_and_the_defaults_are_as_documented() {
    assert_eq!(problems(&[]), "");
    let options = run(&LEAST).unwrap();
    assert!(options.leader_elect);
    assert!(!options.worker.network_policy);
    assert_eq!(options.http_listen.to_string(), "0.0.0.0:8082");
    assert_eq!(options.worker.command.0, ["/usr/local/bin/shopbeat"]);
    assert_eq!(options.worker.resources.requests["cpu"].0, "5m");
    assert_eq!(options.worker.resources.requests["memory"].0, "24Mi");
    assert_eq!(options.worker.resources.limits["memory"].0, "128Mi");
    assert!(!run(&[LEAST.as_slice(), &["--leader-elect", "false"]].concat()).unwrap().leader_elect);
    assert!(run(&[LEAST.as_slice(), &["--worker-network-policy"]].concat()).unwrap().worker.network_policy);
}

#[test]
fn every_contradiction_is_told_at_once() {
    let told = problems(&[
        "--service-ca-file=ca.pem",
        "--service-token-file=token",
        "--lease-name=No Name",
        "--worker-service-account=-x",
        "--worker-rollout-at-most=0",
        "--worker-redis-port=0",
    ]);
    for part in [
        "--service-ca-file is for https",
        "--service-url is plain http to another machine",
        "--lease-name \"No Name\"",
        "--worker-service-account \"-x\"",
        "--worker-rollout-at-most",
        "--worker-redis-port",
    ] {
        assert!(told.contains(part), "{part} is not in {told}");
    }
    assert_eq!(told.lines().count(), 6);
}

#[test]
fn a_token_goes_over_plain_http_only_on_this_machine_or_when_that_is_meant() {
    let with = |url: &str, more: &[&str]| {
        let args = [&["--service-url", url, "--service-token-file", "t"], &LEAST[2..], more].concat();
        run(&args).unwrap().check().err().map(|bad| bad.to_string()).unwrap_or_default()
    };
    assert!(with("http://shopbeat:50051", &[]).contains("--insecure"));
    assert_eq!(with("http://shopbeat:50051", &["--insecure"]), "");
    for near in ["http://127.0.0.1:50051", "http://localhost:1", "http://[::1]:1", "https://shopbeat:50051"] {
        assert_eq!(with(near, &[]), "", "{near}");
    }
    for bad in ["shopbeat:50051", "ftp://shopbeat", "http://", "http://shopbeat/path", "not an address"] {
        assert!(with(bad, &[]).contains("--service-url"), "{bad}");
    }
}

#[test]
fn a_worker_needs_an_environment_and_readable_json() {
    let bare = run(&LEAST[..4]).unwrap().check().unwrap_err().to_string();
    assert!(bare.contains("--worker-env-secret"), "{bare}");
    for (option, said) in [
        ("--worker-command=shopbeat", "JSON list"),
        ("--worker-command=[]", "name a program"),
        ("--worker-command=[\"\"]", "name a program"),
        ("--worker-resources={\"request\":{}}", "neither requests nor limits"),
        ("--worker-resources=[]", "must be JSON"),
        ("--worker-resources={\"limits\":{\"memory\":true}}", "no quantity"),
    ] {
        let refused = run(&[LEAST.as_slice(), &[option]].concat()).unwrap_err().to_string();
        assert!(refused.contains(said), "{option}: {refused}");
    }
}

#[test]
fn version_tells_commit_and_build() {
    let told = Cli::try_parse_from(["shopbeat-operator", "--version"]).unwrap_err().to_string();
    assert!(told.contains(env!("CARGO_PKG_VERSION")) && told.contains("commit "), "{told}");
}
