//! What is not carried, and why: kept, so that it can be listed, until it gets through.

use shopbeat_domain::ports::{Answer, Family};
use shopbeat_domain::product::{ProductCode, ProductTrouble};
use shopbeat_domain::store::{RECORD_VERSION, Store};

use super::{Work, records};
use crate::ports::Ports;

/// Tells a trouble; known already under the same code, it is counted on.
pub(super) async fn tell(
    work: &Work<'_>,
    key: &str,
    subject: &str,
    code: ProductCode,
    message: String,
) -> Answer<()> {
    let ports = work.ports();
    let family = Family::ProductTrouble(work.store.id.clone());
    let before: Option<ProductTrouble> = records::one(ports, &family, key).await?;
    let before = before.filter(|before| before.code == code);
    let (since, times) =
        before.map_or((ports.now(), 1), |before| (before.since, before.times.saturating_add(1)));
    if times == 1 {
        tracing::warn!(store.id = %work.store.id, item = subject, code = code.name(), "a product is not carried");
    }
    let subject = subject.to_owned();
    let record = ProductTrouble { version: RECORD_VERSION, subject, code, message, since, times };
    records::put(ports, &family, &[(key.to_owned(), record)]).await
}

/// Forgets the troubles of what got through.
pub(super) async fn clear(work: &Work<'_>, keys: &[String]) -> Answer<()> {
    records::forget(work.ports(), &Family::ProductTrouble(work.store.id.clone()), keys).await
}

/// Forgets troubles of these kinds, and no others: their cause is gone, whatever else may hinder.
pub(super) async fn over(work: &Work<'_>, keys: &[String], codes: &[ProductCode]) -> Answer<()> {
    let family = Family::ProductTrouble(work.store.id.clone());
    let known: Vec<Option<ProductTrouble>> = records::get(work.ports(), &family, keys).await?;
    let known = keys.iter().zip(known);
    let over = known.filter(|(_, known)| known.as_ref().is_some_and(|trouble| codes.contains(&trouble.code)));
    let over: Vec<String> = over.map(|(key, _)| key.clone()).collect();
    records::forget(work.ports(), &family, &over).await
}

/// Troubles whose keys begin with this.
pub(super) async fn beginning_with(work: &Work<'_>, start: &str) -> Answer<Vec<(String, ProductTrouble)>> {
    const PAGE: u32 = 500;
    let family = Family::ProductTrouble(work.store.id.clone());
    let mut after = Some(start.to_owned()).filter(|start| !start.is_empty());
    let mut found = Vec::new();
    loop {
        let page = work.ports().state.records.page(&family, after.as_deref(), PAGE).await?;
        let Some((last, _)) = page.last() else { return Ok(found) };
        let is_last = !last.starts_with(start);
        after = Some(last.clone());
        let of_it = page.into_iter().filter(|(key, _)| key.starts_with(start));
        found.extend(of_it.filter_map(|(key, text)| Some((key, serde_json::from_str(&text).ok()?))));
        if is_last {
            return Ok(found);
        }
    }
}

/// Products that are not carried, or not whole, by key, after one. The key of a row is its subject, but for variants
/// without a good SKU.
///
/// # Errors
/// When the state is away.
pub async fn troubles(
    ports: &Ports,
    store: &Store,
    after: Option<&str>,
    limit: u32,
) -> Answer<Vec<(String, ProductTrouble)>> {
    let family = Family::ProductTrouble(store.id.clone());
    let page = ports.state.records.page(&family, after, limit).await?;
    Ok(page.into_iter().filter_map(|(key, text)| Some((key, serde_json::from_str(&text).ok()?))).collect())
}
