//! `shopbeat store …`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::json;
use shopbeat_proto::v1;
use tonic::Code;

use super::failure::{EXIT_CODES, Exit, Failed};
use super::out::{Out, Tone};
use super::settings::SettingsArgs;
use super::{Api, client, json, secrets, show};
use crate::options::{ClientOptions, Output};

/// Where secrets are found without a file.
const CLIENT_SECRET: &str = "SHOPBEAT_CLIENT_SECRET";
const LEGACY_TOKEN: &str = "SHOPBEAT_LEGACY_TOKEN";
const RACKBEAT_TOKEN: &str = "SHOPBEAT_RACKBEAT_TOKEN";

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
    /// List stores.
    #[command(after_help = EXIT_CODES)]
    List(ListArgs),
    /// Show a store with its settings, queue, ledger and last initial sync.
    #[command(after_help = EXIT_CODES)]
    Show(ShowArgs),
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
    /// Client id of the merchant's own app; its secret comes from --client-secret-file.
    #[arg(long, env = "SHOPBEAT_CLIENT_ID", value_name = "ID")]
    client_id: Option<String>,
    /// File with the app's client secret (`-`: the standard input); without it SHOPBEAT_CLIENT_SECRET.
    #[arg(long, value_name = "PATH")]
    client_secret_file: Option<PathBuf>,
    /// File with a pasted Admin API token, instead of a client id; without it SHOPBEAT_LEGACY_TOKEN.
    #[arg(long, value_name = "PATH", conflicts_with = "client_id")]
    legacy_token_file: Option<PathBuf>,
    /// File with the account's Rackbeat token; without it SHOPBEAT_RACKBEAT_TOKEN, else the token that the agreement
    /// has already.
    #[arg(long, value_name = "PATH")]
    rackbeat_token_file: Option<PathBuf>,
    /// Currency that the Rackbeat account is kept in, ISO 4217. Default: what is known of it, at first the shop's.
    #[arg(long, value_name = "CODE")]
    agreement_currency: Option<String>,
    #[command(flatten)]
    settings: SettingsArgs,
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
            let request = v1::DisconnectStoreRequest { store_id: name.store.clone() };
            let answer = client::connect(&args.client).await?.disconnect_store(request).await?.into_inner();
            disconnected(out, output, &answer);
        }
    }
    Ok(())
}

impl ConnectArgs {
    fn request(&self) -> Result<v1::ConnectStoreRequest, Failed> {
        let shop =
            if self.shop.contains('.') { self.shop.clone() } else { format!("{}.myshopify.com", self.shop) };
        let rackbeat_token = secrets::read(self.rackbeat_token_file.as_deref(), RACKBEAT_TOKEN)?;
        Ok(v1::ConnectStoreRequest {
            shop,
            agreement_id: self.agreement.clone(),
            credentials: Some(self.credentials()?),
            rackbeat_token: rackbeat_token.unwrap_or_default(),
            settings: None,
            agreement_currency: self.agreement_currency.clone().unwrap_or_default(),
        })
    }

    fn credentials(&self) -> Result<v1::connect_store_request::Credentials, Failed> {
        use v1::connect_store_request::Credentials;
        let needed = |what: &str| Failed::new(Exit::Usage, format!("{what} is needed"));
        let secret = secrets::read(self.client_secret_file.as_deref(), CLIENT_SECRET)?;
        let client_secret = secret.ok_or_else(|| {
            needed(&format!("--client-secret-file (or {CLIENT_SECRET} in the environment)"))
        })?;
        if let Some(client_id) = self.client_id.clone() {
            return Ok(Credentials::ClientCredentials(v1::ClientCredentials { client_id, client_secret }));
        }
        match secrets::read(self.legacy_token_file.as_deref(), LEGACY_TOKEN)? {
            Some(token) => Ok(Credentials::LegacyToken(v1::LegacyToken { token, client_secret })),
            None => Err(needed("--client-id (for an app of the merchant's own) or --legacy-token-file")),
        }
    }

    /// None if none were given: the store keeps its own. Else those that were given over those it has.
    async fn settings(&self, api: &mut Api) -> Result<Option<v1::Settings>, Failed> {
        if !self.settings.any() {
            return Ok(None);
        }
        if self.settings.reset_settings {
            return Ok(Some(self.settings.over(v1::Settings::default())));
        }
        let store_id = self.shop.split('.').next().unwrap_or_default().to_owned();
        let known =
            match api.get_store(v1::GetStoreRequest { store_id, ..v1::GetStoreRequest::default() }).await {
                Ok(answer) => answer.into_inner().store.and_then(|store| store.settings),
                // Not connected yet.
                Err(status) if status.code() == Code::NotFound => None,
                Err(status) => return Err(status.into()),
            };
        Ok(Some(self.settings.over(known.unwrap_or_default())))
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

    fn args(folder: &std::path::Path) -> ConnectArgs {
        std::fs::write(folder.join("client"), "shpss_x").unwrap();
        std::fs::write(folder.join("rackbeat"), "token-x\n").unwrap();
        ConnectArgs {
            shop: "acme".to_owned(),
            agreement: "main".to_owned(),
            client_id: Some("client-acme".to_owned()),
            client_secret_file: Some(folder.join("client")),
            legacy_token_file: None,
            rackbeat_token_file: Some(folder.join("rackbeat")),
            agreement_currency: None,
            settings: SettingsArgs::default(),
        }
    }

    #[test]
    fn a_handle_becomes_a_domain_and_secrets_come_from_files() {
        let folder = tempfile::tempdir().unwrap();
        let args = args(folder.path());
        let request = args.request().unwrap();
        assert_eq!(request.shop, "acme.myshopify.com");
        assert_eq!(request.rackbeat_token, "token-x");
        assert!(!format!("{args:?}").contains("shpss_x"));
        let domain = ConnectArgs { shop: "acme.myshopify.com".to_owned(), ..args };
        assert_eq!(domain.request().unwrap().shop, "acme.myshopify.com");
    }

    #[test]
    fn credentials_that_are_missing_are_named_with_the_option_that_brings_them() {
        let folder = tempfile::tempdir().unwrap();
        let without = ConnectArgs { client_id: None, ..args(folder.path()) };
        let failed = without.request().unwrap_err();
        assert_eq!(failed.exit(), Exit::Usage);
        assert!(failed.to_string().contains("--client-id"), "{failed}");
    }
}
