//! Who imports an item's stock: written down before it is set, so that a try that was cut off is known, and nothing is
//! set or added twice.

use rust_decimal::Decimal;
use shopbeat_domain::ids::{ItemNumber, StoreId};
use shopbeat_domain::ports::{Answer, IdMap, Ids};
use shopbeat_domain::run::RowStock;

/// One import of one item, as it is kept: `<store> <run> <from>><to>`, and ` done` behind it when it was set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Import {
    pub(super) store: StoreId,
    pub(super) run: String,
    /// What stood there, and what was to stand there; older records do not tell it.
    pub(super) step: Option<(Decimal, Decimal)>,
    pub(super) done: bool,
}

impl Import {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        let (store, run) = (StoreId::parse(words.next()?).ok()?, words.next()?.to_owned());
        let mut import = Self { store, run, step: None, done: false };
        for word in words {
            if word == "done" {
                import.done = true;
            } else {
                let (from, to) = word.split_once('>')?;
                import.step = Some((from.parse().ok()?, to.parse().ok()?));
            }
        }
        Some(import)
    }

    pub(super) fn text(&self) -> String {
        let step = self.step.map(|(from, to)| format!(" {}>{}", from.normalize(), to.normalize()));
        let done = if self.done { " done" } else { "" };
        format!("{} {}{}{done}", self.store, self.run, step.unwrap_or_default())
    }

    /// What the report says of one that is done; `units` where the record does not tell it.
    pub(super) fn row(&self, units: Decimal) -> RowStock {
        let (from, to) = self.step.unwrap_or((Decimal::ZERO, units));
        RowStock::Set { from, to }
    }
}

/// The latest import of an item, whoever did it.
pub(super) fn item_key(number: &ItemNumber) -> String {
    number.as_str().to_owned()
}

/// The import of an item by one store: quantities are added once per store.
pub(super) fn store_key(number: &ItemNumber, store: &StoreId) -> String {
    format!("{number}\u{1f}{store}")
}

/// What is written down of an item.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Claims {
    /// Of whoever imported it last.
    pub(super) item: Option<Import>,
    /// Of this store.
    pub(super) store: Option<Import>,
}

impl Claims {
    /// Of several items, in their order, two keys each.
    pub(super) async fn read(
        ids: &dyn Ids,
        map: &IdMap,
        store: &StoreId,
        numbers: &[&ItemNumber],
    ) -> Answer<Vec<Self>> {
        if numbers.is_empty() {
            return Ok(Vec::new());
        }
        let keys: Vec<String> =
            numbers.iter().flat_map(|number| [item_key(number), store_key(number, store)]).collect();
        let found = ids.look_up(map, &keys).await?;
        let parse = |text: Option<&Option<String>>| Import::parse(text?.as_deref()?);
        Ok(found
            .chunks(2)
            .map(|pair| {
                let item = parse(pair.first());
                let store = parse(pair.get(1)).or(item.clone().filter(|item| item.store == *store));
                Self { item, store }
            })
            .collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_import_is_read_back_as_it_was_written_and_older_ones_are_read() {
        let store = StoreId::parse("acme").unwrap();
        let step = Some((Decimal::ZERO, Decimal::new(115, 1)));
        for import in [
            Import { store: store.clone(), run: "r1".to_owned(), step, done: false },
            Import { store: store.clone(), run: "r1".to_owned(), step, done: true },
            Import { store: store.clone(), run: "r1".to_owned(), step: None, done: true },
            Import { store, run: "r1".to_owned(), step: None, done: false },
        ] {
            assert_eq!(Import::parse(&import.text()), Some(import));
        }
        assert_eq!(Import::parse("acme"), None);
    }
}
