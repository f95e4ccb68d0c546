//! `shopbeat stock …`.

use clap::{Args, Subcommand};
use serde_json::json;
use shopbeat_proto::v1;

use super::failure::{EXIT_CODES, Exit, Failed};
use super::out::{Out, Tone};
use super::table::{Cell, Table};
use super::{Api, client, json, time, words};
use crate::options::{ClientOptions, Output};

/// `shopbeat stock …`.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct StockArgs {
    #[command(flatten)]
    client: ClientOptions,
    #[command(subcommand)]
    command: StockCommand,
}

#[derive(Debug, Subcommand)]
enum StockCommand {
    /// Show one item: Rackbeat's word, what is held, what each store was told.
    #[command(after_help = EXIT_CODES)]
    Show(ShowArgs),
    /// Show what a store's quantities would become, those first that would fall to zero.
    #[command(after_help = EXIT_CODES)]
    Preview(StoreName),
    /// Let quantities be sent to a store, after its preview was looked at.
    #[command(after_help = EXIT_CODES)]
    Accept(AcceptArgs),
    /// List the items of a store whose quantity is not sent, each with reason and remedy.
    #[command(after_help = EXIT_CODES)]
    Troubles(StoreName),
    /// Read Rackbeat's stock again now, of one item or of all.
    #[command(after_help = EXIT_CODES)]
    Refresh(RefreshArgs),
}

#[derive(Debug, Args)]
struct StoreName {
    /// The store's id.
    #[arg(value_name = "STORE")]
    store: String,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Whose {
    /// The agreement: all of its stores.
    #[arg(long, value_name = "NAME")]
    agreement: Option<String>,
    /// One store.
    #[arg(long, value_name = "ID")]
    store: Option<String>,
}

#[derive(Debug, Args)]
struct ShowArgs {
    /// Number of the item.
    #[arg(value_name = "ITEM")]
    item: String,
    #[command(flatten)]
    whose: Whose,
}

#[derive(Debug, Args)]
struct AcceptArgs {
    #[command(flatten)]
    name: StoreName,
    /// The digest that the preview told.
    #[arg(long, value_name = "TEXT")]
    digest: String,
}

#[derive(Debug, Args)]
struct RefreshArgs {
    /// Number of the item. Default: all items.
    #[arg(value_name = "ITEM")]
    item: Option<String>,
    #[command(flatten)]
    whose: Whose,
}

/// Runs one of the commands.
pub(super) async fn run(args: &StockArgs, out: &mut Out) -> Result<(), Failed> {
    let output = args.client.output;
    let mut api = client::connect(&args.client).await?;
    match &args.command {
        StockCommand::Show(show_args) => show(&mut api, show_args, out, output).await,
        StockCommand::Preview(name) => {
            let request = v1::PreviewStockRequest { store_id: name.store.clone() };
            let report = api.preview_stock(request).await?.into_inner();
            match output {
                Output::Json => out.json(&json::stock_report(&report)),
                Output::Table => preview(out, &name.store, &report),
            }
            Ok(())
        }
        StockCommand::Accept(accept) => {
            let request =
                v1::AcceptStockRequest { store_id: accept.name.store.clone(), digest: accept.digest.clone() };
            let store = api.accept_stock(request).await?.into_inner().store;
            match output {
                Output::Json => out.json(&json!({ "store": store.as_ref().map(json::store) })),
                Output::Table => {
                    out.line(format!("{} is sent its quantities from now on", accept.name.store));
                }
            }
            Ok(())
        }
        StockCommand::Troubles(name) => {
            let troubles = troubles(&mut api, &name.store).await?;
            match output {
                Output::Json => {
                    out.json(
                        &json!({ "troubles": troubles.iter().map(json::stock_trouble).collect::<Vec<_>>() }),
                    );
                }
                Output::Table if troubles.is_empty() => out.line("no troubles"),
                Output::Table => out.table(&troubles_table(&troubles)),
            }
            Ok(())
        }
        StockCommand::Refresh(refresh) => {
            let request = v1::RefreshStockRequest {
                whose: Some(match refresh.whose.asked() {
                    Asked::Agreement(id) => v1::refresh_stock_request::Whose::AgreementId(id),
                    Asked::Store(id) => v1::refresh_stock_request::Whose::StoreId(id),
                }),
                item: refresh.item.clone().unwrap_or_default(),
            };
            let items = api.refresh_stock(request).await?.into_inner().items;
            match output {
                Output::Json => out.json(&json!({ "items": items })),
                Output::Table if items == 1 => out.line("1 item is read again"),
                Output::Table => out.line(format!("{items} items are read again")),
            }
            Ok(())
        }
    }
}

enum Asked {
    Agreement(String),
    Store(String),
}

impl Whose {
    /// clap has seen to it that there is one.
    fn asked(&self) -> Asked {
        match (&self.agreement, &self.store) {
            (Some(agreement), _) => Asked::Agreement(agreement.clone()),
            (None, store) => Asked::Store(store.clone().unwrap_or_default()),
        }
    }
}

async fn show(api: &mut Api, args: &ShowArgs, out: &mut Out, output: Output) -> Result<(), Failed> {
    let request = v1::GetStockRequest {
        whose: Some(match args.whose.asked() {
            Asked::Agreement(id) => v1::get_stock_request::Whose::AgreementId(id),
            Asked::Store(id) => v1::get_stock_request::Whose::StoreId(id),
        }),
        item: args.item.clone(),
    };
    let answer = api.get_stock(request).await?.into_inner();
    if output == Output::Json {
        out.json(&json::stock(&answer));
        return Ok(());
    }
    if answer.stock.is_none() && answer.stores.iter().all(|store| store.presence == 0) {
        let text = format!("nothing is known of {}; `shopbeat stock refresh` has it read", args.item);
        return Err(Failed::new(Exit::NotFound, text));
    }
    item(out, &answer);
    Ok(())
}

fn item(out: &mut Out, answer: &v1::GetStockResponse) {
    let mut pairs = Table::pairs();
    if let Some(v1::ItemStock { item, keeps_stock, physical, available, places }) = &answer.stock {
        pairs.pair("item", item.as_str());
        let available = available.as_deref().unwrap_or("not told");
        pairs.pair("Rackbeat", format!("{available} available, {physical} physical"));
        for v1::PlaceStock { location, physical, available } in places {
            let available =
                available.as_deref().map(|units| format!("{units} available, ")).unwrap_or_default();
            pairs.pair("  at location", format!("{location}: {available}{physical} physical"));
        }
        if !keeps_stock {
            pairs.pair("", Cell::toned("Rackbeat keeps no stock of it", Tone::Warn));
        }
        pairs.pair("reading", answer.reading.to_string());
    } else {
        pairs.pair("Rackbeat", "not read yet");
    }
    out.table(&pairs);
    out.line("");
    let mut table = Table::new(&["STORE", "IN SHOP", "TOLD", "READING", ">HELD", "TROUBLE"]);
    for store in &answer.stores {
        let v1::StoreStock { store_id, takes_stock, presence, variant_id: _, levels, reading, held, trouble } =
            store;
        let told = levels.iter().map(|level| {
            format!("{} at {} ({})", level.quantity, level.location_id, time::clock(level.at.as_ref()))
        });
        let told: Vec<String> = told.collect();
        let hindrance = match trouble {
            Some(trouble) => Cell::toned(format!("{}: {}", trouble.code, trouble.remedy), Tone::Bad),
            None if !takes_stock => Cell::toned("no quantities are sent to this store yet", Tone::Warn),
            None => "".into(),
        };
        table.row([
            store_id.as_str().into(),
            words::or_dash(words::presence(*presence)).into(),
            if told.is_empty() { "-".into() } else { told.join(", ").into() },
            reading.to_string().into(),
            held.to_string().into(),
            hindrance,
        ]);
    }
    out.table(&table);
}

fn preview(out: &mut Out, store: &str, report: &v1::PreviewStockResponse) {
    let v1::PreviewStockResponse {
        digest,
        changes,
        to_zero,
        changed,
        equal,
        not_in_shop,
        hindered,
        accepted_at,
    } = report;
    let mut table = Table::new(&["ITEM", "LOCATION", ">NOW", ">WOULD BE"]);
    for v1::StockChange { item, location_id, from, to } in changes {
        let tone = if *to <= 0 { Tone::Bad } else { Tone::Plain };
        table.row([
            item.as_str().into(),
            location_id.to_string().into(),
            from.to_string().into(),
            Cell::toned(to.to_string(), tone),
        ]);
    }
    if !table.is_empty() {
        out.table(&table);
        out.line("");
    }
    let mut sums = Table::pairs();
    let tone = if *to_zero > 0 { Tone::Bad } else { Tone::Good };
    sums.pair("to zero", Cell::toned(to_zero.to_string(), tone));
    sums.pair("changed", changed.to_string());
    sums.pair("the same", equal.to_string());
    sums.pair("not in the shop", not_in_shop.to_string());
    sums.pair("cannot be set", hindered.to_string());
    out.table(&sums);
    match accepted_at {
        Some(at) => out.line(format!("quantities are sent since {}", time::short(Some(at)))),
        None => out.line(format!("accept it with `shopbeat stock accept {store} --digest {digest}`")),
    }
}

async fn troubles(api: &mut Api, store: &str) -> Result<Vec<v1::StockTrouble>, Failed> {
    let mut troubles = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = v1::ListStockTroublesRequest { store_id: store.to_owned(), page_size: 0, page_token };
        let page = api.list_stock_troubles(request).await?.into_inner();
        troubles.extend(page.troubles);
        if page.next_page_token.is_empty() {
            return Ok(troubles);
        }
        page_token = page.next_page_token;
    }
}

fn troubles_table(troubles: &[v1::StockTrouble]) -> Table {
    let mut table = Table::new(&["ITEM", "REASON", "SINCE", ">TIMES", "MESSAGE", "REMEDY"]);
    for v1::StockTrouble { item, code, message, remedy, since, times } in troubles {
        table.row([
            item.as_str().into(),
            Cell::toned(code.as_str(), Tone::Bad),
            time::short(since.as_ref()).into(),
            times.to_string().into(),
            message.as_str().into(),
            remedy.as_str().into(),
        ]);
    }
    table
}
