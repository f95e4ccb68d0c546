//! That what is told about the chart is true: README, alerts, dashboard, runbook.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use shopbeat_operator::status::REASONS;

use super::{DEFAULTS, EVERYTHING, Objects, root, text};

/// All Rust sources below a folder, tests left out.
pub(super) fn sources(folder: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in
            std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let whole = std::fs::read_to_string(&path).unwrap();
                found.push(whole.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().to_owned());
            }
        }
    }
    found
}

/// Holds a part of a paper, between two marks, against what it is made from. With `SHOPBEAT_REWRITE=1` it is written.
fn is_made(path: &str, from: &str, made: &str) {
    let marks = ["begin", "end"].map(|end| format!("<!-- made from {from}: {end} -->\n"));
    let paper = text(path);
    let (before, rest) =
        paper.split_once(&marks[0]).unwrap_or_else(|| panic!("{path}: no mark of the begin"));
    let (part, after) = rest.split_once(&marks[1]).unwrap_or_else(|| panic!("{path}: no mark of the end"));
    if std::env::var_os("SHOPBEAT_REWRITE").is_some() {
        std::fs::write(root().join(path), format!("{before}{}{made}{}{after}", marks[0], marks[1])).unwrap();
    } else {
        assert!(part == made, "{path} is not made from {from}: run this test with SHOPBEAT_REWRITE=1");
    }
}

/// One line of `values.yaml` that names a value.
struct Key {
    path: Vec<String>,
    what: String,
    /// Whether values below it have comments of their own.
    is_group: bool,
}

/// The keys with their comments; a key below one without a group of its own belongs to that one.
fn keys(yaml: &str) -> Vec<Key> {
    let mut keys: Vec<(usize, Key)> = Vec::new();
    let mut comment: Vec<&str> = Vec::new();
    for line in yaml.lines() {
        let inner = line.trim_start();
        let indent = line.len() - inner.len();
        if let Some(words) = inner.strip_prefix('#') {
            comment.push(words.trim());
            continue;
        }
        let Some((name, _)) = inner.split_once(':').filter(|_| !inner.starts_with('-')) else {
            comment.clear();
            continue;
        };
        if comment.is_empty() {
            let parent = keys.iter().rev().find(|(at, _)| *at < indent).map(|(_, key)| key);
            assert!(parent.is_some_and(|parent| !parent.is_group), "values.yaml: {name} has no comment");
            continue;
        }
        let mut path: Vec<String> = Vec::new();
        if let Some((_, parent)) = keys.iter_mut().rev().find(|(at, _)| *at < indent) {
            parent.is_group = true;
            path.clone_from(&parent.path);
        }
        path.push(name.to_owned());
        keys.push((indent, Key { path, what: comment.join(" "), is_group: false }));
        comment.clear();
    }
    keys.into_iter().map(|(_, key)| key).collect()
}

fn made_part(yaml: &str) -> String {
    let values: Value = serde_saphyr::from_str(yaml).unwrap();
    let mut made = String::new();
    let head = |made: &mut String| made.push_str("\n| value | default | what |\n|---|---|---|\n");
    made.push_str("### Of all\n");
    head(&mut made);
    let keys = keys(yaml);
    let (general, groups): (Vec<_>, Vec<_>) =
        keys.iter().partition(|key| key.path.len() == 1 && !key.is_group);
    for key in general.iter().chain(&groups) {
        if key.path.len() == 1 && key.is_group {
            made.push_str(&format!("\n### `{}`\n\n{}\n", key.path[0], key.what));
            head(&mut made);
            continue;
        }
        let value = &values.pointer(&format!("/{}", key.path.join("/"))).unwrap();
        let default = if key.is_group { String::new() } else { format!("`{value}`") };
        let what = key.what.replace('|', "\\|");
        made.push_str(&format!("| `{}` | {} | {what} |\n", key.path.join("."), default.replace('|', "\\|")));
    }
    made.push('\n');
    made
}

#[test]
fn the_readme_of_the_chart_is_made_from_its_values() {
    let made = made_part(&text("charts/shopbeat/values.yaml"));
    is_made("charts/shopbeat/README.md", "values.yaml", &made);
}

/// Every metric that a program tells, by its name as it is told, with its labels.
fn registered(folder: &str) -> BTreeMap<String, BTreeSet<String>> {
    let all = sources(folder).join("\n");
    let prefix = all.split("with_prefix(\"").nth(1).and_then(|rest| rest.split('"').next());
    let prefix = prefix.unwrap_or_else(|| panic!("{folder}: no registry"));
    let mut found = BTreeMap::new();
    for call in all.split(".register(").skip(1) {
        let Some(name) = call.trim_start().strip_prefix('"').and_then(|rest| rest.split('"').next()) else {
            continue;
        };
        let call = call.split(';').next().unwrap_or_default();
        let call = call.trim_end();
        let meter = call.strip_suffix(')').unwrap_or(call).trim_end().trim_end_matches(',').trim();
        let meter = meter.rsplit([',', ' ', '\n']).next().unwrap_or_default();
        let field = meter.trim_end_matches(".clone()").rsplit('.').next().unwrap_or_default();
        let before = format!(" {field}: ");
        let declared = all.split(&before).skip(1).filter_map(|rest| rest.split('\n').next());
        let declared: Vec<_> = declared.collect();
        let endings: &[&str] = if field == "build" {
            &["_info"]
        } else if declared.iter().any(|kind| kind.contains("Histogram")) {
            &["_bucket", "_sum", "_count"]
        } else if declared.iter().any(|kind| kind.contains("Counter")) {
            &["_total"]
        } else {
            &[""]
        };
        let labels = declared.iter().find_map(|kind| kind.strip_prefix("Family<")?.split(',').next());
        let fields =
            labels.and_then(|labels| all.split(&format!("struct {labels} {{\n")).nth(1)?.split("\n}").next());
        let fields = fields.into_iter().flat_map(str::lines).filter_map(|line| line.split_once(": "));
        let mut labels: BTreeSet<String> =
            fields.map(|(label, _)| label.trim().trim_start_matches("pub ").to_owned()).collect();
        if endings.contains(&"_bucket") {
            labels.insert("le".to_owned());
        }
        found.extend(endings.iter().map(|ending| (format!("{prefix}_{name}{ending}"), labels.clone())));
    }
    assert!(found.len() > 3, "{folder}: {found:?}");
    found
}

/// Our metrics in a PromQL expression, with what stands in the braces behind each.
fn asked(expression: &str) -> Vec<(&str, &str)> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let begins = expression.match_indices("shopbeat_").map(|(at, _)| at);
    let begins = begins.filter(|at| !expression[..*at].ends_with(is_name));
    let found = begins.map(|at| {
        let rest = &expression[at..];
        let end = rest.find(|c| !is_name(c)).unwrap_or(rest.len());
        let (name, rest) = rest.split_at(end);
        let labels =
            rest.strip_prefix('{').and_then(|rest| rest.split_once('}')).map_or("", |(labels, _)| labels);
        (name, labels)
    });
    found.collect()
}

/// What is wrong with an expression: metrics that no program has, labels and values that it does not give.
fn wrong(expression: &str, metrics: &BTreeMap<String, BTreeSet<String>>, code: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut all = BTreeSet::new();
    for (name, labels) in asked(expression) {
        let Some(has) = metrics.get(name) else {
            found.push(format!("there is no metric {name}"));
            continue;
        };
        all.extend(has);
        for pair in labels.split("\",").filter(|pair| !pair.is_empty()) {
            let (label, value) = pair.split_once("=\"").or_else(|| pair.split_once("=~\"")).expect(pair);
            let label = label.trim_end_matches(['!', '=', '~']);
            // Prometheus itself adds these; the second one only to what it finds by a Service, so not to workers.
            if ["namespace", "service"].contains(&label) {
                continue;
            }
            if !has.contains(label) {
                found.push(format!("{name} has no label {label}"));
            }
            let values = value.trim_end_matches('"').split('|').filter(|value| !value.starts_with('$'));
            // As a text, or as the name of a variant that is told by its name.
            let is_told = |value: &&str| {
                code.contains(&format!("\"{value}\"")) || code.contains(&format!("    {value},"))
            };
            let never = values.filter(|value| !is_told(value));
            found.extend(never.map(|value| format!("{name}: {label} is never {value}")));
        }
    }
    let unknown = grouped(expression).into_iter().filter(|label| !all.iter().any(|one| one == label));
    found.extend(unknown.map(|label| format!("nothing here has the label {label}")));
    found
}

/// The labels that an expression groups by.
fn grouped(expression: &str) -> BTreeSet<&str> {
    let lists = expression.split(" by (").skip(1).filter_map(|rest| rest.split(')').next());
    lists.flat_map(|list| list.split(", ")).collect()
}

/// Every metric of the programs with its labels, and all their code.
fn programs() -> (BTreeMap<String, BTreeSet<String>>, String) {
    let mut metrics = registered("services/sync/src");
    metrics.extend(registered("operator/src"));
    let code =
        ["services/sync/src", "services/domain/src", "operator/src"].map(|folder| sources(folder).join("\n"));
    (metrics, code.join("\n"))
}

/// The alerts as they lie in the chart.
fn alerts() -> Vec<Value> {
    let file: Value = serde_saphyr::from_str(&text("charts/shopbeat/files/alerts.yaml")).unwrap();
    let groups = file["groups"].as_array().unwrap().clone();
    groups.iter().flat_map(|group| group["rules"].as_array().unwrap().clone()).collect()
}

#[test]
fn alerts_and_dashboard_ask_for_metrics_labels_and_values_that_the_programs_have() {
    let (metrics, code) = programs();
    let dashboard: Value = serde_json::from_str(&text("charts/shopbeat/files/dashboard.json")).unwrap();
    let targets =
        dashboard["panels"].as_array().unwrap().iter().filter_map(|panel| panel["targets"].as_array());
    let mut expressions: Vec<String> =
        targets.flatten().map(|target| target["expr"].as_str().unwrap().to_owned()).collect();
    let variables = dashboard["templating"]["list"].as_array().unwrap();
    expressions.extend(variables.iter().map(|one| one["query"].as_str().unwrap().to_owned()));
    expressions.extend(alerts().iter().map(|alert| alert["expr"].as_str().unwrap().to_owned()));
    let found: Vec<_> = expressions.iter().flat_map(|one| wrong(one, &metrics, &code)).collect();
    assert!(found.is_empty(), "{found:#?}\nthe programs have {metrics:#?}");
    let used: BTreeSet<&str> = expressions.iter().flat_map(|one| asked(one)).map(|(name, _)| name).collect();
    assert!(used.len() > 20, "{used:?}");
}

#[test]
fn what_no_program_tells_is_found_in_an_expression() {
    let (metrics, code) = programs();
    let wrong = |expression: &str| wrong(expression, &metrics, &code);
    assert_eq!(wrong(r#"sum(shopbeat_queue_jobs{phase="parked",namespace="x"}) > 0"#), [""; 0]);
    assert_eq!(
        wrong("rate(shopbeat_queue_jobs_total[5m])"),
        ["there is no metric shopbeat_queue_jobs_total"]
    );
    assert_eq!(wrong(r#"shopbeat_queue_jobs{face="ready"}"#), ["shopbeat_queue_jobs has no label face"]);
    assert_eq!(
        wrong(r#"shopbeat_queue_jobs{phase=~"ready|orderly"}"#),
        ["shopbeat_queue_jobs: phase is never orderly"]
    );
    assert_eq!(
        wrong(r#"sum by (lane) (shopbeat_queue_jobs{remote="state"})"#),
        ["shopbeat_queue_jobs has no label remote", "nothing here has the label lane"]
    );
}

#[test]
fn each_alert_links_to_its_section_and_can_be_left_out() {
    let all = Objects::of(EVERYTHING);
    let groups = all.get("PrometheusRule", "beat")["spec"]["groups"].as_array().unwrap();
    let rules: Vec<&Value> = groups.iter().flat_map(|group| group["rules"].as_array().unwrap()).collect();
    // One is left out by the value `disabled`.
    assert_eq!(rules.len(), alerts().len() - 1);
    for rule in rules {
        let alert = rule["alert"].as_str().unwrap();
        let link = format!("https://example.com/runbook.md#{}", alert.to_lowercase());
        assert_eq!(rule["annotations"]["runbook_url"], link);
        let expression = rule["expr"].as_str().unwrap();
        assert!(expression.contains(r#"namespace="shops""#), "{alert}: {expression}");
        assert!(["critical", "warning", "info"].contains(&rule["labels"]["severity"].as_str().unwrap()));
        assert_eq!(rule["labels"]["namespace"], "shops", "{alert}");
        let told = rule["annotations"].to_string();
        let named = told.split("$labels.").skip(1).filter_map(|rest| rest.split(' ').next());
        let lost: Vec<_> = named.filter(|label| !grouped(expression).contains(label)).collect();
        assert!(lost.is_empty(), "{alert} tells {lost:?}, which its expression drops");
    }
    let unpublished = Objects::of(&[DEFAULTS, &["--set", "monitoring.prometheusRule.enabled=true"]].concat());
    let rule = &unpublished.get("PrometheusRule", "shopbeat")["spec"]["groups"][0]["rules"][0];
    assert_eq!(rule["annotations"]["runbook"], "charts/docs/runbook.md#shopbeatserviceaway");
}

#[test]
fn an_alert_that_a_single_failure_must_raise_sees_the_first_one_of_a_process() {
    // After it the store is on hold: no second one makes the counter grow.
    let alerts = alerts();
    let refused = alerts.iter().find(|alert| alert["alert"] == "ShopbeatAccessRefused").unwrap();
    let expression = refused["expr"].as_str().unwrap();
    let failures = r#"shopbeat_failures_total{namespace="NAMESPACE",kind="unauthorized"}"#;
    assert!(expression.contains(&format!("{failures} unless {failures} offset 15m")), "{expression}");
}

/// The names of the sections of a part of the runbook.
fn sections<'a>(runbook: &'a str, part: &str) -> BTreeSet<&'a str> {
    let part =
        runbook.split("\n## ").find(|one| one.starts_with(part)).unwrap_or_else(|| panic!("no part {part}"));
    part.lines().filter_map(|line| line.strip_prefix("### ")).collect()
}

#[test]
fn every_alert_has_its_section_in_the_runbook_and_every_section_its_alert() {
    let runbook = text("charts/docs/runbook.md");
    let alerts = alerts();
    let names: BTreeSet<&str> = alerts.iter().map(|alert| alert["alert"].as_str().unwrap()).collect();
    assert_eq!(sections(&runbook, "Alerts"), names);
}

#[test]
fn every_reason_of_the_operator_has_its_section_in_the_runbook_and_every_section_its_reason() {
    let mut made = String::new();
    for reason in REASONS {
        let kind = if reason.is_trouble() { "A person has to do something." } else { "No trouble." };
        made.push_str(&format!(
            "\n### {}\n\n{} {kind}\n\n{}\n",
            reason.name(),
            reason.text(),
            reason.remedy()
        ));
    }
    made.push('\n');
    is_made("charts/docs/runbook.md", "the operator's catalogue", &made);
    let runbook = text("charts/docs/runbook.md");
    assert_eq!(sections(&runbook, "Conditions"), REASONS.iter().map(|reason| reason.name()).collect());
}

#[test]
fn the_rights_that_are_told_are_those_of_the_operators_role() {
    let all = Objects::of(EVERYTHING);
    let mut made = "\n| of | what | may |\n|---|---|---|\n".to_owned();
    for rule in all.get("Role", "-operator")["rules"].as_array().unwrap() {
        let list = |part: &str| {
            let all: Vec<&str> =
                rule[part].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            all.join(", ")
        };
        let group = list("apiGroups");
        let group = if group.is_empty() { "core" } else { &group };
        let named = if rule["resourceNames"].is_null() { "" } else { ", its own by name" };
        made.push_str(&format!("| {group} | {}{named} | {} |\n", list("resources"), list("verbs")));
    }
    made.push('\n');
    is_made("charts/docs/security.md", "the chart's Role", &made);
}

#[test]
fn the_health_check_for_argo_cd_names_reasons_that_there_are() {
    let paper = text("charts/docs/gitops.md");
    let named: Vec<&str> =
        paper.split("condition.reason == \"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert!(named.len() >= 5, "{named:?}");
    let unknown: Vec<_> =
        named.iter().filter(|name| !REASONS.iter().any(|one| one.name() == **name)).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}
