//! Ids in the embedded engine.

use async_trait::async_trait;
use redb::ReadableTable;
use shopbeat_domain::ports::{Answer, IdMap, Ids};

use super::Engine;
use super::tables::IDS;

/// The map's name in keys. Ids of stores and agreements are slugs, so names of maps cannot meet.
fn name(map: &IdMap) -> String {
    match map {
        IdMap::VariantItem(store) => format!("variant-item/{store}"),
        IdMap::Customer(agreement) => format!("customer/{agreement}"),
        IdMap::KnownItem(agreement) => format!("known-item/{agreement}"),
        IdMap::StockImport(agreement) => format!("stock-import/{agreement}"),
    }
}

#[async_trait]
impl Ids for Engine {
    async fn look_up(&self, map: &IdMap, keys: &[String]) -> Answer<Vec<Option<String>>> {
        let (map, keys) = (name(map), keys.to_vec());
        self.read("look_up", move |transaction| {
            let ids = transaction.open_table(IDS)?;
            let mut values = Vec::with_capacity(keys.len());
            for key in &keys {
                values.push(ids.get((map.as_str(), key.as_str()))?.map(|value| value.value().to_owned()));
            }
            Ok(values)
        })
        .await
    }

    async fn put_if_absent(&self, map: &IdMap, key: &str, value: &str) -> Answer<String> {
        let (map, key, value) = (name(map), key.to_owned(), value.to_owned());
        self.write("put_if_absent", move |transaction| {
            let mut ids = transaction.open_table(IDS)?;
            let standing = ids.get((map.as_str(), key.as_str()))?.map(|value| value.value().to_owned());
            if let Some(standing) = standing {
                return Ok(standing);
            }
            ids.insert((map.as_str(), key.as_str()), value.as_str())?;
            Ok(value)
        })
        .await
    }

    async fn put(&self, map: &IdMap, entries: &[(String, String)]) -> Answer<()> {
        let (map, entries) = (name(map), entries.to_vec());
        self.write("put", move |transaction| {
            let mut ids = transaction.open_table(IDS)?;
            for (key, value) in &entries {
                ids.insert((map.as_str(), key.as_str()), value.as_str())?;
            }
            Ok(())
        })
        .await
    }

    async fn forget(&self, map: &IdMap, key: &str) -> Answer<()> {
        let (map, key) = (name(map), key.to_owned());
        self.write("forget", move |transaction| {
            transaction.open_table(IDS)?.remove((map.as_str(), key.as_str()))?;
            Ok(())
        })
        .await
    }
}
