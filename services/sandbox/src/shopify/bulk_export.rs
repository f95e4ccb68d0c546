//! The export behind a bulk operation: rows of a JSONL file, a few at a time.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use apollo_compiler::ExecutableDocument;
use apollo_compiler::executable::Field;
use apollo_compiler::validation::Valid;
use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::SharedShop;
use super::graphql::{self, Executor, GUARDING, Postponed};
use super::shop::Shop;
use crate::seed::Seeded;

/// Root objects exported while the shop's other calls wait.
const AT_ONE_GO: usize = 200;

/// An export under way.
#[derive(Debug)]
pub(super) struct Work {
    document: Arc<Valid<ExecutableDocument>>,
    grouped: bool,
    /// What is left of each root connection; other root fields whole.
    roots: Map<String, Value>,
    rows: Vec<String>,
    count: usize,
    error: Option<&'static str>,
    claimed: bool,
}

impl Work {
    /// Whether it is done in one go.
    pub(super) fn is_small(&self) -> bool {
        self.roots.values().filter_map(Value::as_array).all(|left| left.len() <= AT_ONE_GO)
    }
}

pub(super) fn begin(shop: &mut Shop, document: Arc<Valid<ExecutableDocument>>, grouped: bool) -> Work {
    let roots = match document.operations.get(None) {
        Ok(operation) => graphql::resolve_roots(shop, &document, operation, &Map::new()),
        Err(_) => Map::new(),
    };
    Work { document, grouped, roots, rows: Vec::new(), count: 0, error: None, claimed: false }
}

/// Exports what nobody else exports yet, beside the shop's other calls: its lock is held for a few rows at a time.
pub(crate) fn export_waiting(shop: &mut Shop, owner: &SharedShop) {
    for job in shop.bulk.values_mut() {
        let (id, Some(work)) = (job.id, &mut job.work) else {
            continue;
        };
        if std::mem::replace(&mut work.claimed, true) {
            continue;
        }
        let owner = Arc::clone(owner);
        tokio::task::spawn_blocking(move || {
            while export_some(&mut owner.lock().unwrap_or_else(PoisonError::into_inner), id) {
                // The lock is not fair: without a pause the other calls would never get it.
                std::thread::sleep(Duration::from_millis(1));
            }
        });
    }
}

/// Exports the next few root objects; whether there is more.
pub(super) fn export_some(shop: &mut Shop, id: u64) -> bool {
    let Some(mut work) = shop.bulk.get_mut(&id).and_then(|job| job.work.take()) else {
        return false;
    };
    let mut part = Map::new();
    let mut more = false;
    for (key, left) in &mut work.roots {
        let taken = match left {
            Value::Array(left) => {
                let rest = left.split_off(left.len().min(AT_ONE_GO));
                more |= !rest.is_empty();
                Value::Array(std::mem::replace(left, rest))
            }
            whole => whole.clone(),
        };
        part.insert(key.clone(), taken);
    }
    export(shop, &mut work, &part);
    if let Some(job) = shop.bulk.get_mut(&id).filter(|job| job.is_open()) {
        if more {
            job.work = Some(work);
            return true;
        }
        if !work.grouped {
            Seeded::labelled(shop.core.seed, &format!("bulk {id}")).shuffle(&mut work.rows);
        }
        (job.rows, job.roots, job.error) = (work.rows.len(), work.count, work.error);
        job.text = lines(work.rows);
    }
    false
}

fn export(shop: &Shop, work: &mut Work, roots: &Map<String, Value>) {
    let (Ok(slice), Ok(operation)) = (graphql::slice(), work.document.operations.get(None)) else {
        work.error = Some("INTERNAL_SERVER_ERROR");
        return;
    };
    let variables = Map::new();
    let missing: Vec<&'static str> = GUARDING.into_iter().filter(|scope| !shop.has_scope(scope)).collect();
    let mut executor = Executor::new(slice, &work.document, &variables, &shop.docs, None, &missing);
    executor.postponed = Some(Vec::new());
    let fields = executor.collect("QueryRoot", [&operation.selection_set]);
    let completed = executor.complete_object("QueryRoot", fields, roots);
    for connection in executor.postponed.replace(Vec::new()).unwrap_or_default() {
        work.count += connection.items.len();
        write_rows(&mut executor, &connection, None, &mut work.rows);
    }
    let denied = executor.errors.iter().any(|error| error["extensions"]["code"] == "ACCESS_DENIED");
    let error = match (denied, completed.is_err() || !executor.errors.is_empty()) {
        (true, _) => Some("ACCESS_DENIED"),
        (false, true) => Some("INTERNAL_SERVER_ERROR"),
        (false, false) => None,
    };
    work.error = work.error.or(error);
}

/// One line per node; nested connections' nodes follow it and name it in `__parentId`. A connection
/// below an object that is no row of its own (inventoryItem) belongs to the nearest row.
fn write_rows<'a>(
    executor: &mut Executor<'a>,
    connection: &Postponed<'a>,
    parent: Option<&str>,
    rows: &mut Vec<String>,
) {
    let connection_type = connection.fields[0].ty().inner_named_type().as_str();
    let sets = connection.fields.iter().map(|field| &field.selection_set);
    let wrapped = executor.collect(connection_type, sets);
    let node_fields: Vec<&'a Field> = wrapped
        .iter()
        .flat_map(|(_, fields)| fields)
        .flat_map(|field| match field.name.as_str() {
            "nodes" => vec![*field],
            "edges" => node_of_edge(executor, field),
            _ => Vec::new(),
        })
        .collect();
    let Some(first) = node_fields.first() else {
        return;
    };
    let node_type = first.ty().inner_named_type().as_str();
    for item in &connection.items {
        let reference = item.get("$ref").and_then(Value::as_str);
        // Deleted since the operation started.
        if reference.is_some_and(|id| !executor.docs.knows(id)) {
            continue;
        }
        let Ok(mut row) = executor.complete_named(&node_fields, node_type, item) else {
            continue;
        };
        let nested = executor.postponed.replace(Vec::new()).unwrap_or_default();
        let id = reference.or_else(|| item.get("id").and_then(Value::as_str)).unwrap_or_default();
        if let Some(parent) = parent {
            row["__parentId"] = json!(parent);
        }
        rows.push(row.to_string());
        for below in nested {
            write_rows(executor, &below, Some(id), rows);
        }
    }
}

fn node_of_edge<'a>(executor: &Executor<'a>, edges: &'a Field) -> Vec<&'a Field> {
    let edge_type = edges.ty().inner_named_type().as_str();
    executor
        .collect(edge_type, [&edges.selection_set])
        .into_iter()
        .flat_map(|(_, fields)| fields)
        .filter(|field| field.name == "node")
        .collect()
}

/// The rows one a line; each is dropped as soon as it is written.
fn lines(rows: Vec<String>) -> Bytes {
    let mut text = String::with_capacity(rows.iter().map(|row| row.len() + 1).sum());
    for row in rows {
        text.push_str(&row);
        text.push('\n');
    }
    Bytes::from(text)
}
