//! The resource against the list of all settings.

use std::collections::BTreeSet;

use serde_json::Value;
use shopbeat_domain::settings::{LIST, Setting};

use super::properties;

const SECTIONS: [&str; 5] = ["orders", "customers", "products", "prices", "stock"];

/// `orders.freight_product` as the resource writes it: `orders.freightProduct`.
pub(crate) fn camel(path: &str) -> String {
    let mut words = path.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |text, word| text + &upper_first(word))
}

fn upper_first(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_uppercase().to_string() + letters.as_str()).unwrap_or_default()
}

/// `ready_to_ship` as the resource writes it: `ReadyToShip`.
fn pascal(name: &str) -> String {
    name.split('_').map(upper_first).collect()
}

fn of(setting: &Setting) -> Value {
    let (section, field) = setting.path.split_once('.').unwrap();
    properties(&format!("spec.{section}"))
        .remove(&camel(field))
        .unwrap_or_else(|| panic!("the resource has no {}", setting.path))
}

#[test]
fn the_resource_has_every_setting_of_the_list_and_no_other() {
    let listed: BTreeSet<String> = LIST.iter().map(|setting| camel(setting.path)).collect();
    let of_section = |section: &&str| -> Vec<String> {
        properties(&format!("spec.{section}")).keys().map(|name| format!("{section}.{name}")).collect()
    };
    let here: BTreeSet<String> = SECTIONS.iter().flat_map(of_section).collect();
    assert_eq!(here, listed);
}

#[test]
fn the_defaults_are_those_of_the_list() {
    for setting in LIST {
        let default = match &of(setting)["default"] {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        // The one that differs: quantities are written into a shop only where its resource names a location.
        if setting.path == "stock.enabled" {
            assert_eq!((default.as_str(), setting.default().as_str()), ("false", "true"));
            continue;
        }
        let expected = setting.default();
        let named = setting.allowed().contains(&expected) && !expected.is_empty();
        let is_enum = of(setting)["enum"].is_array();
        assert_eq!(named, is_enum || ["true", "false"].contains(&expected.as_str()), "{}", setting.path);
        let expected = if is_enum { pascal(&expected) } else { expected };
        assert_eq!(default, expected, "{}", setting.path);
    }
}

#[test]
fn what_may_be_chosen_is_what_the_list_allows() {
    let mut chosen = 0;
    for setting in LIST {
        let schema = of(setting);
        let names = match schema["enum"].as_array().or_else(|| schema["items"]["enum"].as_array()) {
            Some(names) => names,
            None => continue,
        };
        chosen += 1;
        let here: BTreeSet<&str> = names.iter().map(|name| name.as_str().unwrap()).collect();
        let text = setting.allowed();
        let text = text.strip_suffix("; empty for none").unwrap_or(&text);
        let text = text.strip_prefix("a list of ").unwrap_or(text).replace(" or ", ",");
        let listed: Vec<String> = text.split(',').map(|name| pascal(name.trim())).collect();
        assert_eq!(here, listed.iter().map(String::as_str).collect(), "{}", setting.path);
    }
    assert_eq!(chosen, 12);
}
