//! `shopbeat store …`.

use clap::{Args, Subcommand};
use serde_json::json;
use shopbeat_proto::v1;
use tonic::Code;

use super::credentials::{self, CredentialArgs, Opens};
use super::failure::{EXIT_CODES, Exit, Failed};
use super::out::{Out, Tone};
use super::settings::SettingsArgs;
use super::watch::WatchArgs;
use super::{Api, client, json, show};
use crate::options::{ClientOptions, Output};

/// `shopbeat store …`.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct StoreArgs {
    #[command(flatten)]
    client: ClientOptions,
    #[command(subcommand)]
    command: StoreCommand,
}

#[derive(Debug, Subcommand)]
enum StoreCommand {
    /// Connect a store, or connect it again with other credentials or settings; safe to repeat.
    #[command(after_help = EXIT_CODES)]
    Connect(Box<ConnectArgs>),
    /// Change settings of a connected store while it runs; the rest stays.
    #[command(after_help = EXIT_CODES)]
    Update(UpdateArgs),
    /// List stores.
    #[command(after_help = EXIT_CODES)]
    List(ListArgs),
    /// Show a store with its settings, queue, ledger and last initial sync.
    #[command(after_help = EXIT_CODES)]
    Show(ShowArgs),
    /// Watch how stores are doing: a table that follows, or with --output json a line for each change.
    #[command(after_help = EXIT_CODES)]
    Watch(WatchArgs),
    /// Stop writing for a store; what comes in is still recorded.
    #[command(after_help = EXIT_CODES)]
    Pause(StoreName),
    /// Let a paused store work again.
    #[command(after_help = EXIT_CODES)]
    Resume(StoreName),
    /// End the work for a store and remove its webhooks; its records stay.
    #[command(after_help = EXIT_CODES)]
    Disconnect(StoreName),
}

#[derive(Debug, Args)]
struct StoreName {
    /// The store's id: the shop's handle, the part before .myshopify.com.
    #[arg(value_name = "STORE")]
    store: String,
}

#[derive(Debug, Args)]
struct ConnectArgs {
    /// The shop: its permanent domain `acme-oslo.myshopify.com`, or only the handle.
    #[arg(value_name = "SHOP")]
    shop: String,
    /// Name of the Rackbeat account; bound at its first connect to the account that the token opens.
    #[arg(long, value_name = "NAME")]
    agreement: String,
    #[command(flatten)]
    credentials: CredentialArgs,
    #[command(flatten)]
    settings: SettingsArgs,
    /// Begin with the defaults instead of the settings that the store has.
    #[arg(long)]
    reset_settings: bool,
}

#[derive(Debug, Args)]
struct UpdateArgs {
    #[command(flatten)]
    name: StoreName,
    #[command(flatten)]
    settings: SettingsArgs,
    /// Give a setting, or all of a section such as `stock`, its default again; may be given several times.
    #[arg(long, value_name = "SETTING")]
    reset: Vec<String>,
}

#[derive(Debug, Args)]
struct ListArgs {
    /// Only stores of this agreement.
    #[arg(long, value_name = "NAME")]
    agreement: Option<String>,
    /// Disconnected stores too.
    #[arg(long)]
    all: bool,
}

#[derive(Debug, Args)]
struct ShowArgs {
    #[command(flatten)]
    name: StoreName,
    /// The ledger hour by hour too.
    #[arg(long)]
    hours: bool,
    /// First hour of the ledger: a day or a moment. Default: 90 days ago.
    #[arg(long, value_name = "DATE", value_parser = super::time::parse)]
    from: Option<prost_types::Timestamp>,
    /// Last hour of the ledger: a day or a moment. Default: now.
    #[arg(long, value_name = "DATE", value_parser = super::time::parse)]
    to: Option<prost_types::Timestamp>,
}

/// Runs one of the commands.
pub(super) async fn run(args: &StoreArgs, out: &mut Out) -> Result<(), Failed> {
    let output = args.client.output;
    match &args.command {
        StoreCommand::Connect(connect) => {
            // Files are read before anybody is called: a missing one is the nearer mistake.
            let mut request = connect.request()?;
            let mut api = client::connect(&args.client).await?;
            request.settings = connect.settings(&mut api).await?;
            let answer = api.connect_store(request).await?.into_inner();
            connected(out, output, &answer);
        }
        StoreCommand::Update(update) => {
            let request = update.request()?;
            let answer = client::connect(&args.client).await?.update_store(request).await?.into_inner();
            updated(out, output, &answer);
        }
        StoreCommand::List(list) => {
            let stores = all(&mut client::connect(&args.client).await?, list).await?;
            match output {
                Output::Json => {
                    out.json(&json!({ "stores": stores.iter().map(json::store).collect::<Vec<_>>() }));
                }
                Output::Table if stores.is_empty() => {
                    out.line("no stores; connect one with `shopbeat store connect`");
                }
                Output::Table => out.table(&show::stores_table(&stores)),
            }
        }
        StoreCommand::Show(show_args) => {
            let mut api = client::connect(&args.client).await?;
            let request = v1::GetStoreRequest {
                store_id: show_args.name.store.clone(),
                ledger_from: show_args.from,
                ledger_to: show_args.to,
                ledger_hours: show_args.hours,
            };
            let answer = api.get_store(request).await?.into_inner();
            match output {
                Output::Json => out.json(&json::report(&answer)),
                Output::Table => show::report(out, &answer),
            }
        }
        StoreCommand::Watch(watch) => {
            super::watch::run(&mut client::connect(&args.client).await?, watch, out, output).await?;
        }
        StoreCommand::Pause(name) => {
            let request = v1::PauseStoreRequest { store_id: name.store.clone() };
            let answer = client::connect(&args.client).await?.pause_store(request).await?.into_inner();
            changed(
                out,
                output,
                answer.store.as_ref(),
                "paused: what comes in is recorded, nothing is written",
            );
        }
        StoreCommand::Resume(name) => {
            let request = v1::ResumeStoreRequest { store_id: name.store.clone() };
            let answer = client::connect(&args.client).await?.resume_store(request).await?.into_inner();
            changed(out, output, answer.store.as_ref(), "works again");
        }
        StoreCommand::Disconnect(name) => {
            let request = v1::DisconnectStoreRequest { store_id: name.store.clone(), managed_by: None };
            let answer = client::connect(&args.client).await?.disconnect_store(request).await?.into_inner();
            disconnected(out, output, &answer);
        }
    }
    Ok(())
}

impl ConnectArgs {
    fn request(&self) -> Result<v1::ConnectStoreRequest, Failed> {
        use v1::connect_store_request::Credentials;
        let opens = match self.credentials.shop()? {
            Opens::App(app) => Credentials::ClientCredentials(app),
            Opens::Token(token) => Credentials::LegacyToken(token),
        };
        Ok(v1::ConnectStoreRequest {
            shop: credentials::domain(&self.shop),
            agreement_id: self.agreement.clone(),
            credentials: Some(opens),
            rackbeat_token: self.credentials.rackbeat()?,
            settings: None,
            agreement_currency: self.credentials.agreement_currency.clone().unwrap_or_default(),
            managed_by: None,
            desired: v1::Desired::Unspecified.into(),
        })
    }

    /// None if none were given: the store keeps its own. Else those that were given over those it has.
    async fn settings(&self, api: &mut Api) -> Result<Option<v1::Settings>, Failed> {
        if self.reset_settings {
            return self.settings.over(&v1::Settings::default()).map(Some);
        }
        if self.settings.is_empty() {
            return Ok(None);
        }
        let store_id = self.shop.split('.').next().unwrap_or_default().to_owned();
        let known =
            match api.get_store(v1::GetStoreRequest { store_id, ..v1::GetStoreRequest::default() }).await {
                Ok(answer) => answer.into_inner().store.and_then(|store| store.settings),
                // Not connected yet.
                Err(status) if status.code() == Code::NotFound => None,
                Err(status) => return Err(status.into()),
            };
        self.settings.over(&known.unwrap_or_default()).map(Some)
    }
}

impl UpdateArgs {
    fn request(&self) -> Result<v1::UpdateStoreRequest, Failed> {
        let mut paths = self.settings.paths();
        paths.extend(self.reset.iter().cloned());
        if paths.is_empty() {
            return Err(Failed::new(Exit::Usage, "nothing to change: give --set or --reset"));
        }
        Ok(v1::UpdateStoreRequest {
            store_id: self.name.store.clone(),
            settings: Some(self.settings.over(&v1::Settings::default())?),
            update_mask: Some(prost_types::FieldMask { paths }),
            desired: v1::Desired::Unspecified.into(),
            managed_by: None,
        })
    }
}

async fn all(api: &mut Api, list: &ListArgs) -> Result<Vec<v1::Store>, Failed> {
    let mut stores = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = v1::ListStoresRequest {
            agreement_id: list.agreement.clone().unwrap_or_default(),
            show_disconnected: list.all,
            page_size: 0,
            page_token,
        };
        let page = api.list_stores(request).await?.into_inner();
        stores.extend(page.stores);
        if page.next_page_token.is_empty() {
            return Ok(stores);
        }
        page_token = page.next_page_token;
    }
}

fn connected(out: &mut Out, output: Output, answer: &v1::ConnectStoreResponse) {
    if output == Output::Json {
        return out.json(&json::connected(answer));
    }
    out.table(&show::stores_table(answer.store.as_slice()));
    for warning in &answer.warnings {
        let sign = out.paint(Tone::Warn, "to be known:");
        out.line(format!("{sign} {warning}"));
    }
}

fn changed(out: &mut Out, output: Output, store: Option<&v1::Store>, what: &str) {
    match output {
        Output::Json => out.json(&json!({ "store": store.map(json::store) })),
        Output::Table => out.line(format!("{} {what}", store.map_or("the store", |store| &store.id))),
    }
}

fn updated(out: &mut Out, output: Output, answer: &v1::UpdateStoreResponse) {
    if output == Output::Json {
        return out.json(&json::updated(answer));
    }
    let what = match answer.changed.as_slice() {
        [] => "has these settings already".to_owned(),
        changed => format!("changed: {}", changed.join(", ")),
    };
    changed(out, output, answer.store.as_ref(), &what);
}

fn disconnected(out: &mut Out, output: Output, answer: &v1::DisconnectStoreResponse) {
    if output == Output::Json {
        return out.json(&json::disconnected(answer));
    }
    changed(out, output, answer.store.as_ref(), "is disconnected; its records stay");
    for left in &answer.left_behind {
        let sign = out.paint(Tone::Warn, "left behind:");
        out.line(format!("{sign} {left}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_come_from_files() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("client"), "shpss_x").unwrap();
        std::fs::write(folder.path().join("rackbeat"), "token-x\n").unwrap();
        let args = ConnectArgs {
            shop: "acme".to_owned(),
            agreement: "main".to_owned(),
            credentials: CredentialArgs {
                client_id: Some("client-acme".to_owned()),
                client_secret_file: Some(folder.path().join("client")),
                rackbeat_token_file: Some(folder.path().join("rackbeat")),
                ..CredentialArgs::default()
            },
            settings: SettingsArgs::default(),
            reset_settings: false,
        };
        let request = args.request().unwrap();
        assert_eq!(request.shop, "acme.myshopify.com");
        assert_eq!(request.rackbeat_token, "token-x");
        assert!(!format!("{args:?}").contains("shpss_x"));
    }

    #[test]
    fn a_change_names_its_settings_and_one_without_any_is_refused() {
        let update = |reset: &[&str]| UpdateArgs {
            name: StoreName { store: "acme".to_owned() },
            settings: SettingsArgs::default(),
            reset: reset.iter().map(ToString::to_string).collect(),
        };
        let mask = update(&["stock"]).request().unwrap().update_mask.unwrap();
        assert_eq!(mask.paths, ["stock"]);
        assert_eq!(update(&[]).request().unwrap_err().exit(), Exit::Usage);
    }
}
