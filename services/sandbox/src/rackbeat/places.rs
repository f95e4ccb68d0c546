//! Quantities by location, small: an account may have a hundred thousand items.

use rust_decimal::Decimal;

/// Quantities by location number; a location that holds nothing takes no room.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Places(Vec<(i64, Decimal)>);

impl Places {
    pub(super) fn get(&self, location: i64) -> Decimal {
        self.0.iter().find(|(known, _)| *known == location).map(|(_, held)| *held).unwrap_or_default()
    }

    pub(super) fn set(&mut self, location: i64, quantity: Decimal) {
        let at = self.0.partition_point(|(known, _)| *known < location);
        let known = self.0.get(at).is_some_and(|(known, _)| *known == location);
        match (known, quantity.is_zero()) {
            (true, true) => drop(self.0.remove(at)),
            (true, false) => self.0[at].1 = quantity,
            (false, true) => {}
            (false, false) => {
                self.0.reserve_exact(1);
                self.0.insert(at, (location, quantity));
            }
        }
    }

    pub(super) fn add(&mut self, location: i64, quantity: Decimal) {
        self.set(location, self.get(location) + quantity);
    }

    pub(super) fn total(&self) -> Decimal {
        self.0.iter().map(|(_, held)| *held).sum()
    }

    /// By location number, without empty ones.
    pub(super) fn iter(&self) -> impl Iterator<Item = (i64, Decimal)> {
        self.0.iter().copied()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::Places;
    use rust_decimal::Decimal;

    #[test]
    fn a_place_that_is_emptied_is_forgotten_and_the_rest_stays_in_order() {
        let mut places = Places::default();
        for (location, held) in [(3, 1), (1, 4), (2, 5)] {
            places.add(location, Decimal::from(held));
        }
        places.add(2, Decimal::from(-5));
        assert_eq!(places.iter().collect::<Vec<_>>(), [(1, Decimal::from(4)), (3, Decimal::ONE)]);
        assert_eq!((places.get(2), places.total()), (Decimal::ZERO, Decimal::from(5)));
        places.set(1, Decimal::ZERO);
        places.set(3, Decimal::ZERO);
        assert!(places.is_empty());
    }
}
