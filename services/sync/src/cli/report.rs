//! The full report of an initial sync, a line for each variant, written page by page: a shop may have 100,000.

use clap::ValueEnum;
use shopbeat_proto::v1;

use super::failure::Failed;
use super::out::Out;
use super::{Api, csv, json, words};

/// How a report is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// Comma-separated values with a head
    Csv,
    /// A JSON list
    Json,
}

/// Rows that are asked for at once.
const PAGE: u32 = 500;

const HEAD: [&str; 11] = [
    "variant_id",
    "product_id",
    "name",
    "sku",
    "product",
    "skip_reason",
    "remedy",
    "stock",
    "stock_from",
    "stock_to",
    "stock_refusal",
];

/// Writes the report of a store's latest run.
pub(super) async fn write(
    api: &mut Api,
    store: &str,
    run: &str,
    format: Format,
    out: &mut Out,
) -> Result<(), Failed> {
    let mut page = rows(api, store, run, String::new()).await?;
    out.line(match format {
        Format::Csv => csv::line(&HEAD),
        Format::Json => "[".to_owned(),
    });
    let mut comma = "";
    loop {
        for row in &page.rows {
            match format {
                Format::Csv => out.line(csv::line(&fields(row))),
                Format::Json => out.line(format!("{comma}{}", json::row(row))),
            }
            comma = ",";
        }
        if page.next_page_token.is_empty() || out.is_closed() {
            break;
        }
        page = rows(api, store, run, page.next_page_token).await?;
    }
    if format == Format::Json {
        out.line("]");
    }
    Ok(())
}

async fn rows(
    api: &mut Api,
    store: &str,
    run: &str,
    page_token: String,
) -> Result<v1::ListInitialSyncRowsResponse, Failed> {
    let request = v1::ListInitialSyncRowsRequest {
        store_id: store.to_owned(),
        run_id: run.to_owned(),
        page_size: PAGE,
        page_token,
    };
    Ok(api.list_initial_sync_rows(request).await?.into_inner())
}

fn fields(row: &v1::RunRow) -> [String; HEAD.len()] {
    let v1::RunRow {
        variant_id,
        product_id,
        name,
        sku,
        product,
        skip_reason,
        remedy,
        stock,
        stock_from,
        stock_to,
        stock_refusal,
    } = row;
    let word = |word: Option<String>| word.unwrap_or_default();
    [
        variant_id.to_string(),
        product_id.to_string(),
        name.clone(),
        sku.clone(),
        word(words::row_product(*product)),
        word(words::skip_reason(*skip_reason)),
        remedy.clone(),
        word(words::row_stock(*stock)),
        stock_from.clone().unwrap_or_default(),
        stock_to.clone().unwrap_or_default(),
        stock_refusal.clone(),
    ]
}
