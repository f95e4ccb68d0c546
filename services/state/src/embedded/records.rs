//! Records in the embedded engine.

use std::ops::Bound;

use async_trait::async_trait;
use redb::ReadableTable;
use shopbeat_domain::ports::{Answer, Family, Records};

use super::Engine;
use super::tables::{COUNTS, RECORDS};
use crate::names;

const COUNT: &str = "count";

pub(super) fn name(family: &Family) -> String {
    let (store, name) = names::family(family);
    format!("records/{name}/{store}")
}

/// A text behind all keys of a family: names hold nothing below `-`.
fn after_all(name: &str) -> String {
    format!("{name}\u{1}")
}

#[async_trait]
impl Records for Engine {
    async fn get(&self, family: &Family, keys: &[String]) -> Answer<Vec<Option<String>>> {
        let (name, keys) = (name(family), keys.to_vec());
        self.read("get", move |transaction| {
            let records = transaction.open_table(RECORDS)?;
            let mut values = Vec::with_capacity(keys.len());
            for key in &keys {
                values
                    .push(records.get((name.as_str(), key.as_str()))?.map(|value| value.value().to_owned()));
            }
            Ok(values)
        })
        .await
    }

    async fn put(&self, family: &Family, records: &[(String, String)]) -> Answer<()> {
        if records.is_empty() {
            return Ok(());
        }
        let (name, written) = (name(family), records.to_vec());
        self.write("put", move |transaction| {
            let mut records = transaction.open_table(RECORDS)?;
            let mut counts = transaction.open_table(COUNTS)?;
            let mut count = counts.get((name.as_str(), COUNT))?.map_or(0, |count| count.value());
            for (key, value) in &written {
                if records.insert((name.as_str(), key.as_str()), value.as_str())?.is_none() {
                    count += 1;
                }
            }
            counts.insert((name.as_str(), COUNT), count)?;
            Ok(())
        })
        .await
    }

    async fn forget(&self, family: &Family, keys: &[String]) -> Answer<()> {
        if keys.is_empty() {
            return Ok(());
        }
        let (name, keys) = (name(family), keys.to_vec());
        self.write("forget", move |transaction| {
            let mut records = transaction.open_table(RECORDS)?;
            let mut counts = transaction.open_table(COUNTS)?;
            let mut count = counts.get((name.as_str(), COUNT))?.map_or(0, |count| count.value());
            for key in &keys {
                if records.remove((name.as_str(), key.as_str()))?.is_some() {
                    count = count.saturating_sub(1);
                }
            }
            counts.insert((name.as_str(), COUNT), count)?;
            Ok(())
        })
        .await
    }

    async fn page(&self, family: &Family, after: Option<&str>, limit: u32) -> Answer<Vec<(String, String)>> {
        let (name, after) = (name(family), after.map(str::to_owned));
        self.read("page", move |transaction| {
            let records = transaction.open_table(RECORDS)?;
            let end = after_all(&name);
            let from = match &after {
                Some(after) => Bound::Excluded((name.as_str(), after.as_str())),
                None => Bound::Included((name.as_str(), "")),
            };
            let mut rows = Vec::new();
            let range = records.range::<(&str, &str)>((from, Bound::Excluded((end.as_str(), ""))))?;
            for entry in range.take(usize::try_from(limit).unwrap_or(usize::MAX)) {
                let (key, value) = entry?;
                rows.push((key.value().1.to_owned(), value.value().to_owned()));
            }
            Ok(rows)
        })
        .await
    }

    async fn count(&self, family: &Family) -> Answer<u64> {
        let name = name(family);
        self.read("count", move |transaction| {
            let counts = transaction.open_table(COUNTS)?;
            Ok(counts.get((name.as_str(), COUNT))?.map_or(0, |count| count.value()))
        })
        .await
    }

    async fn clear(&self, family: &Family) -> Answer<()> {
        let name = name(family);
        self.write("clear", move |transaction| {
            let end = after_all(&name);
            let mut records = transaction.open_table(RECORDS)?;
            records.retain_in::<(&str, &str), _>((name.as_str(), "")..(end.as_str(), ""), |_, _| false)?;
            transaction.open_table(COUNTS)?.remove((name.as_str(), COUNT))?;
            Ok(())
        })
        .await
    }
}
