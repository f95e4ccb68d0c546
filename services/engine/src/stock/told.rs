//! Records as the stock job keeps them: what a store was last told, and what it cannot be told.

use serde::Serialize;
use serde::de::DeserializeOwned;
use shopbeat_domain::failure::{Failure, FailureKind, Remote};
use shopbeat_domain::ids::{ItemNumber, StoreId};
use shopbeat_domain::ports::{Answer, Family};
use shopbeat_domain::stock::{StockCode, StockTrouble};
use shopbeat_domain::store::RECORD_VERSION;

use crate::ports::Ports;

/// Reads records by item; one that cannot be read counts as none: it is made again from the remotes.
pub(crate) async fn read<T: DeserializeOwned>(
    ports: &Ports,
    family: &Family,
    items: &[ItemNumber],
) -> Answer<Vec<Option<T>>> {
    let keys: Vec<String> = items.iter().map(ToString::to_string).collect();
    let texts = ports.state.records.get(family, &keys).await?;
    Ok(texts.into_iter().map(|text| text.and_then(|text| serde_json::from_str(&text).ok())).collect())
}

/// Writes records by item.
pub(crate) async fn write<T: Serialize>(
    ports: &Ports,
    family: &Family,
    records: &[(ItemNumber, T)],
) -> Answer<()> {
    if records.is_empty() {
        return Ok(());
    }
    let mut texts = Vec::with_capacity(records.len());
    for (item, record) in records {
        let text = serde_json::to_string(record).map_err(|error| {
            Failure::new(Remote::State, FailureKind::Garbled, "put records", error.to_string())
        })?;
        texts.push((item.to_string(), text));
    }
    ports.state.records.put(family, &texts).await
}

/// Tells that an item's quantity is not sent. Known already under the same code: counted on.
pub(super) async fn trouble(
    ports: &Ports,
    store: &StoreId,
    item: &ItemNumber,
    code: StockCode,
    message: String,
) -> Answer<()> {
    let family = Family::StockTrouble(store.clone());
    let before: Option<StockTrouble> =
        read(ports, &family, std::slice::from_ref(item)).await?.pop().flatten();
    let before = before.filter(|before| before.code == code);
    let (since, times) =
        before.map_or((ports.now(), 1), |before| (before.since, before.times.saturating_add(1)));
    if times == 1 {
        tracing::warn!(store.id = %store, item = %item, code = code.name(), "a quantity is not sent");
    }
    let record = StockTrouble { version: RECORD_VERSION, item: item.clone(), code, message, since, times };
    write(ports, &family, &[(item.clone(), record)]).await
}

/// Forgets the troubles of items that got through.
pub(super) async fn cleared(ports: &Ports, store: &StoreId, items: &[ItemNumber]) -> Answer<()> {
    if items.is_empty() {
        return Ok(());
    }
    let keys: Vec<String> = items.iter().map(ToString::to_string).collect();
    ports.state.records.forget(&Family::StockTrouble(store.clone()), &keys).await
}
