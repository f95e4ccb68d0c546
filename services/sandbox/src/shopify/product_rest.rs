//! Products and levels as a webhook's body shows them: REST-shaped, numbers for ids.

use serde_json::{Value, json};

use super::docs::gid;
use super::goods::{Goods, Level, Product, Variant};
use super::order_doc::instant;
use super::product_doc::level_gid;

/// Variants that come whole; of all there is an entry in `variant_gids` (Shopify docs: "only the first 100").
const WHOLE_VARIANTS: usize = 100;

/// The body of `products/create` and `products/update`.
pub(crate) fn product_body(goods: &Goods, product: &Product) -> Value {
    let variants: Vec<&Variant> = product.variants.iter().filter_map(|id| goods.variant(*id)).collect();
    let whole = variants.iter().take(WHOLE_VARIANTS).zip(1_u32..);
    json!({
        "id": product.id,
        "admin_graphql_api_id": gid("Product", product.id),
        "title": product.title,
        "body_html": product.body_html,
        "vendor": product.vendor,
        "product_type": product.product_type,
        "handle": product.handle,
        "status": product.status.to_lowercase(),
        "tags": product.tags.join(", "),
        "template_suffix": null,
        "published_scope": "global",
        "published_at": (&*product.status == "ACTIVE").then(|| instant(product.created_at)),
        "created_at": instant(product.created_at),
        "updated_at": instant(product.updated_at),
        "has_variants_that_requires_components": variants.iter().any(|variant| variant.bundle),
        "options": options(product, &variants),
        "variants": whole.map(|(variant, position)| variant_body(variant, position)).collect::<Value>(),
        "variant_gids": variants.iter().map(|variant| json!({
            "admin_graphql_api_id": gid("ProductVariant", variant.id),
            "updated_at": instant(variant.updated_at),
        })).collect::<Value>(),
        "images": [],
        "image": null,
        "media": [],
        "category": null,
    })
}

fn options(product: &Product, variants: &[&Variant]) -> Value {
    if product.options.is_empty() {
        return json!([{
            "id": product.id + 1, "product_id": product.id, "name": "Title", "position": 1, "values": ["Default Title"],
        }]);
    }
    let names = product.options.iter().enumerate();
    names
        .map(|(at, name)| {
            let mut values: Vec<&str> = Vec::new();
            for value in variants.iter().filter_map(|variant| variant.values.get(at)) {
                if !values.contains(&&**value) {
                    values.push(value);
                }
            }
            let id = product.id + 1 + u64::try_from(at).unwrap_or_default();
            json!({ "id": id, "product_id": product.id, "name": name, "position": at + 1, "values": values })
        })
        .collect()
}

fn variant_body(variant: &Variant, position: u32) -> Value {
    let available: i64 =
        variant.levels.iter().filter(|level| level.active).map(|level| level.available).sum();
    let option = |at: usize| variant.values.get(at);
    json!({
        "id": variant.id,
        "product_id": variant.product,
        "admin_graphql_api_id": gid("ProductVariant", variant.id),
        "title": variant.title(),
        "price": format!("{:.2}", variant.price),
        "compare_at_price": variant.compare_at.map(|price| format!("{price:.2}")),
        "sku": variant.sku,
        "barcode": variant.barcode,
        "position": position,
        "option1": option(0).map_or("Default Title", |value| value),
        "option2": option(1),
        "option3": option(2),
        "taxable": variant.taxable,
        "inventory_policy": "deny",
        "inventory_item_id": variant.item,
        "inventory_quantity": available,
        "old_inventory_quantity": available,
        "created_at": instant(variant.updated_at),
        "updated_at": instant(variant.updated_at),
    })
}

/// The body of `inventory_levels/update` and `connect`: only what is available, nothing on hand.
pub(crate) fn level_body(goods: &Goods, variant: &Variant, at: usize, level: &Level) -> Value {
    json!({
        "inventory_item_id": variant.item,
        "location_id": goods.places.get(at).map(|place| place.id),
        "available": variant.tracked.then_some(level.available),
        "updated_at": instant(level.updated_at),
        "admin_graphql_api_id": level_gid(variant.item, at),
    })
}
