//! `productUpdate`, `productVariantsBulkUpdate` and, in [`set`], `productSet`.

use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

use super::arguments::text;
use crate::shopify::docs::{gid, number_of, reference};
use crate::shopify::goods_edit::{Change, ProductEdit, VariantEdit};
use crate::shopify::shop::Shop;
use crate::shopify::stock::ProductWrite;

pub(super) use super::product_set::set;

/// Field, code and words of a user error.
pub(super) type Wrong = (Vec<String>, &'static str, String);

/// Longer SKUs, barcodes and titles are refused.
const LONGEST_TEXT: usize = 255;

pub(super) fn wrong(field: &[&str], code: &'static str, message: &str) -> Wrong {
    (field.iter().map(|step| (*step).to_owned()).collect(), code, message.to_owned())
}

pub(super) fn errors(found: &[Wrong]) -> Value {
    found.iter().map(|(field, code, why)| json!({ "field": field, "code": code, "message": why })).collect()
}

fn owned(input: &Map<String, Value>, name: &str) -> Option<String> {
    text(input, name).map(ToOwned::to_owned)
}

/// The edit in `ProductUpdateInput` and `ProductSetInput`; null empties a text.
pub(super) fn product_edit(input: &Map<String, Value>) -> ProductEdit {
    let emptied = |name: &str| match input.get(name) {
        Some(Value::Null) => Some(String::new()),
        Some(_) | None => owned(input, name),
    };
    ProductEdit {
        title: owned(input, "title"),
        handle: owned(input, "handle"),
        body_html: emptied("descriptionHtml"),
        product_type: emptied("productType"),
        vendor: owned(input, "vendor"),
        status: owned(input, "status"),
        tags: input.get("tags").and_then(Value::as_array).map(|tags| {
            let mut tags: Vec<String> =
                tags.iter().filter_map(Value::as_str).map(ToOwned::to_owned).collect();
            // Shopify keeps tags sorted.
            tags.sort();
            tags
        }),
    }
}

/// What is wrong with a product's own fields.
pub(super) fn wrong_product(input: &Map<String, Value>) -> Option<Wrong> {
    let title = input.get("title")?.as_str().unwrap_or_default();
    if title.trim().is_empty() {
        return Some(wrong(&["title"], "INVALID_INPUT", "Title can't be blank"));
    }
    let long = title.chars().count() > LONGEST_TEXT;
    long.then(|| wrong(&["title"], "INVALID_INPUT", "Title is too long (maximum is 255 characters)"))
}

/// `productUpdate`: plain user errors, without codes.
pub(super) fn update(shop: &mut Shop, arguments: &Map<String, Value>) -> Value {
    let refuse = |field: &[String], why: &str| json!({ "product": null, "userErrors": [{ "field": field, "message": why }] });
    let input = arguments.get("product").and_then(Value::as_object).cloned().unwrap_or_default();
    let id = text(&input, "id").and_then(|id| number_of("Product", id));
    let Some(id) = id.filter(|id| shop.docs.goods.product(*id).is_some()) else {
        return refuse(&["id".to_owned()], "Product does not exist");
    };
    if let Some((field, _, why)) = wrong_product(&input) {
        return refuse(&field, &why);
    }
    let taken = text(&input, "handle").and_then(|handle| shop.docs.goods.by_handle(handle));
    if let Some(handle) = text(&input, "handle").filter(|_| taken.is_some_and(|owner| owner != id)) {
        let why = format!("Handle '{handle}' already in use. Please provide a new handle.");
        return refuse(&["handle".to_owned()], &why);
    }
    let changed = shop.edit_product(id, product_edit(&input));
    wrote(shop, "productUpdate", id, None, changed);
    if changed {
        shop.tell_product(id, "PRODUCTS_UPDATE");
    }
    json!({ "product": reference(&gid("Product", id)), "userErrors": [] })
}

pub(super) fn wrote(shop: &mut Shop, call: &'static str, product: u64, variant: Option<u64>, changed: bool) {
    let at = shop.core.clock.now();
    shop.product_writes.push(ProductWrite { call, product, variant, changed, at });
}

fn decimal(value: &Value) -> Option<Decimal> {
    match value {
        Value::String(text) => text.parse().ok(),
        Value::Number(number) => number.to_string().parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

fn changed_text(input: &Map<String, Value>, name: &str) -> Change<String> {
    match input.get(name) {
        None => Change::Keep,
        // Shopify keeps an empty text as none.
        Some(value) => match value.as_str().filter(|text| !text.is_empty()) {
            Some(text) => Change::Set(text.to_owned()),
            None => Change::Clear,
        },
    }
}

fn changed_amount(input: &Map<String, Value>, name: &str) -> Result<Change<Decimal>, Wrong> {
    match input.get(name) {
        None => Ok(Change::Keep),
        Some(Value::Null) => Ok(Change::Clear),
        Some(value) => match decimal(value) {
            Some(amount) => Ok(Change::Set(amount)),
            None => Err(wrong(&[name], "INVALID_INPUT", "is not a number")),
        },
    }
}

/// The edit in `ProductVariantsBulkInput` and `ProductVariantSetInput`.
pub(super) fn variant_edit(input: &Map<String, Value>) -> Result<VariantEdit, Wrong> {
    let none = Map::new();
    let item = input.get("inventoryItem").and_then(Value::as_object).unwrap_or(&none);
    let price = match changed_amount(input, "price")? {
        Change::Keep => None,
        Change::Clear => return Err(wrong(&["price"], "INVALID_INPUT", "Price can't be blank")),
        Change::Set(price) if price.is_sign_negative() => {
            return Err(wrong(
                &["price"],
                "NEGATIVE_PRICE_VALUE",
                "Price must be greater than or equal to 0",
            ));
        }
        Change::Set(price) => Some(price.round_dp(2)),
    };
    let sku = if input.contains_key("sku") { changed_text(input, "sku") } else { changed_text(item, "sku") };
    let barcode = changed_text(input, "barcode");
    for (name, change) in [("sku", &sku), ("barcode", &barcode)] {
        if matches!(change, Change::Set(text) if text.chars().count() > LONGEST_TEXT) {
            return Err(wrong(&[name], "INVALID_INPUT", "is too long (maximum is 255 characters)"));
        }
    }
    let weight = item.get("measurement").and_then(|measurement| {
        let weight = &measurement["weight"];
        Some((decimal(&weight["value"])?, weight["unit"].as_str()?.to_owned()))
    });
    Ok(VariantEdit {
        sku,
        barcode,
        price,
        compare_at: changed_amount(input, "compareAtPrice")?,
        cost: changed_amount(item, "cost")?,
        weight,
        tracked: item.get("tracked").and_then(Value::as_bool),
        requires_shipping: item.get("requiresShipping").and_then(Value::as_bool),
        taxable: input.get("taxable").and_then(Value::as_bool),
        bundle: input.get("requiresComponents").and_then(Value::as_bool),
        values: None,
    })
}

/// One variant of `productVariantsBulkUpdate`: its id and edit.
fn bulk_row(shop: &Shop, product: u64, input: &Map<String, Value>) -> Result<(u64, VariantEdit), Wrong> {
    let Some(id) = text(input, "id") else {
        return Err(wrong(&["id"], "PRODUCT_VARIANT_ID_MISSING", "Product variant is missing ID attribute"));
    };
    let known = number_of("ProductVariant", id).and_then(|id| shop.docs.goods.variant(id));
    let Some(variant) = known.filter(|variant| variant.product == product) else {
        return Err(wrong(&["id"], "PRODUCT_VARIANT_DOES_NOT_EXIST", "Product variant does not exist"));
    };
    for name in ["inventoryQuantities", "quantityAdjustments"] {
        if input.get(name).is_some_and(|rows| !rows.is_null()) {
            let code = "NO_INVENTORY_QUANTITIES_ON_VARIANTS_UPDATE";
            return Err(wrong(&[name], code, "Inventory quantities can only be provided during create"));
        }
    }
    Ok((variant.id, variant_edit(input)?))
}

/// `productVariantsBulkUpdate`: all or, with `allowPartialUpdates`, those that can be.
pub(super) fn update_variants(shop: &mut Shop, arguments: &Map<String, Value>) -> Value {
    let product = text(arguments, "productId").and_then(|id| number_of("Product", id));
    let Some(product) = product.filter(|id| shop.docs.goods.product(*id).is_some()) else {
        let none = [wrong(&["productId"], "PRODUCT_DOES_NOT_EXIST", "Product does not exist")];
        return json!({ "productVariants": null, "userErrors": errors(&none) });
    };
    let (mut edits, mut found) = (Vec::new(), Vec::new());
    let rows = arguments.get("variants").and_then(Value::as_array);
    for (at, input) in rows.into_iter().flatten().filter_map(Value::as_object).enumerate() {
        match bulk_row(shop, product, input) {
            Ok(edit) => edits.push(edit),
            Err((field, code, why)) => {
                let field = ["variants".to_owned(), at.to_string()].into_iter().chain(field).collect();
                found.push((field, code, why));
            }
        }
    }
    let partly = arguments.get("allowPartialUpdates").and_then(Value::as_bool).unwrap_or_default();
    if !found.is_empty() && !partly {
        return json!({ "productVariants": null, "userErrors": errors(&found) });
    }
    let mut any = false;
    let mut written = Vec::new();
    for (id, edit) in edits {
        let changed = shop.edit_variant(id, edit);
        any |= changed;
        wrote(shop, "productVariantsBulkUpdate", product, Some(id), changed);
        written.push(reference(&gid("ProductVariant", id)));
    }
    if any {
        shop.tell_product(product, "PRODUCTS_UPDATE");
    }
    json!({ "productVariants": written, "userErrors": errors(&found) })
}
