//! Executes a validated document over the shop's documents.
//!
//! A resolved value is JSON in the schema's own shape, with three marks: `{"$ref": gid}` stands
//! for another document, `{"$denied": message, "$code": code}` for what the app does not get, and a plain
//! array under a connection field for all its nodes.

use apollo_compiler::ExecutableDocument;
use apollo_compiler::ast::Type;
use apollo_compiler::executable::{Field, Selection, SelectionSet};
use apollo_compiler::validation::Valid;
use serde_json::{Map, Value, json};

use super::arguments::{arguments_of, literal};
use super::connection;
use super::document::Slice;
use super::leaf::leaf_fits;
use super::narrow::narrow;
use super::scopes;
use crate::shopify::docs::Docs;

/// A null that climbs to the nearest nullable parent.
#[derive(Debug)]
pub(crate) struct Nulled;

/// What a field holds before its selection is applied.
#[derive(Clone)]
pub(crate) enum Found<'a> {
    One(&'a Value),
    Many(Vec<&'a Value>),
    Absent,
}

enum Step<'a> {
    Key(&'a str),
    Index(usize),
}

/// A connection met while writing one row of a bulk operation: its rows come later.
pub(crate) struct Postponed<'a> {
    pub(crate) fields: Vec<&'a Field>,
    pub(crate) items: Vec<Value>,
}

pub(crate) struct Executor<'a> {
    pub(crate) slice: &'a Slice,
    pub(crate) document: &'a Valid<ExecutableDocument>,
    pub(crate) variables: &'a Map<String, Value>,
    pub(crate) docs: &'a Docs,
    /// Pages are cut to this many nodes whatever the caller asks for.
    pub(crate) page_cap: Option<usize>,
    /// Scopes the app lacks, of those that guard a field.
    pub(crate) missing: &'a [&'static str],
    /// Set in bulk mode: connections are collected here, not completed.
    pub(crate) postponed: Option<Vec<Postponed<'a>>>,
    pub(crate) errors: Vec<Value>,
    /// Objects written so far, the base of the actual cost.
    pub(crate) objects: u64,
    path: Vec<Step<'a>>,
}

impl<'a> Executor<'a> {
    pub(crate) fn new(
        slice: &'a Slice,
        document: &'a Valid<ExecutableDocument>,
        variables: &'a Map<String, Value>,
        docs: &'a Docs,
        page_cap: Option<usize>,
        missing: &'a [&'static str],
    ) -> Self {
        Self {
            missing,
            slice,
            document,
            variables,
            docs,
            page_cap,
            postponed: None,
            errors: Vec::new(),
            objects: 0,
            path: Vec::new(),
        }
    }

    /// The fields that `selections` ask of an object of type `concrete`, merged by response key.
    pub(crate) fn collect(
        &self,
        concrete: &str,
        selections: impl IntoIterator<Item = &'a SelectionSet>,
    ) -> Vec<(&'a str, Vec<&'a Field>)> {
        let mut into = Vec::new();
        for set in selections {
            self.collect_into(concrete, set, &mut into);
        }
        into
    }

    fn collect_into(&self, concrete: &str, set: &'a SelectionSet, into: &mut Vec<(&'a str, Vec<&'a Field>)>) {
        for selection in &set.selections {
            if self.is_skipped(selection) {
                continue;
            }
            match selection {
                Selection::Field(field) => {
                    let key = field.response_key().as_str();
                    match into.iter_mut().find(|(known, _)| *known == key) {
                        Some((_, fields)) => fields.push(field),
                        None => into.push((key, vec![field])),
                    }
                }
                Selection::InlineFragment(inline) => {
                    let fits = inline
                        .type_condition
                        .as_ref()
                        .is_none_or(|condition| self.slice.satisfies(concrete, condition));
                    if fits {
                        self.collect_into(concrete, &inline.selection_set, into);
                    }
                }
                Selection::FragmentSpread(spread) => {
                    let fragment = self.document.fragments.get(&spread.fragment_name);
                    if let Some(fragment) = fragment
                        && self.slice.satisfies(concrete, fragment.type_condition())
                    {
                        self.collect_into(concrete, &fragment.selection_set, into);
                    }
                }
            }
        }
    }

    fn is_skipped(&self, selection: &Selection) -> bool {
        let asks = |name: &str| {
            selection
                .directives()
                .get(name)
                .and_then(|directive| directive.specified_argument_by_name("if"))
                .and_then(|value| literal(value, self.variables))
                .and_then(|value| value.as_bool())
        };
        !selection.directives().is_empty() && (asks("skip") == Some(true) || asks("include") == Some(false))
    }

    /// The response object for `parent`, an object of type `concrete`.
    pub(crate) fn complete_object(
        &mut self,
        concrete: &str,
        fields: Vec<(&'a str, Vec<&'a Field>)>,
        parent: &Map<String, Value>,
    ) -> Result<Value, Nulled> {
        self.objects += 1;
        let mut written = Map::new();
        for (key, fields) in fields {
            let field = fields[0];
            if field.name == "__typename" {
                written.insert(key.to_owned(), json!(concrete));
                continue;
            }
            let arguments = arguments_of(field, self.variables);
            let found = narrow(concrete, field, parent, &arguments);
            self.path.push(Step::Key(key));
            let value = if let Some(scope) = scopes::needed(concrete, &field.name, self.missing) {
                self.fail(&scopes::refusal(&field.name, scope), "ACCESS_DENIED");
                if field.ty().is_non_null() { Err(Nulled) } else { Ok(Some(Value::Null)) }
            } else if matches!(found, Found::Absent) {
                self.fail(&format!("{concrete}.{} is not simulated", field.name), "INTERNAL_SERVER_ERROR");
                if field.ty().is_non_null() { Err(Nulled) } else { Ok(Some(Value::Null)) }
            } else {
                self.complete_field(&fields, field.ty(), found, &arguments)
            };
            self.path.pop();
            if let Some(value) = value? {
                written.insert(key.to_owned(), value);
            }
        }
        Ok(Value::Object(written))
    }

    /// `None` when the field was postponed (bulk mode).
    pub(crate) fn complete_field(
        &mut self,
        fields: &[&'a Field],
        ty: &Type,
        found: Found<'_>,
        arguments: &Map<String, Value>,
    ) -> Result<Option<Value>, Nulled> {
        if let Found::One(value) = found
            && let Some(why) = value.get("$denied").and_then(Value::as_str)
        {
            let code = value.get("$code").and_then(Value::as_str).unwrap_or("ACCESS_DENIED");
            self.fail(why, code);
            return if ty.is_non_null() { Err(Nulled) } else { Ok(Some(Value::Null)) };
        }
        if !ty.is_list() && ty.inner_named_type().as_str().ends_with("Connection") {
            let items = match found {
                Found::Many(items) => Some(items),
                Found::One(Value::Array(items)) => Some(items.iter().collect()),
                Found::One(_) | Found::Absent => None,
            };
            if let Some(items) = items {
                if let Some(postponed) = &mut self.postponed {
                    let items = items.into_iter().cloned().collect();
                    postponed.push(Postponed { fields: fields.to_vec(), items });
                    return Ok(None);
                }
                return match connection::complete(self, fields, &items, arguments) {
                    Err(Nulled) if !ty.is_non_null() => Ok(Some(Value::Null)),
                    completed => completed.map(Some),
                };
            }
            return self.null(ty, "connection holds no list").map(Some);
        }
        self.complete(fields, ty, found).map(Some)
    }

    fn complete(&mut self, fields: &[&'a Field], ty: &Type, found: Found<'_>) -> Result<Value, Nulled> {
        // A reference to what was deleted since is null too: the variant of an order's line.
        let gone = |value: &Value| {
            let id = value.get("$ref").and_then(Value::as_str);
            value.is_null() || id.is_some_and(|id| !self.docs.knows(id))
        };
        if matches!(found, Found::One(value) if gone(value)) {
            return self.null(ty, "a non-null field is null");
        }
        match ty {
            Type::List(inner) | Type::NonNullList(inner) => self.complete_list(fields, ty, inner, found),
            Type::Named(name) | Type::NonNullNamed(name) => match found {
                Found::One(value) => {
                    let completed = self.complete_named(fields, name.as_str(), value);
                    match completed {
                        Err(Nulled) if !ty.is_non_null() => Ok(Value::Null),
                        other => other,
                    }
                }
                Found::Many(_) | Found::Absent => self.null(ty, "a list where one value belongs"),
            },
        }
    }

    fn complete_list(
        &mut self,
        fields: &[&'a Field],
        ty: &Type,
        inner: &Type,
        found: Found<'_>,
    ) -> Result<Value, Nulled> {
        let items: Vec<&Value> = match found {
            Found::Many(items) => items,
            Found::One(Value::Array(items)) => items.iter().collect(),
            Found::One(_) | Found::Absent => return self.null(ty, "no list where a list belongs"),
        };
        let mut written = Vec::with_capacity(items.len());
        for (index, item) in items.into_iter().enumerate() {
            self.path.push(Step::Index(index));
            let completed = self.complete(fields, inner, Found::One(item));
            self.path.pop();
            match completed {
                Ok(value) => written.push(value),
                Err(Nulled) if ty.is_non_null() => return Err(Nulled),
                Err(Nulled) => return Ok(Value::Null),
            }
        }
        Ok(Value::Array(written))
    }

    /// An object (through its reference, if it is one) or a leaf.
    pub(crate) fn complete_named(
        &mut self,
        fields: &[&'a Field],
        declared: &str,
        value: &Value,
    ) -> Result<Value, Nulled> {
        if fields[0].selection_set.is_empty() {
            if leaf_fits(self.slice, declared, value) {
                return Ok(value.clone());
            }
            self.fail(&format!("{value} is no {declared}"), "INTERNAL_SERVER_ERROR");
            return Err(Nulled);
        }
        let docs = self.docs;
        let followed = docs.follow(value);
        let Some(object) = followed.as_deref().and_then(Value::as_object) else {
            self.fail(&format!("no {declared} behind {value}"), "INTERNAL_SERVER_ERROR");
            return Err(Nulled);
        };
        let concrete = object.get("__typename").and_then(Value::as_str).unwrap_or(declared);
        let selected = self.collect(concrete, fields.iter().map(|field| &field.selection_set));
        self.complete_object(concrete, selected, object)
    }

    fn null(&mut self, ty: &Type, why: &str) -> Result<Value, Nulled> {
        if ty.is_non_null() {
            self.fail(why, "INTERNAL_SERVER_ERROR");
            return Err(Nulled);
        }
        Ok(Value::Null)
    }

    pub(crate) fn within<T>(&mut self, key: &'a str, then: impl FnOnce(&mut Self) -> T) -> T {
        self.path.push(Step::Key(key));
        let outcome = then(self);
        self.path.pop();
        outcome
    }

    pub(crate) fn within_index<T>(&mut self, at: usize, then: impl FnOnce(&mut Self) -> T) -> T {
        self.path.push(Step::Index(at));
        let outcome = then(self);
        self.path.pop();
        outcome
    }

    /// Records a field error at the current path.
    pub(crate) fn fail(&mut self, message: &str, code: &str) {
        let path: Vec<Value> = self
            .path
            .iter()
            .map(|step| match step {
                Step::Key(key) => json!(key),
                Step::Index(index) => json!(index),
            })
            .collect();
        self.errors.push(json!({ "message": message, "path": path, "extensions": { "code": code } }));
    }
}
