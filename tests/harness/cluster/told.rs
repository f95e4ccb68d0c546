//! What the API server itself tells about the requests it got: its metrics and its audit log.

use std::collections::BTreeMap;

use serde::Deserialize;

/// Requests as the metric `apiserver_request_total` counts them, with what they asked for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Asked {
    /// `GET`, `LIST`, `WATCH`, `POST`, `PUT`, `PATCH`, `APPLY`, `DELETE`…, in capitals.
    pub verb: String,
    /// API group; empty for the core's.
    pub group: String,
    /// Plural name of the resource.
    pub resource: String,
    /// `status` and the like; empty for the resource itself.
    pub subresource: String,
    /// HTTP status.
    pub code: u16,
}

impl Asked {
    /// Whether it was meant to change something.
    #[must_use]
    pub fn is_write(&self) -> bool {
        !matches!(self.verb.as_str(), "GET" | "LIST" | "WATCH" | "CONNECT" | "WATCHLIST")
    }
}

/// Counts of requests at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Requests(pub BTreeMap<Asked, u64>);

impl Requests {
    /// Reads the text of `/metrics`.
    #[must_use]
    pub fn parse(metrics: &str) -> Self {
        let mut counts = BTreeMap::new();
        for line in metrics.lines() {
            let Some(rest) = line.strip_prefix("apiserver_request_total{") else { continue };
            let Some((labels, value)) = rest.rsplit_once("} ") else { continue };
            let labels: BTreeMap<&str, &str> = labels
                .split("\",")
                .filter_map(|label| label.trim_end_matches('"').split_once("=\""))
                .collect();
            let label = |name| labels.get(name).copied().unwrap_or_default().to_owned();
            let asked = Asked {
                verb: label("verb"),
                group: label("group"),
                resource: label("resource"),
                subresource: label("subresource"),
                code: label("code").parse().unwrap_or_default(),
            };
            // Counters are written as floats once they are large: `1.2345e+06`.
            let whole = value.trim().parse::<rust_decimal::Decimal>().ok();
            let whole = whole.or_else(|| rust_decimal::Decimal::from_scientific(value.trim()).ok());
            let count = whole.and_then(|whole| u64::try_from(whole).ok()).unwrap_or_default();
            *counts.entry(asked).or_default() += count;
        }
        Self(counts)
    }

    /// What came since `before`.
    #[must_use]
    pub fn since(&self, before: &Self) -> Self {
        let grown = self.0.iter().filter_map(|(asked, count)| {
            let more = count.saturating_sub(before.0.get(asked).copied().unwrap_or_default());
            (more > 0).then(|| (asked.clone(), more))
        });
        Self(grown.collect())
    }

    /// Those for which `is_wanted` holds.
    #[must_use]
    pub fn only(&self, is_wanted: impl Fn(&Asked) -> bool) -> Self {
        Self(
            self.0
                .iter()
                .filter(|(asked, _)| is_wanted(asked))
                .map(|(asked, n)| (asked.clone(), *n))
                .collect(),
        )
    }

    /// Their number.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.values().sum()
    }
}

/// One request in the audit log.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Audited {
    /// The same for all lines of one request.
    #[serde(rename = "auditID")]
    pub audit_id: String,
    /// `ResponseStarted` for a watch that goes on, else `ResponseComplete`, or `Panic`.
    pub stage: String,
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`.
    pub verb: String,
    /// The path with its query.
    #[serde(rename = "requestURI")]
    pub uri: String,
    /// Who asked.
    pub user: AuditedUser,
    /// What the client calls itself.
    #[serde(default)]
    pub user_agent: String,
    /// What was asked for; none for paths such as `/readyz`.
    #[serde(default)]
    pub object_ref: Option<AuditedObject>,
    /// What was answered.
    #[serde(default)]
    pub response_status: Option<AuditedAnswer>,
    /// Among them `authorization.k8s.io/decision` and `authorization.k8s.io/reason`, which names the rule that let it.
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
}

/// Who asked.
#[derive(Debug, Clone, Deserialize)]
pub struct AuditedUser {
    /// A service account is `system:serviceaccount:NAMESPACE:NAME`.
    #[serde(default)]
    pub username: String,
    /// Groups.
    #[serde(default)]
    pub groups: Vec<String>,
}

/// What was asked for.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AuditedObject {
    /// Plural name.
    pub resource: String,
    /// Namespace; empty for the cluster's own and for all namespaces.
    pub namespace: String,
    /// Name; empty for lists and where the server chooses one.
    pub name: String,
    /// API group; empty for the core's.
    pub api_group: String,
    /// API version.
    pub api_version: String,
    /// `status` and the like.
    pub subresource: String,
}

/// What was answered.
#[derive(Debug, Clone, Deserialize)]
pub struct AuditedAnswer {
    /// HTTP status.
    #[serde(default)]
    pub code: u16,
}

impl Audited {
    /// Whether it was refused for want of a right.
    #[must_use]
    pub fn is_forbidden(&self) -> bool {
        self.annotations.get("authorization.k8s.io/decision").is_some_and(|decision| decision == "forbid")
    }

    /// Whether it was meant to change something.
    #[must_use]
    pub fn is_write(&self) -> bool {
        !matches!(self.verb.as_str(), "get" | "list" | "watch")
    }

    /// Reads a log; a request that has several lines is told once, by its last. A line that is still being written is
    /// left out.
    #[must_use]
    pub fn parse(log: &str) -> Vec<Self> {
        let mut order = Vec::new();
        let mut last: BTreeMap<String, Self> = BTreeMap::new();
        for line in log.lines().filter_map(|line| serde_json::from_str::<Self>(line).ok()) {
            if !last.contains_key(&line.audit_id) {
                order.push(line.audit_id.clone());
            }
            last.insert(line.audit_id.clone(), line);
        }
        order.iter().filter_map(|id| last.remove(id)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const METRICS: &str = r#"# TYPE apiserver_request_total counter
apiserver_request_total{code="200",component="apiserver",dry_run="",group="",resource="pods",scope="namespace",subresource="status",verb="PATCH",version="v1"} 3
apiserver_request_total{code="200",component="apiserver",dry_run="",group="",resource="pods",scope="cluster",subresource="",verb="LIST",version="v1"} 1.5e+06
apiserver_request_total{code="201",component="apiserver",dry_run="All",group="apps",resource="deployments",scope="namespace",subresource="",verb="POST",version="v1"} 1
process_cpu_seconds_total 1
"#;

    #[test]
    fn counts_are_read_and_subtracted() {
        let requests = Requests::parse(METRICS);
        assert_eq!(requests.total(), 1_500_004);
        assert_eq!(requests.only(Asked::is_write).total(), 4);
        let later = Requests::parse(&METRICS.replace("} 3", "} 5"));
        let grown = later.since(&requests);
        assert_eq!(grown.total(), 2);
        assert!(grown.0.keys().all(|asked| asked.subresource == "status" && asked.code == 200));
    }

    #[test]
    fn a_request_of_several_lines_is_told_once() {
        let line = |id: &str, stage: &str| {
            format!(
                r#"{{"auditID":"{id}","stage":"{stage}","verb":"watch","requestURI":"/","user":{{"username":"u"}},"#
            ) + r#""annotations":{"authorization.k8s.io/decision":"forbid"}}"#
        };
        let log =
            [line("a", "ResponseStarted"), line("b", "ResponseComplete"), line("a", "ResponseComplete")];
        let told = Audited::parse(&(log.join("\n") + "\n{\"auditID\":\"c"));
        let ids: Vec<&str> = told.iter().map(|line| line.audit_id.as_str()).collect();
        assert_eq!(ids, ["a", "b"]);
        assert!(told.iter().all(|line| line.stage == "ResponseComplete" && line.is_forbidden()));
    }
}
