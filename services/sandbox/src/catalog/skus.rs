//! SKUs for catalogues that have none, and what is wrong with those that have.

use std::collections::BTreeMap;

use super::{Catalog, CatalogProduct, CatalogVariant};
use crate::seed::Seeded;

/// Rackbeat's product numbers hold this many characters ("Length: 25 characters at most", Rackbeat helpdesk).
pub const SKU_LIMIT: usize = 25;

/// SKUs an import must report by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SkuDefects {
    /// `handle: variant title` of each variant without a SKU.
    pub missing: Vec<String>,
    /// Each SKU that several variants carry.
    pub doubled: Vec<String>,
    /// Each SKU longer than [`SKU_LIMIT`].
    pub over_long: Vec<String>,
}

fn variants(catalog: &mut Catalog) -> Vec<(String, &mut CatalogVariant)> {
    catalog.products.iter_mut().flat_map(with_stem).collect()
}

fn with_stem(product: &mut CatalogProduct) -> Vec<(String, &mut CatalogVariant)> {
    let stem: String = product
        .handle
        .split('-')
        .filter_map(|word| word.get(..3).or(Some(word)))
        .take(3)
        .collect::<Vec<_>>()
        .join("-")
        .to_uppercase();
    product
        .variants
        .iter_mut()
        .enumerate()
        .map(|(at, variant)| (format!("{stem}-{:02}", at + 1), variant))
        .collect()
}

pub(super) fn fill(catalog: &mut Catalog, share_ppm: u32, seed: u64) {
    if catalog.products.iter().any(|product| product.variants.iter().any(|found| found.sku.is_some())) {
        return;
    }
    let mut draw = Seeded::labelled(seed, "skus");
    let mut given: Vec<&mut CatalogVariant> = Vec::new();
    let mut used: BTreeMap<String, u32> = BTreeMap::new();
    for (stem, variant) in variants(catalog) {
        if !draw.chance(share_ppm) {
            continue;
        }
        let times = used.entry(stem.clone()).or_default();
        *times += 1;
        variant.sku = Some(if *times == 1 { stem } else { format!("{stem}-{times}") });
        given.push(variant);
    }
    if share_ppm >= 1_000_000 || given.len() < 8 {
        return;
    }
    draw.shuffle(&mut given);
    let doubled = given[0].sku.clone();
    given[1].sku = doubled;
    if let Some(sku) = &mut given[2].sku {
        sku.push_str("-SAMPAK-OG-RESTPARTI-2026");
    }
}

pub(super) fn defects(catalog: &Catalog) -> SkuDefects {
    let mut found = SkuDefects::default();
    let mut seen: BTreeMap<&str, u32> = BTreeMap::new();
    for product in &catalog.products {
        for variant in &product.variants {
            match &variant.sku {
                None => found.missing.push(format!("{}: {}", product.handle, variant.title())),
                Some(sku) => {
                    *seen.entry(sku).or_default() += 1;
                    if sku.chars().count() > SKU_LIMIT {
                        found.over_long.push(sku.clone());
                    }
                }
            }
        }
    }
    found.doubled = seen.into_iter().filter(|(_, times)| *times > 1).map(|(sku, _)| sku.to_owned()).collect();
    found
}

#[cfg(test)]
mod tests {
    use crate::catalog::{Catalog, generated};

    fn bare() -> Catalog {
        let mut catalog = generated(200, 3);
        for product in &mut catalog.products {
            for variant in &mut product.variants {
                variant.sku = None;
            }
        }
        catalog
    }

    #[test]
    fn a_catalogue_without_skus_gets_most_of_them_and_every_kind_of_defect() {
        let mut catalog = bare();
        catalog.fill_skus(900_000, 3);
        let defects = catalog.sku_defects();
        assert!((5..40).contains(&defects.missing.len()), "{}", defects.missing.len());
        assert_eq!((defects.doubled.len(), defects.over_long.len()), (1, 1));
        let mut again = bare();
        again.fill_skus(900_000, 3);
        assert_eq!(catalog, again);
    }

    #[test]
    fn a_whole_share_leaves_no_defect_and_own_skus_are_kept() {
        let mut catalog = bare();
        catalog.fill_skus(1_000_000, 3);
        assert_eq!(catalog.sku_defects(), super::SkuDefects::default());
        let before = catalog.clone();
        catalog.fill_skus(100_000, 9);
        assert_eq!(catalog, before);
    }
}
