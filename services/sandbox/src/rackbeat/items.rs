//! All items of an account, by number and in the orders lists are asked for, so that a page costs what
//! stands on it and not what comes before it.

use std::cmp::Ordering;
use std::collections::HashMap;

use jiff::Timestamp;

use super::product::Product;
use super::sorted::Sorted;

/// What a list sorts by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    Number,
    Name,
    Created,
    Updated,
}

/// Which items a list is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    All,
    Products,
    Lots,
    /// Those of which stock is kept; by number only.
    Stocked,
}

impl Scope {
    fn holds(self, product: &Product) -> bool {
        match self {
            Self::All => true,
            Self::Products => !product.lot,
            Self::Lots => product.lot,
            Self::Stocked => product.inventory,
        }
    }
}

type Rows = [Option<Product>];

fn compare(rows: &Rows, by: By, a: usize, b: usize) -> Ordering {
    let (Some(a), Some(b)) = (rows[a].as_ref(), rows[b].as_ref()) else {
        return a.cmp(&b);
    };
    let first = match by {
        By::Number => Ordering::Equal,
        By::Name => a.name.cmp(&b.name),
        By::Created => a.created.cmp(&b.created),
        By::Updated => a.updated.cmp(&b.updated),
    };
    first.then_with(|| a.number.cmp(&b.number))
}

struct Index {
    scope: Scope,
    by: By,
    sorted: Sorted,
}

/// The items. What sorts or scopes them (number, name, kind, times, inventory) is only changed by
/// [`Items::touch`] and by taking an item out and putting it in again.
pub(super) struct Items {
    rows: Vec<Option<Product>>,
    free: Vec<usize>,
    slots: HashMap<Box<str>, usize>,
    indexes: Vec<Index>,
}

impl Default for Items {
    fn default() -> Self {
        let orders = [By::Number, By::Name, By::Created, By::Updated];
        let scopes = [Scope::All, Scope::Products, Scope::Lots];
        let indexes = scopes
            .into_iter()
            .flat_map(|scope| orders.map(|by| (scope, by)))
            .chain([(Scope::Stocked, By::Number)])
            .map(|(scope, by)| Index { scope, by, sorted: Sorted::default() })
            .collect();
        Self { rows: Vec::new(), free: Vec::new(), slots: HashMap::new(), indexes }
    }
}

impl Items {
    pub(super) fn get(&self, number: &str) -> Option<&Product> {
        self.rows.get(*self.slots.get(number)?)?.as_ref()
    }

    /// To change what neither sorts nor scopes it.
    pub(super) fn get_mut(&mut self, number: &str) -> Option<&mut Product> {
        self.rows.get_mut(*self.slots.get(number)?)?.as_mut()
    }

    pub(super) fn contains_key(&self, number: &str) -> bool {
        self.slots.contains_key(number)
    }

    /// Adds an item; one of the same number goes.
    pub(super) fn insert(&mut self, product: Product) {
        self.remove(&product.number.clone());
        let number = product.number.as_str().into();
        let slot = self.free.pop().unwrap_or(self.rows.len());
        if slot == self.rows.len() {
            self.rows.push(Some(product));
        } else {
            self.rows[slot] = Some(product);
        }
        self.slots.insert(number, slot);
        self.enter(slot, |_| true);
    }

    pub(super) fn remove(&mut self, number: &str) -> Option<Product> {
        let slot = self.slots.remove(number)?;
        self.leave(slot, |_| true);
        self.free.push(slot);
        self.rows[slot].take()
    }

    /// Works on an item that changes at `now`.
    pub(super) fn touch<T>(
        &mut self,
        number: &str,
        now: Timestamp,
        work: impl FnOnce(&mut Product) -> T,
    ) -> Option<T> {
        let slot = *self.slots.get(number)?;
        let moved = |index: &Index| index.by == By::Updated;
        self.leave(slot, moved);
        let done = self.rows[slot].as_mut().map(|product| {
            product.updated = now;
            work(product)
        });
        self.enter(slot, moved);
        done
    }

    fn enter(&mut self, slot: usize, which: impl Fn(&Index) -> bool) {
        let Self { rows, indexes, .. } = self;
        let Some(product) = rows[slot].as_ref() else {
            return;
        };
        for index in indexes.iter_mut().filter(|index| which(index) && index.scope.holds(product)) {
            let by = index.by;
            index.sorted.insert(slot, |a, b| compare(rows, by, a, b));
        }
    }

    fn leave(&mut self, slot: usize, which: impl Fn(&Index) -> bool) {
        let Self { rows, indexes, .. } = self;
        let Some(product) = rows[slot].as_ref() else {
            return;
        };
        for index in indexes.iter_mut().filter(|index| which(index) && index.scope.holds(product)) {
            let by = index.by;
            index.sorted.remove(slot, |a, b| compare(rows, by, a, b));
        }
    }

    fn index(&self, scope: Scope, by: By) -> Option<&Sorted> {
        self.indexes.iter().find(|index| index.scope == scope && index.by == by).map(|index| &index.sorted)
    }

    pub(super) fn len(&self, scope: Scope) -> usize {
        self.index(scope, By::Number).map_or(0, Sorted::len)
    }

    /// Up to `count` items from place `start` on.
    pub(super) fn window(
        &self,
        scope: Scope,
        by: By,
        descending: bool,
        start: usize,
        count: usize,
    ) -> Vec<&Product> {
        let slots = self.index(scope, by).map(|sorted| sorted.window(start, count, descending));
        slots.unwrap_or_default().into_iter().filter_map(|slot| self.rows[slot].as_ref()).collect()
    }

    /// All items of a scope, in order.
    pub(super) fn sorted(&self, scope: Scope, by: By) -> impl DoubleEndedIterator<Item = &Product> {
        let slots = self.index(scope, by).into_iter().flat_map(Sorted::iter);
        slots.filter_map(|slot| self.rows[slot].as_ref())
    }

    /// All items by number.
    pub(super) fn values(&self) -> impl DoubleEndedIterator<Item = &Product> {
        self.sorted(Scope::All, By::Number)
    }

    /// All items in no order, to change what neither sorts nor scopes them.
    pub(super) fn values_mut(&mut self) -> impl Iterator<Item = &mut Product> {
        self.rows.iter_mut().flatten()
    }
}
