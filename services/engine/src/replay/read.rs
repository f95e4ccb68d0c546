//! Lists the orders of the span in the state, page by page: whatever changed since its begin and was there by its end.
//! Shopify tells only when an order changed last, so that one which changed within the span and again after it cannot
//! be told from one that changed after it only; both are taken.

use shopbeat_domain::failure::{Failure, FailureKind, Remote};
use shopbeat_domain::limits;
use shopbeat_domain::order::OrderHead;
use shopbeat_domain::ports::Answer;
use shopbeat_domain::replay::{Replay, ReplayNote, ReplayPhase};

use super::ask::is_out_of_reach;
use super::{Context, Turn};
use crate::transfer::Stop;

/// Reads on, from where it was cut off, to the end.
pub(super) async fn read(context: &Context<'_>, replay: &mut Replay) -> Result<Turn, Stop> {
    let ports = context.ports;
    let shop = ports.remotes.shop(context.store).await?;
    // Pages can be turned within one reading only; another begins at the last change that was seen.
    let since = replay.read_to.unwrap_or(replay.from);
    let mut page: Option<String> = None;
    loop {
        if !context.may_go_on().await? {
            return Ok(Turn::Held);
        }
        let answer = shop.orders_updated(since, page.as_deref(), limits::SWEEP_PAGE).await?;
        context.held.got_further();
        list(context, replay, &answer.rows).await?;
        replay.orders = ports.state.records.count(&context.notes()).await?;
        replay.read_to = answer.rows.iter().map(|head| head.updated_at).chain(replay.read_to).max();
        if answer.next.is_none() {
            break;
        }
        context.save(replay).await?;
        page = answer.next;
    }
    if is_out_of_reach(context.store, replay.from, ports.now()) {
        replay.remarks.push(format!(
            "it waited until its span began more than {} days back; Shopify showed no older orders",
            limits::ORDER_HORIZON_DAYS
        ));
    }
    replay.phase = ReplayPhase::Processing;
    context.save(replay).await?;
    Ok(Turn::Next)
}

/// Lists the orders of a page, once each.
async fn list(context: &Context<'_>, replay: &Replay, heads: &[OrderHead]) -> Answer<()> {
    let of_span = heads.iter().filter(|head| head.created_at <= replay.to);
    let keys: Vec<String> = of_span.map(|head| ReplayNote::key(head.id)).collect();
    let records = &context.ports.state.records;
    let known = records.get(&context.notes(), &keys).await?;
    let blank = text(&ReplayNote::blank())?;
    let missing = keys.into_iter().zip(known).filter(|(_, known)| known.is_none());
    let missing: Vec<(String, String)> = missing.map(|(key, _)| (key, blank.clone())).collect();
    records.put(&context.notes(), &missing).await
}

/// A note as it is kept.
pub(super) fn text(note: &ReplayNote) -> Answer<String> {
    serde_json::to_string(note).map_err(|error| {
        Failure::new(Remote::State, FailureKind::Garbled, "put replay notes", error.to_string())
    })
}
