//! The search index over SKUs: by words, as Shopify's is, and perhaps behind the truth.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};

/// How long the index lags behind, where it does.
const LAG: SignedDuration = SignedDuration::from_secs(2);

/// Variants by the words of their SKUs.
#[derive(Debug, Default)]
pub(crate) struct SkuIndex {
    /// Only ever added to: what is found is compared with the SKU before it is told.
    by_word: HashMap<Box<str>, Vec<u64>>,
    /// Until when the search still sees which SKU (or none) of a variant.
    behind: HashMap<u64, (Timestamp, Option<Box<str>>)>,
}

impl SkuIndex {
    /// A variant's SKU goes from `old` to `new`. `lagging` is now, where the search is to see it only later.
    pub(crate) fn moved(
        &mut self,
        id: u64,
        old: Option<&str>,
        new: Option<&str>,
        lagging: Option<Timestamp>,
    ) {
        for word in words(new.unwrap_or_default()) {
            let known = self.by_word.entry(word.into_boxed_str()).or_default();
            // An id may come twice when a SKU changes back and forth; what is found is made unique.
            if known.last() != Some(&id) {
                known.push(id);
            }
        }
        if let Some(now) = lagging {
            let seen = match self.behind.remove(&id) {
                Some((until, seen)) if until > now => seen,
                Some(_) | None => old.map(Into::into),
            };
            self.behind.insert(id, (now + LAG, seen));
        }
    }

    /// Ids in rising order. `current` tells a variant's SKU, `None` when there is no such variant.
    pub(crate) fn search<'a>(
        &'a self,
        wanted: &str,
        now: Timestamp,
        current: impl Fn(u64) -> Option<Option<&'a str>>,
    ) -> Vec<u64> {
        let wanted = words(wanted);
        let lists = wanted.iter().map(|word| self.by_word.get(word.as_str()));
        let Some(shortest) = lists.min_by_key(|list| list.map_or(0, Vec::len)).flatten() else {
            return Vec::new();
        };
        let seen = |id: &u64| {
            let current = current(*id)?;
            match self.behind.get(id) {
                Some((until, old)) if *until > now => old.as_deref(),
                Some(_) | None => current,
            }
        };
        let mut found: Vec<u64> = shortest
            .iter()
            .filter(|id| seen(id).is_some_and(|sku| in_a_row(&words(sku), &wanted)))
            .copied()
            .collect();
        found.sort_unstable();
        found.dedup();
        found
    }
}

/// `Tent-2 RØD` → `tent`, `2`, `rød`.
fn words(text: &str) -> Vec<String> {
    text.split(|letter: char| !letter.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect()
}

fn in_a_row(words: &[String], wanted: &[String]) -> bool {
    words.windows(wanted.len()).any(|found| found == wanted)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::{LAG, SkuIndex};

    #[test]
    fn a_sku_finds_its_near_matches_and_a_lagging_index_finds_the_old_one() {
        let start = Timestamp::UNIX_EPOCH;
        let later = start + LAG;
        let mut index = SkuIndex::default();
        for (id, sku) in [(1, "T-1"), (2, "t-1-RED"), (3, "T-10"), (4, "1-T")] {
            index.moved(id, None, Some(sku), None);
        }
        index.moved(3, Some("T-10"), Some("T-1"), Some(start));
        let current =
            |id: u64| Some(["T-1", "t-1-RED", "T-1", "1-T"].get(usize::try_from(id).unwrap() - 1).copied());
        assert_eq!(index.search("T-1", start, current), [1, 2]);
        assert_eq!(index.search("T-10", start, current), [3]);
        assert_eq!(index.search("T-1", later, current), [1, 2, 3]);
        assert_eq!(index.search("T-10", later, current), [] as [u64; 0]);
    }
}
