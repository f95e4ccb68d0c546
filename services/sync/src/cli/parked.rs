//! `shopbeat parked …`.

use clap::{Args, Subcommand};
use serde_json::json;
use shopbeat_proto::v1;

use super::failure::{EXIT_CODES, Exit, Failed};
use super::order::Ask;
use super::out::Out;
use super::{Api, client, json, show};
use crate::options::{ClientOptions, Output};

/// `shopbeat parked …`.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct ParkedArgs {
    #[command(flatten)]
    client: ClientOptions,
    #[command(subcommand)]
    command: ParkedCommand,
}

#[derive(Debug, Subcommand)]
enum ParkedCommand {
    /// List the parked orders of a store, each with its reason and remedy.
    #[command(after_help = EXIT_CODES)]
    List(ListArgs),
    /// Put parked orders back to work.
    #[command(after_help = EXIT_CODES)]
    Retry(RetryArgs),
}

#[derive(Debug, Args)]
struct ListArgs {
    /// The store's id.
    #[arg(value_name = "STORE")]
    store: String,
}

#[derive(Debug, Args)]
struct RetryArgs {
    /// The store's id.
    #[arg(value_name = "STORE")]
    store: String,
    /// The orders: names such as `#1042`, or Shopify's ids.
    #[arg(value_name = "ORDER", required_unless_present = "all")]
    orders: Vec<String>,
    /// All parked orders of the store.
    #[arg(long, conflicts_with = "orders")]
    all: bool,
    /// Also make orders anew that a person removed in Rackbeat.
    #[arg(long, conflicts_with = "all")]
    recreate: bool,
}

/// Runs one of the commands.
pub(super) async fn run(args: &ParkedArgs, out: &mut Out) -> Result<(), Failed> {
    let output = args.client.output;
    let mut api = client::connect(&args.client).await?;
    match &args.command {
        ParkedCommand::List(list) => {
            let orders = all(&mut api, &list.store).await?;
            match output {
                Output::Json => {
                    out.json(&json!({ "orders": orders.iter().map(json::parked).collect::<Vec<_>>() }));
                }
                Output::Table if orders.is_empty() => out.line("nothing is parked"),
                Output::Table => out.table(&show::parked_table(&orders)),
            }
        }
        ParkedCommand::Retry(retry) => {
            let order_ids = ids(&mut api, retry).await?;
            let request = v1::RetryParkedRequest {
                store_id: retry.store.clone(),
                order_ids,
                all: retry.all,
                recreate: retry.recreate,
            };
            let answer = api.retry_parked(request).await?.into_inner();
            match output {
                Output::Json => out.json(&json!({ "order_ids": answer.order_ids })),
                Output::Table => match answer.order_ids.len() {
                    1 => out.line("1 order goes back to work"),
                    count => out.line(format!("{count} orders go back to work")),
                },
            }
        }
    }
    Ok(())
}

/// All parked orders of a store.
pub(crate) async fn all(api: &mut Api, store: &str) -> Result<Vec<v1::ParkedOrder>, Failed> {
    let mut orders = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = v1::ListParkedRequest { store_id: store.to_owned(), page_size: 0, page_token };
        let page = api.list_parked(request).await?.into_inner();
        orders.extend(page.orders);
        if page.next_page_token.is_empty() {
            return Ok(orders);
        }
        page_token = page.next_page_token;
    }
}

/// The ids of the orders that were named. Names are looked up among the parked, else in the orders' journals.
async fn ids(api: &mut Api, retry: &RetryArgs) -> Result<Vec<u64>, Failed> {
    let mut ids = Vec::new();
    for text in &retry.orders {
        match Ask::read(text) {
            Ask::Id(id) => ids.push(id),
            Ask::Name(name) => {
                let order = Some(v1::get_transfer_request::Order::OrderName(name));
                let request = v1::GetTransferRequest { store_id: retry.store.clone(), order };
                let known = api.get_transfer(request).await?.into_inner().transfer;
                let known = known.ok_or_else(|| Failed::new(Exit::NotFound, format!("no order {text}")))?;
                ids.push(known.order_id);
            }
        }
    }
    Ok(ids)
}
