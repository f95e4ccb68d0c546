//! Stock: what stands in the shop, and setting it.

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};
use shopbeat_domain::failure::{Failure, FailureKind, Refusal, Remote};
use shopbeat_domain::ids::{InventoryItemId, LocationId};
use shopbeat_domain::limits;
use shopbeat_domain::ports::Answer;
use shopbeat_domain::settings::StockKind;
use shopbeat_domain::stock::{ShopLevel, ShopStock, StockProblem, StockRefusal, StockWrite};

use crate::classify::Trouble;
use crate::transport::Transport;
use crate::wire::{Connection, Id, Operation, PageSize, UserError, garbled, refused, whole};

/// Levels of one page: a shop has rarely more locations.
const LEVELS: u32 = 20;
/// Items of the first attempt.
pub(crate) const ITEMS: u32 = 50;
/// No member of the answer may be missing.
const NOTHING: &str = "";
const SCOPE: &str = "read_inventory";

pub(crate) struct InventoryLevels;

impl Operation for InventoryLevels {
    const NAME: &'static str = "InventoryLevels";
    const TEXT: &'static str = include_str!("../operations/inventory_levels.graphql");
    type Variables = LevelsVariables;
    type Data = LevelsData;
}

#[derive(Debug, Serialize)]
pub(crate) struct LevelsVariables {
    ids: Vec<String>,
    levels: u32,
}

#[derive(Debug, Deserialize)]
pub(crate) struct LevelsData {
    nodes: Vec<Option<Node>>,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "__typename")]
enum Node {
    InventoryItem(Item),
    #[serde(other)]
    Other,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    id: String,
    tracked: bool,
    inventory_levels: Option<Connection<LevelNode>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct LevelNode {
    is_active: bool,
    location: Id,
    quantities: Vec<Quantity>,
}

#[derive(Debug, Deserialize)]
struct Quantity {
    name: String,
    quantity: i64,
}

pub(crate) struct InventoryItemLevels;

impl Operation for InventoryItemLevels {
    const NAME: &'static str = "InventoryItemLevels";
    const TEXT: &'static str = include_str!("../operations/inventory_item_levels.graphql");
    type Variables = MoreVariables;
    type Data = MoreData;
}

#[derive(Debug, Serialize)]
pub(crate) struct MoreVariables {
    id: String,
    levels: u32,
    after: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MoreData {
    inventory_item: Option<MoreItem>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct MoreItem {
    inventory_levels: Option<Connection<LevelNode>>,
}

/// The stock of inventory items; those that are gone are left out.
pub(crate) async fn read(
    transport: &Transport,
    pages: &PageSize,
    items: &[InventoryItemId],
) -> Answer<Vec<ShopStock>> {
    read_by(transport, pages, items, LEVELS).await
}

async fn read_by(
    transport: &Transport,
    pages: &PageSize,
    items: &[InventoryItemId],
    levels: u32,
) -> Answer<Vec<ShopStock>> {
    let (mut stocks, mut left) = (Vec::with_capacity(items.len()), items);
    while !left.is_empty() {
        let size = pages.now();
        let (chunk, rest) = left.split_at(left.len().min(usize::try_from(size).unwrap_or(1)));
        let variables = LevelsVariables { ids: chunk.iter().map(|item| item.gid()).collect(), levels };
        let answered = match transport.call::<InventoryLevels>(&variables).await {
            Ok(answered) => answered,
            // Fewer may have been left than the page holds: what was refused is their number.
            Err(Trouble::TooBig(_)) if pages.shrink(u32::try_from(chunk.len()).unwrap_or(size)) => continue,
            Err(trouble) => return Err(trouble.into()),
        };
        // A null beside an error is not an item that is gone.
        whole(InventoryLevels::NAME, &answered.gaps, NOTHING, SCOPE)?;
        for node in answered.data.nodes.into_iter().flatten() {
            if let Node::InventoryItem(item) = node {
                stocks.extend(with_all_levels(transport, item, levels).await?);
            }
        }
        left = rest;
    }
    Ok(stocks)
}

/// The item with its further levels; `None` if it is gone meanwhile.
async fn with_all_levels(transport: &Transport, item: Item, levels: u32) -> Answer<Option<ShopStock>> {
    let call = InventoryLevels::NAME;
    let id = InventoryItemId::parse_gid(&item.id)
        .map_err(|_| garbled(call, "an inventory item's id cannot be read"))?;
    let mut stock = ShopStock { inventory_item: id, tracked: item.tracked, levels: Vec::new() };
    let Some(page) = item.inventory_levels else { return Ok(Some(stock)) };
    let mut after = page.page_info.next(call, None)?;
    take(&mut stock, page.nodes)?;
    while let Some(cursor) = after {
        let variables = MoreVariables { id: id.gid(), levels, after: cursor.clone() };
        let answered = transport.call::<InventoryItemLevels>(&variables).await?;
        whole(InventoryItemLevels::NAME, &answered.gaps, NOTHING, SCOPE)?;
        let Some(item) = answered.data.inventory_item else { return Ok(None) };
        let text = "an item's further stock levels are not there";
        let page = item.inventory_levels.ok_or_else(|| garbled(InventoryItemLevels::NAME, text))?;
        after = page.page_info.next(InventoryItemLevels::NAME, Some(&cursor))?;
        take(&mut stock, page.nodes)?;
    }
    Ok(Some(stock))
}

fn take(stock: &mut ShopStock, nodes: Vec<LevelNode>) -> Answer<()> {
    for node in nodes {
        let location = LocationId::parse_gid(&node.location.id)
            .map_err(|_| garbled(InventoryLevels::NAME, "a location's id cannot be read"))?;
        let of = |name: &str| match node.quantities.iter().find(|q| q.name == name) {
            Some(found) => Ok(found.quantity),
            // Nothing is written there before it is stocked again, and then it is read anew.
            None if !node.is_active => Ok(0),
            None => Err(garbled(InventoryLevels::NAME, format!("a stock level does not tell {name}"))),
        };
        let level = ShopLevel {
            location,
            active: node.is_active,
            available: of("available")?,
            on_hand: of("on_hand")?,
        };
        if !stock.levels.iter().any(|known| known.location == location) {
            stock.levels.push(level);
        }
    }
    Ok(())
}

pub(crate) struct InventorySet;

impl Operation for InventorySet {
    const NAME: &'static str = "InventorySet";
    const TEXT: &'static str = include_str!("../operations/inventory_set.graphql");
    const CHANGES: bool = true;
    type Variables = SetVariables;
    type Data = SetData;
}

#[derive(Debug, Serialize)]
pub(crate) struct SetVariables {
    input: SetInput,
    key: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct SetInput {
    name: &'static str,
    reason: &'static str,
    reference_document_uri: String,
    quantities: Vec<SetQuantity>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct SetQuantity {
    inventory_item_id: String,
    location_id: String,
    quantity: i64,
    /// Sent even as null: left out, the whole call is refused.
    change_from_quantity: Option<i64>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SetData {
    inventory_set_quantities: Option<SetPayload>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SetPayload {
    user_errors: Vec<UserError>,
}

fn name(kind: StockKind) -> &'static str {
    match kind {
        StockKind::Available => "available",
        StockKind::Physical => "on_hand",
    }
}

/// Sets quantities, all or none.
pub(crate) async fn set(transport: &Transport, write: &StockWrite) -> Answer<Result<(), Vec<StockRefusal>>> {
    if write.quantities.len() > limits::QUANTITIES_PER_CALL {
        let text = format!(
            "{} quantities in one call; Shopify takes {}",
            write.quantities.len(),
            limits::QUANTITIES_PER_CALL
        );
        return Err(Failure::new(
            Remote::Shopify,
            FailureKind::Refused(Refusal::Other),
            InventorySet::NAME,
            text,
        ));
    }
    let quantities = write.quantities.iter().map(|quantity| SetQuantity {
        inventory_item_id: quantity.inventory_item.gid(),
        location_id: quantity.location.gid(),
        quantity: quantity.quantity,
        change_from_quantity: quantity.from,
    });
    let input = SetInput {
        name: name(write.kind),
        reason: "correction",
        reference_document_uri: write.reference.clone(),
        quantities: quantities.collect(),
    };
    let data = transport.call::<InventorySet>(&SetVariables { input, key: write.key.clone() }).await?.data;
    let payload = data.inventory_set_quantities.ok_or_else(|| empty(InventorySet::NAME))?;
    if payload.user_errors.is_empty() {
        return Ok(Ok(()));
    }
    Ok(Err(payload.user_errors.into_iter().map(refusal).collect()))
}

fn empty(call: &'static str) -> Failure {
    let text = "the answer holds neither a result nor an error";
    Failure::new(Remote::Shopify, FailureKind::Unanswered, call, text)
}

fn refusal(error: UserError) -> StockRefusal {
    let problem = match error.code.as_deref() {
        Some("CHANGE_FROM_QUANTITY_STALE" | "COMPARE_QUANTITY_STALE") => StockProblem::Stale,
        Some("IDEMPOTENCY_KEY_PARAMETER_MISMATCH" | "IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED") => {
            StockProblem::KeySpent
        }
        Some("IDEMPOTENCY_CONCURRENT_REQUEST") => StockProblem::KeyRunning,
        Some(
            "INVALID_INVENTORY_ITEM"
            | "INVALID_LOCATION"
            | "NON_MUTABLE_INVENTORY_ITEM"
            | "INVALID_QUANTITY_NEGATIVE"
            | "INVALID_QUANTITY_TOO_HIGH"
            | "INVALID_QUANTITY_TOO_LOW"
            | "NO_DUPLICATE_INVENTORY_ITEM_ID_GROUP_ID_PAIR",
        ) => StockProblem::Item,
        _ => StockProblem::Other,
    };
    // `["input", "quantities", "3", "locationId"]`
    let steps = error.field.unwrap_or_default();
    let at = steps.iter().position(|step| step == "quantities");
    let index = at.and_then(|at| steps.get(at + 1)).and_then(|step| step.parse().ok());
    StockRefusal { index, problem, message: error.message }
}

pub(crate) struct InventoryActivate;

impl Operation for InventoryActivate {
    const NAME: &'static str = "InventoryActivate";
    const TEXT: &'static str = include_str!("../operations/inventory_activate.graphql");
    const CHANGES: bool = true;
    type Variables = ActivateVariables;
    type Data = ActivateData;
}

#[derive(Debug, Serialize)]
pub(crate) struct ActivateVariables {
    item: String,
    location: String,
    key: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ActivateData {
    inventory_activate: Option<SetPayload>,
}

/// Begins to stock an item at a location.
pub(crate) async fn activate(
    transport: &Transport,
    item: InventoryItemId,
    location: LocationId,
    key: &str,
) -> Answer<()> {
    let variables = ActivateVariables { item: item.gid(), location: location.gid(), key: key.to_owned() };
    let data = transport.call::<InventoryActivate>(&variables).await?.data;
    let payload = data.inventory_activate.ok_or_else(|| empty(InventoryActivate::NAME))?;
    refused(InventoryActivate::NAME, &payload.user_errors)
}
