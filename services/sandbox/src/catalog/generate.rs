//! Catalogues of any size, for tests.

use rust_decimal::Decimal;

use super::{Catalog, CatalogProduct, CatalogVariant};
use crate::seed::Seeded;

const THINGS: [&str; 12] = [
    "Telt",
    "Sovepose",
    "Rygsæk",
    "Kedel",
    "Pandelampe",
    "Drikkedunk",
    "Regnjakke",
    "Uldsok",
    "Økse",
    "Hængekøje",
    "Liggeunderlag",
    "Gamasche",
];
const SIZES: [&str; 6] = ["XS", "S", "M", "L", "XL", "XXL"];

/// A clean catalogue of exactly `variants` variants, up to six a product: every SKU there and unique.
#[must_use]
pub fn generated(variants: usize, seed: u64) -> Catalog {
    let mut draw = Seeded::labelled(seed, "catalogue");
    let mut products = Vec::new();
    let mut left = variants;
    while left > 0 {
        let count = (1 + draw.index(SIZES.len())).min(left);
        left -= count;
        products.push(product(&mut draw, products.len() + 1, count));
    }
    Catalog { products }
}

fn product(draw: &mut Seeded, number: usize, count: usize) -> CatalogProduct {
    let thing = THINGS[draw.index(THINGS.len())];
    let price = Decimal::new(i64::from(u32::try_from(draw.below(200_000)).unwrap_or(0)) + 995, 2);
    let variants = (0..count).map(|at| variant(draw, number, at, count, price)).collect();
    CatalogProduct {
        handle: format!("ting-{number}"),
        title: format!("{thing} {number}"),
        body_html: format!("<p>{thing} nummer {number}.</p>"),
        vendor: "Skovhuset".to_owned(),
        product_type: thing.to_owned(),
        tags: Vec::new(),
        published: true,
        gift_card: false,
        options: if count > 1 { vec!["Størrelse".to_owned()] } else { Vec::new() },
        variants,
    }
}

fn variant(draw: &mut Seeded, number: usize, at: usize, count: usize, price: Decimal) -> CatalogVariant {
    CatalogVariant {
        values: if count > 1 { vec![SIZES[at].to_owned()] } else { Vec::new() },
        sku: Some(format!("T{number:05}-{:02}", at + 1)),
        grams: 50 + u32::try_from(draw.below(4_000)).unwrap_or(0),
        weight_unit: "kg".to_owned(),
        tracked: true,
        quantity: i32::try_from(draw.below(60)).unwrap_or(0),
        price,
        cost: Some((price / Decimal::TWO).round_dp(2)),
        barcode: Some(format!("57{:011}", number * 10 + at)),
        requires_shipping: true,
        taxable: true,
    }
}
