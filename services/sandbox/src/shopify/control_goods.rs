//! The catalogue and the stock on the control port.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, patch, post};
use axum::{Json, Router};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::control::told;
use super::goods_edit::{Change, ProductEdit, VariantEdit};
use super::life::LifeError;
use super::{ProductTruth, ShopifySim};
use crate::catalog::{CatalogProduct, CatalogVariant};

/// Under `/control/shopify/shops/{shop}`: `stock` (GET; POST `{item, location, available | active}`), `writes`
/// (GET), `products` (GET, POST `{title, sku, price, quantity}`), `products/{id}` (PATCH `{title, …}`, DELETE),
/// `variants/{id}` (PATCH `{sku, barcode, price, tracked, bundle}`), `locations` (GET), `poison` (POST
/// `{item, code, tells_row}`).
pub(crate) fn router(sim: ShopifySim) -> Router {
    let at = |path: &str| format!("/control/shopify/shops/{{shop}}/{path}");
    Router::new()
        .route(&at("stock"), get(stock).post(set_stock))
        .route(&at("writes"), get(writes))
        .route(&at("locations"), get(locations))
        .route(&at("poison"), post(poison))
        .route(&at("products"), get(products).post(add_product))
        .route(&at("products/{id}"), patch(edit_product).delete(delete_product))
        .route(&at("variants/{id}"), patch(edit_variant))
        .with_state(sim)
}

async fn stock(State(sim): State<ShopifySim>, Path(shop): Path<String>) -> Response {
    told(sim.quantities(&shop).map(|rows| {
        rows.into_iter()
            .map(|row| {
                json!({
                    "product": row.product, "variant": row.variant, "item": row.item, "location": row.location,
                    "sku": row.sku, "tracked": row.tracked, "bundle": row.bundle, "active": row.active,
                    "available": row.available, "on_hand": row.on_hand, "committed": row.committed,
                })
            })
            .collect()
    }))
}

async fn set_stock(
    State(sim): State<ShopifySim>,
    Path(shop): Path<String>,
    Json(asked): Json<Value>,
) -> Response {
    let id = |name: &str| asked[name].as_u64().unwrap_or_default();
    let (item, location) = (id("item"), id("location"));
    let active = asked["active"].as_bool().map(|active| sim.set_level_active(&shop, item, location, active));
    let set = asked["available"].as_i64().map(|units| sim.set_quantity(&shop, item, location, units));
    told(active.into_iter().chain(set).collect::<Result<(), LifeError>>().map(|()| asked))
}

async fn writes(State(sim): State<ShopifySim>, Path(shop): Path<String>) -> Response {
    let inventory = sim.inventory_writes(&shop).map(|rows| {
        rows.into_iter()
            .map(|row| {
                json!({
                    "item": row.item, "location": row.location, "name": row.name, "quantity": row.quantity,
                    "before": row.before, "key": row.key, "at": row.at.to_string(),
                })
            })
            .collect::<Value>()
    });
    told(inventory.and_then(|inventory| {
        let products = sim.product_writes(&shop)?.into_iter().map(|row| {
            json!({
                "call": row.call, "product": row.product, "variant": row.variant, "changed": row.changed,
                "at": row.at.to_string(),
            })
        });
        Ok(json!({ "inventory": inventory, "products": products.collect::<Value>() }))
    }))
}

async fn locations(State(sim): State<ShopifySim>, Path(shop): Path<String>) -> Response {
    told(sim.locations(&shop).map(|places| {
        places
            .into_iter()
            .map(|place| json!({ "id": place.id, "name": place.name, "active": place.active }))
            .collect()
    }))
}

async fn poison(
    State(sim): State<ShopifySim>,
    Path(shop): Path<String>,
    Json(asked): Json<Value>,
) -> Response {
    let tells_row = asked["tells_row"].as_bool().unwrap_or_default();
    let item = asked["item"].as_u64().unwrap_or_default();
    told(sim.poison_item(&shop, item, asked["code"].as_str(), tells_row).map(|()| asked))
}

fn shown(product: &ProductTruth) -> Value {
    let variants = product.variants.iter().map(|variant| {
        json!({
            "id": variant.id, "item": variant.item, "title": variant.title, "sku": variant.sku,
            "barcode": variant.barcode, "price": variant.price, "tracked": variant.tracked, "bundle": variant.bundle,
        })
    });
    json!({
        "id": product.id, "handle": product.handle, "title": product.title, "status": product.status,
        "updated_at": product.updated_at.to_string(), "variants": variants.collect::<Value>(),
    })
}

async fn products(State(sim): State<ShopifySim>, Path(shop): Path<String>) -> Response {
    told(sim.products(&shop).map(|products| products.iter().map(shown).collect()))
}

fn amount(value: &Value) -> Option<Decimal> {
    value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned).parse().ok()
}

async fn add_product(
    State(sim): State<ShopifySim>,
    Path(shop): Path<String>,
    Json(asked): Json<Value>,
) -> Response {
    let title = asked["title"].as_str().unwrap_or("Nyhed").to_owned();
    let quantity = asked["quantity"].as_i64().and_then(|units| i32::try_from(units).ok());
    let variant = CatalogVariant {
        values: Vec::new(),
        sku: asked["sku"].as_str().map(ToOwned::to_owned),
        grams: 0,
        weight_unit: "kg".to_owned(),
        tracked: true,
        quantity: quantity.unwrap_or_default(),
        price: amount(&asked["price"]).unwrap_or_default(),
        cost: None,
        barcode: None,
        requires_shipping: true,
        taxable: true,
    };
    let product = CatalogProduct {
        handle: title.to_lowercase().replace(' ', "-"),
        title,
        body_html: String::new(),
        vendor: String::new(),
        product_type: String::new(),
        tags: Vec::new(),
        published: true,
        gift_card: false,
        options: Vec::new(),
        variants: vec![variant],
    };
    match sim.add_product(&shop, &product).and_then(|id| sim.product(&shop, id)) {
        Ok(made) => (StatusCode::CREATED, Json(shown(&made))).into_response(),
        Err(error) => told(Err(error)),
    }
}

async fn edit_product(
    State(sim): State<ShopifySim>,
    Path((shop, id)): Path<(String, u64)>,
    Json(asked): Json<Value>,
) -> Response {
    let text = |name: &str| asked[name].as_str().map(ToOwned::to_owned);
    let edit = ProductEdit {
        title: text("title"),
        handle: text("handle"),
        body_html: text("body_html"),
        product_type: text("product_type"),
        vendor: text("vendor"),
        status: text("status"),
        tags: None,
    };
    let done = sim.edit_product(&shop, id, edit).and_then(|()| sim.product(&shop, id));
    told(done.map(|product| shown(&product)))
}

async fn delete_product(State(sim): State<ShopifySim>, Path((shop, id)): Path<(String, u64)>) -> Response {
    told(sim.delete_product(&shop, id).map(|()| json!({ "deleted": id })))
}

async fn edit_variant(
    State(sim): State<ShopifySim>,
    Path((shop, id)): Path<(String, u64)>,
    Json(asked): Json<Value>,
) -> Response {
    let text = |name: &str| match asked.get(name) {
        None => Change::Keep,
        Some(value) => value.as_str().map_or(Change::Clear, |text| Change::Set(text.to_owned())),
    };
    let edit = VariantEdit {
        sku: text("sku"),
        barcode: text("barcode"),
        price: amount(&asked["price"]),
        tracked: asked["tracked"].as_bool(),
        bundle: asked["bundle"].as_bool(),
        ..VariantEdit::default()
    };
    told(sim.edit_variant(&shop, id, edit).map(|()| asked))
}
