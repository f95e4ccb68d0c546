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

/// The page a call asks for.
pub(super) struct Window {
    /// Rows before it.
    pub(super) start: usize,
    /// Rows on it at most.
    pub(super) limit: usize,
    page: usize,
}

impl Window {
    pub(super) fn of(call: &Call<'_>) -> Result<Self, Refusal> {
        let mut limit = bounded(call, "limit", DEFAULT_LIMIT, MAX_LIMIT)?;
        if let Some(cap) = call.page_cap {
            limit = limit.min(cap.max(1));
        }
        let page = bounded(call, "page", 1, usize::MAX)?;
        Ok(Self { start: (page - 1).saturating_mul(limit), limit, page })
    }

    /// The answer with the page's rows, `total` being those of all pages.
    pub(super) fn reply(self, call: &Call<'_>, key: &str, total: usize, shown: Value) -> Answer {
        let Self { limit, page, .. } = self;
        let pages = total.div_ceil(limit).max(1);
        if page > pages && call.facts.past_the_end() == PastTheEnd::Missing {
            return Err(Refusal::Missing);
        }
        let mut body = json!({ "total": total, "pages": pages, "limit": limit, "page": page });
        body[key] = shown;
        Ok(Reply { status: 206, body })
    }
}

/// One page of `rows` under `key`; only the page's rows are rendered.
pub(super) fn page<T>(call: &Call<'_>, key: &str, rows: &[T], render: impl Fn(&T) -> Value) -> Answer {
    let window = Window::of(call)?;
    let fields = Fields::of(call);
    let shown = rows.iter().skip(window.start).take(window.limit);
    let shown = shown.map(|row| select(render(row), fields.as_ref())).collect();
    window.reply(call, key, rows.len(), shown)
}

/// A list without pages, such as settings and product locations.
pub(super) fn whole(call: &Call<'_>, key: &str, rows: Vec<Value>) -> Answer {
    let fields = Fields::of(call);
    let rows: Vec<Value> = rows.into_iter().map(|row| select(row, fields.as_ref())).collect();
    Reply::ok(json!({ key: rows }))
}

/// Keeps what `fields=` asks for; without it everything.
pub(super) fn sparse(call: &Call<'_>, row: Value) -> Value {
    select(row, Fields::of(call).as_ref())
}

/// `fields=number,locations(number,name)`: names, each with what stands in its parentheses.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fields(Vec<(String, Option<Fields>)>);

impl Fields {
    pub(super) fn of(call: &Call<'_>) -> Option<Self> {
        call.param("fields").map(Self::parse)
    }

    fn parse(text: &str) -> Self {
        let nested = |part: &str| match part.split_once('(') {
            Some((name, nested)) => {
                (name.to_owned(), Some(Self::parse(nested.strip_suffix(')').unwrap_or(nested))))
            }
            None => (part.to_owned(), None),
        };
        Self(split(text).into_iter().map(nested).collect())
    }

    /// Whether a row shows this key.
    pub(super) fn names(&self, key: &str) -> bool {
        self.0.iter().any(|(name, _)| name == key || name == "*")
    }
}

pub(super) fn select(row: Value, fields: Option<&Fields>) -> Value {
    let Some(fields) = fields else {
        return row;
    };
    match row {
        Value::Array(rows) => rows.into_iter().map(|row| select(row, Some(fields))).collect(),
        Value::Object(mut row) => {
            let mut kept = Map::new();
            for (name, nested) in &fields.0 {
                if name == "*" {
                    kept.append(&mut row);
                } else if let Some(value) = row.remove(name) {
                    kept.insert(name.clone(), select(value, nested.as_ref()));
                }
            }
            Value::Object(kept)
        }
        other => other,
    }
}

/// The parts between the commas that stand in no parentheses.
fn split(fields: &str) -> Vec<&str> {
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
    parts.retain(|part| !part.is_empty());
    parts
}

#[cfg(test)]
mod tests {
    use super::{Fields, select, split};
    use serde_json::json;

    #[test]
    fn sparse_fields_select_nested_objects_too() {
        assert_eq!(split("a,b(c,d(e)),f"), ["a", "b(c,d(e))", "f"]);
        let row =
            json!({ "number": "A", "name": "x", "locations": [{ "number": 1, "name": "Main" }], "z": 1 });
        let shown = |fields: &str| select(row.clone(), Some(&Fields::parse(fields)));
        assert_eq!(
            shown("number,locations(*)"),
            json!({ "number": "A", "locations": [{ "number": 1, "name": "Main" }] })
        );
        assert_eq!(shown("locations(number),nothing"), json!({ "locations": [{ "number": 1 }] }));
        assert_eq!(select(row.clone(), None), row);
    }
}
