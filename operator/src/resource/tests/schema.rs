use serde_json::Value;

use super::schema;

/// Kubernetes' own types, with their own words and bounds.
const THEIRS: [&str; 3] = ["spec.worker.affinity", "spec.worker.tolerations", "status.conditions"];

/// Every part of the schema with its path.
fn parts() -> Vec<(String, Value)> {
    let mut found = Vec::new();
    walk("", &schema(), &mut found);
    assert!(found.len() > 80, "{}", found.len());
    found
}

fn walk(path: &str, part: &Value, found: &mut Vec<(String, Value)>) {
    if THEIRS.contains(&path) {
        return;
    }
    found.push((path.to_owned(), part.clone()));
    let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    for (name, property) in part["properties"].as_object().into_iter().flatten() {
        walk(&below(name), property, found);
    }
    for many in ["items", "additionalProperties"] {
        if part[many].is_object() {
            walk(&format!("{path}[]"), &part[many], found);
        }
    }
}

#[test]
fn every_field_says_what_it_is() {
    for (path, part) in parts() {
        let many = path.ends_with("[]");
        let text = part["description"].as_str().unwrap_or_default();
        assert!(many || text.len() > 10, "{path} has no description");
        assert!(many || path.is_empty() || text.ends_with('.'), "{path}: {text:?} is no sentence");
        assert!(!text.contains('\n'), "{path}: kubectl breaks lines itself");
    }
}

#[test]
fn every_text_list_and_map_of_the_spec_has_a_bound() {
    for (path, part) in parts() {
        if !path.starts_with("spec") {
            continue;
        }
        let has = |key: &str| !part[key].is_null();
        match part["type"].as_str() {
            Some("string") => {
                let labels = ["spec.worker.nodeSelector[]", "spec.worker.podAnnotations[]"];
                let bound = has("maxLength") || has("enum") || labels.contains(&path.as_str());
                assert!(bound, "{path} is a text without a bound");
            }
            Some("array") => assert!(has("maxItems"), "{path} is a list without a bound"),
            Some("integer") => assert!(has("minimum"), "{path} is a number without a bound"),
            Some("object") => {
                assert!(
                    !has("additionalProperties") || has("maxProperties"),
                    "{path} is a map without a bound"
                );
            }
            Some("boolean") => {}
            None => assert_eq!(part["x-kubernetes-int-or-string"], true, "{path}"),
            other => panic!("{path} is {other:?}"),
        }
    }
}

#[test]
fn nothing_is_null_and_every_format_is_one_of_kubernetes() {
    for (path, part) in parts() {
        assert!(part["nullable"].is_null(), "{path}");
        let format = part["format"].as_str();
        assert!(format.is_none_or(|format| ["int32", "int64", "date-time"].contains(&format)), "{path}");
        for no_structure in ["oneOf", "anyOf", "allOf", "not", "$ref"] {
            assert!(part[no_structure].is_null(), "{path} has {no_structure}");
        }
    }
}
