//! A list of slots kept in order, from which any window is read without walking what comes before.

use std::cmp::Ordering;

/// A block is cut in two when it grows past this.
const BLOCK: usize = 512;

/// Slots in an order that the caller's comparison defines; it must not change under an entry.
#[derive(Debug, Default)]
pub(super) struct Sorted {
    /// None of them empty.
    blocks: Vec<Vec<usize>>,
    len: usize,
}

impl Sorted {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The block in which `slot` belongs, and its place there.
    fn place(&self, slot: usize, compare: &impl Fn(usize, usize) -> Ordering) -> (usize, usize) {
        let starts_before = |block: &Vec<usize>| {
            block.first().is_some_and(|first| compare(*first, slot) != Ordering::Greater)
        };
        let block = self.blocks.partition_point(starts_before).saturating_sub(1);
        let at = self
            .blocks
            .get(block)
            .map_or(0, |block| block.partition_point(|other| compare(*other, slot) == Ordering::Less));
        (block, at)
    }

    pub(super) fn insert(&mut self, slot: usize, compare: impl Fn(usize, usize) -> Ordering) {
        let (at, place) = self.place(slot, &compare);
        self.len += 1;
        let Some(block) = self.blocks.get_mut(at) else {
            self.blocks.push(vec![slot]);
            return;
        };
        block.insert(place, slot);
        if block.len() > BLOCK {
            let rest = block.split_off(BLOCK / 2);
            self.blocks.insert(at + 1, rest);
        }
    }

    pub(super) fn remove(&mut self, slot: usize, compare: impl Fn(usize, usize) -> Ordering) {
        let (at, place) = self.place(slot, &compare);
        let Some(block) = self.blocks.get_mut(at).filter(|block| block.get(place) == Some(&slot)) else {
            return;
        };
        block.remove(place);
        self.len -= 1;
        if block.is_empty() {
            self.blocks.remove(at);
        }
    }

    /// Up to `count` slots from place `start` on.
    pub(super) fn window(&self, start: usize, count: usize, descending: bool) -> Vec<usize> {
        let count = count.min(self.len.saturating_sub(start));
        let mut skip = if descending { self.len.saturating_sub(start + count) } else { start };
        let mut found = Vec::with_capacity(count);
        for block in &self.blocks {
            if skip >= block.len() {
                skip -= block.len();
                continue;
            }
            found.extend(block.iter().skip(skip).take(count - found.len()));
            skip = 0;
            if found.len() == count {
                break;
            }
        }
        if descending {
            found.reverse();
        }
        found
    }

    /// All of them, in order.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = usize> {
        self.blocks.iter().flatten().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::Sorted;
    use crate::seed::Seeded;

    #[test]
    fn windows_are_those_of_a_plain_sorted_list_whatever_comes_and_goes() {
        let mut draw = Seeded::new(7);
        let keys: Vec<u64> = (0..3_000).map(|_| draw.next_u64()).collect();
        let compare = |a: usize, b: usize| keys[a].cmp(&keys[b]);
        let (mut sorted, mut plain) = (Sorted::default(), Vec::new());
        for slot in 0..keys.len() {
            sorted.insert(slot, compare);
            plain.push(slot);
            if slot % 3 == 2 {
                let gone = plain.swap_remove(draw.index(plain.len()));
                sorted.remove(gone, compare);
            }
        }
        plain.sort_by_key(|slot| keys[*slot]);
        assert_eq!(sorted.len(), plain.len());
        assert!(sorted.iter().eq(plain.iter().copied()));
        for (start, count) in [(0, 10), (700, 400), (1_990, 100), (2_500, 5), (0, 5_000)] {
            let ascending: Vec<usize> = plain.iter().copied().skip(start).take(count).collect();
            assert_eq!(sorted.window(start, count, false), ascending);
            let descending: Vec<usize> = plain.iter().rev().copied().skip(start).take(count).collect();
            assert_eq!(sorted.window(start, count, true), descending);
        }
    }
}
