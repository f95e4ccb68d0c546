//! What a call to the service met.

use std::time::Duration;

use tonic::{Code, Status};
use tonic_types::StatusExt as _;

/// What is known of a failed call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallErrorKind {
    /// The service, or a remote behind it, is away: try again.
    Away,
    /// It is busy, or somebody else was faster: try again.
    Busy,
    /// It says no, and why: only a change helps.
    Refused,
    /// It knows no such store.
    Missing,
    /// Our token is not good.
    Denied,
}

/// A failed call. Holds no credential: the service's messages never do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{rpc}: {message}")]
pub struct CallError {
    /// What was called.
    pub rpc: &'static str,
    /// What is known.
    pub kind: CallErrorKind,
    /// The status code.
    pub code: Code,
    /// The service's own name for the reason, such as `SHOPIFY_UNAUTHORIZED`; empty if it gave none.
    pub reason: String,
    /// What happened, for people.
    pub message: String,
    /// The fields that cannot stand, as the service names them.
    pub fields: Vec<String>,
    /// When it may be tried again, if the service said so.
    pub retry_after: Option<Duration>,
}

impl CallError {
    /// What the service answered.
    #[must_use]
    pub fn new(rpc: &'static str, status: &Status) -> Self {
        let details = status.get_error_details();
        let reason = details.error_info().map(|info| info.reason.clone()).unwrap_or_default();
        let retry_after = details.retry_info().and_then(|info| info.retry_delay);
        let mut message = status.message().to_owned();
        let mut fields = Vec::new();
        for violation in details.bad_request().iter().flat_map(|bad| &bad.field_violations) {
            fields.push(violation.field.clone());
            if !message.contains(&violation.description) {
                message = format!("{message}; {}: {}", violation.field, violation.description);
            }
        }
        Self { rpc, kind: kind(status.code()), code: status.code(), reason, message, fields, retry_after }
    }

    /// Whether all fields that cannot stand are of this kind: `settings` or `credentials`.
    #[must_use]
    pub fn is_about(&self, what: &str) -> bool {
        const NEITHER: [&str; 5] =
            ["shop", "shop_domain", "agreement_id", "agreement_currency", "managed_by"];
        let is_setting = |field: &String| field.starts_with("settings") || field == "update_mask";
        let is_credential = |field: &String| !is_setting(field) && !NEITHER.contains(&field.as_str());
        let all = |is: &dyn Fn(&String) -> bool| !self.fields.is_empty() && self.fields.iter().all(is);
        if what == "settings" { all(&is_setting) } else { all(&is_credential) }
    }

    /// The code as metrics name it.
    #[must_use]
    pub fn code_name(&self) -> &'static str {
        match self.code {
            Code::Ok => "ok",
            Code::Cancelled => "cancelled",
            Code::Unknown => "unknown",
            Code::InvalidArgument => "invalid_argument",
            Code::DeadlineExceeded => "deadline_exceeded",
            Code::NotFound => "not_found",
            Code::AlreadyExists => "already_exists",
            Code::PermissionDenied => "permission_denied",
            Code::ResourceExhausted => "resource_exhausted",
            Code::FailedPrecondition => "failed_precondition",
            Code::Aborted => "aborted",
            Code::OutOfRange => "out_of_range",
            Code::Unimplemented => "unimplemented",
            Code::Internal => "internal",
            Code::Unavailable => "unavailable",
            Code::DataLoss => "data_loss",
            Code::Unauthenticated => "unauthenticated",
        }
    }
}

fn kind(code: Code) -> CallErrorKind {
    match code {
        Code::Cancelled
        | Code::Unknown
        | Code::DeadlineExceeded
        | Code::Internal
        | Code::Unavailable
        | Code::DataLoss => CallErrorKind::Away,
        Code::ResourceExhausted | Code::Aborted => CallErrorKind::Busy,
        // An older service that lacks a call is the same for us as one that refuses it.
        Code::Ok
        | Code::InvalidArgument
        | Code::AlreadyExists
        | Code::FailedPrecondition
        | Code::OutOfRange
        | Code::Unimplemented => CallErrorKind::Refused,
        Code::NotFound => CallErrorKind::Missing,
        Code::PermissionDenied | Code::Unauthenticated => CallErrorKind::Denied,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tonic_types::ErrorDetails;

    #[test]
    fn reason_field_and_waiting_time_are_taken_from_the_details() {
        let mut details = ErrorDetails::with_bad_request_violation("shopify.token", "is refused");
        details.set_error_info("SHOPIFY_UNAUTHORIZED", "shopbeat", std::collections::HashMap::new());
        details.set_retry_info(Some(Duration::from_secs(7)));
        let status = Status::with_error_details(Code::InvalidArgument, "cannot stand", details);
        let error = CallError::new("ConnectStore", &status);
        assert_eq!((error.kind, error.reason.as_str()), (CallErrorKind::Refused, "SHOPIFY_UNAUTHORIZED"));
        assert_eq!(error.retry_after, Some(Duration::from_secs(7)));
        assert_eq!(error.to_string(), "ConnectStore: cannot stand; shopify.token: is refused");
    }

    #[test]
    fn a_deadline_that_tonic_calls_cancelled_counts_as_away() {
        for code in [Code::Cancelled, Code::DeadlineExceeded, Code::Unavailable, Code::Unknown] {
            assert_eq!(CallError::new("X", &Status::new(code, "")).kind, CallErrorKind::Away);
        }
    }
}
