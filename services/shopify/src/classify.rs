//! From an HTTP status and a body to data or a [`Failure`] that says what is known. Pure.
//!
//! Three layers fail on their own: HTTP, top-level `errors` beside (partial) `data` with HTTP 200, and the
//! `userErrors` of mutations (those are read by each mutation). Non-GraphQL bodies have an `errors` that is a text
//! or an object.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use shopbeat_domain::failure::{Failure, FailureKind, Refusal, Remote};
use shopbeat_domain::limits::RETRY_AFTER_MAX;
use shopbeat_domain::store::Hold;

use crate::cost::Cost;
use crate::wire::{Answered, Operation};

/// What came back.
pub(crate) struct Reply<'a> {
    pub(crate) status: u16,
    /// The header's seconds.
    pub(crate) retry_after: Option<Duration>,
    pub(crate) body: &'a [u8],
}

/// How a call can fail: for good, or because it asked for too much at once.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// The query costs more than any single one may: ask for smaller pages. Nothing was done.
    TooBig(Failure),
    Other(Failure),
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Self::Other(failure)
    }
}

impl From<Trouble> for Failure {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::TooBig(failure) | Trouble::Other(failure) => failure,
        }
    }
}

#[derive(Deserialize)]
struct Envelope {
    #[serde(default)]
    data: Option<Value>,
    #[serde(default)]
    errors: Option<Value>,
    #[serde(default)]
    extensions: Option<Extensions>,
}

#[derive(Deserialize)]
struct Extensions {
    #[serde(default)]
    cost: Option<Value>,
}

#[derive(Debug, Deserialize)]
struct GraphError {
    #[serde(default)]
    message: String,
    #[serde(default)]
    path: Option<Vec<Value>>,
    #[serde(default)]
    extensions: Option<ErrorExtensions>,
}

#[derive(Debug, Deserialize)]
struct ErrorExtensions {
    #[serde(default)]
    code: Option<String>,
}

impl GraphError {
    fn code(&self) -> &str {
        self.extensions.as_ref().and_then(|e| e.code.as_deref()).unwrap_or_default()
    }

    fn dotted_path(&self) -> String {
        let steps = self.path.iter().flatten();
        let steps: Vec<String> =
            steps.map(|step| step.as_str().map_or_else(|| step.to_string(), str::to_owned)).collect();
        steps.join(".")
    }
}

/// Reads a reply. The cost is told even when the call failed: a throttled answer carries the bucket.
pub(crate) fn classify<O: Operation>(
    reply: &Reply<'_>,
) -> (Result<Answered<O::Data>, Trouble>, Option<Cost>) {
    let envelope = serde_json::from_slice::<Envelope>(reply.body).ok();
    let cost = envelope
        .as_ref()
        .and_then(|e| e.extensions.as_ref()?.cost.clone())
        .and_then(|cost| serde_json::from_value::<Cost>(cost).ok());
    let result = match by_status::<O>(reply, envelope.as_ref(), cost.as_ref()) {
        Some(failure) => Err(failure.into()),
        None => match envelope {
            Some(envelope) => by_envelope::<O>(envelope, cost.as_ref()),
            None => Err(unreadable::<O>(reply.body).into()),
        },
    };
    (result, cost)
}

fn fail<O: Operation>(kind: FailureKind, message: impl Into<String>) -> Failure {
    Failure::new(Remote::Shopify, kind, O::NAME, message)
}

/// Their side broke down: a query did nothing, of a mutation nobody knows.
fn broken<O: Operation>(message: impl Into<String>) -> Failure {
    let kind = if O::CHANGES { FailureKind::Unanswered } else { FailureKind::Busy { retry_after: None } };
    fail::<O>(kind, message)
}

/// A body that is no JSON object: a page of HTML, a cut answer, nothing. A mutation may have happened.
fn unreadable<O: Operation>(body: &[u8]) -> Failure {
    let kind = if O::CHANGES { FailureKind::Unanswered } else { FailureKind::Garbled };
    fail::<O>(kind, format!("the answer ({} bytes) is not the JSON of a GraphQL answer", body.len()))
}

fn by_status<O: Operation>(
    reply: &Reply<'_>,
    envelope: Option<&Envelope>,
    cost: Option<&Cost>,
) -> Option<Failure> {
    let status = reply.status;
    let said = envelope.and_then(|e| plain_errors(e.errors.as_ref())).unwrap_or_default();
    let message =
        |what: &str| format!("HTTP {status}: {what}{}{said}", if said.is_empty() { "" } else { ": " });
    Some(match status {
        200 => return None,
        401 => fail::<O>(FailureKind::Unauthorized(None), message("the token is missing, wrong or revoked")),
        402 => fail::<O>(
            FailureKind::Unauthorized(Some(Hold::ShopFrozen)),
            message("the shop is frozen (unpaid)"),
        ),
        423 => fail::<O>(FailureKind::Unauthorized(Some(Hold::ShopFrozen)), message("the shop is locked")),
        403 => fail::<O>(
            FailureKind::Refused(Refusal::Forbidden),
            message("a scope is missing, or it is forbidden"),
        ),
        // The address of the API itself, not what was asked for: nothing was done, and no order is at fault.
        404 => fail::<O>(FailureKind::Unreachable, message("there is no such shop at this address")),
        429 | 430 => {
            let wait = reply.retry_after.or_else(|| cost.and_then(Cost::wait));
            fail::<O>(FailureKind::Busy { retry_after: wait.map(clamp) }, message("too many requests"))
        }
        500.. => broken::<O>(message("Shopify failed")),
        400..500 => fail::<O>(FailureKind::Refused(Refusal::Other), message("the request was not accepted")),
        _ => unreadable::<O>(reply.body),
    })
}

fn clamp(wait: Duration) -> Duration {
    wait.min(RETRY_AFTER_MAX)
}

/// The text of an `errors` that is no list; lists are handled one by one.
fn plain_errors(errors: Option<&Value>) -> Option<String> {
    let text = match errors? {
        Value::String(text) => text.clone(),
        Value::Object(fields) => {
            let mut parts: Vec<String> = fields.iter().map(|(key, value)| format!("{key} {value}")).collect();
            parts.sort();
            parts.join("; ")
        }
        Value::Array(list) => list.first()?.get("message").or(list.first())?.as_str()?.to_owned(),
        Value::Null | Value::Bool(_) | Value::Number(_) => return None,
    };
    Some(text.chars().take(200).collect())
}

fn by_envelope<O: Operation>(envelope: Envelope, cost: Option<&Cost>) -> Result<Answered<O::Data>, Trouble> {
    let data = envelope.data.filter(|data| !data.is_null());
    let errors: Vec<GraphError> = match envelope.errors {
        None | Some(Value::Null) => Vec::new(),
        Some(list @ Value::Array(_)) => {
            serde_json::from_value(list).map_err(|_| unreadable::<O>(b"errors that are no errors"))?
        }
        Some(other) => {
            let said = plain_errors(Some(&other)).unwrap_or_default();
            return Err(fail::<O>(FailureKind::Refused(Refusal::Other), said).into());
        }
    };
    for error in &errors {
        if let Some(trouble) = whole_call::<O>(error, cost) {
            return Err(trouble);
        }
    }
    let Some(data) = data else {
        return Err(match errors.first() {
            Some(error) => refusal::<O>(error),
            None => unreadable::<O>(b"neither data nor errors"),
        }
        .into());
    };
    // A root field that an error emptied is the failure of the call, not an empty answer.
    for error in &errors {
        let root = error.path.iter().flatten().next().and_then(Value::as_str);
        if root.is_none_or(|root| data.get(root).is_none_or(Value::is_null)) {
            return Err(refusal::<O>(error).into());
        }
    }
    let gaps = errors.iter().map(GraphError::dotted_path).collect();
    match serde_json::from_value(data) {
        Ok(data) => Ok(Answered { data, gaps }),
        Err(error) => {
            let kind = if O::CHANGES { FailureKind::Unanswered } else { FailureKind::Garbled };
            // serde's text may quote a value: tell only where it stopped.
            Err(fail::<O>(
                kind,
                format!("the answer is not shaped as the schema says ({:?})", error.classify()),
            )
            .into())
        }
    }
}

/// Errors that are about the whole call, wherever they point.
fn whole_call<O: Operation>(error: &GraphError, cost: Option<&Cost>) -> Option<Trouble> {
    Some(match error.code() {
        "THROTTLED" => {
            let wait = cost.and_then(Cost::wait).map(clamp);
            fail::<O>(FailureKind::Busy { retry_after: wait }, "throttled: the cost bucket is empty").into()
        }
        "MAX_COST_EXCEEDED" => {
            Trouble::TooBig(fail::<O>(FailureKind::Refused(Refusal::Other), error.message.clone()))
        }
        "SHOP_INACTIVE" => fail::<O>(
            FailureKind::Unauthorized(Some(Hold::ShopFrozen)),
            "SHOP_INACTIVE: the shop is frozen or closed",
        )
        .into(),
        "INTERNAL_SERVER_ERROR" => broken::<O>("INTERNAL_SERVER_ERROR").into(),
        _ => return None,
    })
}

fn refusal<O: Operation>(error: &GraphError) -> Failure {
    let denied = error.code() == "ACCESS_DENIED";
    let kind = FailureKind::Refused(if denied { Refusal::Forbidden } else { Refusal::Other });
    let message: String = error.message.chars().take(300).collect();
    let path = error.dotted_path();
    let fields = if path.is_empty() { Vec::new() } else { vec![(path, message.clone())] };
    fail::<O>(kind, message).with_fields(fields)
}
