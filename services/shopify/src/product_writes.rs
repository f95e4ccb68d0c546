//! Writes of products. Fields that do not change are left out: a null would clear them.

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};
use shopbeat_domain::catalog::Variant;
use shopbeat_domain::failure::{Failure, FailureKind, Remote};
use shopbeat_domain::ids::{ProductId, VariantId};
use shopbeat_domain::ports::Answer;
use shopbeat_domain::product::{NewShopProduct, ShopEdit};

use crate::transport::Transport;
use crate::variant::{ProductNode, VariantNode};
use crate::wire::{Id, Operation, UserError, missing, refused};

pub(crate) struct ProductSet;

impl Operation for ProductSet {
    const NAME: &'static str = "ProductSet";
    const TEXT: &'static str = include_str!("../operations/product_set.graphql");
    const CHANGES: bool = true;
    type Variables = SetVariables;
    type Data = SetData;
}

#[derive(Debug, Serialize)]
pub(crate) struct SetVariables {
    identifier: Handle,
    input: SetInput,
}

#[derive(Debug, Serialize)]
struct Handle {
    handle: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct SetInput {
    handle: String,
    title: String,
    description_html: String,
    product_type: String,
    status: &'static str,
    product_options: [OptionSet; 1],
    variants: [VariantSet; 1],
}

#[derive(Debug, Serialize)]
struct OptionSet {
    name: &'static str,
    values: [Name; 1],
}

#[derive(Debug, Serialize)]
struct Name {
    name: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct VariantSet {
    option_values: [OptionValue; 1],
    sku: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    price: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    barcode: Option<String>,
    inventory_item: ItemInput,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct OptionValue {
    option_name: &'static str,
    name: &'static str,
}

#[derive(Debug, Serialize)]
struct ItemInput {
    #[serde(skip_serializing_if = "Option::is_none")]
    sku: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tracked: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SetData {
    product_set: Option<SetPayload>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SetPayload {
    product: Option<MadeProduct>,
    user_errors: Vec<UserError>,
}

#[derive(Debug, Deserialize)]
struct MadeProduct {
    #[serde(flatten)]
    head: ProductNode,
    variants: Variants,
}

#[derive(Debug, Deserialize)]
struct Variants {
    nodes: Vec<VariantNode>,
}

/// What Shopify itself gives a product that has no options.
const OPTION: &str = "Title";
const VALUE: &str = "Default Title";

/// Makes a product with one variant.
pub(crate) async fn create(transport: &Transport, new: &NewShopProduct) -> Answer<Variant> {
    let variant = VariantSet {
        option_values: [OptionValue { option_name: OPTION, name: VALUE }],
        sku: new.sku.clone(),
        price: new.price.map(|price| price.to_string()),
        barcode: new.barcode.clone(),
        inventory_item: ItemInput { sku: None, tracked: Some(new.tracked) },
    };
    let input = SetInput {
        handle: new.handle.clone(),
        title: new.title.clone(),
        description_html: new.description_html.clone(),
        product_type: new.product_type.clone(),
        status: if new.active { "ACTIVE" } else { "DRAFT" },
        product_options: [OptionSet { name: OPTION, values: [Name { name: VALUE }] }],
        variants: [variant],
    };
    let variables = SetVariables { identifier: Handle { handle: new.handle.clone() }, input };
    let data = transport.call::<ProductSet>(&variables).await?.data;
    let payload = data.product_set.ok_or_else(|| empty(ProductSet::NAME))?;
    refused(ProductSet::NAME, &payload.user_errors)?;
    let made = payload.product.ok_or_else(|| empty(ProductSet::NAME))?;
    let node = made.variants.nodes.into_iter().next().ok_or_else(|| empty(ProductSet::NAME))?;
    node.join(ProductSet::NAME, &made.head, Vec::new())
}

/// A mutation that answers neither a result nor an error: nobody knows.
fn empty(call: &'static str) -> Failure {
    let text = "the answer holds neither a result nor an error";
    Failure::new(Remote::Shopify, FailureKind::Unanswered, call, text)
}

/// Told apart: what is gone, and what is refused. Errors of `productUpdate` bear no code.
fn accepted(call: &'static str, errors: &[UserError]) -> Answer<()> {
    let gone = |error: &UserError| match error.code.as_deref() {
        Some(code) => matches!(code, "PRODUCT_DOES_NOT_EXIST" | "PRODUCT_VARIANT_DOES_NOT_EXIST"),
        None => error.message.to_ascii_lowercase().contains("product does not exist"),
    };
    if errors.iter().any(gone) {
        return Err(missing(call, "there is no such product or variant"));
    }
    refused(call, errors)
}

pub(crate) struct ProductUpdate;

impl Operation for ProductUpdate {
    const NAME: &'static str = "ProductUpdate";
    const TEXT: &'static str = include_str!("../operations/product_update.graphql");
    const CHANGES: bool = true;
    type Variables = UpdateVariables;
    type Data = UpdateData;
}

#[derive(Debug, Serialize)]
pub(crate) struct UpdateVariables {
    product: UpdateInput,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct UpdateInput {
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description_html: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    product_type: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UpdateData {
    product_update: Option<Errors>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Errors {
    user_errors: Vec<UserError>,
}

pub(crate) struct VariantsUpdate;

impl Operation for VariantsUpdate {
    const NAME: &'static str = "VariantsUpdate";
    const TEXT: &'static str = include_str!("../operations/variants_update.graphql");
    const CHANGES: bool = true;
    type Variables = VariantsVariables;
    type Data = VariantsData;
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct VariantsVariables {
    product_id: String,
    variants: [VariantInput; 1],
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct VariantInput {
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    price: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    barcode: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    inventory_item: Option<ItemInput>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct VariantsData {
    product_variants_bulk_update: Option<VariantsPayload>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct VariantsPayload {
    user_errors: Vec<UserError>,
    #[serde(default)]
    #[expect(dead_code, reason = "only counted by its being there")]
    product_variants: Option<Vec<Id>>,
}

/// Changes a product and its variant. The variant first: where the second call is lost, the next look finds the
/// product's own fields still different.
pub(crate) async fn edit(
    transport: &Transport,
    product: ProductId,
    variant: VariantId,
    edit: &ShopEdit,
) -> Answer<()> {
    if edit.touches_variant() {
        let sku = edit.sku.clone();
        let input = VariantInput {
            id: variant.gid(),
            price: edit.price.map(|price| price.to_string()),
            barcode: edit.barcode.clone(),
            inventory_item: sku.map(|sku| ItemInput { sku: Some(sku), tracked: None }),
        };
        let variables = VariantsVariables { product_id: product.gid(), variants: [input] };
        let data = transport.call::<VariantsUpdate>(&variables).await?.data;
        let payload = data.product_variants_bulk_update.ok_or_else(|| empty(VariantsUpdate::NAME))?;
        accepted(VariantsUpdate::NAME, &payload.user_errors)?;
    }
    if edit.touches_product() {
        let input = UpdateInput {
            id: product.gid(),
            title: edit.title.clone(),
            description_html: edit.description_html.clone(),
            product_type: edit.product_type.clone(),
        };
        let data = transport.call::<ProductUpdate>(&UpdateVariables { product: input }).await?.data;
        let payload = data.product_update.ok_or_else(|| empty(ProductUpdate::NAME))?;
        accepted(ProductUpdate::NAME, &payload.user_errors)?;
    }
    Ok(())
}
