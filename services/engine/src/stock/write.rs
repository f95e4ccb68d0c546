//! Writes a batch of quantities. Shopify takes a batch whole or not at all: a rejected one is cut down until its
//! culprits stand alone, and the rest goes through.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use shopbeat_domain::failure::{Failure, FailureKind, Remote};
use shopbeat_domain::ids::{InventoryItemId, ItemNumber, LocationId};
use shopbeat_domain::limits;
use shopbeat_domain::stock::{SetQuantity, StockProblem, StockRefusal, StockWrite};
use uuid::Uuid;

use super::Context;
use crate::retry::{self, Decision};
use crate::transfer::Stop;

/// One quantity on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) item: ItemNumber,
    pub(super) inventory_item: InventoryItemId,
    pub(super) location: LocationId,
    pub(super) quantity: i64,
    pub(super) from: Option<i64>,
    pub(super) seq: u64,
    pub(super) mark: u64,
}

/// What became of a batch: everything that is named nowhere is written.
#[derive(Debug, Default)]
pub(super) struct Sent {
    pub(super) stale: BTreeSet<ItemNumber>,
    pub(super) refused: BTreeMap<ItemNumber, String>,
}

/// A part of the batch that is still to be written.
struct Part {
    entries: Vec<Entry>,
    /// Raised where Shopify wants another key for the same intent.
    salt: u32,
}

pub(super) async fn send(context: &Context<'_>, entries: &[Entry]) -> Result<Sent, Stop> {
    let mut sent = Sent::default();
    let whole = |chunk: &[Entry]| Part { entries: chunk.to_vec(), salt: 0 };
    let mut parts: VecDeque<Part> = entries.chunks(limits::QUANTITIES_PER_CALL).map(whole).collect();
    while let Some(part) = parts.pop_front() {
        context.held.still_ours(context.ports, context.claim).await?;
        let refusals = match context.shop.set_quantities(&as_write(context, &part)).await {
            Ok(Ok(())) => {
                context.ports.observer.stock_written(&context.store.id, part.entries.len());
                continue;
            }
            Ok(Err(refusals)) => refusals,
            // The call itself was refused, not a remote in trouble: something in it is the culprit.
            Err(failure) if matches!(retry::decide(&failure), Decision::Park(_)) => {
                vec![StockRefusal { index: None, problem: StockProblem::Other, message: failure.words() }]
            }
            Err(failure) => return Err(failure.into()),
        };
        rejected(part, &refusals, &mut sent, &mut parts)?;
    }
    Ok(sent)
}

fn as_write(context: &Context<'_>, part: &Part) -> StockWrite {
    let kind = context.store.settings.stock.quantity;
    let quantities = part.entries.iter().map(|entry| SetQuantity {
        inventory_item: entry.inventory_item,
        location: entry.location,
        quantity: entry.quantity,
        from: entry.from,
    });
    let key = key(context.store.id.as_str(), kind.name(), part);
    let reference = format!("gid://shopbeat/StockSync/{key}");
    StockWrite { kind, key, reference, quantities: quantities.collect() }
}

/// Follows the intent: content, the notices' numbers and the marks. 5, 7 and 5 again within a day are three intents,
/// and so are two repairs of the same edit; the same intent after a lost answer is one.
fn key(store: &str, kind: &str, part: &Part) -> String {
    let mut name = format!("{store}|{kind}|{}", part.salt);
    for Entry { inventory_item, location, quantity, from, seq, mark, item: _ } in &part.entries {
        let from = from.map(|from| from.to_string()).unwrap_or_default();
        name.push_str(&format!("|{inventory_item}@{location}:{from}>{quantity}#{seq}/{mark}"));
    }
    Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes()).to_string()
}

/// Sorts out a rejected part: named culprits leave it, and the rest goes again; where none is named, it is halved.
fn rejected(
    part: Part,
    refusals: &[StockRefusal],
    sent: &mut Sent,
    parts: &mut VecDeque<Part>,
) -> Result<(), Stop> {
    if refusals.iter().any(|refusal| refusal.problem == StockProblem::KeyRunning) {
        let kind = FailureKind::Busy { retry_after: None };
        return Err(Failure::new(
            Remote::Shopify,
            kind,
            "inventorySetQuantities",
            "the same write is under way",
        )
        .into());
    }
    if refusals.iter().any(|refusal| refusal.problem == StockProblem::KeySpent) && part.salt < 3 {
        parts.push_back(Part { salt: part.salt + 1, ..part });
        return Ok(());
    }
    let mut culprits = BTreeSet::new();
    for refusal in refusals {
        let alone = (part.entries.len() == 1).then_some(0);
        let Some(entry) = refusal.index.or(alone).and_then(|index| part.entries.get(index)) else { continue };
        culprits.insert(entry.item.clone());
        if refusal.problem == StockProblem::Stale {
            sent.stale.insert(entry.item.clone());
        } else {
            sent.refused.insert(entry.item.clone(), refusal.message.clone());
        }
    }
    let rest: Vec<Entry> = part.entries.into_iter().filter(|entry| !culprits.contains(&entry.item)).collect();
    if !culprits.is_empty() {
        if !rest.is_empty() {
            parts.push_back(Part { entries: rest, salt: 0 });
        }
        return Ok(());
    }
    // Nothing is named and it is no single one: halves.
    let (first, second) = halves(rest);
    parts.extend(
        [first, second].into_iter().filter(|half| !half.is_empty()).map(|entries| Part { entries, salt: 0 }),
    );
    Ok(())
}

fn halves(entries: Vec<Entry>) -> (Vec<Entry>, Vec<Entry>) {
    let middle = entries.len() / 2;
    let (mut first, mut second) = (Vec::new(), Vec::new());
    for (at, entry) in entries.into_iter().enumerate() {
        if at < middle { first.push(entry) } else { second.push(entry) }
    }
    (first, second)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(item: u64) -> Entry {
        Entry {
            item: ItemNumber::parse(&format!("I{item}")).unwrap(),
            inventory_item: InventoryItemId(item),
            location: LocationId(1),
            quantity: 5,
            from: Some(7),
            seq: 1,
            mark: 1,
        }
    }

    fn part(items: std::ops::Range<u64>) -> Part {
        Part { entries: items.map(entry).collect(), salt: 0 }
    }

    #[test]
    fn a_key_follows_the_intent() {
        let same = key("s", "available", &part(0..3));
        assert_eq!(key("s", "available", &part(0..3)), same);
        let mut other = part(0..3);
        other.entries[1].seq = 2;
        assert_ne!(key("s", "available", &other), same, "5, 7 and 5 again are three intents");
        other.entries[1] = Entry { mark: 2, ..entry(1) };
        assert_ne!(key("s", "available", &other), same, "a second repair of the same edit is another intent");
    }

    fn refused(index: Option<usize>, problem: StockProblem) -> StockRefusal {
        StockRefusal { index, problem, message: "no".to_owned() }
    }

    #[test]
    fn named_culprits_leave_and_the_rest_goes_again_in_one_piece() {
        let (mut sent, mut parts) = (Sent::default(), VecDeque::new());
        let refusals = [refused(Some(1), StockProblem::Stale), refused(Some(3), StockProblem::Item)];
        rejected(part(0..5), &refusals, &mut sent, &mut parts).unwrap();
        assert_eq!(parts.pop_front().unwrap().entries, [entry(0), entry(2), entry(4)]);
        assert!(parts.is_empty());
        assert!(sent.stale.contains(&entry(1).item) && sent.refused.contains_key(&entry(3).item));
    }

    #[test]
    fn an_unnamed_culprit_among_250_is_found_in_few_calls_and_alone() {
        let (mut sent, mut calls) = (Sent::default(), 0);
        let mut parts = VecDeque::from([part(0..250)]);
        while let Some(part) = parts.pop_front() {
            calls += 1;
            if part.entries.iter().any(|entry| entry.inventory_item.0 == 77) {
                rejected(part, &[refused(None, StockProblem::Other)], &mut sent, &mut parts).unwrap();
            }
        }
        assert_eq!(sent.refused.keys().collect::<Vec<_>>(), [&entry(77).item]);
        assert!(calls <= 2 * 8 + 1, "{calls}");
    }
}
