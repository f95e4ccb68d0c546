//! Makes the slice of Shopify's Admin schema that our operations touch.
//!
//! `schema_slice full < introspection.json` prints a whole schema as SDL;
//! `schema_slice slice FULL.graphql OPERATION.graphql…` prints what those operations reach: the
//! fields they select with every argument, every enum value and every input type behind them.
//! `schema/slice` runs both on the pinned package; output is the same for the same input.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fmt::Write as _;
use std::io::{Read as _, Write as _};

use apollo_compiler::executable::{Selection, SelectionSet};
use apollo_compiler::schema::ExtendedType;
use apollo_compiler::validation::Valid;
use apollo_compiler::{ExecutableDocument, Schema};
use serde_json::Value;

type Outcome<T> = Result<T, Box<dyn Error>>;

/// Shopify's introspection knows `@oneOf`, the compiler wants it declared.
const ONE_OF: &str = "directive @oneOf on INPUT_OBJECT\n\n";
const BUILT_IN_SCALARS: [&str; 5] = ["Int", "Float", "String", "Boolean", "ID"];

fn main() -> Outcome<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let text = match args.split_first() {
        Some((mode, [])) if mode == "full" => {
            let mut json = String::new();
            std::io::stdin().read_to_string(&mut json)?;
            print_full(&serde_json::from_str(&json)?)?
        }
        Some((mode, [full, operations @ ..])) if mode == "slice" && !operations.is_empty() => {
            slice(full, operations)?
        }
        _ => return Err("usage: schema_slice full < introspection.json | slice FULL OPERATION…".into()),
    };
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(())
}

// ---- introspection JSON to SDL

fn print_full(json: &Value) -> Outcome<String> {
    let schema =
        json.pointer("/data/__schema").or_else(|| json.get("__schema")).ok_or("no __schema in it")?;
    let mut out = String::from(ONE_OF);
    for directive in list(schema, "directives") {
        if name(directive)? == "idempotent" {
            let places: Vec<&str> = list(directive, "locations").filter_map(Value::as_str).collect();
            writeln!(out, "directive @idempotent{} on {}\n", arguments(directive)?, places.join(" | "))?;
        }
    }
    let root = |key: &str| schema.pointer(&format!("/{key}/name")).and_then(Value::as_str);
    writeln!(
        out,
        "schema {{\n  query: {}\n  mutation: {}\n}}\n",
        root("queryType").ok_or("no query type")?,
        root("mutationType").ok_or("no mutation type")?
    )?;
    for ty in list(schema, "types") {
        let type_name = name(ty)?;
        if !type_name.starts_with("__") && !BUILT_IN_SCALARS.contains(&type_name) {
            print_type(&mut out, ty, type_name)?;
        }
    }
    Ok(out)
}

fn print_type(out: &mut String, ty: &Value, type_name: &str) -> Outcome<()> {
    let kind = ty["kind"].as_str().ok_or("a type without a kind")?;
    match kind {
        "SCALAR" => writeln!(out, "scalar {type_name}\n")?,
        "UNION" => {
            let members: Vec<&str> = list(ty, "possibleTypes").map(name).collect::<Outcome<_>>()?;
            writeln!(out, "union {type_name} = {}\n", members.join(" | "))?;
        }
        "ENUM" => {
            writeln!(out, "enum {type_name} {{")?;
            for value in list(ty, "enumValues") {
                writeln!(out, "  {}{}", name(value)?, deprecated(value)?)?;
            }
            out.push_str("}\n\n");
        }
        "INPUT_OBJECT" => {
            let one_of = if ty["isOneOf"].as_bool() == Some(true) { " @oneOf" } else { "" };
            writeln!(out, "input {type_name}{one_of} {{")?;
            for field in list(ty, "inputFields") {
                writeln!(out, "  {}", input_value(field)?)?;
            }
            out.push_str("}\n\n");
        }
        "OBJECT" | "INTERFACE" => {
            let word = if kind == "OBJECT" { "type" } else { "interface" };
            let interfaces: Vec<&str> = list(ty, "interfaces").map(name).collect::<Outcome<_>>()?;
            let implements = if interfaces.is_empty() {
                String::new()
            } else {
                format!(" implements {}", interfaces.join(" & "))
            };
            writeln!(out, "{word} {type_name}{implements} {{")?;
            for field in list(ty, "fields") {
                let (args, of) = (arguments(field)?, type_ref(&field["type"])?);
                writeln!(out, "  {}{args}: {of}{}", name(field)?, deprecated(field)?)?;
            }
            out.push_str("}\n\n");
        }
        other => return Err(format!("unknown kind of type: {other}").into()),
    }
    Ok(())
}

fn list<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
    value.get(key).and_then(Value::as_array).into_iter().flatten()
}

fn name(value: &Value) -> Outcome<&str> {
    value["name"].as_str().ok_or_else(|| "something without a name".into())
}

fn type_ref(value: &Value) -> Outcome<String> {
    Ok(match value["kind"].as_str() {
        Some("NON_NULL") => format!("{}!", type_ref(&value["ofType"])?),
        Some("LIST") => format!("[{}]", type_ref(&value["ofType"])?),
        _ => name(value)?.to_owned(),
    })
}

fn arguments(owner: &Value) -> Outcome<String> {
    let args: Vec<String> = list(owner, "args").map(input_value).collect::<Outcome<_>>()?;
    Ok(if args.is_empty() { String::new() } else { format!("({})", args.join(", ")) })
}

fn input_value(value: &Value) -> Outcome<String> {
    let default = value["defaultValue"].as_str().map(|d| format!(" = {d}")).unwrap_or_default();
    Ok(format!("{}: {}{default}{}", name(value)?, type_ref(&value["type"])?, deprecated(value)?))
}

fn deprecated(value: &Value) -> Outcome<String> {
    if value["isDeprecated"].as_bool() != Some(true) {
        return Ok(String::new());
    }
    let reason = value["deprecationReason"].as_str().unwrap_or("No longer supported");
    // A GraphQL string literal escapes as JSON does.
    Ok(format!(" @deprecated(reason: {})", serde_json::to_string(reason)?))
}

// ---- pruning

/// What the operations reach: of objects and interfaces the fields, of all other types the name.
#[derive(Default)]
struct Reach {
    fields: BTreeMap<String, BTreeSet<String>>,
    inputs: BTreeSet<String>,
}

impl Reach {
    fn walk(&mut self, schema: &Schema, document: &ExecutableDocument, set: &SelectionSet) {
        self.fields.entry(set.ty.to_string()).or_default();
        for selection in &set.selections {
            match selection {
                Selection::Field(field) if field.name.starts_with("__") => {}
                Selection::Field(field) => {
                    self.fields.entry(set.ty.to_string()).or_default().insert(field.name.to_string());
                    for argument in &field.definition.arguments {
                        self.take_input(schema, argument.ty.inner_named_type());
                    }
                    if field.selection_set.is_empty() {
                        self.take_input(schema, field.definition.ty.inner_named_type());
                    } else {
                        self.walk(schema, document, &field.selection_set);
                    }
                }
                Selection::InlineFragment(inline) => self.walk(schema, document, &inline.selection_set),
                Selection::FragmentSpread(spread) => {
                    if let Some(fragment) = document.fragments.get(&spread.fragment_name) {
                        self.walk(schema, document, &fragment.selection_set);
                    }
                }
            }
        }
    }

    /// Scalars, enums and input objects: whole, with everything inside.
    fn take_input(&mut self, schema: &Schema, ty: &str) {
        if !self.inputs.insert(ty.to_owned()) {
            return;
        }
        if let Some(input) = schema.get_input_object(ty) {
            for field in input.fields.values() {
                self.take_input(schema, field.ty.inner_named_type());
            }
        }
    }

    /// Abstract types that are selected need their members, and members need the interface's fields.
    fn close(&mut self, schema: &Schema) {
        for (interface, implementers) in schema.implementers_map() {
            let Some(wanted) = self.fields.get(interface.as_str()).cloned() else { continue };
            for object in &implementers.objects {
                let touched = self.fields.contains_key(object.as_str());
                if touched || interface != "Node" {
                    self.fields.entry(object.to_string()).or_default().extend(wanted.iter().cloned());
                }
            }
        }
    }

    fn keeps(&self, ty: &str) -> bool {
        self.fields.contains_key(ty) || self.inputs.contains(ty)
    }
}

fn slice(full: &str, operations: &[String]) -> Outcome<String> {
    let full_schema = Schema::parse_and_validate(std::fs::read_to_string(full)?, full)
        .map_err(|e| format!("the full schema is not valid: {}", e.errors))?;
    let mut reach = Reach::default();
    reach.fields.entry("Node".to_owned()).or_default().insert("id".to_owned());
    for path in operations {
        let document =
            ExecutableDocument::parse_and_validate(&full_schema, std::fs::read_to_string(path)?, path)
                .map_err(|e| format!("{path} is not valid against the full schema: {}", e.errors))?;
        for operation in document.operations.iter() {
            reach.walk(&full_schema, &document, &operation.selection_set);
        }
    }
    reach.close(&full_schema);
    let pruned = prune(&full_schema, &reach)
        .validate()
        .map_err(|e| format!("the slice is not a valid schema: {}", e.errors))?;
    Ok(format!("{}{}", header(), body(&pruned)))
}

fn prune(full: &Valid<Schema>, reach: &Reach) -> Schema {
    let mut schema = full.as_ref().clone();
    schema.types.retain(|name, ty| ty.is_built_in() || reach.keeps(name));
    for (name, ty) in &mut schema.types {
        let wanted = reach.fields.get(name.as_str());
        match ty {
            ExtendedType::Object(object) if !name.starts_with("__") => {
                let object = object.make_mut();
                object.fields.retain(|field, _| wanted.is_some_and(|w| w.contains(field.as_str())));
                object.implements_interfaces.retain(|i| reach.keeps(i));
            }
            ExtendedType::Interface(interface) => {
                let interface = interface.make_mut();
                interface.fields.retain(|field, _| wanted.is_some_and(|w| w.contains(field.as_str())));
                interface.implements_interfaces.retain(|i| reach.keeps(i));
            }
            ExtendedType::Union(union_) => {
                union_.make_mut().members.retain(|member| reach.keeps(member));
            }
            ExtendedType::Object(_)
            | ExtendedType::Scalar(_)
            | ExtendedType::Enum(_)
            | ExtendedType::InputObject(_) => {}
        }
    }
    schema
}

fn header() -> &'static str {
    "# Slice of Shopify's Admin GraphQL schema, version 2026-10: what ../operations touch, and no more.\n\
     # Generated by schema/slice from the package named there; do not edit. Licence: NOTICE.\n\n"
}

fn body(schema: &Schema) -> String {
    schema.to_string()
}
