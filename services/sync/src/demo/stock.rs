//! Stock: what changes in Rackbeat, both shops show soon after; what a merchant changes in a shop is put right.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::bail;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;
use shopbeat_proto::v1;
use shopbeat_sandbox::shopify::StockTruth;

use super::house::House;
use super::remotes::{AGREEMENT, DemoStore, Remotes, STORES};
use crate::cli::Failed;

/// Items that are counted anew in Rackbeat.
const COUNTED: usize = 3;
/// What is counted: more than before, none at all, a few.
const UNITS: [i64; COUNTED] = [40, 0, 3];
/// Nobody has to wait longer for a quantity.
const PATIENCE: Duration = Duration::from_secs(30);
/// The shops are looked at this often.
const LOOK: Duration = Duration::from_millis(10);

/// What became of one change.
pub(super) struct Followed {
    pub(super) item: String,
    pub(super) what: String,
    /// What can be sold, as Rackbeat says.
    pub(super) available: Decimal,
    /// Units sold and not yet booked, in both stores.
    pub(super) held: u64,
    /// What each shop shows, in the order of the stores; `None` if it never came to what it should be.
    pub(super) shown: Vec<Option<i64>>,
    pub(super) took: Duration,
}

/// An item that both shops sell.
struct Shared {
    sku: String,
    levels: Vec<StockTruth>,
}

/// Counts some items anew in Rackbeat, then changes a quantity in a shop by hand; waits for the shops each time.
pub(super) async fn follow(remotes: &Remotes, house: &mut House) -> anyhow::Result<Vec<Followed>> {
    let items = shared(remotes)?;
    if items.is_empty() {
        return Ok(Vec::new());
    }
    let mut followed = Vec::new();
    for (item, units) in items.iter().zip(UNITS) {
        let Some(before) = remotes.sandbox.rackbeat().stock(remotes.account, &item.sku) else { continue };
        let Some((location, _)) = before.locations.first() else { continue };
        let began = Instant::now();
        if !remotes.sandbox.rackbeat().set_stock(remotes.account, &item.sku, *location, units.into()) {
            bail!("the simulated Rackbeat refused to count {}", item.sku);
        }
        followed.push(wait(remotes, house, item, format!("counted in Rackbeat: {units}"), began).await?);
    }
    let [first, ..] = STORES;
    if let Some((item, level)) = items.first().and_then(|item| Some((item, item.levels.first()?))) {
        let began = Instant::now();
        remotes.sandbox.shopify().set_quantity(&first.domain(), level.item, level.location, 9_999)?;
        let what = format!("set to 9999 by hand in {}", first.handle);
        followed.push(wait(remotes, house, item, what, began).await?);
    }
    Ok(followed)
}

/// Everything that is not as it must be.
pub(super) fn problems(followed: &[Followed]) -> Vec<String> {
    let late = followed.iter().flat_map(|followed| {
        let stores = STORES.iter().zip(&followed.shown).filter(|(_, shown)| shown.is_none());
        stores.map(|(store, _)| {
            format!("{} shows another quantity of {} than Rackbeat has", store.handle, followed.item)
        })
    });
    late.collect()
}

async fn wait(
    remotes: &Remotes,
    house: &mut House,
    item: &Shared,
    what: String,
    began: Instant,
) -> anyhow::Result<Followed> {
    loop {
        let available = remotes.sandbox.rackbeat().stock(remotes.account, &item.sku);
        let available = available.map(|row| row.available).unwrap_or_default();
        let held = held(house, &item.sku).await?;
        let wanted = available.floor().to_i64().unwrap_or(0) - i64::try_from(held)?;
        let wanted = wanted.max(0);
        let mut shown = Vec::with_capacity(STORES.len());
        for (store, level) in STORES.iter().zip(&item.levels) {
            let now = remotes.sandbox.shopify().level(&store.domain(), level.item, level.location)?;
            shown.push(Some(now.available).filter(|now| *now == wanted));
        }
        let took = began.elapsed();
        if shown.iter().all(Option::is_some) || took > PATIENCE {
            return Ok(Followed { item: item.sku.clone(), what, available, held, shown, took });
        }
        tokio::time::sleep(LOOK).await;
    }
}

async fn held(house: &mut House, item: &str) -> anyhow::Result<u64> {
    let whose = Some(v1::get_stock_request::Whose::AgreementId(AGREEMENT.to_owned()));
    let request = v1::GetStockRequest { whose, item: item.to_owned() };
    let answer = house.api.get_stock(request).await.map_err(Failed::from)?.into_inner();
    Ok(answer.stores.iter().map(|store| store.held).sum())
}

/// Items that each shop has once under its SKU, that it counts, and that Rackbeat keeps stock of.
fn shared(remotes: &Remotes) -> anyhow::Result<Vec<Shared>> {
    let mut shops = Vec::new();
    for store in STORES {
        shops.push(of_shop(remotes, &store)?);
    }
    let [first, rest @ ..] = shops.as_slice() else { return Ok(Vec::new()) };
    let mut items = Vec::new();
    for (sku, level) in first {
        let others: Option<Vec<StockTruth>> = rest.iter().map(|shop| shop.get(sku).cloned()).collect();
        let kept = remotes.sandbox.rackbeat().stock(remotes.account, sku).is_some_and(|row| row.inventory);
        if let Some(others) = others.filter(|_| kept) {
            let levels = std::iter::once(level.clone()).chain(others).collect();
            items.push(Shared { sku: sku.clone(), levels });
        }
        if items.len() == COUNTED {
            break;
        }
    }
    Ok(items)
}

fn of_shop(remotes: &Remotes, store: &DemoStore) -> anyhow::Result<BTreeMap<String, StockTruth>> {
    let location = remotes.location(store)?;
    let rows = remotes.sandbox.shopify().quantities(&store.domain())?;
    let here = rows.into_iter().filter(|row| row.location == location && row.tracked && !row.bundle);
    let named = here.filter_map(|row| Some((row.sku.clone()?, row)));
    Ok(named.filter(|(sku, _)| !remotes.defective.contains(sku)).collect())
}
