//! Relay connections: pages, cursors and `pageInfo` over the full list of nodes.

use apollo_compiler::executable::Field;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::arguments::{size, text};
use super::execute::{Executor, Found, Nulled};

/// Shopify refuses larger pages ("input arrays max 250 items everywhere").
pub(crate) const LARGEST_PAGE: usize = 250;

struct Page {
    from: usize,
    to: usize,
}

/// Writes one page of `items` as the connection type of `fields`.
pub(crate) fn complete<'a>(
    executor: &mut Executor<'a>,
    fields: &[&'a Field],
    items: &[&Value],
    arguments: &Map<String, Value>,
) -> Result<Value, Nulled> {
    let page = match page_of(items, arguments, executor.page_cap) {
        Ok(page) => page,
        Err(why) => {
            executor.fail(&why, "BAD_REQUEST");
            return Err(Nulled);
        }
    };
    let type_name = fields[0].ty().inner_named_type().as_str();
    let shown = &items[page.from..page.to];
    let mut written = Map::new();
    let selected = executor.collect(type_name, fields.iter().map(|field| &field.selection_set));
    for (key, fields) in selected {
        let value = executor.within(key, |executor| match fields[0].name.as_str() {
            "nodes" => nodes(executor, &fields, shown),
            "edges" => edges(executor, &fields, shown, page.from),
            "pageInfo" => Ok(page_info(executor, &fields, items, &page)),
            "__typename" => Ok(json!(type_name)),
            other => {
                executor.fail(&format!("{type_name}.{other} is not simulated"), "INTERNAL_SERVER_ERROR");
                Err(Nulled)
            }
        })?;
        written.insert(key.to_owned(), value);
    }
    executor.objects += 1;
    Ok(Value::Object(written))
}

fn nodes<'a>(executor: &mut Executor<'a>, fields: &[&'a Field], shown: &[&Value]) -> Result<Value, Nulled> {
    let node_type = fields[0].ty().inner_named_type().as_str();
    let written: Result<Vec<Value>, Nulled> = shown
        .iter()
        .enumerate()
        .map(|(index, item)| {
            executor.within_index(index, |executor| executor.complete_named(fields, node_type, item))
        })
        .collect();
    written.map(Value::Array)
}

fn edges<'a>(
    executor: &mut Executor<'a>,
    fields: &[&'a Field],
    shown: &[&Value],
    offset: usize,
) -> Result<Value, Nulled> {
    let edge_type = fields[0].ty().inner_named_type().as_str();
    let mut written = Vec::with_capacity(shown.len());
    for (index, item) in shown.iter().enumerate() {
        let selected = executor.collect(edge_type, fields.iter().map(|field| &field.selection_set));
        let mut edge = Map::new();
        for (key, fields) in selected {
            let value = match fields[0].name.as_str() {
                "cursor" => json!(cursor(item, offset + index)),
                "__typename" => json!(edge_type),
                _ => executor
                    .within_index(index, |executor| {
                        let none = Map::new();
                        executor.complete_field(&fields, fields[0].ty(), Found::One(item), &none)
                    })?
                    .unwrap_or_default(),
            };
            edge.insert(key.to_owned(), value);
        }
        written.push(Value::Object(edge));
    }
    Ok(Value::Array(written))
}

fn page_info<'a>(executor: &Executor<'a>, fields: &[&'a Field], items: &[&Value], page: &Page) -> Value {
    let ends = |at: Option<usize>| at.map_or(Value::Null, |at| json!(cursor(items[at], at)));
    let filled = page.to > page.from;
    let selected = executor.collect("PageInfo", fields.iter().map(|field| &field.selection_set));
    let written = selected.into_iter().map(|(key, fields)| {
        let value = match fields[0].name.as_str() {
            "hasNextPage" => json!(page.to < items.len()),
            "hasPreviousPage" => json!(page.from > 0),
            "startCursor" => ends(filled.then_some(page.from)),
            "endCursor" => ends(filled.then(|| page.to - 1)),
            _ => json!("PageInfo"),
        };
        (key.to_owned(), value)
    });
    Value::Object(written.collect())
}

fn page_of(items: &[&Value], arguments: &Map<String, Value>, cap: Option<usize>) -> Result<Page, String> {
    let (first, last) = (size(arguments, "first"), size(arguments, "last"));
    if first.is_none() && last.is_none() {
        return Err("you must provide one of first or last".to_owned());
    }
    if first.max(last).is_some_and(|asked| asked > LARGEST_PAGE) {
        return Err(format!("limit exceeds maximum of {LARGEST_PAGE}"));
    }
    let cut = |asked: usize| cap.map_or(asked, |cap| asked.min(cap.max(1)));
    let from = match text(arguments, "after") {
        Some(after) => place_after(items, after)?,
        None => 0,
    };
    if let Some(first) = first {
        return Ok(Page { from, to: items.len().min(from + cut(first)) });
    }
    let to = match text(arguments, "before") {
        Some(before) => place_after(items, before)?.saturating_sub(1),
        None => items.len(),
    };
    Ok(Page { from: from.max(to.saturating_sub(cut(last.unwrap_or_default()))), to })
}

/// A cursor names the node and its sort key, so that a page still starts at the right place
/// when nodes were added or moved meanwhile.
fn cursor(item: &Value, at: usize) -> String {
    STANDARD.encode(json!([sort_key(item, at), identity(item)]).to_string())
}

fn sort_key(item: &Value, at: usize) -> Value {
    item.get("$key").cloned().unwrap_or_else(|| json!(format!("{at:09}")))
}

fn identity(item: &Value) -> &str {
    item.get("$ref").or_else(|| item.get("id")).and_then(Value::as_str).unwrap_or_default()
}

fn place_after(items: &[&Value], cursor: &str) -> Result<usize, String> {
    let broken = || "Invalid cursor for current pagination sort.".to_owned();
    let decoded = STANDARD.decode(cursor).map_err(|_| broken())?;
    let (key, id): (Value, String) = serde_json::from_slice(&decoded).map_err(|_| broken())?;
    let same = |(at, item): &(usize, &&Value)| identity(item) == id && sort_key(item, *at) == key;
    if let Some((at, _)) = items.iter().enumerate().find(same) {
        return Ok(at + 1);
    }
    let wanted = (key.as_str().unwrap_or_default().to_owned(), id);
    let passed = |at: usize| {
        let key = sort_key(items[at], at).as_str().unwrap_or_default().to_owned();
        (key, identity(items[at]).to_owned())
    };
    let falling = items.len() > 1 && passed(0) > passed(items.len() - 1);
    Ok((0..items.len())
        .take_while(|at| if falling { passed(*at) >= wanted } else { passed(*at) <= wanted })
        .count())
}
