//! Locations: a tree of warehouses and places in them.

use axum::http::Method;
use serde_json::{Value, json};

use super::account::Account;
use super::call::{Answer, Call, Refusal, Reply};
use super::list::{page, sparse};
use crate::facts::LocationList;

/// A place where goods lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// Number, the id.
    pub number: i64,
    /// Name.
    pub name: String,
    /// The location it is part of.
    pub parent: Option<i64>,
}

impl Location {
    /// A location that is part of no other.
    #[must_use]
    pub fn new(number: i64, name: &str) -> Self {
        Self { number, name: name.to_owned(), parent: None }
    }

    /// The same location inside another.
    #[must_use]
    pub fn inside(mut self, parent: i64) -> Self {
        self.parent = Some(parent);
        self
    }
}

/// The location and those it is part of, itself first; a tree is never deeper than it has places.
fn path(account: &Account, number: i64) -> Vec<&Location> {
    let mut path = Vec::new();
    let mut next = Some(number);
    while let Some(found) = next.and_then(|number| place(account, number))
        && path.len() <= account.setup.locations.len()
    {
        path.push(found);
        next = found.parent;
    }
    path
}

fn place(account: &Account, number: i64) -> Option<&Location> {
    account.setup.locations.iter().find(|location| location.number == number)
}

fn children(account: &Account, number: i64) -> impl Iterator<Item = &Location> {
    account.setup.locations.iter().filter(move |location| location.parent == Some(number))
}

/// A location with all that is inside it.
pub(super) fn within(account: &Account, number: i64) -> Vec<i64> {
    let all = account.setup.locations.iter().map(|location| location.number);
    all.filter(|inner| path(account, *inner).iter().any(|outer| outer.number == number)).collect()
}

fn to_json(account: &Account, location: &Location) -> Value {
    let path = path(account, location.number);
    let names: Vec<&str> = path.iter().rev().map(|outer| outer.name.as_str()).collect();
    let top = path.last().filter(|top| top.number != location.number).map(|top| top.number);
    json!({
        "number": location.number, "name": location.name, "parent_id": location.parent,
        "children_count": children(account, location.number).count(), "toplevel_parent_id": top,
        "nesting_level": path.len().saturating_sub(1), "nest_list": names.join(" > "),
        "is_default": location.number == account.default_location(), "barcode": null,
    })
}

/// `GET /locations`, `/locations/flat`, `/locations/{n}` and `/locations/{n}/children`.
pub(super) fn route(account: &Account, call: &Call<'_>) -> Answer {
    if call.method != Method::GET {
        return Err(Refusal::Missing);
    }
    let segments: Vec<&str> = call.segments.iter().map(String::as_str).collect();
    let known = |number: &str| {
        let number = number.parse().map_err(|_| Refusal::Missing)?;
        place(account, number).ok_or(Refusal::Missing)
    };
    let rows: Vec<&Location> = match &segments[1..] {
        [] if call.facts.location_list() == LocationList::TopLevel => {
            account.setup.locations.iter().filter(|location| location.parent.is_none()).collect()
        }
        [] | ["flat"] => account.setup.locations.iter().collect(),
        [number] => {
            let row = to_json(account, known(number)?);
            return Reply::ok(json!({ "location": sparse(call, row) }));
        }
        [number, "children"] => children(account, known(number)?.number).collect(),
        _ => return Err(Refusal::Missing),
    };
    page(call, "locations", &rows, |location| to_json(account, location))
}
