//! Which item of Rackbeat each line is: the SKU as ordered first, then the variant.

use std::collections::HashMap;

use shopbeat_domain::failure::{Failure, FailureKind, Refusal};
use shopbeat_domain::ids::ItemNumber;
use shopbeat_domain::job::ParkCode;
use shopbeat_domain::mapping::Block;
use shopbeat_domain::order::{Order, OrderLine};
use shopbeat_domain::ports::IdMap;

use super::{Stop, Transferring};

/// What the state knows of a line before any remote is asked.
struct Known {
    /// SKUs that are items.
    items: HashMap<String, bool>,
    /// The items of the lines' variants, in the order of the lines.
    variants: Vec<Option<ItemNumber>>,
}

impl Transferring<'_> {
    /// The item of each line. Asks Rackbeat only for SKUs that were never seen there.
    pub(super) async fn ensure_items(&self, order: &Order) -> Result<Vec<ItemNumber>, Stop> {
        let mut known = self.known(order).await?;
        let mut items = Vec::with_capacity(order.lines.len());
        for (index, line) in order.lines.iter().enumerate() {
            items.push(self.item_of(line, index, &mut known).await?);
        }
        Ok(items)
    }

    async fn known(&self, order: &Order) -> Result<Known, Stop> {
        let ids = &self.context.ports.state.ids;
        let skus: Vec<String> = order.lines.iter().filter_map(sku).collect();
        let found = ids.look_up(&self.known_items(), &skus).await?;
        let items = skus.into_iter().zip(found.into_iter().map(|value| value.is_some())).collect();
        let variants: Vec<String> = order
            .lines
            .iter()
            .map(|line| line.variant.map_or_else(String::new, |id| id.to_string()))
            .collect();
        let found = ids.look_up(&IdMap::VariantItem(self.context.store.id.clone()), &variants).await?;
        let variants =
            found.into_iter().map(|value| value.and_then(|text| ItemNumber::parse(&text).ok())).collect();
        Ok(Known { items, variants })
    }

    async fn item_of(&self, line: &OrderLine, index: usize, known: &mut Known) -> Result<ItemNumber, Stop> {
        let by_variant = known.variants.get(index).cloned().flatten();
        let Some(sku) = sku(line) else {
            let message = "the line has no SKU, and its variant was never imported";
            return by_variant
                .ok_or_else(|| Block::new(ParkCode::LineWithoutSku, &line.title, message).into());
        };
        let exists = match known.items.get(&sku) {
            Some(true) => true,
            _ => self.exists(&sku).await?,
        };
        known.items.insert(sku.clone(), exists);
        match (exists, by_variant) {
            (true, Some(other)) if other.as_str() != sku => {
                let message = format!("the line says {sku}, its variant is item {other}");
                Err(Block::new(ParkCode::SkuDisagrees, sku, message).into())
            }
            (false, Some(by_variant)) => Ok(by_variant),
            (true, _) => ItemNumber::parse(&sku).map_err(|_| unknown(&sku, &line.title).into()),
            (false, None) => Err(unknown(&sku, &line.title).into()),
        }
    }

    async fn exists(&self, sku: &str) -> Result<bool, Stop> {
        let Ok(number) = ItemNumber::parse(sku) else { return Ok(false) };
        match self.context.erp.item(&number).await {
            Ok(item) if item.barred => Err(barred(number.as_str()).into()),
            // Rackbeat might look numbers up without regard to case; the line must name the item as it is.
            Ok(item) if item.number == number => {
                let ids = &self.context.ports.state.ids;
                ids.put(&self.known_items(), &[(sku.to_owned(), "1".to_owned())]).await?;
                Ok(true)
            }
            Ok(_) => Ok(false),
            Err(failure) if failure.is_missing() => Ok(false),
            Err(failure) => Err(failure.into()),
        }
    }

    /// A create was refused: says why in words of the order, and forgets what turned out to be untrue.
    pub(super) async fn create_refused(&mut self, failure: Failure, items: &[ItemNumber]) -> Stop {
        let FailureKind::Refused(refusal) = failure.kind else { return failure.into() };
        let culprit = culprit(&failure, items);
        match refusal {
            Refusal::BarredItem => barred(&culprit).into(),
            Refusal::UnknownItem => {
                for item in items {
                    if let Err(failure) = self.forget_item(item).await {
                        return failure.into();
                    }
                }
                let message = format!("Rackbeat has no such item: {}", failure.words());
                Block::new(ParkCode::UnknownSku, culprit, message).into()
            }
            Refusal::Duplicate
            | Refusal::UnknownCustomer
            | Refusal::NoChange
            | Refusal::Locked
            | Refusal::NothingToShip
            | Refusal::NotFilterable
            | Refusal::Other => Block::new(ParkCode::Refused, culprit, failure.words()).into(),
            Refusal::Forbidden => failure.into(),
        }
    }

    async fn forget_item(&self, item: &ItemNumber) -> Result<(), Failure> {
        self.context.ports.state.ids.forget(&self.known_items(), item.as_str()).await
    }

    fn known_items(&self) -> IdMap {
        IdMap::KnownItem(self.context.store.agreement.clone())
    }
}

fn sku(line: &OrderLine) -> Option<String> {
    line.sku.as_deref().map(str::trim).filter(|sku| !sku.is_empty()).map(str::to_owned)
}

fn unknown(sku: &str, title: &str) -> Block {
    Block::new(ParkCode::UnknownSku, sku, format!("Rackbeat has no item {sku} (line {title:?})"))
}

fn barred(item: &str) -> Block {
    Block::new(ParkCode::BarredItem, item, format!("item {item} is barred in Rackbeat"))
}

/// The item that a refusal names: by the line's number in a field's path, or by its text.
fn culprit(failure: &Failure, items: &[ItemNumber]) -> String {
    let by_path = failure.fields.iter().find_map(|(path, _)| {
        let index: usize = path.strip_prefix("lines.")?.split('.').next()?.parse().ok()?;
        items.get(index)
    });
    let all = failure.words();
    let by_text = || items.iter().find(|item| all.contains(&format!("'{item}'")));
    by_path.or_else(by_text).map_or_else(|| failure.call.clone(), ToString::to_string)
}
