//! Lists: status 206, page and limit, sparse fields.

use serde_json::{Map, Value, json};

use super::call::{Answer, Call, Refusal, Reply};
use crate::facts::PastTheEnd;

const DEFAULT_LIMIT: usize = 20;
const MAX_LIMIT: usize = 1000;

fn bounded(call: &Call<'_>, name: &str, default: usize, max: usize) -> Result<usize, Refusal> {
    let Some(text) = call.param(name) else {
        return Ok(default);
    };
    match text.parse() {
        Ok(number) if (1..=max).contains(&number) => Ok(number),
        Ok(number) if number > max => {
            Err(Refusal::invalid(name, format!("The {name} may not be greater than {max}.")))
        }
        _ => Err(Refusal::invalid(name, format!("The {name} must be at least 1."))),
    }
}

/// One page of `rows` under `key`; only the page's rows are rendered.
pub(super) fn page<T>(call: &Call<'_>, key: &str, rows: &[T], render: impl Fn(&T) -> Value) -> Answer {
    let mut limit = bounded(call, "limit", DEFAULT_LIMIT, MAX_LIMIT)?;
    if let Some(cap) = call.page_cap {
        limit = limit.min(cap.max(1));
    }
    let page = bounded(call, "page", 1, usize::MAX)?;
    let total = rows.len();
    let pages = total.div_ceil(limit).max(1);
    let start = (page - 1).saturating_mul(limit);
    if page > pages && call.facts.past_the_end() == PastTheEnd::Missing {
        return Err(Refusal::Missing);
    }
    let shown: Vec<Value> =
        rows.iter().skip(start).take(limit).map(|row| sparse(call, render(row))).collect();
    Ok(Reply {
        status: 206,
        body: json!({ key: shown, "total": total, "pages": pages, "limit": limit, "page": page }),
    })
}

/// A list without pages, such as settings and product locations.
pub(super) fn whole(call: &Call<'_>, key: &str, rows: Vec<Value>) -> Answer {
    let rows: Vec<Value> = rows.into_iter().map(|row| sparse(call, row)).collect();
    Reply::ok(json!({ key: rows }))
}

/// Keeps what `fields=` asks for; without it everything.
pub(super) fn sparse(call: &Call<'_>, row: Value) -> Value {
    match call.param("fields") {
        None => row,
        Some(fields) => select(row, fields),
    }
}

fn select(row: Value, fields: &str) -> Value {
    match row {
        Value::Array(rows) => rows.into_iter().map(|row| select(row, fields)).collect(),
        Value::Object(mut row) => {
            let mut kept = Map::new();
            for (name, nested) in split(fields) {
                if name == "*" {
                    kept.append(&mut row);
                } else if let Some(value) = row.remove(name) {
                    let value = match nested {
                        Some(nested) => select(value, nested),
                        None => value,
                    };
                    kept.insert(name.to_owned(), value);
                }
            }
            Value::Object(kept)
        }
        other => other,
    }
}

/// `number,locations(number,name)` into names and what stands in their parentheses.
fn split(fields: &str) -> Vec<(&str, Option<&str>)> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0_usize, 0);
    for (at, sign) in fields.char_indices().chain([(fields.len(), ',')]) {
        match sign {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 || at == fields.len() => {
                parts.push(fields[start..at].trim());
                start = (at + 1).min(fields.len());
            }
            _ => {}
        }
    }
    parts
        .into_iter()
        .filter(|part| !part.is_empty())
        .map(|part| match part.split_once('(') {
            Some((name, nested)) => (name, Some(nested.strip_suffix(')').unwrap_or(nested))),
            None => (part, None),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{select, split};
    use serde_json::json;

    #[test]
    fn sparse_fields_select_nested_objects_too() {
        assert_eq!(split("a,b(c,d(e)),f"), [("a", None), ("b", Some("c,d(e)")), ("f", None)]);
        let row =
            json!({ "number": "A", "name": "x", "locations": [{ "number": 1, "name": "Main" }], "z": 1 });
        assert_eq!(
            select(row.clone(), "number,locations(*)"),
            json!({ "number": "A", "locations": [{ "number": 1, "name": "Main" }] })
        );
        assert_eq!(select(row, "locations(number),nothing"), json!({ "locations": [{ "number": 1 }] }));
    }
}
