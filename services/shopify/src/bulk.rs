//! The catalogue's export: start, look, cancel, read.

#[cfg(test)]
mod memory_tests;
#[cfg(test)]
mod tests;

use std::time::Duration;

use futures::StreamExt as _;
use futures::stream;
use serde::{Deserialize, Serialize};
use shopbeat_domain::catalog::SkuCheck;
use shopbeat_domain::failure::{Failure, FailureKind, Remote};
use shopbeat_domain::ids::{BulkId, VariantId};
use shopbeat_domain::ports::{Answer, Export, ExportedCatalog};
use url::Url;

use crate::catalog_rows::{Rows, Spill};
use crate::transport::Transport;
use crate::wire::{Operation, UserError, garbled, missing, refused};

/// The query that runs inside the bulk operation.
const CATALOG: &str = include_str!("../operations/bulk_catalog.graphql");
const READ: &str = "GET export";
/// No row is longer: a description has at most half a megabyte.
const LARGEST_ROW: usize = 8 * 1024 * 1024;

pub(crate) struct RunQuery;

impl Operation for RunQuery {
    const NAME: &'static str = "BulkRunQuery";
    const TEXT: &'static str = include_str!("../operations/bulk_run_query.graphql");
    const CHANGES: bool = true;
    type Variables = RunVariables;
    type Data = RunData;
}

#[derive(Serialize)]
pub(crate) struct RunVariables {
    query: &'static str,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RunData {
    bulk_operation_run_query: Option<Payload>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Payload {
    bulk_operation: Option<Brief>,
    user_errors: Vec<UserError>,
}

#[derive(Debug, Deserialize)]
struct Brief {
    id: String,
}

pub(crate) struct Cancel;

impl Operation for Cancel {
    const NAME: &'static str = "BulkCancel";
    const TEXT: &'static str = include_str!("../operations/bulk_cancel.graphql");
    const CHANGES: bool = true;
    type Variables = BulkVariables;
    type Data = CancelData;
}

#[derive(Serialize)]
pub(crate) struct BulkVariables {
    id: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CancelData {
    bulk_operation_cancel: Option<Payload>,
}

pub(crate) struct Look;

impl Operation for Look {
    const NAME: &'static str = "BulkOperation";
    const TEXT: &'static str = include_str!("../operations/bulk_operation.graphql");
    type Variables = BulkVariables;
    type Data = LookData;
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LookData {
    bulk_operation: Option<BulkNode>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct BulkNode {
    status: String,
    error_code: Option<String>,
    /// An UnsignedInt64, which Shopify writes as a string.
    object_count: String,
    url: Option<Url>,
}

/// Asks for the export. With as many under way as Shopify allows, that is `Busy`.
pub(crate) async fn start(transport: &Transport) -> Answer<BulkId> {
    let data = transport.call::<RunQuery>(&RunVariables { query: CATALOG }).await?.data;
    let payload = data.bulk_operation_run_query.ok_or_else(|| empty(RunQuery::NAME))?;
    let full = |e: &UserError| matches!(e.code.as_deref(), Some("OPERATION_IN_PROGRESS" | "LIMIT_REACHED"));
    if payload.user_errors.iter().any(full) {
        let kind = FailureKind::Busy { retry_after: None };
        let text = "as many exports as Shopify allows are under way";
        return Err(Failure::new(Remote::Shopify, kind, RunQuery::NAME, text));
    }
    refused(RunQuery::NAME, &payload.user_errors)?;
    let operation = payload.bulk_operation.ok_or_else(|| empty(RunQuery::NAME))?;
    BulkId::parse_gid(&operation.id).map_err(|_| garbled(RunQuery::NAME, "the export's id cannot be read"))
}

/// Stops an export; one that has ended already is left as it is.
pub(crate) async fn cancel(transport: &Transport, id: BulkId) -> Answer<()> {
    let data = transport.call::<Cancel>(&BulkVariables { id: id.gid() }).await?.data;
    let payload = data.bulk_operation_cancel.ok_or_else(|| empty(Cancel::NAME))?;
    // A plain error without a code: what it was about can only be seen from the operation itself.
    if !payload.user_errors.is_empty() && matches!(look(transport, id).await?, Export::Running(_)) {
        return refused(Cancel::NAME, &payload.user_errors);
    }
    Ok(())
}

/// A mutation that answers neither a result nor an error: nobody knows.
fn empty(call: &'static str) -> Failure {
    Failure::new(
        Remote::Shopify,
        FailureKind::Unanswered,
        call,
        "the answer holds neither a result nor an error",
    )
}

pub(crate) async fn look(transport: &Transport, id: BulkId) -> Answer<Export> {
    let data = transport.call::<Look>(&BulkVariables { id: id.gid() }).await?.data;
    let node = data.bulk_operation.ok_or_else(|| missing(Look::NAME, "there is no such export"))?;
    read_state(node)
}

fn read_state(node: BulkNode) -> Answer<Export> {
    let objects = node
        .object_count
        .parse()
        .map_err(|_| garbled(Look::NAME, "the export's row count cannot be read"))?;
    match node.status.as_str() {
        "CREATED" | "RUNNING" | "CANCELING" => Ok(Export::Running(objects)),
        // A null address means no rows at all; with rows told it would be a loss.
        "COMPLETED" if node.url.is_none() && objects > 0 => {
            Err(garbled(Look::NAME, format!("the export tells {objects} rows and no file")))
        }
        "COMPLETED" => Ok(Export::Ready { url: node.url, objects }),
        "FAILED" | "CANCELED" | "EXPIRED" => Ok(Export::Failed(node.error_code.unwrap_or(node.status))),
        other => Err(garbled(Look::NAME, format!("the export is in a state nobody knows: {other}"))),
    }
}

/// Reads the file. Nothing comes back before it was read to its end and found whole, since a child may stand anywhere
/// and a row may be the last.
pub(crate) async fn read(
    transport: &Transport,
    url: &Url,
    objects: u64,
    after: Option<VariantId>,
) -> Answer<ExportedCatalog> {
    let deadline = transport.deadline();
    // The address is signed: no token goes along.
    let request = transport.http().client()?.get(url.clone()).send();
    let response = tokio::time::timeout(deadline, request).await;
    let response = match response {
        Ok(Ok(response)) => response,
        Ok(Err(error)) if error.is_connect() => {
            return Err(read_failure(FailureKind::Unreachable, "no connection"));
        }
        Ok(Err(_)) => return Err(read_failure(FailureKind::Unanswered, "the connection broke")),
        Err(_) => return Err(read_failure(FailureKind::Unanswered, "no answer before the deadline")),
    };
    match response.status().as_u16() {
        200 => {}
        400 | 401 | 403 | 404 | 410 => {
            return Err(read_failure(
                FailureKind::Missing,
                "the export's address has ended; it is valid for 7 days",
            ));
        }
        status => {
            let kind = FailureKind::Busy { retry_after: None };
            return Err(read_failure(kind, format!("HTTP {status} instead of the export")));
        }
    }
    let (skus, rows) = read_rows(response.bytes_stream(), objects, deadline).await?;
    let variants = u64::try_from(rows.variants()).unwrap_or(u64::MAX);
    Ok(ExportedCatalog { variants, skus, rows: stream::iter(rows.after(after)).boxed() })
}

fn read_failure(kind: FailureKind, message: impl Into<String>) -> Failure {
    Failure::new(Remote::Shopify, kind, READ, message)
}

/// Takes the lines one by one as they come; of the file only the row under way is held.
async fn read_rows<B, E>(
    chunks: impl futures::Stream<Item = Result<B, E>>,
    objects: u64,
    deadline: Duration,
) -> Answer<(SkuCheck, Rows)>
where
    B: AsRef<[u8]>,
{
    let mut chunks = std::pin::pin!(chunks);
    let (mut catalog, mut line) = (Spill::new()?, Vec::new());
    loop {
        let chunk = tokio::time::timeout(deadline, chunks.next()).await;
        let chunk = chunk.map_err(|_| read_failure(FailureKind::Unanswered, "the export stopped coming"))?;
        let Some(chunk) = chunk else { break };
        let chunk =
            chunk.map_err(|_| read_failure(FailureKind::Unanswered, "the connection broke in the export"))?;
        let mut rest = chunk.as_ref();
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let (head, tail) = rest.split_at(end);
            line.extend_from_slice(head);
            catalog.take(&line)?;
            line.clear();
            rest = tail.get(1..).unwrap_or_default();
        }
        if line.len() + rest.len() > LARGEST_ROW {
            return Err(garbled(READ, "a row of the export does not end"));
        }
        line.extend_from_slice(rest);
    }
    // The last line may lack its end; one that was cut is no JSON.
    if !line.is_empty() {
        catalog.take(&line)?;
    }
    catalog.check(objects)
}

#[cfg(test)]
mod unit_tests {
    use super::*;
    use shopbeat_domain::catalog::Variant;

    fn state(status: &str, count: &str, url: Option<&str>) -> Answer<Export> {
        read_state(BulkNode {
            status: status.to_owned(),
            error_code: (status == "FAILED").then(|| "TIMEOUT".to_owned()),
            object_count: count.to_owned(),
            url: url.map(|u| u.parse().unwrap()),
        })
    }

    #[test]
    fn every_state_of_an_export_is_understood_and_an_unknown_one_is_told() {
        assert_eq!(state("RUNNING", "7", None), Ok(Export::Running(7)));
        assert_eq!(state("CANCELING", "7", None), Ok(Export::Running(7)));
        assert_eq!(state("FAILED", "7", None), Ok(Export::Failed("TIMEOUT".to_owned())));
        assert_eq!(state("EXPIRED", "7", None), Ok(Export::Failed("EXPIRED".to_owned())));
        assert_eq!(state("COMPLETED", "0", None), Ok(Export::Ready { url: None, objects: 0 }));
        assert!(matches!(
            state("COMPLETED", "7", Some("http://a.test/f")),
            Ok(Export::Ready { objects: 7, .. })
        ));
        for (status, count) in [("COMPLETED", "7"), ("SLEEPING", "7"), ("RUNNING", "seven")] {
            assert_eq!(
                state(status, count, None).unwrap_err().kind,
                FailureKind::Garbled,
                "{status} {count}"
            );
        }
    }

    const PRODUCT: &str = r#"{"id":"gid://shopify/Product/1","title":"Tent","descriptionHtml":"<p>A</p>","productType":"Tents","status":"ACTIVE","isGiftCard":false,"hasOnlyDefaultVariant":false,"updatedAt":"2026-03-01T10:00:00Z"}"#;
    const VARIANT: &str = r#"{"id":"gid://shopify/ProductVariant/2","sku":"T-1","barcode":"57","price":"12.50","requiresComponents":false,"selectedOptions":[{"name":"Color","value":"Red"}],"inventoryItem":{"id":"gid://shopify/InventoryItem/3","tracked":true,"unitCost":null,"measurement":{"weight":null}},"__parentId":"gid://shopify/Product/1"}"#;
    const LEVEL: &str = r#"{"id":"gid://shopify/InventoryLevel/4?inventory_item_id=3","location":{"id":"gid://shopify/Location/5"},"quantities":[{"name":"available","quantity":6},{"name":"on_hand","quantity":7}],"__parentId":"gid://shopify/ProductVariant/2"}"#;

    async fn rows(file: &str, objects: u64, chunk: usize) -> Answer<Vec<Variant>> {
        let chunks = file.as_bytes().chunks(chunk).map(|c| Ok::<_, ()>(c.to_vec())).collect::<Vec<_>>();
        let (_, rows) = read_rows(stream::iter(chunks), objects, Duration::from_secs(1)).await?;
        rows.collect()
    }

    #[tokio::test]
    async fn children_find_their_parents_in_any_order_and_across_any_chunks() {
        for order in [[PRODUCT, VARIANT, LEVEL], [LEVEL, VARIANT, PRODUCT], [VARIANT, PRODUCT, LEVEL]] {
            let file = order.join("\n") + "\n";
            for chunk in [1, 7, 4096] {
                let variants = rows(&file, 3, chunk).await.unwrap();
                assert_eq!(variants.len(), 1);
                assert_eq!(variants[0].name(), "Tent / Red");
                assert_eq!((variants[0].levels[0].available, variants[0].levels[0].on_hand), (6, 7));
            }
        }
    }

    #[tokio::test]
    async fn a_file_cut_anywhere_is_an_error_and_never_a_short_success() {
        let file = [PRODUCT, VARIANT, LEVEL].join("\n") + "\n";
        assert_eq!(rows(&file, 3, 64).await.unwrap().len(), 1);
        // The last line's end alone is no loss; anything before it is, the ends of earlier lines included.
        for end in 0..file.len() - 1 {
            let failure = rows(&file[..end], 3, 64).await.unwrap_err();
            assert_eq!(failure.kind, FailureKind::Garbled, "cut at {end}");
        }
    }

    #[tokio::test]
    async fn a_broken_connection_is_not_an_end() {
        let chunks = stream::iter([Ok(format!("{PRODUCT}\n")), Err(())]);
        let failure = read_rows(chunks, 1, Duration::from_secs(1)).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Unanswered);
    }

    #[tokio::test]
    async fn no_rows_are_no_variants() {
        assert_eq!(rows("", 0, 1).await, Ok(Vec::new()));
        assert!(rows("", 1, 1).await.is_err());
    }

    #[tokio::test]
    async fn a_child_without_its_parent_is_an_error() {
        assert_eq!(rows(VARIANT, 1, 64).await.unwrap_err().kind, FailureKind::Garbled);
        let orphan = [PRODUCT, LEVEL].join("\n");
        assert_eq!(rows(&orphan, 2, 64).await.unwrap_err().kind, FailureKind::Garbled);
    }
}
