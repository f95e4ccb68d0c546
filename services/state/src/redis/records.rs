//! Records on Redis: a hash per family, and beside it an index of the names of those that people list. The others, up
//! to one record per item and store, do without: an index would nearly double what they take.

use std::collections::BTreeMap;

use ::redis::{cmd, pipe};
use async_trait::async_trait;
use shopbeat_domain::ports::{Answer, Family, Records};

use super::{CHUNK, Engine, patiently};

fn is_listed(family: &Family) -> bool {
    match family {
        Family::Drift(_)
        | Family::StockTrouble(_)
        | Family::ProductTrouble(_)
        | Family::RunReport(_)
        | Family::ReplayNotes(_) => true,
        Family::Shelf(_)
        | Family::InventoryItem(_)
        | Family::ProductItems(_)
        | Family::Told(_)
        | Family::Status(_)
        | Family::Carried(_) => false,
    }
}

impl Engine {
    /// A page by the index of names.
    async fn listed(
        &self,
        family: &Family,
        after: Option<&str>,
        limit: usize,
    ) -> Answer<Vec<(String, String)>> {
        let mut rows = Vec::new();
        let mut from = after.map_or_else(|| "-".to_owned(), |after| format!("({after}"));
        while rows.len() < limit {
            let mut list = cmd("ZRANGEBYLEX");
            list.arg(self.keys.record_names(family)).arg(&from).arg("+");
            list.arg("LIMIT").arg(0).arg((limit - rows.len()).min(CHUNK));
            let names: Vec<String> = self.command("page", &list).await?;
            let Some(last) = names.last() else { break };
            from = format!("({last}");
            let values = self.get(family, &names).await?;
            // One that is gone was forgotten between the two reads.
            rows.extend(names.into_iter().zip(values).filter_map(|(name, value)| Some((name, value?))));
        }
        Ok(rows)
    }

    /// A page without an index: the whole family is read, and no more than the page is kept.
    async fn scanned(
        &self,
        family: &Family,
        after: Option<&str>,
        limit: usize,
    ) -> Answer<Vec<(String, String)>> {
        let mut rows = BTreeMap::new();
        let mut cursor: u64 = 0;
        loop {
            let mut scan = cmd("HSCAN");
            scan.arg(self.keys.records(family)).arg(cursor).arg("COUNT").arg(CHUNK);
            let (next, part): (u64, Vec<(String, String)>) = self.command("page", &scan).await?;
            for (name, value) in part {
                if after.is_none_or(|after| name.as_str() > after) {
                    rows.insert(name, value);
                }
            }
            while rows.len() > limit {
                rows.pop_last();
            }
            if next == 0 {
                return Ok(rows.into_iter().collect());
            }
            cursor = next;
        }
    }
}

#[async_trait]
impl Records for Engine {
    async fn get(&self, family: &Family, keys: &[String]) -> Answer<Vec<Option<String>>> {
        let mut values = Vec::with_capacity(keys.len());
        for keys in keys.chunks(CHUNK) {
            let mut read = cmd("HMGET");
            read.arg(self.keys.records(family)).arg(keys);
            let part: Vec<Option<String>> = self.command("get", &read).await?;
            values.extend(part);
        }
        Ok(values)
    }

    async fn put(&self, family: &Family, records: &[(String, String)]) -> Answer<()> {
        for records in records.chunks(CHUNK) {
            let mut write = pipe();
            write.atomic().cmd("HSET").arg(self.keys.records(family));
            for (name, value) in records {
                write.arg(name).arg(value);
            }
            write.ignore();
            if is_listed(family) {
                write.cmd("ZADD").arg(self.keys.record_names(family));
                for (name, _) in records {
                    write.arg(0).arg(name);
                }
                write.ignore();
            }
            let mut manager = self.manager.clone();
            patiently::<()>("put", write.query_async(&mut manager)).await?;
        }
        Ok(())
    }

    async fn forget(&self, family: &Family, keys: &[String]) -> Answer<()> {
        for keys in keys.chunks(CHUNK) {
            let mut write = pipe();
            write.atomic().cmd("HDEL").arg(self.keys.records(family)).arg(keys).ignore();
            if is_listed(family) {
                write.cmd("ZREM").arg(self.keys.record_names(family)).arg(keys).ignore();
            }
            let mut manager = self.manager.clone();
            patiently::<()>("forget", write.query_async(&mut manager)).await?;
        }
        Ok(())
    }

    async fn page(&self, family: &Family, after: Option<&str>, limit: u32) -> Answer<Vec<(String, String)>> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        if is_listed(family) {
            self.listed(family, after, limit).await
        } else {
            self.scanned(family, after, limit).await
        }
    }

    async fn count(&self, family: &Family) -> Answer<u64> {
        let mut read = cmd("HLEN");
        read.arg(self.keys.records(family));
        self.command("count", &read).await
    }

    async fn clear(&self, family: &Family) -> Answer<()> {
        // Unlinked, since freeing a hundred thousand records would hold up all others.
        let mut clear = cmd("UNLINK");
        clear.arg(self.keys.records(family)).arg(self.keys.record_names(family));
        let _: u64 = self.command("clear", &clear).await?;
        Ok(())
    }
}
