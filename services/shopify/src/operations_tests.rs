//! Holds every operation against the schema (the slice kept here, and Shopify's whole schema when
//! `SHOPBEAT_FULL_SCHEMA` names it: `schema/check-full` does), and against rules no schema can say.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use apollo_compiler::ast::{Type, Value};
use apollo_compiler::executable::{Field, Operation, Selection, SelectionSet};
use apollo_compiler::schema::ExtendedType;
use apollo_compiler::validation::Valid;
use apollo_compiler::{ExecutableDocument, Schema};

/// Mutations Shopify documents with `@idempotent` in 2026-10. It is required when they run (since 2026-04),
/// though the schema shows nothing mandatory.
const WANTS_IDEMPOTENT: [&str; 19] = [
    "inventoryActivate",
    "inventoryAdjustQuantities",
    "inventoryMoveQuantities",
    "inventorySetQuantities",
    "inventorySetOnHandQuantities",
    "inventoryShipmentAddItems",
    "inventoryShipmentCreate",
    "inventoryShipmentCreateInTransit",
    "inventoryShipmentReceive",
    "inventoryTransferCreate",
    "inventoryTransferCreateAsReadyToShip",
    "inventoryTransferDuplicate",
    "inventoryTransferSetItems",
    "locationActivate",
    "locationDeactivate",
    "refundCreate",
    "appUsageRecordCreate",
    "orderCreateMandatePayment",
    "subscriptionBillingAttemptCreate",
];

/// Input types in which `changeFromQuantity` must be sent, if only as null: leaving it out is an error
/// when it runs, though the schema calls it optional.
const WANTS_CHANGE_FROM: [&str; 2] = ["InventoryQuantityInput", "InventoryChangeInput"];

fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn operation_files() -> BTreeMap<String, String> {
    let files: BTreeMap<String, String> = std::fs::read_dir(here().join("operations"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "graphql"))
        .map(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            (name, std::fs::read_to_string(path).unwrap())
        })
        .collect();
    assert!(files.len() >= 13, "operations went missing: {:?}", files.keys());
    files
}

fn schema_at(path: &Path) -> Valid<Schema> {
    let sdl = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    Schema::parse_and_validate(sdl, path).unwrap_or_else(|e| panic!("{}: {}", path.display(), e.errors))
}

fn slice() -> Valid<Schema> {
    schema_at(&here().join("schema/admin-2026-10.graphql"))
}

/// The slice, and the whole schema when it is named; a name that leads nowhere fails.
fn schemas() -> Vec<Valid<Schema>> {
    let full = std::env::var_os("SHOPBEAT_FULL_SCHEMA").map(|path| schema_at(&PathBuf::from(path)));
    std::iter::once(slice()).chain(full).collect()
}

fn document(schema: &Valid<Schema>, name: &str, text: &str) -> Valid<ExecutableDocument> {
    ExecutableDocument::parse_and_validate(schema, text, name)
        .unwrap_or_else(|e| panic!("{name}: {}", e.errors))
}

fn only_operation(document: &ExecutableDocument) -> &Operation {
    assert_eq!(document.operations.len(), 1, "one operation per file");
    document.operations.iter().next().unwrap()
}

#[test]
fn every_operation_is_valid_and_uses_nothing_deprecated() {
    for schema in schemas() {
        for (name, text) in operation_files() {
            let document = document(&schema, &name, &text);
            let old = deprecated_uses(&document);
            assert!(old.is_empty(), "{name} uses what Shopify is about to remove: {old:?}");
        }
    }
}

#[test]
fn a_file_holds_one_operation_named_like_it() {
    let schema = slice();
    for (name, text) in operation_files() {
        let document = document(&schema, &name, &text);
        let operation = only_operation(&document).name.clone().expect("operations are named");
        let camel: String = name.split('_').map(|word| word[..1].to_uppercase() + &word[1..]).collect();
        assert_eq!(operation.as_str(), camel, "{name}.graphql");
    }
}

#[test]
fn what_is_read_into_one_type_is_selected_alike_wherever_it_is_asked_for() {
    let (schema, files) = (slice(), operation_files());
    for (first, others) in [
        ("order_by_id", &["order_lines", "order_shipping_lines"][..]),
        ("product_by_id", &["product_variants", "variants_by_sku", "product_set"]),
        ("inventory_levels", &["inventory_item_levels"]),
    ] {
        let selected = document(&schema, first, &files[first]);
        for other in others {
            let fragments = document(&schema, other, &files[*other]).fragments.clone();
            assert!(!fragments.is_empty(), "{other} selects by fragments");
            for (name, fragment) in &fragments {
                assert_eq!(
                    selected.fragments[name].selection_set, fragment.selection_set,
                    "fragment {name} differs between {first} and {other}"
                );
            }
        }
    }
}

#[test]
fn inventory_and_refund_mutations_are_idempotent_and_say_what_they_change_from() {
    for schema in schemas() {
        for (name, text) in operation_files() {
            let variables = sample_variables(&name);
            let complaints = lint(&schema, &document(&schema, &name, &text), variables.as_ref());
            assert!(complaints.is_empty(), "{name}: {complaints:?}");
        }
    }
}

#[test]
fn the_bulk_query_stays_within_shopifys_limits() {
    let schema = slice();
    let text = &operation_files()["bulk_catalog"];
    let document = document(&schema, "bulk_catalog", text);
    let mut seen = Connections::default();
    seen.walk(&schema, &only_operation(&document).selection_set, 0);
    assert!((1..=5).contains(&seen.count), "Shopify: one to five connections, not {}", seen.count);
    assert!(
        seen.deepest <= 3,
        "Shopify: at most two levels below the first connection, not {}",
        seen.deepest
    );
    assert_eq!(seen.strangers, Vec::<String>::new(), "nodes of a connection must implement Node");
    assert!(document.fragments.is_empty(), "the text travels as one query");
}

// ---- rules of our own, proven on bad samples

const INVENTORY: &str = "
    directive @idempotent(key: String!) on FIELD
    type Query { a: Int }
    type Mutation { inventorySetQuantities(input: InventorySetQuantitiesInput!): Done refundCreate(id: ID!): Done }
    type Done { ok: Boolean old: Int @deprecated(reason: \"gone soon\") }
    input InventorySetQuantitiesInput { name: String! quantities: [InventoryQuantityInput!]! }
    input InventoryQuantityInput { id: ID! quantity: Int! changeFromQuantity: Int }
";

fn complaints_about(text: &str, variables: Option<&serde_json::Value>) -> Vec<String> {
    let schema = Schema::parse_and_validate(INVENTORY, "inventory").unwrap();
    lint(&schema, &document(&schema, "sample", text), variables)
}

#[test]
fn a_mutation_without_idempotent_is_told() {
    let bad = "mutation($id: ID!) { refundCreate(id: $id) { ok } }";
    assert_eq!(complaints_about(bad, None), ["refundCreate lacks @idempotent"]);
    let constant = r#"mutation($id: ID!) { refundCreate(id: $id) @idempotent(key: "same") { ok } }"#;
    assert_eq!(complaints_about(constant, None), ["refundCreate: the key of @idempotent must be a variable"]);
    let good = "mutation($id: ID!, $key: String!) { refundCreate(id: $id) @idempotent(key: $key) { ok } }";
    assert_eq!(complaints_about(good, None), [""; 0]);
}

#[test]
fn an_inline_quantity_without_change_from_is_told() {
    let text = |rest: &str| {
        format!(
            "mutation($k: String!, $from: Int) {{ inventorySetQuantities(input: {{ name: \"available\", \
             quantities: [{{ id: \"1\", quantity: 2{rest} }}] }}) @idempotent(key: $k) {{ ok }} }}"
        )
    };
    let bad = complaints_about(&text("").replace(", $from: Int", ""), None);
    assert_eq!(bad, ["InventoryQuantityInput is sent without changeFromQuantity"]);
    assert_eq!(
        complaints_about(&text(", changeFromQuantity: $from"), Some(&serde_json::json!({"from": 3}))),
        [""; 0]
    );
    let forgotten = complaints_about(&text(", changeFromQuantity: $from"), Some(&serde_json::json!({})));
    assert_eq!(forgotten, ["InventoryQuantityInput is sent without changeFromQuantity"]);
}

#[test]
fn quantities_in_variables_need_a_sample_that_sends_change_from() {
    let text = "mutation($k: String!, $input: InventorySetQuantitiesInput!) {
        inventorySetQuantities(input: $input) @idempotent(key: $k) { ok } }";
    let with = |quantity: serde_json::Value| {
        complaints_about(
            text,
            Some(&serde_json::json!({"input": {"name": "available", "quantities": [quantity]}})),
        )
    };
    assert_eq!(
        complaints_about(text, None),
        ["variable $input has no sample (operations/<name>.variables.json)"]
    );
    assert_eq!(
        with(serde_json::json!({"id": "1", "quantity": 2})),
        ["InventoryQuantityInput is sent without changeFromQuantity"]
    );
    assert_eq!(with(serde_json::json!({"id": "1", "quantity": 2, "changeFromQuantity": null})), [""; 0]);
}

#[test]
fn a_deprecated_field_is_told() {
    let schema = Schema::parse_and_validate(INVENTORY, "inventory").unwrap();
    let text = "mutation { refundCreate(id: \"1\") @idempotent(key: \"k\") { old } }";
    assert_eq!(deprecated_uses(&document(&schema, "sample", text)), ["Done.old"]);
}

// ---- how they are checked

/// Variables as our code would send them, for operations whose lint needs to see them.
fn sample_variables(name: &str) -> Option<serde_json::Value> {
    let path = here().join("operations").join(format!("{name}.variables.json"));
    path.exists().then(|| serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap())
}

fn lint(schema: &Schema, document: &ExecutableDocument, samples: Option<&serde_json::Value>) -> Vec<String> {
    let mut complaints = Vec::new();
    for operation in document.operations.iter().filter(|o| o.is_mutation()) {
        for field in operation.root_fields(document) {
            lint_idempotent(field, &mut complaints);
            for argument in &field.definition.arguments {
                let wanted = Wanted { schema, samples };
                if let Some(value) = field.specified_argument_by_name(&argument.name) {
                    wanted.in_value(&argument.ty, value, &mut complaints);
                }
            }
        }
    }
    complaints
}

fn lint_idempotent(field: &Field, complaints: &mut Vec<String>) {
    if !WANTS_IDEMPOTENT.contains(&field.name.as_str()) {
        return;
    }
    let key = field.directives.get("idempotent").and_then(|d| d.specified_argument_by_name("key"));
    match key.map(|k| k.as_ref()) {
        None => complaints.push(format!("{} lacks @idempotent", field.name)),
        Some(Value::Variable(_)) => {}
        Some(_) => complaints.push(format!("{}: the key of @idempotent must be a variable", field.name)),
    }
}

struct Wanted<'a> {
    schema: &'a Schema,
    samples: Option<&'a serde_json::Value>,
}

impl Wanted<'_> {
    fn reaches_quantity(&self, ty: &str) -> bool {
        WANTS_CHANGE_FROM.contains(&ty)
            || self.schema.get_input_object(ty).is_some_and(|input| {
                input.fields.values().any(|f| {
                    let inner = f.ty.inner_named_type();
                    inner != ty && self.reaches_quantity(inner)
                })
            })
    }

    fn in_value(&self, ty: &Type, value: &Value, complaints: &mut Vec<String>) {
        let name = ty.inner_named_type();
        if !self.reaches_quantity(name) {
            return;
        }
        match value {
            Value::Variable(variable) => match self.samples.and_then(|s| s.get(variable.as_str())) {
                Some(sample) => self.in_json(name, sample, complaints),
                None => complaints
                    .push(format!("variable ${variable} has no sample (operations/<name>.variables.json)")),
            },
            Value::List(items) => items.iter().for_each(|item| self.in_value(ty, item, complaints)),
            Value::Object(fields) => {
                let sent = |(key, value): &(apollo_compiler::Name, _)| {
                    key == "changeFromQuantity" && self.is_sent(value)
                };
                if WANTS_CHANGE_FROM.contains(&name.as_str()) && !fields.iter().any(sent) {
                    complaints.push(format!("{name} is sent without changeFromQuantity"));
                }
                let Some(input) = self.schema.get_input_object(name) else { return };
                for (key, value) in fields {
                    if let Some(field) = input.fields.get(key) {
                        self.in_value(&field.ty, value, complaints);
                    }
                }
            }
            _ => {}
        }
    }

    /// A variable that is not in the sent variables makes its argument vanish.
    fn is_sent(&self, value: &apollo_compiler::Node<Value>) -> bool {
        match value.as_ref() {
            Value::Variable(name) => self.samples.is_some_and(|s| s.get(name.as_str()).is_some()),
            _ => true,
        }
    }

    fn in_json(&self, ty: &str, value: &serde_json::Value, complaints: &mut Vec<String>) {
        match value {
            serde_json::Value::Array(items) => {
                items.iter().for_each(|item| self.in_json(ty, item, complaints));
            }
            serde_json::Value::Object(fields) => {
                if WANTS_CHANGE_FROM.contains(&ty) && !fields.contains_key("changeFromQuantity") {
                    complaints.push(format!("{ty} is sent without changeFromQuantity"));
                }
                let Some(input) = self.schema.get_input_object(ty) else { return };
                for (key, value) in fields {
                    if let Some(field) = input.fields.get(key.as_str()) {
                        self.in_json(field.ty.inner_named_type(), value, complaints);
                    }
                }
            }
            _ => {}
        }
    }
}

fn deprecated_uses(document: &ExecutableDocument) -> Vec<String> {
    let mut found = Vec::new();
    let mut sets: Vec<&SelectionSet> = document.fragments.values().map(|f| &f.selection_set).collect();
    sets.extend(document.operations.iter().map(|o| &o.selection_set));
    while let Some(set) = sets.pop() {
        for selection in &set.selections {
            match selection {
                Selection::InlineFragment(inline) => sets.push(&inline.selection_set),
                Selection::FragmentSpread(_) => {}
                Selection::Field(field) => {
                    if field.definition.directives.has("deprecated") {
                        found.push(format!("{}.{}", set.ty, field.name));
                    }
                    for argument in &field.definition.arguments {
                        let used = field.arguments.iter().any(|a| a.name == argument.name);
                        if used && argument.directives.has("deprecated") {
                            found.push(format!("{}.{}({})", set.ty, field.name, argument.name));
                        }
                    }
                    sets.push(&field.selection_set);
                }
            }
        }
    }
    found
}

#[derive(Default)]
struct Connections {
    count: usize,
    deepest: usize,
    strangers: Vec<String>,
}

impl Connections {
    fn walk(&mut self, schema: &Schema, set: &SelectionSet, depth: usize) {
        for selection in &set.selections {
            let Selection::Field(field) = selection else { panic!("plain fields only in a bulk query") };
            let ty = field.definition.ty.inner_named_type();
            let inside = if ty.ends_with("Connection") { depth + 1 } else { depth };
            if inside > depth {
                self.count += 1;
                self.deepest = self.deepest.max(inside);
            }
            if field.name == "node" {
                let node = match schema.types.get(ty) {
                    Some(ExtendedType::Object(object)) => object.implements_interfaces.contains("Node"),
                    _ => false,
                };
                if !node {
                    self.strangers.push(ty.to_string());
                }
            }
            self.walk(schema, &field.selection_set, inside);
        }
    }
}
