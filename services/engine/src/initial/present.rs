//! What Rackbeat has already: of each item its number and what decides about its stock, nothing more. An account of a
//! hundred thousand items fits into some ten megabytes.

use std::collections::HashMap;

use rust_decimal::Decimal;
use shopbeat_domain::erp::ItemKind;
use shopbeat_domain::ids::ItemNumber;
use shopbeat_domain::ports::{Answer, Erp};

/// The items of an account, as they were when they were read.
pub(crate) struct Present(HashMap<Box<str>, Known>);

/// One of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Known {
    /// Units in stock, all locations.
    pub(crate) stock: Decimal,
    /// Stock can be put on it: it keeps stock and is no bill of materials.
    pub(crate) takes_stock: bool,
    /// Cannot be put on orders.
    pub(crate) barred: bool,
}

impl Present {
    /// Reads all items, page by page.
    pub(crate) async fn read(erp: &dyn Erp) -> Answer<Self> {
        let mut items = HashMap::new();
        let mut page = 1;
        loop {
            let answer = erp.items(page).await?;
            items.extend(answer.rows.into_iter().map(|item| {
                let takes_stock = item.keeps_stock && item.kind == ItemKind::Product;
                let known = Known { stock: item.stock, takes_stock, barred: item.barred };
                (Box::from(item.number.as_str()), known)
            }));
            if answer.next.is_none() {
                return Ok(Self(items));
            }
            page += 1;
        }
    }

    /// An item, if it is there.
    pub(crate) fn get(&self, number: &ItemNumber) -> Option<Known> {
        self.0.get(number.as_str()).copied()
    }
}
