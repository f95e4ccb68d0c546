//! Holds the hand-written types of answers against the schema slice: for every operation answers are made from the
//! schema itself (everything there, everything nullable gone, lists of none and two, each member of a union, words
//! of an enum that nobody knows yet) and read into the type.

use apollo_compiler::ast::Type;
use apollo_compiler::executable::{Selection, SelectionSet};
use apollo_compiler::schema::ExtendedType;
use apollo_compiler::validation::Valid;
use apollo_compiler::{ExecutableDocument, Schema};
use serde_json::{Map, Value, json};

use crate::wire::Operation;
use crate::{
    bulk, catalog_rows, latest, order, orders, product_writes, products, shop, stock, subscriptions, variant,
};

/// How a made answer looks.
#[derive(Debug, Clone, Copy)]
struct Way {
    nulls: bool,
    list: usize,
    /// Which member of a union or interface; counted modulo their number.
    member: usize,
    new_words: bool,
}

const WAYS: [Way; 7] = [
    Way { nulls: false, list: 2, member: 0, new_words: false },
    Way { nulls: false, list: 0, member: 0, new_words: false },
    Way { nulls: true, list: 2, member: 0, new_words: false },
    Way { nulls: true, list: 0, member: 0, new_words: false },
    Way { nulls: false, list: 2, member: 1, new_words: false },
    Way { nulls: false, list: 1, member: 2, new_words: true },
    Way { nulls: false, list: 1, member: 3, new_words: false },
];

fn slice() -> Valid<Schema> {
    Schema::parse_and_validate(include_str!("../schema/admin-2026-10.graphql"), "slice").unwrap()
}

struct Maker<'a> {
    schema: &'a Schema,
    document: &'a ExecutableDocument,
    way: Way,
}

impl Maker<'_> {
    fn object(&self, set: &SelectionSet) -> Value {
        let concrete = self.member_of(set.ty.as_str());
        let mut object = Map::new();
        self.fill(&mut object, set, &concrete);
        Value::Object(object)
    }

    fn member_of(&self, ty: &str) -> String {
        let members: Vec<String> = match self.schema.types.get(ty) {
            Some(ExtendedType::Union(union_)) => union_.members.iter().map(ToString::to_string).collect(),
            Some(ExtendedType::Interface(_)) => {
                let implementers = self.schema.implementers_map();
                let mut names: Vec<String> =
                    implementers.get(ty).unwrap().objects.iter().map(ToString::to_string).collect();
                names.sort();
                names
            }
            _ => return ty.to_owned(),
        };
        members[self.way.member % members.len()].clone()
    }

    fn fill(&self, object: &mut Map<String, Value>, set: &SelectionSet, concrete: &str) {
        for selection in &set.selections {
            match selection {
                Selection::Field(field) if field.name == "__typename" => {
                    object.insert(field.response_key().to_string(), json!(concrete));
                }
                Selection::Field(field) => {
                    let value = self.value(&field.definition.ty, &field.selection_set, concrete);
                    object.insert(field.response_key().to_string(), value);
                }
                Selection::InlineFragment(inline) => {
                    let of = inline.type_condition.as_ref().map_or(concrete, |name| name.as_str());
                    if of == concrete || self.schema.is_subtype(of, concrete) {
                        self.fill(object, &inline.selection_set, concrete);
                    }
                }
                Selection::FragmentSpread(spread) => {
                    self.fill(
                        object,
                        &self.document.fragments[&spread.fragment_name].selection_set,
                        concrete,
                    );
                }
            }
        }
    }

    fn value(&self, ty: &Type, set: &SelectionSet, parent: &str) -> Value {
        if self.way.nulls && !ty.is_non_null() {
            return Value::Null;
        }
        if let Type::List(item) | Type::NonNullList(item) = ty {
            return (0..self.way.list).map(|_| self.value(item, set, parent)).collect();
        }
        if set.selections.is_empty() {
            self.leaf(ty.inner_named_type().as_str(), parent)
        } else {
            self.object(set)
        }
    }

    fn leaf(&self, ty: &str, parent: &str) -> Value {
        match ty {
            "ID" => json!(format!("gid://shopify/{parent}/9007199254740993")),
            "String" | "HTML" => json!("words"),
            "Int" => json!(3),
            "Float" => json!(0.25),
            "Boolean" => json!(true),
            "Decimal" | "Money" => json!("12.50"),
            "UnsignedInt64" => json!("18446744073709551615"),
            "DateTime" => json!("2026-03-01T10:00:00Z"),
            "URL" => json!("https://example.test/a?b=c"),
            _ => match self.schema.types.get(ty) {
                Some(ExtendedType::Enum(_)) if self.way.new_words => json!("NEWER_THAN_THIS_CODE"),
                Some(ExtendedType::Enum(words)) => json!(words.values.keys().next().unwrap().as_str()),
                other => panic!("how does a {ty} look? {other:?}"),
            },
        }
    }
}

fn answers(schema: &Valid<Schema>, text: &str) -> Vec<(Way, Value)> {
    let document = ExecutableDocument::parse_and_validate(schema, text, "operation").unwrap();
    let operation = document.operations.iter().next().unwrap();
    let make = |way| (way, Maker { schema, document: &document, way }.object(&operation.selection_set));
    WAYS.into_iter().map(make).collect()
}

fn reads<O: Operation>(schema: &Valid<Schema>) -> &'static str {
    for (way, answer) in answers(schema, O::TEXT) {
        if let Err(error) = serde_json::from_value::<O::Data>(answer.clone()) {
            panic!("{} {way:?}: {error}\n{answer:#}", O::NAME);
        }
    }
    O::TEXT
}

#[test]
fn every_operations_answer_is_read_whatever_the_schema_allows() {
    let schema = slice();
    let tried = [
        reads::<shop::ShopQuery>(&schema),
        reads::<shop::LocationsQuery>(&schema),
        reads::<order::OrderById>(&schema),
        reads::<order::OrderLines>(&schema),
        reads::<order::OrderShippingLines>(&schema),
        reads::<orders::OrdersUpdated>(&schema),
        reads::<orders::OrdersByName>(&schema),
        reads::<subscriptions::ListSubscriptions>(&schema),
        reads::<subscriptions::CreateSubscription>(&schema),
        reads::<subscriptions::DeleteSubscription>(&schema),
        reads::<products::ProductsUpdated>(&schema),
        reads::<products::ProductById>(&schema),
        reads::<products::ProductVariants>(&schema),
        reads::<products::ProductByHandle>(&schema),
        reads::<products::VariantsBySku>(&schema),
        reads::<product_writes::ProductSet>(&schema),
        reads::<product_writes::ProductUpdate>(&schema),
        reads::<product_writes::VariantsUpdate>(&schema),
        reads::<stock::InventoryLevels>(&schema),
        reads::<stock::InventoryItemLevels>(&schema),
        reads::<stock::InventorySet>(&schema),
        reads::<stock::InventoryActivate>(&schema),
        reads::<latest::RecentOrders>(&schema),
        reads::<bulk::RunQuery>(&schema),
        reads::<bulk::Look>(&schema),
        reads::<bulk::Cancel>(&schema),
        include_str!("../operations/bulk_catalog.graphql"), // its rows have a test of their own
    ];
    let directory = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("operations");
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|e| e == "graphql") {
            let text = std::fs::read_to_string(&path).unwrap();
            assert!(tried.contains(&text.as_str()), "{} is not tried here", path.display());
        }
    }
}

#[test]
fn a_type_that_is_stricter_than_the_schema_would_be_found() {
    #[derive(serde::Deserialize)]
    struct Strict {
        #[expect(dead_code, reason = "only read into")]
        order: Head,
    }
    #[derive(serde::Deserialize)]
    struct Head {
        #[expect(dead_code, reason = "only read into")]
        id: String,
    }
    let made = answers(&slice(), order::OrderById::TEXT);
    let failed =
        made.into_iter().filter(|(_, answer)| serde_json::from_value::<Strict>(answer.clone()).is_err());
    assert!(failed.count() > 0, "a null order must not fit");
}

#[test]
fn every_row_of_the_bulk_query_is_read_whatever_the_schema_allows() {
    let schema = slice();
    let text = include_str!("../operations/bulk_catalog.graphql");
    let mut levels = 0;
    for (way, answer) in answers(&schema, text) {
        for product in answer["products"]["edges"].as_array().unwrap() {
            let product = &product["node"];
            fits::<variant::ProductNode>(way, product);
            for variant in product["variants"]["edges"].as_array().unwrap() {
                let variant = &variant["node"];
                fits::<variant::VariantNode>(way, variant);
                for level in variant["inventoryItem"]["inventoryLevels"]["edges"].as_array().unwrap() {
                    fits::<catalog_rows::LevelNode>(way, &level["node"]);
                    levels += 1;
                }
            }
        }
    }
    assert!(levels > 0, "no row of the third level was tried");
}

fn fits<T: serde::de::DeserializeOwned>(way: Way, row: &Value) {
    if let Err(error) = serde_json::from_value::<T>(row.clone()) {
        panic!("{way:?}: {error}\n{row:#}");
    }
}
