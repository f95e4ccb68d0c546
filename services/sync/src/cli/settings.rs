//! Settings by path, `--set orders.trigger=paid`, and `shopbeat settings`, which lists them: both from the one list in
//! the domain.

use clap::Args;
use serde_json::{Value, json};
use shopbeat_domain::settings::{LIST, Setting, Settings, setting};
use shopbeat_proto::v1;

use super::failure::{EXIT_CODES, Exit, Failed};
use super::out::Out;
use super::table::Table;
use crate::grpc::convert;
use crate::options::Output;

/// A setting and its new value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Given {
    path: &'static str,
    text: String,
}

/// Reads `path=value`; the value is checked, too. An empty one takes the setting away.
fn read(text: &str) -> Result<Given, String> {
    let (path, value) = text
        .split_once('=')
        .ok_or_else(|| "give <setting>=<value>, such as orders.trigger=paid".to_owned())?;
    let known = setting(path.trim()).ok_or_else(|| convert::unknown_setting(path.trim()))?;
    known.set(&mut Settings::default(), value).map_err(|bad| bad.to_string())?;
    Ok(Given { path: known.path, text: value.to_owned() })
}

/// The settings that a command was given.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct SettingsArgs {
    /// A setting by its path, such as `orders.trigger=paid`; may be given several times. `shopbeat settings` lists
    /// all. An empty value takes the setting away.
    #[arg(long = "set", value_name = "SETTING=VALUE", value_parser = read)]
    set: Vec<Given>,
}

impl SettingsArgs {
    /// Whether none were given.
    pub(super) fn is_empty(&self) -> bool {
        self.set.is_empty()
    }

    /// The settings that were given over those that are known.
    pub(super) fn over(&self, known: &v1::Settings) -> Result<v1::Settings, Failed> {
        let mut settings = read_known(known)?;
        for given in &self.set {
            let bad = |bad: shopbeat_domain::settings::BadSetting| Failed::new(Exit::Usage, bad.to_string());
            setting(given.path).map_or(Ok(()), |known| known.set(&mut settings, &given.text)).map_err(bad)?;
        }
        Ok(convert::settings(&settings))
    }

    /// The paths that were given.
    pub(super) fn paths(&self) -> Vec<String> {
        self.set.iter().map(|given| given.path.to_owned()).collect()
    }
}

fn read_known(known: &v1::Settings) -> Result<Settings, Failed> {
    let mut violations = convert::Violations::default();
    let settings = convert::read_values(&mut violations, "settings", known.clone());
    match violations.is_empty() {
        true => Ok(settings),
        // A service that is newer than this program may have values that it does not know.
        false => Err(Failed::new(
            Exit::Failed,
            "the service has settings that this program does not know; update the program",
        )),
    }
}

/// Every setting of a store with its value, in the order of the list.
pub(super) fn values(known: &v1::Settings) -> Vec<(&'static str, String)> {
    let mut violations = convert::Violations::default();
    let settings = convert::read_values(&mut violations, "settings", known.clone());
    LIST.iter().map(|setting| (setting.path, setting.get(&settings))).collect()
}

/// `shopbeat settings`.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct ListArgs {
    /// Only settings whose path holds this text.
    #[arg(value_name = "TEXT", default_value = "")]
    part: String,
    /// How to show them.
    #[arg(long, env = "SHOPBEAT_OUTPUT", value_enum, default_value_t = Output::Table)]
    output: Output,
}

/// Lists the settings of a store: needs no service.
pub(super) fn run(args: &ListArgs, out: &mut Out) -> Result<(), Failed> {
    let found: Vec<&Setting> = LIST.iter().filter(|setting| setting.path.contains(&args.part)).collect();
    if found.is_empty() {
        return Err(Failed::new(Exit::NotFound, convert::unknown_setting(&args.part)));
    }
    match args.output {
        Output::Json => out.json(&found.iter().copied().map(shown).collect()),
        Output::Table => {
            let mut table = Table::new(&["SETTING", "ALLOWED", "DEFAULT", ">SINCE", "WHAT"]);
            for setting in found {
                table.row([
                    setting.path.into(),
                    setting.allowed().into(),
                    or_none(setting.default()).into(),
                    setting.since.to_string().into(),
                    setting.what.into(),
                ]);
            }
            out.table(&table);
        }
    }
    Ok(())
}

fn or_none(text: String) -> String {
    if text.is_empty() { "-".to_owned() } else { text }
}

fn shown(setting: &Setting) -> Value {
    json!({
        "path": setting.path,
        "allowed": setting.allowed(),
        "default": setting.default(),
        "what": setting.what,
        "since": setting.since,
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::out::tests::Page;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        settings: SettingsArgs,
    }

    fn line(args: &[&str]) -> Result<SettingsArgs, String> {
        let read = Line::try_parse_from(std::iter::once(&"x").chain(args));
        read.map(|line| line.settings).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_given_stands_over_what_is_known_and_the_rest_stays() {
        let given =
            line(&["--set", "orders.freight_product=FRAGT", "--set", "orders.target=shipped"]).unwrap();
        let known = given.over(&v1::Settings::default()).unwrap();
        let given =
            line(&["--set", "orders.target=invoiced", "--set", "stock.locations=1=7001,2=7002"]).unwrap();
        let over = given.over(&known).unwrap();
        let orders = over.orders.unwrap();
        assert_eq!(orders.freight_product.as_deref(), Some("FRAGT"));
        assert_eq!(orders.target, i32::from(v1::Target::Invoiced));
        assert_eq!(over.stock.unwrap().locations.len(), 2);
        assert_eq!(given.paths(), ["orders.target", "stock.locations"]);
        let gone = line(&["--set", "orders.freight_product="]).unwrap().over(&known).unwrap();
        assert_eq!(gone.orders.unwrap().freight_product, None, "an empty text takes a setting away");
    }

    #[test]
    fn a_misspelt_setting_or_value_is_told_before_anybody_is_called() {
        for (given, told) in [
            ("orders.triger=paid", "did you mean orders.trigger?"),
            ("orders.trigger=pid", "received, paid or fulfilled"),
            ("orders.trigger", "<setting>=<value>"),
            ("stock.buffer=-1", "a whole number"),
        ] {
            let refused = line(&["--set", given]).unwrap_err();
            assert!(refused.contains(told), "{given}: {refused}");
        }
        assert!(line(&[]).unwrap().is_empty());
    }

    #[test]
    fn every_setting_is_listed_for_people_and_for_programs() {
        let args = |output, part: &str| ListArgs { part: part.to_owned(), output };
        let (table, programs) = (Page::default(), Page::default());
        run(&args(Output::Table, ""), &mut table.out()).unwrap();
        run(&args(Output::Json, ""), &mut programs.out()).unwrap();
        let listed: Value = serde_json::from_str(&programs.text()).unwrap();
        assert_eq!(listed.as_array().unwrap().len(), LIST.len());
        for setting in LIST {
            assert!(
                table.text().lines().any(|line| line.starts_with(&format!("{} ", setting.path))),
                "{}",
                setting.path
            );
        }
        let some = Page::default();
        run(&args(Output::Table, "stock."), &mut some.out()).unwrap();
        assert!(some.text().lines().count() < LIST.len());
        assert_eq!(
            run(&args(Output::Table, "nonsense"), &mut some.out()).unwrap_err().exit(),
            Exit::NotFound
        );
    }
}
