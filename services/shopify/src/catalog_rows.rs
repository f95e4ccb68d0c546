//! The rows of the catalogue's export. Shopify does not promise that children follow their parent (`groupObjects` is
//! false since 2026-01) and a catalogue may have a hundred thousand variants, so the rows lie in a file while they are
//! joined: in memory are ids and places only.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufWriter, Read as _, Seek as _, SeekFrom, Write as _};

use serde::Deserialize;
use shopbeat_domain::catalog::{Level, SkuCheck, Variant};
use shopbeat_domain::failure::{Failure, FailureKind, Remote};
use shopbeat_domain::ids::{LocationId, ProductId, VariantId};
use shopbeat_domain::ports::Answer;

use crate::variant::{ProductNode, VariantNode};
use crate::wire::{Id, garbled};

const READ: &str = "GET export";

/// Where a row lies in the file.
#[derive(Debug, Clone, Copy)]
struct Place {
    at: u64,
    length: u32,
}

#[derive(Debug, Clone, Copy)]
struct VariantRow {
    id: VariantId,
    product: ProductId,
    place: Place,
}

/// The rows as they come in.
#[derive(Debug)]
pub(crate) struct Spill {
    file: BufWriter<File>,
    end: u64,
    rows: u64,
    products: HashMap<ProductId, Place>,
    variants: Vec<VariantRow>,
    levels: Vec<(VariantId, Place)>,
    skus: SkuCheck,
}

/// The rows of a file that was found whole.
#[derive(Debug)]
pub(crate) struct Rows {
    file: File,
    products: HashMap<ProductId, Place>,
    /// In rising order of ids.
    variants: Vec<VariantRow>,
    /// By variant.
    levels: Vec<(VariantId, Place)>,
    next: usize,
    /// The product of the row before: variants of one product often follow each other.
    last: Option<ProductNode>,
}

#[derive(Deserialize)]
struct RowHead {
    id: String,
    #[serde(rename = "__parentId", default)]
    parent: Option<String>,
    #[serde(default)]
    sku: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct LevelNode {
    location: Id,
    quantities: Vec<Quantity>,
}

#[derive(Debug, Deserialize)]
struct Quantity {
    name: String,
    quantity: i64,
}

fn disk(error: &std::io::Error) -> Failure {
    // Ours, and it passes: nothing was lost, the file can be read again.
    let kind = FailureKind::Busy { retry_after: None };
    Failure::new(Remote::State, kind, READ, format!("the export cannot be kept in a temporary file: {error}"))
}

impl Spill {
    pub(crate) fn new() -> Answer<Self> {
        let file = tempfile::tempfile().map_err(|error| disk(&error))?;
        Ok(Self {
            file: BufWriter::with_capacity(64 * 1024, file),
            end: 0,
            rows: 0,
            products: HashMap::new(),
            variants: Vec::new(),
            levels: Vec::new(),
            skus: SkuCheck::default(),
        })
    }

    /// Takes in one line.
    pub(crate) fn take(&mut self, line: &[u8]) -> Answer<()> {
        self.rows += 1;
        let row = self.rows;
        let unreadable = |what: &str| garbled(READ, format!("row {row} of the export: {what}"));
        let head: RowHead = serde_json::from_slice(line).map_err(|_| unreadable("no JSON with an id"))?;
        let parent = head.parent.as_deref();
        let place = self.keep(line)?;
        if let Ok(id) = ProductId::parse_gid(&head.id) {
            serde_json::from_slice::<ProductNode>(line).map_err(|_| unreadable("no product"))?;
            if self.products.insert(id, place).is_some() {
                return Err(unreadable("a product that came before"));
            }
        } else if let Ok(id) = VariantId::parse_gid(&head.id) {
            serde_json::from_slice::<VariantNode>(line).map_err(|_| unreadable("no variant"))?;
            let product = parent.and_then(|p| ProductId::parse_gid(p).ok());
            let product = product.ok_or_else(|| unreadable("a variant without its product's id"))?;
            self.skus.note(head.sku.as_deref().unwrap_or_default());
            self.variants.push(VariantRow { id, product, place });
        } else if head.id.starts_with("gid://shopify/InventoryLevel/") {
            let node: LevelNode = serde_json::from_slice(line).map_err(|_| unreadable("no stock level"))?;
            level(&node).ok_or_else(|| unreadable("a stock level without location or quantities"))?;
            // The inventory item between the two stands in no connection, so the parent is the variant.
            let variant = parent.and_then(|p| VariantId::parse_gid(p).ok());
            let variant = variant.ok_or_else(|| unreadable("a stock level without its variant's id"))?;
            self.levels.push((variant, place));
        } else {
            return Err(unreadable("a kind of row nobody asked for"));
        }
        Ok(())
    }

    fn keep(&mut self, line: &[u8]) -> Answer<Place> {
        self.file.write_all(line).map_err(|error| disk(&error))?;
        let length =
            u32::try_from(line.len()).map_err(|_| garbled(READ, "a row of the export is too long"))?;
        let place = Place { at: self.end, length };
        self.end += u64::from(length);
        Ok(place)
    }

    /// Whether the file is whole: as many rows as Shopify counted objects, and every child's parent among them.
    pub(crate) fn check(self, objects: u64) -> Answer<(SkuCheck, Rows)> {
        let Self { file, end: _, rows, products, mut variants, mut levels, skus } = self;
        if rows != objects {
            return Err(garbled(READ, format!("the export has {rows} rows, Shopify counted {objects}")));
        }
        if let Some(orphan) = variants.iter().find(|row| !products.contains_key(&row.product)) {
            let text = format!("product {} is not in the export, its variant is", orphan.product);
            return Err(garbled(READ, text));
        }
        variants.sort_unstable_by_key(|row| row.id);
        levels.sort_by_key(|(variant, _)| *variant);
        let twice = variants.windows(2).any(|pair| matches!(pair, [a, b] if a.id == b.id));
        let known = |variant: &VariantId| variants.binary_search_by_key(variant, |row| row.id).is_ok();
        if twice || !levels.iter().all(|(variant, _)| known(variant)) {
            let text = "the export has stock of a variant that is not in it, or a variant twice";
            return Err(garbled(READ, text));
        }
        let file = file.into_inner().map_err(|error| disk(error.error()))?;
        Ok((skus, Rows { file, products, variants, levels, next: 0, last: None }))
    }
}

impl Rows {
    pub(crate) fn variants(&self) -> usize {
        self.variants.len()
    }

    /// Goes on after a variant.
    pub(crate) fn after(mut self, variant: Option<VariantId>) -> Self {
        if let Some(variant) = variant {
            self.next = self.variants.partition_point(|row| row.id <= variant);
        }
        self
    }

    fn line(&mut self, place: Place) -> Answer<Vec<u8>> {
        let mut line = vec![0; usize::try_from(place.length).unwrap_or_default()];
        self.file.seek(SeekFrom::Start(place.at)).map_err(|error| disk(&error))?;
        self.file.read_exact(&mut line).map_err(|error| disk(&error))?;
        Ok(line)
    }

    fn node<T: serde::de::DeserializeOwned>(&mut self, place: Place) -> Answer<T> {
        let line = self.line(place)?;
        serde_json::from_slice(&line).map_err(|_| garbled(READ, "a row of the export reads otherwise now"))
    }

    fn product(&mut self, id: ProductId) -> Answer<ProductNode> {
        if let Some(last) = &self.last
            && last.id(READ)? == id
        {
            return Ok(last.clone());
        }
        let place = self.products.get(&id).copied();
        let place = place.ok_or_else(|| garbled(READ, format!("product {id} is not in the export")))?;
        let node: ProductNode = self.node(place)?;
        self.last = Some(node.clone());
        Ok(node)
    }

    fn read(&mut self, row: VariantRow) -> Answer<Variant> {
        let product = self.product(row.product)?;
        let first = self.levels.partition_point(|(variant, _)| *variant < row.id);
        let end = self.levels.partition_point(|(variant, _)| *variant <= row.id);
        let places: Vec<Place> =
            self.levels.get(first..end).unwrap_or_default().iter().map(|(_, place)| *place).collect();
        let mut levels = Vec::with_capacity(places.len());
        for place in places {
            levels.extend(level(&self.node(place)?));
        }
        self.node::<VariantNode>(row.place)?.join(READ, &product, levels)
    }
}

impl Iterator for Rows {
    type Item = Answer<Variant>;

    fn next(&mut self) -> Option<Self::Item> {
        let row = self.variants.get(self.next).copied()?;
        self.next += 1;
        Some(self.read(row))
    }
}

fn level(node: &LevelNode) -> Option<Level> {
    let of = |name: &str| node.quantities.iter().find(|q| q.name == name).map(|q| q.quantity);
    Some(Level {
        location: LocationId::parse_gid(&node.location.id).ok()?,
        available: of("available")?,
        on_hand: of("on_hand")?,
    })
}
