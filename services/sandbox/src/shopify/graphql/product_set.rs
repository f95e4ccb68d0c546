//! `productSet`: makes or replaces a product. What a list leaves out is deleted.

use std::collections::HashSet;

use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

use super::arguments::text;
use super::product_write::{Wrong, errors, product_edit, variant_edit, wrong, wrong_product, wrote};
use crate::catalog::{CatalogProduct, CatalogVariant};
use crate::shopify::docs::{gid, number_of, reference};
use crate::shopify::goods_edit::VariantEdit;
use crate::shopify::shop::Shop;

const MOST_OPTIONS: usize = 3;
const MOST_VARIANTS: usize = 2_048;

/// A variant of the input: its id, if it names one, its option values and the rest.
struct Wanted {
    id: Option<u64>,
    values: Vec<String>,
    edit: VariantEdit,
}

/// Options by name, and the variants; without options a product has its default variant alone.
struct Shape {
    options: Vec<String>,
    variants: Vec<Wanted>,
}

pub(in crate::shopify::graphql) fn set(shop: &mut Shop, arguments: &Map<String, Value>) -> Value {
    let input = arguments.get("input").and_then(Value::as_object).cloned().unwrap_or_default();
    let identifier = arguments.get("identifier").and_then(Value::as_object).cloned().unwrap_or_default();
    match try_set(shop, &identifier, &input) {
        Ok(id) => json!({ "product": reference(&gid("Product", id)), "userErrors": [] }),
        Err(found) => json!({ "product": null, "userErrors": errors(&found) }),
    }
}

fn try_set(
    shop: &mut Shop,
    identifier: &Map<String, Value>,
    input: &Map<String, Value>,
) -> Result<u64, Vec<Wrong>> {
    let known = match text(identifier, "id").or_else(|| text(input, "id")) {
        Some(id) => {
            let found = number_of("Product", id).filter(|id| shop.docs.goods.product(*id).is_some());
            let missing = || vec![wrong(&["input"], "PRODUCT_DOES_NOT_EXIST", "Product does not exist")];
            Some(found.ok_or_else(missing)?)
        }
        None => text(identifier, "handle").and_then(|handle| shop.docs.goods.by_handle(handle)),
    };
    let below = |(field, code, why): Wrong| {
        vec![(std::iter::once("input".to_owned()).chain(field).collect(), code, why)]
    };
    if let Some(found) = wrong_product(input) {
        return Err(below(found));
    }
    if known.is_none() && !input.contains_key("title") {
        return Err(below(wrong(&["title"], "INVALID_INPUT", "Title can't be blank")));
    }
    let shape = shape(input).map_err(below)?;
    let owned = |id: u64| shop.docs.goods.variant(id).is_some_and(|variant| Some(variant.product) == known);
    if shape.iter().flat_map(|shape| &shape.variants).filter_map(|wanted| wanted.id).any(|id| !owned(id)) {
        let why = "The product variant does not exist";
        return Err(below(wrong(&["variants"], "PRODUCT_VARIANT_DOES_NOT_EXIST", why)));
    }
    let id = match known {
        Some(id) => replace(shop, id, input, shape),
        None => create(shop, identifier, input, shape),
    };
    Ok(id)
}

/// Reads `productOptions` and `variants`, which come together or not at all.
fn shape(input: &Map<String, Value>) -> Result<Option<Shape>, Wrong> {
    let list = |name: &str| input.get(name).and_then(Value::as_array);
    let (options, variants) = match (list("productOptions"), list("variants")) {
        (None, None) => return Ok(None),
        (None, Some(_)) => {
            let why = "Product options input is required when updating variants";
            return Err(wrong(&["productOptions"], "PRODUCT_OPTIONS_INPUT_MISSING", why));
        }
        (Some(_), None) => {
            let why = "Variants input is required when updating product options";
            return Err(wrong(&["variants"], "VARIANTS_INPUT_MISSING", why));
        }
        (Some(options), Some(variants)) => (options, variants),
    };
    if options.len() > MOST_OPTIONS {
        let why = "Can only specify a maximum of 3 options";
        return Err(wrong(&["productOptions"], "OPTIONS_OVER_LIMIT", why));
    }
    if variants.len() > MOST_VARIANTS {
        return Err(wrong(&["variants"], "VARIANTS_OVER_LIMIT", "The product has too many variants"));
    }
    let mut names: Vec<(String, Vec<String>)> = Vec::new();
    for option in options {
        let name = option["name"].as_str().unwrap_or_default().to_owned();
        if names.iter().any(|(known, _)| *known == name) {
            return Err(wrong(&["productOptions"], "DUPLICATED_OPTION_NAME", "Option names must be unique"));
        }
        let values = option["values"].as_array().into_iter().flatten();
        let values: Vec<String> =
            values.filter_map(|value| value["name"].as_str()).map(ToOwned::to_owned).collect();
        if values.is_empty() {
            return Err(wrong(&["productOptions"], "OPTION_VALUES_MISSING", "Option values are missing"));
        }
        names.push((name, values));
    }
    let mut seen = HashSet::new();
    let mut wanted = Vec::with_capacity(variants.len());
    for variant in variants.iter().filter_map(Value::as_object) {
        let values = values_of(variant, &names)?;
        if !seen.insert(values.clone()) {
            let why = "The variants' option values must be unique";
            return Err(wrong(&["variants"], "INVALID_VARIANT", why));
        }
        let id = text(variant, "id").and_then(|id| number_of("ProductVariant", id));
        // This call has fewer codes than the others.
        let edit = variant_edit(variant).map_err(|(field, _, why)| (field, "INVALID_VARIANT", why))?;
        wanted.push(Wanted { id, values, edit });
    }
    let default = matches!(&*names, [(name, values)] if name == "Title" && *values == ["Default Title"]);
    if default || names.is_empty() {
        wanted.iter_mut().for_each(|wanted| wanted.values.clear());
        names.clear();
    }
    Ok(Some(Shape { options: names.into_iter().map(|(name, _)| name).collect(), variants: wanted }))
}

/// A value for each option, in the options' order.
fn values_of(variant: &Map<String, Value>, options: &[(String, Vec<String>)]) -> Result<Vec<String>, Wrong> {
    let given: Vec<(&str, &str)> = variant
        .get("optionValues")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .map(|value| {
            (value["optionName"].as_str().unwrap_or_default(), value["name"].as_str().unwrap_or_default())
        })
        .collect();
    let field = ["variants", "optionValues"];
    if given.iter().any(|(name, _)| !options.iter().any(|(known, _)| known == name)) {
        return Err(wrong(&field, "OPTION_DOES_NOT_EXIST", "The option does not exist"));
    }
    options
        .iter()
        .map(|(name, values)| match given.iter().find(|(given, _)| given == name) {
            Some((_, value)) if values.iter().any(|known| known == value) => Ok((*value).to_owned()),
            Some(_) => Err(wrong(&field, "OPTION_VALUE_DOES_NOT_EXIST", "The option value does not exist")),
            None => Err(wrong(&field, "INVALID_VARIANT", "A value is missing for an option")),
        })
        .collect()
}

/// A variant as it starts: tracked, free, without a SKU.
fn plain(values: Vec<String>) -> CatalogVariant {
    CatalogVariant {
        values,
        sku: None,
        grams: 0,
        weight_unit: "kg".to_owned(),
        tracked: true,
        quantity: 0,
        price: Decimal::ZERO,
        cost: None,
        barcode: None,
        requires_shipping: true,
        taxable: true,
    }
}

fn create(
    shop: &mut Shop,
    identifier: &Map<String, Value>,
    input: &Map<String, Value>,
    shape: Option<Shape>,
) -> u64 {
    let title = text(input, "title").unwrap_or_default().to_owned();
    let handle = text(identifier, "handle").or_else(|| text(input, "handle")).map(ToOwned::to_owned);
    let shape = shape.unwrap_or_else(|| Shape { options: Vec::new(), variants: Vec::new() });
    let id = shop.add_product(&CatalogProduct {
        handle: handle.unwrap_or_else(|| title.to_lowercase().replace(' ', "-")),
        title,
        body_html: String::new(),
        vendor: shop.spec.name.clone(),
        product_type: String::new(),
        tags: Vec::new(),
        published: true,
        gift_card: false,
        options: shape.options,
        variants: Vec::new(),
    });
    let mut edit = product_edit(input);
    edit.handle = None;
    shop.edit_product(id, edit);
    let lone = shape.variants.is_empty().then(|| Wanted {
        id: None,
        values: Vec::new(),
        edit: VariantEdit::default(),
    });
    for wanted in shape.variants.into_iter().chain(lone) {
        add(shop, id, wanted);
    }
    shop.tell_product(id, "PRODUCTS_CREATE");
    id
}

fn add(shop: &mut Shop, product: u64, wanted: Wanted) -> u64 {
    let id = shop.add_variant(product, &plain(wanted.values), false);
    shop.edit_variant(id, wanted.edit);
    wrote(shop, "productSet", product, Some(id), true);
    id
}

fn replace(shop: &mut Shop, id: u64, input: &Map<String, Value>, shape: Option<Shape>) -> u64 {
    let mut changed = shop.edit_product(id, product_edit(input));
    wrote(shop, "productSet", id, None, changed);
    if let Some(Shape { options, variants }) = shape {
        let before = shop.docs.goods.product(id).map(|found| (found.options.clone(), found.variants.clone()));
        let (old_options, old) = before.unwrap_or_default();
        let mut kept = Vec::with_capacity(variants.len());
        for wanted in variants {
            let same = |variant: &u64| {
                let found = shop.docs.goods.variant(*variant);
                found.is_some_and(|found| found.values.iter().map(|value| &**value).eq(&wanted.values))
            };
            match wanted.id.or_else(|| old.iter().copied().find(same)) {
                Some(variant) => {
                    let edit = VariantEdit { values: Some(wanted.values), ..wanted.edit };
                    let different = shop.edit_variant(variant, edit);
                    changed |= different;
                    wrote(shop, "productSet", id, Some(variant), different);
                    kept.push(variant);
                }
                None => kept.push(add(shop, id, wanted)),
            }
        }
        for gone in old.iter().filter(|variant| !kept.contains(variant)) {
            shop.docs.goods.remove_variant(*gone);
        }
        let options: Vec<Box<str>> = options.into_iter().map(String::into_boxed_str).collect();
        changed |= kept != old || options != old_options;
        if let Some(product) = shop.docs.goods.products.get_mut(&id) {
            product.variants = kept;
            product.options = options;
        }
        shop.offers = None;
    }
    if changed {
        shop.tell_product(id, "PRODUCTS_UPDATE");
    }
    id
}
