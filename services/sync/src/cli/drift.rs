//! `shopbeat drift …` and `shopbeat products …`.

use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;
use shopbeat_proto::v1;

use super::failure::{EXIT_CODES, Exit, Failed};
use super::out::{Out, Tone};
use super::table::{Cell, Table};
use super::{Api, client, json, time, words};
use crate::options::{ClientOptions, Output};

/// `shopbeat drift …`.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct DriftArgs {
    #[command(flatten)]
    client: ClientOptions,
    #[command(subcommand)]
    command: DriftCommand,
}

#[derive(Debug, Subcommand)]
enum DriftCommand {
    /// List fields of products that were edited on the side that is not master.
    #[command(after_help = EXIT_CODES)]
    List(ListArgs),
    /// Settle the drift of an item.
    #[command(after_help = EXIT_CODES)]
    Resolve(ResolveArgs),
}

#[derive(Debug, Args)]
struct ListArgs {
    /// The store's id.
    #[arg(value_name = "STORE")]
    store: String,
}

#[derive(Debug, Args)]
struct ResolveArgs {
    /// The store's id.
    #[arg(value_name = "STORE")]
    store: String,
    /// Number of the item.
    #[arg(value_name = "ITEM")]
    item: String,
    /// What is to become of it.
    #[arg(value_name = "CHOICE", value_enum)]
    choice: Choice,
    /// Only this field, such as `price`; may be given several times. Default: all of the item's that drifted.
    #[arg(long, value_name = "FIELD", value_parser = read_field)]
    field: Vec<v1::ProductField>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Choice {
    /// The master takes the other side's value
    Adopt,
    /// The other side gets the master's value
    Repair,
}

/// `shopbeat products …`.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct ProductsArgs {
    #[command(flatten)]
    client: ClientOptions,
    #[command(subcommand)]
    command: ProductsCommand,
}

#[derive(Debug, Subcommand)]
enum ProductsCommand {
    /// List the products of a store that are not carried, or not whole, each with reason and remedy.
    #[command(after_help = EXIT_CODES)]
    Troubles(ListArgs),
}

fn read_field(text: &str) -> Result<v1::ProductField, String> {
    use shopbeat_domain::product::ProductField;
    let field = ProductField::named(&text.trim().to_ascii_lowercase());
    let names = || ProductField::ALL.map(ProductField::name).join(", ");
    field.map(crate::grpc::convert::product_field).ok_or_else(|| format!("give one of {}", names()))
}

/// Runs one of the commands.
pub(super) async fn run(args: &DriftArgs, out: &mut Out) -> Result<(), Failed> {
    let output = args.client.output;
    let mut api = client::connect(&args.client).await?;
    match &args.command {
        DriftCommand::List(list) => {
            let drift = all(&mut api, &list.store).await?;
            match output {
                Output::Json => {
                    out.json(&json!({ "drift": drift.iter().map(json::drift).collect::<Vec<_>>() }));
                }
                Output::Table if drift.is_empty() => out.line("nothing drifted"),
                Output::Table => out.table(&table(&drift)),
            }
        }
        DriftCommand::Resolve(resolve) => {
            let request = v1::ResolveDriftRequest {
                store_id: resolve.store.clone(),
                item: resolve.item.clone(),
                fields: resolve.field.iter().map(|field| i32::from(*field)).collect(),
                choice: match resolve.choice {
                    Choice::Adopt => v1::DriftChoice::Adopt,
                    Choice::Repair => v1::DriftChoice::Repair,
                }
                .into(),
            };
            let drift = api.resolve_drift(request).await?.into_inner().drift;
            match output {
                Output::Json => {
                    out.json(&json!({ "drift": drift.iter().map(json::drift).collect::<Vec<_>>() }));
                }
                Output::Table if drift.is_empty() => {
                    return Err(Failed::new(Exit::NotFound, format!("{} has no drift", resolve.item)));
                }
                Output::Table => {
                    let fields = drift.iter().map(|drift| words::or_dash(words::product_field(drift.field)));
                    out.line(format!("{}: settled {}", resolve.item, fields.collect::<Vec<_>>().join(", ")));
                }
            }
        }
    }
    Ok(())
}

/// Runs one of the commands about products.
pub(super) async fn products(args: &ProductsArgs, out: &mut Out) -> Result<(), Failed> {
    let ProductsCommand::Troubles(list) = &args.command;
    let mut api = client::connect(&args.client).await?;
    let mut troubles = Vec::new();
    let mut page_token = String::new();
    loop {
        let request =
            v1::ListProductTroublesRequest { store_id: list.store.clone(), page_size: 0, page_token };
        let page = api.list_product_troubles(request).await?.into_inner();
        troubles.extend(page.troubles);
        if page.next_page_token.is_empty() {
            break;
        }
        page_token = page.next_page_token;
    }
    match args.client.output {
        Output::Json => {
            out.json(&json!({ "troubles": troubles.iter().map(json::product_trouble).collect::<Vec<_>>() }));
        }
        Output::Table if troubles.is_empty() => out.line("no troubles"),
        Output::Table => {
            let mut table = Table::new(&["PRODUCT", "REASON", "SINCE", ">TIMES", "MESSAGE", "REMEDY"]);
            for v1::ProductTrouble { subject, code, message, remedy, since, times } in &troubles {
                table.row([
                    subject.as_str().into(),
                    Cell::toned(code.as_str(), Tone::Bad),
                    time::short(since.as_ref()).into(),
                    times.to_string().into(),
                    message.as_str().into(),
                    remedy.as_str().into(),
                ]);
            }
            out.table(&table);
        }
    }
    Ok(())
}

async fn all(api: &mut Api, store: &str) -> Result<Vec<v1::Drift>, Failed> {
    let mut drift = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = v1::ListDriftRequest { store_id: store.to_owned(), page_size: 0, page_token };
        let page = api.list_drift(request).await?.into_inner();
        drift.extend(page.drift);
        if page.next_page_token.is_empty() {
            return Ok(drift);
        }
        page_token = page.next_page_token;
    }
}

fn table(rows: &[v1::Drift]) -> Table {
    let mut table = Table::new(&["ITEM", "FIELD", "MASTER", "OTHER SIDE", "SINCE"]);
    for v1::Drift { item, field, master, other, since } in rows {
        table.row([
            item.as_str().into(),
            words::or_dash(words::product_field(*field)).into(),
            short(master).into(),
            short(other).into(),
            time::short(since.as_ref()).into(),
        ]);
    }
    table
}

/// A description may have pages; people need its begin, programs get it whole.
fn short(text: &str) -> String {
    const LONGEST: usize = 40;
    if text.chars().count() <= LONGEST {
        return text.to_owned();
    }
    text.chars().take(LONGEST).chain(['…']).collect()
}
