//! What went wrong, as a person is told it, and the exit code that a program sees.

use std::time::Duration;

use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::options::BadOptions;

/// The exit codes, for `--help`.
pub const EXIT_CODES: &str = "Exit codes:
  0  done
  1  failed
  2  the command line or the request cannot stand
  3  no such store, order or run
  4  not possible as things are: paused, parked, a missing scope or setting
  5  the service or a remote is away, or it was not done in time: try again
  6  the token is missing, wrong, or not allowed to do this";

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// It failed.
    Failed = 1,
    /// The command line or the request cannot stand.
    Usage = 2,
    /// No such thing.
    NotFound = 3,
    /// Not possible as things are.
    Precondition = 4,
    /// Away, or not done in time.
    Unavailable = 5,
    /// Not allowed.
    NotAllowed = 6,
}

impl Exit {
    /// The code of a status. Exhaustive: a new code forces a decision.
    #[must_use]
    pub fn of(code: Code) -> Self {
        match code {
            Code::InvalidArgument | Code::OutOfRange => Self::Usage,
            Code::NotFound => Self::NotFound,
            Code::FailedPrecondition | Code::AlreadyExists => Self::Precondition,
            // tonic's client says CANCELLED where a deadline passed.
            Code::Unavailable
            | Code::DeadlineExceeded
            | Code::Cancelled
            | Code::Aborted
            | Code::ResourceExhausted => Self::Unavailable,
            Code::Unauthenticated | Code::PermissionDenied => Self::NotAllowed,
            Code::Ok | Code::Unknown | Code::Unimplemented | Code::Internal | Code::DataLoss => Self::Failed,
        }
    }
}

/// A command that did not do what it was told.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{text}")]
pub struct Failed {
    exit: Exit,
    text: String,
}

impl Failed {
    /// With this code and text.
    #[must_use]
    pub fn new(exit: Exit, text: impl Into<String>) -> Self {
        Self { exit, text: text.into() }
    }

    /// How the program ends.
    #[must_use]
    pub fn exit(&self) -> Exit {
        self.exit
    }
}

impl From<Status> for Failed {
    /// Unpacks the details: each wrong field on a line of its own, and when to try again.
    fn from(status: Status) -> Self {
        let details = status.get_error_details();
        let mut lines = Vec::new();
        match details.bad_request().filter(|bad| !bad.field_violations.is_empty()) {
            Some(bad) => {
                lines.push("the request cannot stand:".to_owned());
                lines
                    .extend(bad.field_violations.iter().map(|v| format!("  {}: {}", v.field, v.description)));
            }
            None => lines.push(said(&status)),
        }
        if let Some(failed) = details.precondition_failure() {
            lines.extend(failed.violations.iter().map(|v| format!("  {}: {}", v.subject, v.description)));
        }
        if let Some(wait) = details.retry_info().and_then(|info| info.retry_delay) {
            lines.push(format!("try again in {}", seconds(wait)));
        }
        let exit = if hung_up(&status) { Exit::Unavailable } else { Exit::of(status.code()) };
        Self::new(exit, lines.join("\n"))
    }
}

/// tonic's own words for a connection that ended in the midst of a call: no service says UNKNOWN so.
fn hung_up(status: &Status) -> bool {
    status.code() == Code::Unknown && status.message() == "transport error"
}

fn said(status: &Status) -> String {
    match status.message() {
        _ if hung_up(status) => {
            "the connection ended before an answer came; is --addr that of the gRPC API, with https where it has TLS?"
                .to_owned()
        }
        "" => format!("the service answered {:?}", status.code()),
        // tonic's own words for a deadline that passed here.
        "Timeout expired" => "no answer came in time; what was asked for may go on".to_owned(),
        message => message.to_owned(),
    }
}

fn seconds(wait: Duration) -> String {
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    format!("{seconds} s")
}

/// The exit code of whatever ended the program.
#[must_use]
pub fn exit_code(error: &anyhow::Error) -> u8 {
    let exit = match error.downcast_ref::<Failed>() {
        Some(failed) => failed.exit,
        None if error.is::<BadOptions>() => Exit::Usage,
        None => Exit::Failed,
    };
    exit as u8
}

#[cfg(test)]
mod tests {
    use tonic_types::{ErrorDetails, FieldViolation};

    use super::*;

    #[test]
    fn a_connection_that_ends_is_a_service_that_is_away() {
        let failed = Failed::from(Status::unknown("transport error"));
        assert_eq!(failed.exit(), Exit::Unavailable);
        assert!(failed.to_string().contains("--addr"), "{failed}");
        assert_eq!(Failed::from(Status::unknown("something else")).exit(), Exit::Failed);
    }

    #[test]
    fn every_wrong_field_is_told_on_its_own_line_with_its_remedy() {
        let details = ErrorDetails::with_bad_request(vec![
            FieldViolation::new("shop", "is needed"),
            FieldViolation::new(
                "settings.orders.freight_product",
                "Rackbeat has no product F1; create it there",
            ),
        ]);
        let status = Status::with_error_details(Code::InvalidArgument, "shop: is needed; …", details);
        let failed = Failed::from(status);
        assert_eq!(
            failed.to_string(),
            "the request cannot stand:\n  shop: is needed\n  settings.orders.freight_product: Rackbeat has no \
             product F1; create it there"
        );
        assert_eq!(failed.exit(), Exit::Usage);
    }

    #[test]
    fn the_wait_is_told_in_whole_seconds_rounded_up() {
        let details = ErrorDetails::with_retry_info(Some(Duration::from_millis(4_100)));
        let status = Status::with_error_details(Code::Unavailable, "rackbeat is away", details);
        assert_eq!(Failed::from(status).to_string(), "rackbeat is away\ntry again in 5 s");
    }

    #[test]
    fn each_kind_of_answer_has_its_exit_code() {
        for (code, exit) in [
            (Code::InvalidArgument, 2),
            (Code::NotFound, 3),
            (Code::FailedPrecondition, 4),
            (Code::Unavailable, 5),
            (Code::DeadlineExceeded, 5),
            (Code::Unauthenticated, 6),
            (Code::PermissionDenied, 6),
            (Code::Internal, 1),
        ] {
            let error = anyhow::Error::from(Failed::from(Status::new(code, "words")));
            assert_eq!(exit_code(&error), exit, "{code:?}");
            assert!(EXIT_CODES.contains(&format!("\n  {exit}  ")), "{exit} is not in the help");
        }
        assert_eq!(exit_code(&BadOptions(vec!["x".to_owned()]).into()), 2);
        assert_eq!(exit_code(&anyhow::anyhow!("else")), 1);
    }
}
