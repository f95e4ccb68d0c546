//! Products and their variants: changed since a moment, one by one, by SKU, by handle.

#[cfg(test)]
pub(crate) mod tests;

use std::collections::HashSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use shopbeat_domain::catalog::{ProductHead, Variant};
use shopbeat_domain::ids::{ItemNumber, ProductId};
use shopbeat_domain::ports::{Answer, Page};

use crate::classify::Trouble;
use crate::transport::Transport;
use crate::variant::{ProductNode, VariantNode};
use crate::wire::{Connection, Id, Operation, garbled, missing, whole};

/// Variants of one page: each costs several points.
const VARIANTS: u32 = 50;
/// What a product costs may be hidden from an app by a permission of its own; without it there is no cost to carry.
const MAY_LACK: &str = "unitCost";
const SCOPE: &str = "read_products or read_inventory";
/// Shopify's largest page.
const LARGEST_PAGE: u32 = 250;

pub(crate) struct ProductsUpdated;

impl Operation for ProductsUpdated {
    const NAME: &'static str = "ProductsUpdated";
    const TEXT: &'static str = include_str!("../operations/products_updated.graphql");
    type Variables = Search;
    type Data = ProductsData;
}

#[derive(Debug, Serialize)]
pub(crate) struct Search {
    query: String,
    first: u32,
    after: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct ProductsData {
    products: Connection<Head>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Head {
    id: String,
    updated_at: Timestamp,
}

/// One page of the products changed at or after a moment, oldest change first.
pub(crate) async fn updated(
    transport: &Transport,
    since: Timestamp,
    after: Option<&str>,
    size: u32,
) -> Answer<Page<ProductHead>> {
    // Unquoted, the colons of the time would be taken for syntax.
    let query = format!("updated_at:>='{since:.0}'");
    let search = Search { query, first: size.clamp(1, LARGEST_PAGE), after: after.map(str::to_owned) };
    let products = transport.call::<ProductsUpdated>(&search).await?.data.products;
    let next = products.page_info.next(ProductsUpdated::NAME, after)?;
    let read = |head: Head| {
        let id = ProductId::parse_gid(&head.id)
            .map_err(|_| garbled(ProductsUpdated::NAME, "a product's id cannot be read"))?;
        Ok(ProductHead { id, updated_at: head.updated_at })
    };
    Ok(Page { rows: products.nodes.into_iter().map(read).collect::<Answer<_>>()?, next })
}

pub(crate) struct ProductById;

impl Operation for ProductById {
    const NAME: &'static str = "ProductById";
    const TEXT: &'static str = include_str!("../operations/product_by_id.graphql");
    type Variables = ById;
    type Data = ProductData;
}

#[derive(Debug, Serialize)]
pub(crate) struct ById {
    id: String,
    variants: u32,
}

#[derive(Debug, Deserialize)]
pub(crate) struct ProductData {
    product: Option<Product>,
}

#[derive(Debug, Deserialize)]
struct Product {
    #[serde(flatten)]
    head: ProductNode,
    variants: Connection<VariantNode>,
}

pub(crate) struct ProductVariants;

impl Operation for ProductVariants {
    const NAME: &'static str = "ProductVariants";
    const TEXT: &'static str = include_str!("../operations/product_variants.graphql");
    type Variables = MoreVariants;
    type Data = MoreData;
}

#[derive(Debug, Serialize)]
pub(crate) struct MoreVariants {
    id: String,
    variants: u32,
    after: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct MoreData {
    product: Option<More>,
}

#[derive(Debug, Deserialize)]
struct More {
    variants: Connection<VariantNode>,
}

fn gone(call: &'static str) -> shopbeat_domain::failure::Failure {
    missing(call, "there is no such product")
}

/// All variants of a product.
pub(crate) async fn fetch(transport: &Transport, id: ProductId) -> Answer<Vec<Variant>> {
    fetch_by(transport, id, VARIANTS).await
}

async fn fetch_by(transport: &Transport, id: ProductId, mut size: u32) -> Answer<Vec<Variant>> {
    let first = loop {
        let variables = ById { id: id.gid(), variants: size };
        match transport.call::<ProductById>(&variables).await {
            Ok(answered) => {
                whole(ProductById::NAME, &answered.gaps, MAY_LACK, SCOPE)?;
                break answered.data.product.ok_or_else(|| gone(ProductById::NAME))?;
            }
            Err(Trouble::TooBig(_)) if size > 1 => size /= 2,
            Err(trouble) => return Err(trouble.into()),
        }
    };
    let Product { head, variants } = first;
    let mut nodes = variants.nodes;
    let mut after = variants.page_info.next(ProductById::NAME, None)?;
    while let Some(cursor) = after {
        let variables = MoreVariants { id: id.gid(), variants: size, after: cursor.clone() };
        let answered = transport.call::<ProductVariants>(&variables).await?;
        whole(ProductVariants::NAME, &answered.gaps, MAY_LACK, SCOPE)?;
        // Deleted while it was read: it is gone.
        let more = answered.data.product.ok_or_else(|| gone(ProductVariants::NAME))?;
        nodes.extend(more.variants.nodes);
        after = more.variants.page_info.next(ProductVariants::NAME, Some(&cursor))?;
    }
    let mut seen = HashSet::new();
    // A variant that moved between pages may come twice.
    nodes.retain(|node| seen.insert(node.id.clone()));
    nodes.into_iter().map(|node| node.join(ProductById::NAME, &head, Vec::new())).collect()
}

pub(crate) struct ProductByHandle;

impl Operation for ProductByHandle {
    const NAME: &'static str = "ProductByHandle";
    const TEXT: &'static str = include_str!("../operations/product_by_handle.graphql");
    type Variables = ByHandle;
    type Data = HandleData;
}

#[derive(Debug, Serialize)]
pub(crate) struct ByHandle {
    handle: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct HandleData {
    product_by_identifier: Option<Id>,
}

/// The product with this handle.
pub(crate) async fn with_handle(transport: &Transport, handle: &str) -> Answer<Option<ProductId>> {
    let data = transport.call::<ProductByHandle>(&ByHandle { handle: handle.to_owned() }).await?.data;
    let unreadable = |_| garbled(ProductByHandle::NAME, "a product's id cannot be read");
    data.product_by_identifier
        .map(|product| ProductId::parse_gid(&product.id).map_err(unreadable))
        .transpose()
}

pub(crate) struct VariantsBySku;

impl Operation for VariantsBySku {
    const NAME: &'static str = "VariantsBySku";
    const TEXT: &'static str = include_str!("../operations/variants_by_sku.graphql");
    type Variables = Search;
    type Data = VariantsData;
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct VariantsData {
    product_variants: Connection<Found>,
}

#[derive(Debug, Deserialize)]
struct Found {
    #[serde(flatten)]
    node: VariantNode,
    product: ProductNode,
}

/// Variants that bear one of these SKUs, exactly but for spaces around it.
pub(crate) async fn with_skus(transport: &Transport, skus: &[ItemNumber]) -> Answer<Vec<Variant>> {
    if skus.is_empty() {
        return Ok(Vec::new());
    }
    let wanted: HashSet<&str> = skus.iter().map(ItemNumber::as_str).collect();
    let (mut found, mut after, mut size) = (Vec::new(), None::<String>, VARIANTS);
    // One that moved between pages may come twice: that does not make two variants of one SKU.
    let mut seen = HashSet::new();
    loop {
        let search = Search { query: sku_query(skus), first: size, after: after.clone() };
        let page = match transport.call::<VariantsBySku>(&search).await {
            Ok(answered) => {
                whole(VariantsBySku::NAME, &answered.gaps, MAY_LACK, SCOPE)?;
                answered.data.product_variants
            }
            Err(Trouble::TooBig(_)) if size > 1 => {
                size /= 2;
                continue;
            }
            Err(trouble) => return Err(trouble.into()),
        };
        for Found { node, product } in page.nodes {
            let variant = node.join(VariantsBySku::NAME, &product, Vec::new())?;
            // The search goes by words: `T-1` also finds `T-1-RED`.
            if wanted.contains(variant.sku.trim()) && seen.insert(variant.id) {
                found.push(variant);
            }
        }
        match page.page_info.next(VariantsBySku::NAME, after.as_deref())? {
            Some(next) => after = Some(next),
            None => return Ok(found),
        }
    }
}

fn sku_query(skus: &[ItemNumber]) -> String {
    let quoted =
        skus.iter().map(|sku| format!("sku:\"{}\"", sku.as_str().replace('\\', r"\\").replace('"', "\\\"")));
    quoted.collect::<Vec<_>>().join(" OR ")
}

#[cfg(test)]
mod unit_tests {
    use super::*;

    #[test]
    fn a_sku_cannot_break_out_of_its_quotes() {
        let skus = ["A-1", r#"b" OR title:"x\"#].map(|sku| ItemNumber::parse(sku).unwrap());
        assert_eq!(sku_query(&skus), r#"sku:"A-1" OR sku:"b\" OR title:\"x\\""#);
    }
}
