//! Products, carried from the master to the other side; the other side's own edits are told as drift and never carried
//! back. What is due lies on two heaps: items that changed in Rackbeat, and products that changed in the shop.
//!
//! Nothing here is journaled: each try finds out what stands on the other side before it writes, so that it may be
//! failed, repeated or cut off anywhere.

pub mod drift;
mod erp_side;
mod records;
mod shelf;
mod shop_side;
pub(crate) mod sweep;
#[cfg(test)]
mod tests;
mod to_erp;
mod to_shop;
mod trouble;

use std::sync::atomic::{AtomicU32, Ordering};

use jiff::Timestamp;
use shopbeat_domain::erp::ProductGroup;
use shopbeat_domain::failure::{Failure, FailureKind, Remote};
use shopbeat_domain::ids::{ItemNumber, ProductId};
use shopbeat_domain::job::{Claim, Lane, Offer, Outcome, Verdict};
use shopbeat_domain::limits;
use shopbeat_domain::money::Currency;
use shopbeat_domain::ports::{Answer, Erp, Family, Heap, Marked, Shop};
use shopbeat_domain::product::{Pricing, ProductCode};
use shopbeat_domain::settings::Master;
use shopbeat_domain::store::Store;
use tokio::sync::OnceCell;

use crate::ports::Ports;
use crate::retry::{self, Decision};
use crate::transfer::{Stop, later};
use crate::worker::Held;

pub use trouble::troubles;

/// Things taken from a heap at once.
const PER_ROUND: u32 = 40;

/// What one job works with.
pub(crate) struct Context<'a> {
    pub(crate) ports: &'a Ports,
    pub(crate) store: &'a Store,
    pub(crate) agreement_currency: Currency,
    pub(crate) claim: &'a Claim,
    pub(crate) held: &'a Held,
    pub(crate) shop: &'a dyn Shop,
    /// The account, in the product lane.
    pub(crate) erp: &'a dyn Erp,
}

/// One job at work, with the store as it is now.
struct Work<'a> {
    context: &'a Context<'a>,
    store: Store,
    /// Rackbeat's product groups; read when they are needed first.
    groups: &'a OnceCell<Vec<ProductGroup>>,
    /// Answers that could not be read, in a row.
    garbled: &'a AtomicU32,
}

/// What becomes of a thing that was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// It is dealt with.
    Done,
    /// Looked at again then.
    Later(Timestamp),
}

impl End {
    /// The earlier of two looks.
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Later(a), Self::Later(b)) => Self::Later(a.min(b)),
            (Self::Later(at), Self::Done) | (Self::Done, Self::Later(at)) => Self::Later(at),
            (Self::Done, Self::Done) => Self::Done,
        }
    }
}

/// Carries what is due, in rounds, until nothing is or the store may not be written for.
///
/// # Errors
/// A remote or the state in trouble: what was not dealt with stays on the heaps.
pub(crate) async fn run(context: &Context<'_>) -> Result<Verdict, Stop> {
    let state = &context.ports.state;
    let (groups, garbled) = (OnceCell::new(), AtomicU32::new(0));
    loop {
        let Some(store) = state.registry.store(&context.store.id).await?.filter(Store::may_write) else {
            // Nobody claims it before the store may be written for again.
            return Ok(Verdict::Later { at: context.ports.now(), strike: false });
        };
        let of_shop = Heap::ShopProducts(store.id.clone());
        let of_erp = Heap::StoreProducts(store.id.clone());
        let work = Work { context, store, groups: &groups, garbled: &garbled };
        let from_shop = state.heaps.due(&of_shop, PER_ROUND, context.ports.now()).await?;
        let from_erp = state.heaps.due(&of_erp, PER_ROUND, context.ports.now()).await?;
        if from_shop.is_empty() && from_erp.is_empty() {
            let (a, b) = (state.heaps.next_due(&of_shop).await?, state.heaps.next_due(&of_erp).await?);
            let again_at = a.into_iter().chain(b).min();
            return Ok(Verdict::Done { outcome: Outcome::Transferred, version: None, again_at });
        }
        for marked in from_shop {
            let ended = shop_side::product(&work, &marked).await;
            work.settle(&of_shop, marked, ended).await?;
        }
        erp_side::round(&work, &of_erp, from_erp).await?;
    }
}

impl Work<'_> {
    fn ports(&self) -> &Ports {
        self.context.ports
    }

    fn master(&self) -> Master {
        self.store.settings.products.master
    }

    fn now(&self) -> Timestamp {
        self.context.ports.now()
    }

    /// Right before a write to a remote.
    async fn still_ours(&self) -> Result<(), Stop> {
        self.context.held.still_ours(self.context.ports, self.context.claim).await
    }

    async fn groups(&self) -> Result<&[ProductGroup], Stop> {
        let groups = self.groups.get_or_try_init(|| self.context.erp.product_groups()).await?;
        Ok(groups)
    }

    async fn pricing(&self) -> Result<Pricing, Stop> {
        Ok(pricing(&self.store, self.groups().await?, self.context.agreement_currency))
    }

    /// Takes a thing off its heap, or puts it off; a failure that concerns it alone is told and blocks nothing else.
    async fn settle(&self, heap: &Heap, marked: Marked, ended: Result<End, Stop>) -> Result<(), Stop> {
        let heaps = &self.ports().state.heaps;
        let end = match ended {
            Ok(end) => {
                self.garbled.store(0, Ordering::Relaxed);
                end
            }
            Err(stop) => {
                let (code, message) = self.alone(stop)?;
                trouble::tell(self, &marked.key, &marked.key, code, message).await?;
                self.retry(&marked, code)
            }
        };
        match end {
            End::Done => heaps.done(heap, &[marked]).await?,
            End::Later(until) => heaps.put_off(heap, &[marked], until).await?,
        }
        self.context.held.got_further();
        Ok(())
    }

    /// What a failure says of the one product it concerns; a remote in trouble, the state or a later claim is no such
    /// failure. Answers that cannot be read several times in a row are the remote's trouble as well.
    fn alone(&self, stop: Stop) -> Result<(ProductCode, String), Stop> {
        let Stop::Failed(failure) = stop else { return Err(stop) };
        match alone(&failure) {
            Some(ProductCode::Garbled)
                if self.garbled.fetch_add(1, Ordering::Relaxed) + 1 >= limits::GARBLED_TRIES =>
            {
                Err(failure.into())
            }
            Some(code) => Ok((code, failure.words())),
            None => Err(failure.into()),
        }
    }

    /// When a thing that met a trouble of its own is looked at again: each time later, up to a day.
    fn retry(&self, marked: &Marked, code: ProductCode) -> End {
        let random = self.ports().random.as_ref();
        let wait = if code == ProductCode::Garbled {
            retry::backoff(marked.tries, random)
        } else {
            retry::parked_wait(marked.tries, random)
        };
        End::Later(later(self.now(), wait))
    }

    /// Has the quantities of items sent that are new in the shop.
    async fn send_stock(&self, items: &[ItemNumber]) -> Answer<()> {
        if items.is_empty() || !self.store.takes_stock() {
            return Ok(());
        }
        let (state, id) = (&self.ports().state, &self.store.id);
        let keys: Vec<String> = items.iter().map(ToString::to_string).collect();
        state.heaps.mark(&Heap::StoreStock(id.clone()), &keys, false, self.now()).await?;
        state.jobs.offer(id, &[Offer::stock()], None, self.now()).await.map(drop)
    }
}

/// Why a failure concerns one product alone, if it does.
fn alone(failure: &Failure) -> Option<ProductCode> {
    if failure.remote == Remote::State {
        return None;
    }
    match retry::decide(failure) {
        Decision::LaneWaits { .. } => None,
        Decision::Strike { .. } if failure.kind == FailureKind::Garbled => Some(ProductCode::Garbled),
        Decision::Strike { .. } | Decision::Park(_) => Some(ProductCode::Refused),
    }
}

fn pricing(store: &Store, groups: &[ProductGroup], agreement: Currency) -> Pricing {
    Pricing::of(&store.settings.prices, groups, store.taxes_included, store.currency, agreement)
}

/// What a call answered; `None` where the thing is not there.
fn if_there<T>(answer: Answer<T>) -> Answer<Option<T>> {
    match answer {
        Ok(thing) => Ok(Some(thing)),
        Err(failure) if failure.is_missing() => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// Settings that decide about products or prices changed: everything is compared anew. Answers how many things.
///
/// # Errors
/// When Rackbeat or the state is away.
pub async fn settings_changed(ports: &Ports, store: &Store) -> Answer<u64> {
    match store.settings.products.master {
        Master::None => Ok(0),
        Master::Rackbeat => mark_items(ports, store).await,
        Master::Shopify => mark_products(ports, store).await,
    }
}

async fn mark_items(ports: &Ports, store: &Store) -> Answer<u64> {
    let erp = ports.remotes.erp(&store.agreement, Lane::BackFill).await?;
    let (mut page, mut marked) = (1, 0);
    loop {
        let answer = erp.items(page).await?;
        let items: Vec<ItemNumber> = answer.rows.into_iter().map(|item| item.number).collect();
        crate::agreement::products_changed(ports, &store.agreement, &items).await?;
        marked += u64::try_from(items.len()).unwrap_or_default();
        if answer.next.is_none() {
            return Ok(marked);
        }
        page += 1;
    }
}

/// Products that were seen before; those that never were are brought by the initial sync.
async fn mark_products(ports: &Ports, store: &Store) -> Answer<u64> {
    const PAGE: u32 = 500;
    let state = &ports.state;
    let family = Family::ProductItems(store.id.clone());
    let (mut after, mut marked): (Option<String>, u64) = (None, 0);
    loop {
        let page = state.records.page(&family, after.as_deref(), PAGE).await?;
        let keys: Vec<String> = page.into_iter().map(|(key, _)| key).collect();
        let Some(last) = keys.last() else { break };
        after = Some(last.clone());
        state.heaps.mark(&Heap::ShopProducts(store.id.clone()), &keys, false, ports.now()).await?;
        marked += u64::try_from(keys.len()).unwrap_or_default();
    }
    state.jobs.offer(&store.id, &[Offer::products()], None, ports.now()).await?;
    Ok(marked)
}

/// The key of a trouble of a variant that has no good SKU.
fn variant_key(product: ProductId, variant: impl std::fmt::Display) -> String {
    format!("variant/{product}/{variant}")
}
