//! The command line as a whole.

use clap::{CommandFactory as _, Parser};

use super::*;

mod live;

#[derive(Debug, Parser)]
struct Line {
    #[command(subcommand)]
    command: ClientCommand,
}

fn leaves(command: &clap::Command, path: &str, found: &mut Vec<(String, clap::Command)>) {
    let path = format!("{path} {}", command.get_name());
    if command.get_subcommands().next().is_none() {
        found.push((path, command.clone()));
        return;
    }
    for inner in command.get_subcommands().filter(|inner| inner.get_name() != "help") {
        leaves(inner, &path, found);
    }
}

#[test]
fn verify_cli() {
    Line::command().debug_assert();
}

#[test]
fn every_command_documents_its_options_and_its_exit_codes() {
    let mut line = Line::command();
    line.build();
    let mut found = Vec::new();
    leaves(&line, "", &mut found);
    assert!(found.len() >= 12, "{}", found.len());
    for (path, mut command) in found {
        for argument in command.get_arguments() {
            assert!(argument.get_help().is_some(), "{path}: {} has no help", argument.get_id());
        }
        assert!(command.render_help().to_string().contains("Exit codes:"), "{path} tells no exit codes");
    }
}

#[test]
fn no_secret_can_be_given_on_the_command_line_and_none_is_shown_in_help() {
    let mut line = Line::command();
    line.build();
    let mut found = Vec::new();
    leaves(&line, "", &mut found);
    for (path, command) in found {
        for argument in command.get_arguments() {
            let name = argument.get_id().as_str();
            let secret = name.contains("secret") || name.contains("token");
            assert!(
                !secret || name.ends_with("_file") || argument.is_hide_env_values_set(),
                "{path}: {name}"
            );
        }
    }
}

#[test]
fn the_commands_of_the_readme_parse() {
    for words in [
        "x store connect acme --agreement main --client-id c --client-secret-file f --rackbeat-token-file g",
        "x store connect acme --agreement main --client-id c --set orders.trigger=paid --set stock.buffer=2",
        "x store update acme --set orders.trigger=paid --reset stock",
        "x settings stock. --output json",
        "x preflight acme --strict --output json",
        "x preflight acme.myshopify.com --agreement main --client-id c --client-secret-file f",
        "x store list --addr http://127.0.0.1:1 --output json",
        "x store --output json show acme --hours --from 2026-11-01",
        "x store pause acme",
        "x store resume acme",
        "x store disconnect acme",
        "x sync initial acme --products --stock --dry-run --watch",
        "x sync initial acme --stock --stock-policy sum --count on-hand --location 2",
        "x sync watch acme",
        "x sync cancel acme",
        "x sync report acme --format json",
        "x order transfer acme #1042 --force --wait 5",
        "x order show acme 1042",
        "x parked list acme",
        "x parked retry acme --all",
        "x parked retry acme #1042 6123456789012 --recreate",
        "x stock show TENT-2P --agreement main",
        "x stock preview acme",
        "x stock accept acme --digest d",
        "x stock troubles acme",
        "x stock refresh --store acme",
        "x stock refresh TENT-2P --agreement main",
        "x products troubles acme",
        "x drift list acme",
        "x drift resolve acme TENT-2P adopt --field price",
        "x billing main --month 2026-11 --format csv",
    ] {
        assert!(Line::try_parse_from(words.split(' ')).is_ok(), "{words}");
    }
    for words in [
        "x parked retry acme",
        "x parked retry acme 1 --all",
        "x parked retry acme --all --recreate",
        "x store update acme --set orders.triger=paid",
        "x stock show TENT-2P",
        "x stock refresh --store acme --agreement main",
    ] {
        assert!(Line::try_parse_from(words.split(' ')).is_err(), "{words}");
    }
}
