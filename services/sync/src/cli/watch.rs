//! `shopbeat store watch`.

use std::collections::BTreeMap;

use clap::Args;
use serde_json::json;
use shopbeat_domain::ports::Clock as _;
use shopbeat_proto::v1;

use super::failure::Failed;
use super::out::Out;
use super::{Api, json, show};
use crate::options::Output;
use crate::system::SystemClock;

#[derive(Debug, Args)]
pub(super) struct WatchArgs {
    /// Only stores of this agreement.
    #[arg(long, value_name = "NAME")]
    agreement: Option<String>,
    /// Show each store once and end.
    #[arg(long)]
    once: bool,
}

/// Clears a terminal and begins at its top.
const CLEAR: &str = "\u{1b}[H\u{1b}[2J\u{1b}[3J";

/// Watches until nobody reads any more, or the service ends.
pub(super) async fn run(
    api: &mut Api,
    args: &WatchArgs,
    out: &mut Out,
    output: Output,
) -> Result<(), Failed> {
    let agreement_id = args.agreement.clone().unwrap_or_default();
    let mut answers = api.watch_stores(v1::WatchStoresRequest { agreement_id }).await?.into_inner();
    let mut known: BTreeMap<String, v1::StoreStatus> = BTreeMap::new();
    while let Some(answer) = answers.message().await? {
        let v1::WatchStoresResponse { stores, gone, complete } = answer;
        if output == Output::Json {
            stores.iter().for_each(|status| out.json_line(&json::store_status(status)));
            gone.iter().for_each(|id| out.json_line(&json!({ "gone": id })));
        } else {
            gone.iter().for_each(|id| drop(known.remove(id)));
            for status in stores {
                let id = status.store.as_ref().map(|store| store.id.clone()).unwrap_or_default();
                known.insert(id, status);
            }
            if complete {
                table(out, &known, args.once);
            }
        }
        if out.is_closed() || (args.once && complete) {
            break;
        }
    }
    Ok(())
}

fn table(out: &mut Out, known: &BTreeMap<String, v1::StoreStatus>, once: bool) {
    if out.is_terminal() && !once {
        out.raw(CLEAR);
    }
    out.table(&show::watch_table(known.values(), SystemClock.now()));
}
