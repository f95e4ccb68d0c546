//! `shopbeat store watch`.

use std::collections::BTreeMap;
use std::time::Duration;

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

/// How long something waits grows while nothing changes: a table that somebody looks at is drawn anew this often.
const REDRAW: Duration = Duration::from_secs(1);

fn grows_old(known: &BTreeMap<String, v1::StoreStatus>) -> bool {
    known.values().any(|status| status.waiting_since.is_some())
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
    let mut shown = false;
    loop {
        let answer = tokio::select! {
            answer = answers.message() => answer?,
            () = tokio::time::sleep(REDRAW), if shown && out.is_terminal() && grows_old(&known) => {
                table(out, &known, args.once);
                continue;
            }
        };
        let Some(v1::WatchStoresResponse { stores, gone, complete }) = answer else { break };
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
                shown = true;
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
