//! Reports of what stands in the way of a good connection.

use shopbeat_domain::preflight::{Check, Finding, Report, Severity};
use shopbeat_proto::v1;

use super::{decimal, estimate};

/// A report as a message.
#[must_use]
pub fn preflight(report: &Report) -> v1::PreflightResponse {
    let Report { findings, counts, variants, estimate: expected, rates } = report;
    v1::PreflightResponse {
        findings: findings.iter().map(finding).collect(),
        counts: counts.iter().map(|(check, count)| finding_count(*check, *count)).collect(),
        worst: report.worst().map_or(v1::Severity::Unspecified, severity).into(),
        variants: *variants,
        estimate: expected.map(estimate),
        rates: rates
            .iter()
            .map(|(group, percent)| v1::GroupVat { group: *group, percent: decimal(*percent) })
            .collect(),
    }
}

fn finding(finding: &Finding) -> v1::Finding {
    let Finding { check, subject, message, link } = finding;
    v1::Finding {
        code: check.name().to_owned(),
        severity: severity(check.severity()).into(),
        subject: subject.clone(),
        message: message.clone(),
        remedy: check.remedy().to_owned(),
        link: link.clone().unwrap_or_default(),
    }
}

fn finding_count(check: Check, count: u64) -> v1::FindingCount {
    v1::FindingCount { code: check.name().to_owned(), severity: severity(check.severity()).into(), count }
}

fn severity(severity: Severity) -> v1::Severity {
    match severity {
        Severity::Info => v1::Severity::Info,
        Severity::Warning => v1::Severity::Warning,
        Severity::Error => v1::Severity::Error,
    }
}
