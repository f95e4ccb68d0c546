//! What went wrong → gRPC status with google.rpc details, in one place. Every match is exhaustive: a new kind of
//! failure or problem does not compile before it has a status.

use std::collections::HashMap;
use std::time::Duration;

use shopbeat_domain::failure::{Failure, FailureKind, Refusal, Remote};
use shopbeat_domain::store::Hold;
use shopbeat_engine::problem::{Problem, Violation};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, FieldViolation, PreconditionViolation, StatusExt as _};

/// The domain of every `ErrorInfo` of ours.
pub const DOMAIN: &str = "shopbeat";

/// A status with an `ErrorInfo`; the reason is `UPPER_SNAKE_CASE` and meant for programs.
#[must_use]
pub fn refuse(code: Code, reason: &str, message: impl Into<String>) -> Status {
    Status::with_error_details(code, message, details(reason, HashMap::new()))
}

/// `INVALID_ARGUMENT` with these violations.
#[must_use]
pub fn bad_request(violations: Vec<FieldViolation>) -> Status {
    let message = violations
        .iter()
        .map(|violation| format!("{}: {}", violation.field, violation.description))
        .collect::<Vec<_>>()
        .join("; ");
    let mut details = details("BAD_REQUEST", HashMap::new());
    details.set_bad_request(violations);
    Status::with_error_details(Code::InvalidArgument, message, details)
}

/// `NOT_FOUND`; also for what belongs to another agreement, so that nobody learns what others have.
#[must_use]
pub fn unknown(what: &str, name: &str) -> Status {
    let reason = format!("{}_UNKNOWN", what.to_ascii_uppercase().replace(' ', "_"));
    refuse(Code::NotFound, &reason, format!("no {what} {name:?}"))
}

/// What the engine could not do.
#[must_use]
pub fn problem(problem: Problem) -> Status {
    match problem {
        Problem::Unknown { what, name } => unknown(what, &name),
        Problem::BadInput(violations) => bad_request(violations.into_iter().map(violation).collect()),
        Problem::Precondition { reason, message } => refuse(Code::FailedPrecondition, reason, message),
        Problem::Failed { failure, retry_after } => failed(&failure, retry_after),
    }
}

fn violation(Violation { field, problem }: Violation) -> FieldViolation {
    FieldViolation::new(field, problem)
}

/// A failed call of a port, with the engine's word on when to ask again.
#[must_use]
pub fn failure(failure: &Failure) -> Status {
    failed(failure, shopbeat_engine::retry::ask_again_after(failure))
}

fn failed(failure: &Failure, retry_after: Duration) -> Status {
    let (code, kind) = match &failure.kind {
        FailureKind::Busy { .. } => (Code::Unavailable, "BUSY"),
        FailureKind::Unreachable => (Code::Unavailable, "UNREACHABLE"),
        // Every call of the API is safe to repeat, so that the caller need not know whether it was done.
        FailureKind::Unanswered => (Code::Unavailable, "UNANSWERED"),
        FailureKind::Refused(refusal) => (Code::FailedPrecondition, refused(*refusal)),
        FailureKind::Missing => (Code::NotFound, "MISSING"),
        FailureKind::Conflict => (Code::Aborted, "CONFLICT"),
        FailureKind::Garbled => (garbled(failure.remote), "GARBLED"),
        FailureKind::Unauthorized(hold) => (unauthorized(failure.remote), held(*hold)),
    };
    let metadata = HashMap::from([("call".to_owned(), failure.call.clone())]);
    let mut details = details(&format!("{}_{kind}", remote(failure.remote)), metadata);
    if matches!(code, Code::Unavailable | Code::Aborted) {
        details.set_retry_info(Some(retry_after));
    }
    if !failure.fields.is_empty() {
        let violations = failure.fields.iter().map(|(field, problem)| {
            PreconditionViolation::new(remote(failure.remote), field.clone(), problem.clone())
        });
        details.set_precondition_failure(violations.collect::<Vec<_>>());
    }
    Status::with_error_details(code, failure.to_string(), details)
}

fn details(reason: &str, metadata: HashMap<String, String>) -> ErrorDetails {
    let mut details = ErrorDetails::new();
    details.set_error_info(reason, DOMAIN, metadata);
    details
}

fn remote(remote: Remote) -> &'static str {
    match remote {
        Remote::Shopify => "SHOPIFY",
        Remote::Rackbeat => "RACKBEAT",
        Remote::State => "STATE",
    }
}

/// A remote's unreadable answer passes (an HTML page of some proxy); a record of ours that does not open is lost.
fn garbled(remote: Remote) -> Code {
    match remote {
        Remote::Shopify | Remote::Rackbeat => Code::Unavailable,
        Remote::State => Code::DataLoss,
    }
}

/// The store's credentials are the caller's to correct, the state's are ours.
fn unauthorized(remote: Remote) -> Code {
    match remote {
        Remote::Shopify | Remote::Rackbeat => Code::FailedPrecondition,
        Remote::State => Code::Unavailable,
    }
}

fn held(hold: Option<Hold>) -> &'static str {
    match hold {
        None | Some(Hold::TokenDead) => "UNAUTHORIZED",
        Some(Hold::Uninstalled) => "UNINSTALLED",
        Some(Hold::ShopFrozen) => "SHOP_FROZEN",
    }
}

fn refused(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::BarredItem => "BARRED_ITEM",
        Refusal::UnknownItem => "UNKNOWN_ITEM",
        Refusal::UnknownCustomer => "UNKNOWN_CUSTOMER",
        Refusal::Duplicate => "DUPLICATE",
        Refusal::NoChange => "NO_CHANGE",
        Refusal::Locked => "LOCKED",
        Refusal::NothingToShip => "NOTHING_TO_SHIP",
        Refusal::NotFilterable => "NOT_FILTERABLE",
        Refusal::Forbidden => "FORBIDDEN",
        Refusal::Other => "REFUSED",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds() -> Vec<FailureKind> {
        let refusals = [
            Refusal::BarredItem,
            Refusal::UnknownItem,
            Refusal::UnknownCustomer,
            Refusal::Duplicate,
            Refusal::NoChange,
            Refusal::Locked,
            Refusal::NothingToShip,
            Refusal::NotFilterable,
            Refusal::Forbidden,
            Refusal::Other,
        ];
        let holds = [None, Some(Hold::Uninstalled), Some(Hold::TokenDead), Some(Hold::ShopFrozen)];
        let plain = [
            FailureKind::Busy { retry_after: Some(Duration::from_secs(7)) },
            FailureKind::Busy { retry_after: None },
            FailureKind::Unreachable,
            FailureKind::Unanswered,
            FailureKind::Missing,
            FailureKind::Conflict,
            FailureKind::Garbled,
        ];
        let refused = refusals.into_iter().map(FailureKind::Refused);
        plain.into_iter().chain(refused).chain(holds.into_iter().map(FailureKind::Unauthorized)).collect()
    }

    #[test]
    fn every_failure_of_every_remote_has_a_status_a_reason_and_a_wait_where_waiting_helps() {
        for remote in [Remote::Shopify, Remote::Rackbeat, Remote::State] {
            for kind in kinds() {
                let status = failure(&Failure::new(remote, kind.clone(), "GET /x", "words"));
                let details = status.get_error_details();
                let info = details.error_info().unwrap();
                assert_ne!(status.code(), Code::Unknown, "{kind:?}");
                assert_eq!(info.domain, DOMAIN);
                assert!(info.reason.starts_with(super::remote(remote)), "{}", info.reason);
                let helps = matches!(status.code(), Code::Unavailable | Code::Aborted);
                assert_eq!(details.retry_info().is_some(), helps, "{remote:?} {kind:?}");
            }
        }
    }

    #[test]
    fn a_remote_that_is_down_is_unavailable_and_what_it_refuses_is_a_failed_precondition() {
        let of = |kind| failure(&Failure::new(Remote::Rackbeat, kind, "POST /orders", "words")).code();
        for down in
            [FailureKind::Unreachable, FailureKind::Unanswered, FailureKind::Busy { retry_after: None }]
        {
            assert_eq!(of(down), Code::Unavailable);
        }
        assert_eq!(of(FailureKind::Refused(Refusal::BarredItem)), Code::FailedPrecondition);
        assert_eq!(of(FailureKind::Unauthorized(None)), Code::FailedPrecondition);
    }

    #[test]
    fn the_wait_that_a_remote_asked_for_is_passed_on() {
        let busy = FailureKind::Busy { retry_after: Some(Duration::from_secs(7)) };
        let status = failure(&Failure::new(Remote::Rackbeat, busy, "GET /x", "429"));
        let wait = status.get_error_details().retry_info().unwrap().retry_delay.unwrap();
        assert_eq!(wait, Duration::from_secs(7));
    }

    #[test]
    fn fields_that_a_remote_refused_are_told_one_by_one() {
        let refused = Failure::new(Remote::Rackbeat, FailureKind::Refused(Refusal::Other), "POST /x", "422")
            .with_fields(vec![("lines.0.item".to_owned(), "is barred".to_owned())]);
        let details = failure(&refused).get_error_details();
        let violation = &details.precondition_failure().unwrap().violations[0];
        assert_eq!(
            (violation.subject.as_str(), violation.description.as_str()),
            ("lines.0.item", "is barred")
        );
    }

    #[test]
    fn every_problem_has_its_code() {
        let failure = Failure::new(Remote::State, FailureKind::Unreachable, "PING", "refused");
        for (given, code, reason) in [
            (Problem::Unknown { what: "store", name: "x".to_owned() }, Code::NotFound, "STORE_UNKNOWN"),
            (
                Problem::BadInput(vec![Violation::new("shop", "is needed")]),
                Code::InvalidArgument,
                "BAD_REQUEST",
            ),
            (Problem::precondition("STORE_PAUSED", "resume it"), Code::FailedPrecondition, "STORE_PAUSED"),
            (Problem::from(failure), Code::Unavailable, "STATE_UNREACHABLE"),
        ] {
            let status = problem(given);
            assert_eq!(status.code(), code);
            assert_eq!(status.get_error_details().error_info().unwrap().reason, reason);
        }
    }
}
