//! Heaps on Redis: what is on one by its time, and what is known of each thing.

use std::time::Duration;

use ::redis::cmd;
use async_trait::async_trait;
use jiff::Timestamp;
use shopbeat_domain::ports::{Answer, Heap, Heaps, Marked};

use super::{CHUNK, Engine};
use crate::record::{millis, moment};

impl Engine {
    async fn dealt(&self, call: &str, heap: &Heap, things: &[Marked], until: &str) -> Answer<()> {
        for things in things.chunks(CHUNK) {
            let mut script = self.scripts.dealt.key(self.keys.heap_due(heap));
            script.key(self.keys.heap_things(heap)).arg(until);
            for marked in things {
                script.arg(&marked.key).arg(marked.mark);
            }
            let _: u8 = self.script(call, &script).await?;
        }
        Ok(())
    }
}

#[async_trait]
impl Heaps for Engine {
    async fn mark(&self, heap: &Heap, keys: &[String], doubt: bool, since: Timestamp) -> Answer<()> {
        // More than a chunk is marked in several steps: one that is cut off is said again whole by whoever called.
        for keys in keys.chunks(CHUNK) {
            let mut script = self.scripts.mark.key(self.keys.heap_due(heap));
            script
                .key(self.keys.heap_things(heap))
                .key(self.keys.heap_mark(heap))
                .key(self.keys.heap_wake(heap));
            script.arg(millis(since)).arg(millis(self.clock.now())).arg(u8::from(doubt)).arg(keys);
            let _: u8 = self.script("mark", &script).await?;
        }
        Ok(())
    }

    async fn due(&self, heap: &Heap, limit: u32, now: Timestamp) -> Answer<Vec<Marked>> {
        let mut list = cmd("ZRANGEBYSCORE");
        list.arg(self.keys.heap_due(heap)).arg("-inf").arg(millis(now)).arg("LIMIT").arg(0).arg(limit);
        let keys: Vec<String> = self.command("due", &list).await?;
        let mut due = Vec::with_capacity(keys.len());
        for keys in keys.chunks(CHUNK) {
            let mut read = cmd("HMGET");
            read.arg(self.keys.heap_things(heap)).arg(keys);
            let things: Vec<Option<String>> = self.command("due", &read).await?;
            for (key, thing) in keys.iter().zip(things) {
                // One that is gone was dealt with between the two reads.
                if let Some(thing) = thing {
                    due.push(marked(key, &thing, now));
                }
            }
        }
        Ok(due)
    }

    async fn next_due(&self, heap: &Heap) -> Answer<Option<Timestamp>> {
        let mut read = cmd("ZRANGE");
        read.arg(self.keys.heap_due(heap)).arg(0).arg(0).arg("WITHSCORES");
        let first: Vec<(String, i64)> = self.command("next_due", &read).await?;
        first.first().map(|(_, at)| moment("next_due", *at)).transpose()
    }

    async fn done(&self, heap: &Heap, dealt: &[Marked]) -> Answer<()> {
        self.dealt("done", heap, dealt, "").await
    }

    async fn put_off(&self, heap: &Heap, things: &[Marked], until: Timestamp) -> Answer<()> {
        self.dealt("put_off", heap, things, &millis(until).to_string()).await
    }

    async fn count(&self, heap: &Heap) -> Answer<u64> {
        let mut read = cmd("ZCARD");
        read.arg(self.keys.heap_due(heap));
        self.command("count", &read).await
    }

    async fn wait(&self, heap: &Heap, at_most: Duration) -> Answer<()> {
        self.wait_on_own_connection(&self.keys.heap_wake(heap), at_most).await
    }
}

/// Reads `mark|since|tries|doubt`. What cannot be read is told under mark 0, and in doubt: it is dealt with like others.
fn marked(key: &str, thing: &str, now: Timestamp) -> Marked {
    let read = || {
        let mut parts = thing.split('|');
        let mark = parts.next()?.parse().ok()?;
        let since = Timestamp::from_millisecond(parts.next()?.parse().ok()?).ok()?;
        let tries = parts.next()?.parse().ok()?;
        Some(Marked { key: key.to_owned(), mark, since, tries, doubt: parts.next()? == "1" })
    };
    read().unwrap_or_else(|| Marked { key: key.to_owned(), mark: 0, since: now, tries: 0, doubt: true })
}
