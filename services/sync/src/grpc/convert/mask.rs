//! Paths of settings, as a field mask or the command line names them.

use prost_types::FieldMask;
use shopbeat_domain::settings::{LIST, Setting, setting};

use super::Violations;

/// The settings that a mask names; a section stands for all that it has.
pub fn read_mask(violations: &mut Violations, mask: Option<FieldMask>) -> Vec<&'static Setting> {
    let paths = mask.unwrap_or_default().paths;
    if paths.is_empty() {
        let remedy =
            "is needed: name the settings to change, such as orders.trigger, or a section, such as orders";
        violations.add("update_mask", remedy);
    }
    let mut named = Vec::new();
    for path in &paths {
        match under(path) {
            settings if settings.is_empty() => violations.add("update_mask", unknown(path)),
            settings => named.extend(settings),
        }
    }
    // Once each, in the order of the list.
    LIST.iter().filter(|known| named.iter().any(|named| named.path == known.path)).collect()
}

/// The setting with this path, or those of the section with this name.
fn under(path: &str) -> Vec<&'static Setting> {
    let one = setting(path);
    let section = |known: &&Setting| known.path.split_once('.').is_some_and(|(section, _)| section == path);
    one.map_or_else(|| LIST.iter().filter(section).collect(), |one| vec![one])
}

/// That there is no such setting, and which may have been meant.
#[must_use]
pub fn unknown(path: &str) -> String {
    let nearest = nearest(path).map(|near| format!("; did you mean {near}?")).unwrap_or_default();
    format!("there is no setting {path:?}{nearest} `shopbeat settings` lists them all")
}

/// The path that is written most like this one.
fn nearest(path: &str) -> Option<&'static str> {
    let wanted = path.trim().to_ascii_lowercase().replace('-', "_");
    let name = |path: &'static str| path.split_once('.').map_or(path, |(_, name)| name);
    // The bare name of a setting is meant as often as its path is misspelt.
    let far = |known: &Setting| distance(&wanted, known.path).min(distance(&wanted, name(known.path)));
    LIST.iter().min_by_key(|known| far(known)).map(|known| known.path)
}

/// How many letters have to be put in, left out or changed.
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (line, letter) in from.chars().enumerate() {
        let mut diagonal = line;
        let mut left = line + 1;
        for (cell, wanted) in row.iter_mut().skip(1).zip(&to) {
            let changed = diagonal + usize::from(letter != *wanted);
            diagonal = *cell;
            left = changed.min(left + 1).min(*cell + 1);
            *cell = left;
        }
        if let Some(first) = row.first_mut() {
            *first = line + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(paths: &[&str]) -> (Vec<&'static str>, Violations) {
        let mut violations = Violations::default();
        let mask = FieldMask { paths: paths.iter().map(ToString::to_string).collect() };
        let settings = read_mask(&mut violations, Some(mask));
        (settings.iter().map(|setting| setting.path).collect(), violations)
    }

    #[test]
    fn a_path_is_a_setting_a_section_all_of_its_settings_and_each_counts_once() {
        let (paths, violations) = read(&["stock.buffer", "orders.trigger", "stock"]);
        assert!(violations.is_empty());
        let stock = ["stock.enabled", "stock.quantity", "stock.locations", "stock.buffer", "stock.negative"];
        assert_eq!(paths, [&["orders.trigger"], stock.as_slice()].concat());
    }

    #[test]
    fn an_unknown_path_is_told_with_the_nearest_and_an_empty_mask_with_its_remedy() {
        for (given, meant) in [
            ("orders.triger", "orders.trigger"),
            ("buffer", "stock.buffer"),
            ("orders.roundingTolerance", "orders.rounding_tolerance"),
            ("", ""),
        ] {
            let (paths, violations) = read(&[given]);
            assert!(paths.is_empty());
            let told = format!("{violations:?}");
            assert!(told.contains(meant) && told.contains("update_mask"), "{told}");
        }
        let (_, violations) = read(&[]);
        assert!(format!("{violations:?}").contains("orders.trigger"));
    }

    #[test]
    fn letters_are_counted() {
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("abc", "abc"), 0);
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
