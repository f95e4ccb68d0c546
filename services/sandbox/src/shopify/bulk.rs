//! Bulk operations: a query run over the whole shop, its rows written to a JSONL file.

use apollo_compiler::ExecutableDocument;
use apollo_compiler::executable::{Field, Selection, SelectionSet};
use apollo_compiler::validation::Valid;
use bytes::Bytes;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::bulk_export::{Work, begin, export_some};
use super::docs::gid;
use super::graphql::{self, text};
use super::order_doc::instant;
use super::shop::Shop;
use super::webhook::Event;
use crate::facts::BulkFull;

/// At once, per app and shop, since 2026-01.
const AT_ONCE: usize = 5;
const MOST_CONNECTIONS: usize = 5;
const DEEPEST: usize = 2;

/// What goes wrong with a bulk operation started later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BulkFault {
    /// The file ends after half of its lines.
    CutAtLineEnd,
    /// The file ends in the middle of a line.
    CutMidLine,
    /// `objectCount` says one more than the file has lines.
    WrongCount,
    /// All tokens are revoked while it runs: it ends FAILED with ACCESS_DENIED. A legacy token goes too.
    TokensRevoked,
    /// It ends FAILED with this error code, half of the rows behind `partialDataUrl`.
    Failed(&'static str),
}

/// One bulk operation.
#[derive(Debug)]
pub(crate) struct BulkJob {
    pub(crate) id: u64,
    status: &'static str,
    /// The whole file, built once.
    pub(super) text: Bytes,
    pub(super) rows: usize,
    pub(super) roots: usize,
    pub(super) error: Option<&'static str>,
    fault: Option<BulkFault>,
    polls: u32,
    created_at: Timestamp,
    completed_at: Option<Timestamp>,
    link: String,
    announced: bool,
    /// What is still to be exported.
    pub(super) work: Option<Work>,
}

impl BulkJob {
    /// Whether the tokens are revoked at this look, the first at which it is seen running.
    pub(crate) fn revokes_tokens(&self) -> bool {
        self.fault == Some(BulkFault::TokensRevoked) && self.polls == 1
    }

    pub(super) fn is_open(&self) -> bool {
        matches!(self.status, "CREATED" | "RUNNING")
    }

    /// Moves on by one look: RUNNING for `needed` looks, then finished.
    pub(crate) fn polled(&mut self, needed: u32, now: Timestamp) {
        if !self.is_open() {
            return;
        }
        self.polls += 1;
        if self.polls <= needed || self.work.is_some() {
            self.status = "RUNNING";
            return;
        }
        self.completed_at = Some(now);
        match self.fault {
            Some(BulkFault::Failed(code)) => self.error = Some(code),
            Some(BulkFault::TokensRevoked) => self.error = Some("ACCESS_DENIED"),
            Some(BulkFault::CutAtLineEnd | BulkFault::CutMidLine | BulkFault::WrongCount) | None => {}
        }
        self.status = if self.error.is_some() { "FAILED" } else { "COMPLETED" };
    }

    /// The file as it is served.
    pub(crate) fn file(&self) -> Bytes {
        let half = self.line_end(self.rows / 2);
        match self.fault {
            Some(BulkFault::CutAtLineEnd | BulkFault::Failed(_)) => self.text.slice(..half),
            Some(BulkFault::CutMidLine) => {
                self.text.slice(..usize::midpoint(half, self.line_end(self.rows / 2 + 1)))
            }
            Some(BulkFault::WrongCount | BulkFault::TokensRevoked) | None => self.text.clone(),
        }
    }

    /// Where the first `lines` lines end.
    fn line_end(&self, lines: usize) -> usize {
        let ends = self.text.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
        lines.checked_sub(1).and_then(|last| ends.map(|(at, _)| at + 1).nth(last)).unwrap_or_default()
    }

    pub(crate) fn document(&self) -> Value {
        let done = self.status == "COMPLETED";
        let extra = usize::from(self.fault == Some(BulkFault::WrongCount));
        let shown = if matches!(self.status, "CREATED") { 0 } else { self.rows + extra };
        let size = self.text.len();
        let full = self.rows > 0;
        json!({
            "__typename": "BulkOperation",
            "id": gid("BulkOperation", self.id),
            "status": self.status,
            "type": "QUERY",
            "errorCode": self.error,
            "objectCount": shown.to_string(),
            "rootObjectCount": self.roots.to_string(),
            "fileSize": (done && full).then(|| size.to_string()),
            "url": (done && full).then(|| self.link.clone()),
            "partialDataUrl": (self.status == "FAILED" && full).then(|| self.link.clone()),
            "createdAt": instant(self.created_at),
            "completedAt": self.completed_at.map(instant),
        })
    }
}

/// Events of operations that finished since the last call.
pub(crate) fn finished(shop: &mut Shop) -> Vec<Event> {
    let mut events = Vec::new();
    for job in shop.bulk.values_mut().filter(|job| !job.is_open() && !job.announced) {
        job.announced = true;
        events.push(Event {
            topic: "BULK_OPERATIONS_FINISH",
            body: json!({
                "admin_graphql_api_id": gid("BulkOperation", job.id),
                "completed_at": job.completed_at.map(instant),
                "created_at": instant(job.created_at),
                // Lower-case here, upper-case in GraphQL.
                "error_code": job.error.map(str::to_lowercase),
                "status": job.status.to_lowercase(),
                "type": "query",
            }),
            at: job.completed_at.unwrap_or(job.created_at),
            action: job.id,
        });
    }
    events
}

/// `bulkOperationRunQuery`.
pub(crate) fn start(shop: &mut Shop, arguments: &Map<String, Value>) -> Value {
    let refuse = |code: &str, message: &str| {
        let error = json!([{ "field": ["query"], "message": message, "code": code }]);
        json!({ "bulkOperation": null, "userErrors": error })
    };
    if shop.bulk.values().filter(|job| job.is_open()).count() >= AT_ONCE {
        let code = match shop.core.facts.bulk_full() {
            BulkFull::LimitReached => "LIMIT_REACHED",
            BulkFull::InProgress => "OPERATION_IN_PROGRESS",
        };
        return refuse(code, "The limit of concurrent bulk query operations is reached");
    }
    let document = match graphql::check(text(arguments, "query").unwrap_or_default()) {
        Ok(document) => document,
        Err(errors) => {
            let why = errors.first().and_then(|error| error["message"].as_str()).unwrap_or("invalid");
            return refuse("INVALID", &format!("Invalid bulk query: {why}"));
        }
    };
    if let Err(why) = acceptable(&document) {
        return refuse("INVALID", why);
    }
    let id = shop.ids.take();
    let grouped = arguments.get("groupObjects").and_then(Value::as_bool).unwrap_or_default();
    let work = begin(shop, document, grouped);
    let small = work.is_small();
    let job = BulkJob {
        id,
        status: "CREATED",
        rows: 0,
        text: Bytes::new(),
        roots: 0,
        error: None,
        fault: shop.bulk_plan.pop_front(),
        polls: 0,
        created_at: shop.stamp(),
        completed_at: None,
        link: format!("{}/{}/bulk/{id}.jsonl", shop.origin, shop.spec.domain),
        announced: false,
        work: Some(work),
    };
    let shown = job.document();
    shop.bulk.insert(id, job);
    while small && export_some(shop, id) {}
    json!({ "bulkOperation": shown, "userErrors": [] })
}

/// `bulkOperationCancel`.
pub(crate) fn cancel(shop: &mut Shop, arguments: &Map<String, Value>) -> Value {
    let id = text(arguments, "id").unwrap_or_default().to_owned();
    let now = shop.stamp();
    let found = shop.bulk.values_mut().find(|job| gid("BulkOperation", job.id) == id);
    let refuse = |job: Value, why: &str| json!({ "bulkOperation": job, "userErrors": [{ "field": ["id"], "message": why }] });
    match found {
        None => refuse(Value::Null, "Bulk operation does not exist"),
        Some(job) if !job.is_open() => {
            let why = "A bulk operation cannot be canceled when it is completed";
            refuse(job.document(), why)
        }
        Some(job) => {
            job.status = "CANCELED";
            job.completed_at = Some(now);
            json!({ "bulkOperation": job.document(), "userErrors": [] })
        }
    }
}

/// Shopify's limits on a bulk query.
fn acceptable(document: &Valid<ExecutableDocument>) -> Result<(), &'static str> {
    let operation =
        document.operations.get(None).map_err(|_| "Bulk queries must contain exactly one operation")?;
    if !operation.is_query() {
        return Err("Bulk operation queries must be queries");
    }
    let mut count = 0;
    let deepest = survey(document, &operation.selection_set, 0, &mut count)?;
    if count == 0 {
        return Err("Bulk queries must contain at least one connection");
    }
    if count > MOST_CONNECTIONS {
        return Err("Bulk queries cannot contain more than 5 connections");
    }
    if deepest > DEEPEST + 1 {
        return Err("Bulk queries cannot contain connections nested more than 2 levels deep");
    }
    Ok(())
}

fn survey(
    document: &Valid<ExecutableDocument>,
    set: &SelectionSet,
    depth: usize,
    count: &mut usize,
) -> Result<usize, &'static str> {
    let mut deepest = depth;
    for selection in &set.selections {
        let below = match selection {
            Selection::Field(field) => {
                let name = field.name.as_str();
                if depth == 0 && set.ty == "QueryRoot" && matches!(name, "node" | "nodes") {
                    return Err("Bulk queries cannot contain top level node or nodes fields");
                }
                let connection = is_connection(field);
                if connection {
                    *count += 1;
                    nodes_have_ids(field)?;
                }
                survey(document, &field.selection_set, depth + usize::from(connection), count)?
            }
            Selection::InlineFragment(inline) => survey(document, &inline.selection_set, depth, count)?,
            Selection::FragmentSpread(spread) => match document.fragments.get(&spread.fragment_name) {
                Some(fragment) => survey(document, &fragment.selection_set, depth, count)?,
                None => depth,
            },
        };
        deepest = deepest.max(below);
    }
    Ok(deepest)
}

fn is_connection(field: &Field) -> bool {
    !field.ty().is_list() && field.ty().inner_named_type().ends_with("Connection")
}

fn nodes_have_ids(field: &Field) -> Result<(), &'static str> {
    let slice = graphql::slice()?;
    let name = field.ty().inner_named_type().trim_end_matches("Connection");
    // A slice may hold a connection whose node type is never asked for.
    if slice.schema.types.contains_key(name) && !slice.satisfies(name, "Node") {
        return Err("Connection fields' nodes must implement the Node interface in bulk queries");
    }
    Ok(())
}
