//! Records by item, read and written as what they are. One that cannot be read counts as none: it is made again from
//! the remotes.

use serde::Serialize;
use serde::de::DeserializeOwned;
use shopbeat_domain::failure::{Failure, FailureKind, Remote};
use shopbeat_domain::ids::{ItemNumber, ProductId};
use shopbeat_domain::ports::{Answer, Family};
use shopbeat_domain::product::Carried;
use shopbeat_domain::store::{RECORD_VERSION, Store};

use super::Work;
use crate::ports::Ports;

pub(super) async fn get<T: DeserializeOwned>(
    ports: &Ports,
    family: &Family,
    keys: &[String],
) -> Answer<Vec<Option<T>>> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let texts = ports.state.records.get(family, keys).await?;
    Ok(texts.into_iter().map(|text| text.and_then(|text| serde_json::from_str(&text).ok())).collect())
}

pub(super) async fn one<T: DeserializeOwned>(ports: &Ports, family: &Family, key: &str) -> Answer<Option<T>> {
    Ok(get(ports, family, &[key.to_owned()]).await?.pop().flatten())
}

pub(super) async fn put<T: Serialize>(ports: &Ports, family: &Family, records: &[(String, T)]) -> Answer<()> {
    if records.is_empty() {
        return Ok(());
    }
    let mut texts = Vec::with_capacity(records.len());
    for (key, record) in records {
        texts.push((key.clone(), text(record)?));
    }
    ports.state.records.put(family, &texts).await
}

pub(super) async fn forget(ports: &Ports, family: &Family, keys: &[String]) -> Answer<()> {
    if keys.is_empty() {
        return Ok(());
    }
    ports.state.records.forget(family, keys).await
}

pub(super) fn text<T: Serialize>(record: &T) -> Answer<String> {
    serde_json::to_string(record)
        .map_err(|error| Failure::new(Remote::State, FailureKind::Garbled, "put records", error.to_string()))
}

pub(super) fn keys(items: &[ItemNumber]) -> Vec<String> {
    items.iter().map(ToString::to_string).collect()
}

/// Which way a record of what was carried went: the two sides write fields differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    ToShop,
    ToErp,
}

impl Way {
    /// With what the digests of its records begin.
    pub(super) fn mark(self) -> &'static str {
        match self {
            Self::ToShop => "to-shop",
            Self::ToErp => "to-rackbeat",
        }
    }
}

/// What was carried of items this way.
pub(super) async fn carried(
    ports: &Ports,
    store: &Store,
    items: &[ItemNumber],
    way: Way,
) -> Answer<Vec<Option<Carried>>> {
    let family = Family::Carried(store.id.clone());
    let all: Vec<Option<Carried>> = get(ports, &family, &keys(items)).await?;
    let of_this_way = |carried: &Carried| carried.digest.starts_with(way.mark());
    Ok(all.into_iter().map(|carried| carried.filter(of_this_way)).collect())
}

pub(super) async fn carried_one(
    ports: &Ports,
    store: &Store,
    item: &ItemNumber,
    way: Way,
) -> Answer<Option<Carried>> {
    Ok(carried(ports, store, std::slice::from_ref(item), way).await?.pop().flatten())
}

pub(super) async fn put_carried(
    ports: &Ports,
    store: &Store,
    item: &ItemNumber,
    carried: &Carried,
) -> Answer<()> {
    let carried = Carried { version: RECORD_VERSION, at: Some(ports.now()), ..carried.clone() };
    put(ports, &Family::Carried(store.id.clone()), &[(item.to_string(), carried)]).await
}

/// The items of a product of the shop, as they were when it was last looked at.
pub(super) async fn items_of(work: &Work<'_>, product: ProductId) -> Answer<Vec<ItemNumber>> {
    let family = Family::ProductItems(work.store.id.clone());
    Ok(one(work.ports(), &family, &product.to_string()).await?.unwrap_or_default())
}

pub(super) async fn put_items_of(work: &Work<'_>, product: ProductId, items: &[ItemNumber]) -> Answer<()> {
    let family = Family::ProductItems(work.store.id.clone());
    if items.is_empty() {
        return forget(work.ports(), &family, &[product.to_string()]).await;
    }
    put(work.ports(), &family, &[(product.to_string(), items)]).await
}
