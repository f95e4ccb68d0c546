//! Shopify's product CSV export: one row a variant, product fields on the first row only.

use std::collections::HashMap;
use std::str::FromStr;

use csv::StringRecord;
use rust_decimal::Decimal;

use super::{Catalog, CatalogProduct, CatalogVariant};

/// Why a file is not a product export.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// Not CSV.
    #[error("not a CSV file")]
    Csv(#[from] csv::Error),
    /// A needed column is missing.
    #[error("the column {0} is missing")]
    Column(&'static str),
    /// A cell cannot be read.
    #[error("line {line}: {column} cannot be read")]
    Cell {
        /// Line of the file, the heading being 1.
        line: u64,
        /// Name of the column.
        column: &'static str,
    },
    /// A variant row comes before any product.
    #[error("line {0}: a row without a title before any product of its handle")]
    Orphan(u64),
}

struct Columns(HashMap<String, usize>);

struct Row<'a> {
    columns: &'a Columns,
    record: &'a StringRecord,
    line: u64,
}

impl<'a> Row<'a> {
    fn text(&self, column: &str) -> &'a str {
        let at = self.columns.0.get(column);
        at.and_then(|at| self.record.get(*at)).map(str::trim).unwrap_or_default()
    }

    fn optional(&self, column: &str) -> Option<String> {
        Some(self.text(column).to_owned()).filter(|text| !text.is_empty())
    }

    fn parsed<T: FromStr>(&self, column: &'static str) -> Result<Option<T>, CatalogError> {
        match self.text(column) {
            "" => Ok(None),
            text => match text.parse() {
                Ok(value) => Ok(Some(value)),
                Err(_) => Err(CatalogError::Cell { line: self.line, column }),
            },
        }
    }

    /// Old exports write `true`, newer ones `TRUE`.
    fn flag(&self, column: &str) -> bool {
        self.text(column).eq_ignore_ascii_case("true")
    }
}

pub(super) fn parse(text: &str) -> Result<Catalog, CatalogError> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
    let headers = reader.headers()?.clone();
    let named = headers.iter().enumerate().map(|(at, name)| (name.trim().to_owned(), at));
    let columns = Columns(named.collect());
    for needed in ["Handle", "Title", "Option1 Name", "Option1 Value", "Variant Price"] {
        if !columns.0.contains_key(needed) {
            return Err(CatalogError::Column(needed));
        }
    }
    let mut products: Vec<CatalogProduct> = Vec::new();
    for record in reader.records() {
        let record = record?;
        let line = record.position().map_or(0, csv::Position::line);
        take_row(&Row { columns: &columns, record: &record, line }, &mut products)?;
    }
    Ok(Catalog { products })
}

fn take_row(row: &Row<'_>, products: &mut Vec<CatalogProduct>) -> Result<(), CatalogError> {
    if !row.text("Title").is_empty() {
        products.push(product(row));
    }
    // A row without a price only adds an image.
    let Some(price) = row.parsed::<Decimal>("Variant Price")? else {
        return Ok(());
    };
    let handle = row.text("Handle");
    let product = products
        .iter_mut()
        .rev()
        .find(|product| product.handle == handle)
        .ok_or(CatalogError::Orphan(row.line))?;
    let variant = variant(row, product, price)?;
    product.variants.push(variant);
    Ok(())
}

fn product(row: &Row<'_>) -> CatalogProduct {
    let names = ["Option1 Name", "Option2 Name", "Option3 Name"];
    let default = row.text("Option1 Name") == "Title" && row.text("Option1 Value") == "Default Title";
    CatalogProduct {
        handle: row.text("Handle").to_owned(),
        title: row.text("Title").to_owned(),
        body_html: row.text("Body (HTML)").to_owned(),
        vendor: row.text("Vendor").to_owned(),
        product_type: row.text("Type").to_owned(),
        tags: row
            .text("Tags")
            .split(',')
            .map(|tag| tag.trim().to_owned())
            .filter(|tag| !tag.is_empty())
            .collect(),
        published: row.flag("Published"),
        gift_card: row.flag("Gift Card"),
        options: if default {
            Vec::new()
        } else {
            names.iter().filter_map(|name| row.optional(name)).collect()
        },
        variants: Vec::new(),
    }
}

fn variant(row: &Row<'_>, product: &CatalogProduct, price: Decimal) -> Result<CatalogVariant, CatalogError> {
    let values = ["Option1 Value", "Option2 Value", "Option3 Value"];
    let grams = row.parsed::<Decimal>("Variant Grams")?.unwrap_or_default();
    let cell = |column| CatalogError::Cell { line: row.line, column };
    Ok(CatalogVariant {
        values: values[..product.options.len()].iter().map(|name| row.text(name).to_owned()).collect(),
        // A leading apostrophe is what spreadsheets put before a number kept as text.
        sku: row.optional("Variant SKU").map(|sku| sku.trim_start_matches('\'').to_owned()),
        grams: u32::try_from(grams.round()).map_err(|_| cell("Variant Grams"))?,
        weight_unit: row.optional("Variant Weight Unit").unwrap_or_else(|| "kg".to_owned()),
        tracked: row.text("Variant Inventory Tracker") == "shopify",
        quantity: row.parsed("Variant Inventory Qty")?.unwrap_or_default(),
        price,
        cost: row.parsed("Cost per item")?,
        barcode: row.optional("Variant Barcode").map(|code| code.trim_start_matches('\'').to_owned()),
        requires_shipping: row.flag("Variant Requires Shipping"),
        taxable: row.flag("Variant Taxable"),
    })
}

#[cfg(test)]
mod tests {
    use super::{Catalog, CatalogError};
    use crate::catalog::SKU_LIMIT;

    const HEAD: &str = "Handle,Title,Body (HTML),Vendor,Type,Tags,Published,Option1 Name,Option1 Value,Option2 Name,\
        Option2 Value,Variant SKU,Variant Grams,Variant Inventory Tracker,Variant Inventory Qty,Variant Price,\
        Variant Requires Shipping,Variant Taxable,Variant Barcode,Gift Card,Variant Weight Unit,Cost per item\n";

    #[test]
    fn a_product_takes_its_variants_from_the_rows_that_follow_and_no_image_rows() {
        let text = format!(
            "{HEAD}telt,Telt,\"<p>Let, to \"\"mand\"\"</p>\",Skov,Telte,\"a, b\",TRUE,Farve,Grøn,Str,2,T-2,1800,shopify,7,\
             1299.95,true,true,'5701234,false,kg,650\ntelt,,,,,,,,Grøn,,3,,2100,shopify,-2,1499,true,true,,,kg,\n\
             telt,,,,,,,,,,,,,,,,,,,,,\nkop,Kop,,Skov,,,false,Title,Default Title,,,,0,,1,49,true,false,,false,,\n"
        );
        let catalog = Catalog::from_csv(&text).unwrap();
        assert_eq!(catalog.products.len(), 2);
        let tent = &catalog.products[0];
        assert_eq!(tent.variants.len(), 2);
        assert_eq!(tent.options, ["Farve", "Str"]);
        assert_eq!(tent.variants[0].title(), "Grøn / 2");
        assert_eq!(tent.variants[0].barcode.as_deref(), Some("5701234"));
        assert_eq!(tent.variants[1].quantity, -2);
        assert_eq!(tent.variants[1].sku, None);
        assert_eq!(tent.tags, ["a", "b"]);
        let cup = &catalog.products[1];
        assert_eq!(cup.variants[0].title(), "Default Title");
        assert!(!cup.published && !cup.variants[0].tracked);
    }

    #[test]
    fn a_bad_cell_is_named_with_its_line() {
        let text = format!("{HEAD}a,A,,,,,,Title,Default Title,,,,0,,1,dyr,true,true,,,,\n");
        let error = Catalog::from_csv(&text).unwrap_err();
        assert!(matches!(error, CatalogError::Cell { line: 2, column: "Variant Price" }), "{error}");
        assert!(matches!(Catalog::from_csv("a,b\n1,2\n"), Err(CatalogError::Column("Handle"))));
    }

    #[test]
    fn the_own_catalogue_loads_with_its_defects() {
        let catalog = Catalog::nordic_outdoor().unwrap();
        let defects = catalog.sku_defects();
        assert!((55..=65).contains(&catalog.products.len()), "{}", catalog.products.len());
        assert!((110..=130).contains(&catalog.variant_count()), "{}", catalog.variant_count());
        assert!(!defects.missing.is_empty() && !defects.doubled.is_empty());
        assert!(defects.over_long.iter().all(|sku| sku.chars().count() > SKU_LIMIT));
        assert_eq!(defects.over_long.len(), 1);
    }
}
