//! Heaps in the embedded engine.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use redb::{ReadableTable, Table, WriteTransaction};
use shopbeat_domain::ports::{Answer, Heap, Heaps, Marked};

use super::tables::{COUNTS, HEAP_DUE, HEAPS, Thing};
use super::{Done, Engine};
use crate::names;
use crate::record::{millis, moment};

const COUNT: &str = "count";
const MARK: &str = "mark";

fn name(heap: &Heap) -> String {
    let (owner, name) = names::heap(heap);
    format!("heap/{name}/{owner}")
}

/// One heap within a transaction.
struct Things<'t> {
    name: &'t str,
    things: Table<'t, (&'static str, &'static str), Thing>,
    due: Table<'t, (&'static str, i64, &'static str), ()>,
    counts: Table<'t, (&'static str, &'static str), u64>,
}

impl<'t> Things<'t> {
    fn open(transaction: &'t WriteTransaction, name: &'t str) -> Done<Self> {
        Ok(Self {
            name,
            things: transaction.open_table(HEAPS)?,
            due: transaction.open_table(HEAP_DUE)?,
            counts: transaction.open_table(COUNTS)?,
        })
    }

    fn thing(&self, key: &str) -> Done<Option<Thing>> {
        Ok(self.things.get((self.name, key))?.map(|thing| thing.value()))
    }

    fn number(&self, name: &str) -> Done<u64> {
        Ok(self.counts.get((self.name, name))?.map_or(0, |number| number.value()))
    }

    fn put(&mut self, key: &str, thing: Thing) -> Done<()> {
        self.due.insert((self.name, thing.4, key), ())?;
        self.things.insert((self.name, key), thing)?;
        Ok(())
    }

    fn mark(&mut self, keys: &[String], doubt: bool, since: i64, now: i64) -> Done<()> {
        // One number per call, never given out twice: what is marked anew after it was dealt with is not what it was.
        let mark = self.number(MARK)? + 1;
        self.counts.insert((self.name, MARK), mark)?;
        let mut count = self.number(COUNT)?;
        for key in keys {
            let (mut first, mut tries, mut doubted) = (since, 0, doubt);
            match self.thing(key)? {
                Some((_, before, put_off, in_doubt, due)) => {
                    self.due.remove((self.name, due, key.as_str()))?;
                    (first, tries, doubted) = (first.min(before), put_off, doubted || in_doubt);
                }
                None => count += 1,
            }
            self.put(key, (mark, first, tries, doubted, first.min(now)))?;
        }
        self.counts.insert((self.name, COUNT), count)?;
        Ok(())
    }

    /// Takes off what is still as it was; answers whether it was.
    fn take(&mut self, marked: &Marked) -> Done<bool> {
        let Some((mark, .., due)) = self.thing(&marked.key)? else { return Ok(false) };
        if mark != marked.mark {
            return Ok(false);
        }
        self.due.remove((self.name, due, marked.key.as_str()))?;
        self.things.remove((self.name, marked.key.as_str()))?;
        Ok(true)
    }

    fn done(&mut self, dealt: &[Marked]) -> Done<()> {
        let mut count = self.number(COUNT)?;
        for marked in dealt {
            if self.take(marked)? {
                count = count.saturating_sub(1);
            }
        }
        self.counts.insert((self.name, COUNT), count)?;
        Ok(())
    }

    fn put_off(&mut self, things: &[Marked], until: i64) -> Done<()> {
        for marked in things {
            let Some((mark, since, tries, doubt, due)) = self.thing(&marked.key)? else { continue };
            if mark == marked.mark {
                self.due.remove((self.name, due, marked.key.as_str()))?;
                self.put(&marked.key, (mark, since, tries.saturating_add(1), doubt, until))?;
            }
        }
        Ok(())
    }
}

#[async_trait]
impl Heaps for Engine {
    async fn mark(&self, heap: &Heap, keys: &[String], doubt: bool, since: Timestamp) -> Answer<()> {
        if keys.is_empty() {
            return Ok(());
        }
        let (name, keys) = (name(heap), keys.to_vec());
        let (bell, now) = (name.clone(), millis(self.clock.now()));
        self.write("mark", move |transaction| {
            Things::open(transaction, &name)?.mark(&keys, doubt, millis(since), now)
        })
        .await?;
        self.ring(&bell);
        Ok(())
    }

    async fn due(&self, heap: &Heap, limit: u32, now: Timestamp) -> Answer<Vec<Marked>> {
        let name = name(heap);
        self.read("due", move |transaction| {
            let things = transaction.open_table(HEAPS)?;
            let due = transaction.open_table(HEAP_DUE)?;
            let range = (name.as_str(), i64::MIN, "")..(name.as_str(), millis(now).saturating_add(1), "");
            let mut marked = Vec::new();
            for entry in due.range(range)?.take(usize::try_from(limit).unwrap_or(usize::MAX)) {
                let (key, _) = entry?;
                let key = key.value().2;
                let Some(thing) = things.get((name.as_str(), key))? else { continue };
                let (mark, since, tries, doubt, _) = thing.value();
                let since = moment("due", since)?;
                marked.push(Marked { key: key.to_owned(), mark, since, tries, doubt });
            }
            Ok(marked)
        })
        .await
    }

    async fn next_due(&self, heap: &Heap) -> Answer<Option<Timestamp>> {
        let name = name(heap);
        let first = self
            .read("next_due", move |transaction| {
                let due = transaction.open_table(HEAP_DUE)?;
                let range = (name.as_str(), i64::MIN, "")..(name.as_str(), i64::MAX, "");
                let first = due.range(range)?.next().transpose()?;
                Ok(first.map(|(key, _)| key.value().1))
            })
            .await?;
        first.map(|at| moment("next_due", at)).transpose()
    }

    async fn done(&self, heap: &Heap, dealt: &[Marked]) -> Answer<()> {
        if dealt.is_empty() {
            return Ok(());
        }
        let (name, dealt) = (name(heap), dealt.to_vec());
        self.write("done", move |transaction| Things::open(transaction, &name)?.done(&dealt)).await
    }

    async fn put_off(&self, heap: &Heap, things: &[Marked], until: Timestamp) -> Answer<()> {
        if things.is_empty() {
            return Ok(());
        }
        let (name, things) = (name(heap), things.to_vec());
        self.write("put_off", move |transaction| {
            Things::open(transaction, &name)?.put_off(&things, millis(until))
        })
        .await
    }

    async fn count(&self, heap: &Heap) -> Answer<u64> {
        let name = name(heap);
        self.read("count", move |transaction| {
            let counts = transaction.open_table(COUNTS)?;
            Ok(counts.get((name.as_str(), COUNT))?.map_or(0, |count| count.value()))
        })
        .await
    }

    async fn wait(&self, heap: &Heap, at_most: Duration) -> Answer<()> {
        self.wait_for_bell(&name(heap), at_most).await;
        Ok(())
    }
}
