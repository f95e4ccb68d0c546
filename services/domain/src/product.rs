//! What one side shows of a product, field by field, and what of it has to be carried to the other.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Serialize};

use crate::catalog::{Variant, plain_text};
use crate::erp::{ErpProduct, ItemKind, ProductGroup};
use crate::ids::ItemNumber;
use crate::limits;
use crate::money::Currency;
use crate::settings::{Master, PriceSettings, ProductFilter, ProductSettings, VatZone};

/// A field that can be carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProductField {
    /// Name: in Shopify the title, with the option values.
    Name,
    /// Sales price.
    Price,
    /// Barcode.
    Barcode,
    /// Description.
    Description,
    /// Product group in Rackbeat, product type in Shopify.
    Category,
    /// Weight; only from Shopify.
    Weight,
    /// Cost; only from Shopify, and only when the product is made.
    Cost,
}

impl ProductField {
    /// Every field.
    pub const ALL: [Self; 7] =
        [Self::Name, Self::Price, Self::Barcode, Self::Description, Self::Category, Self::Weight, Self::Cost];

    /// Its name in settings and answers.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Price => "price",
            Self::Barcode => "barcode",
            Self::Description => "description",
            Self::Category => "category",
            Self::Weight => "weight",
            Self::Cost => "cost",
        }
    }

    /// The field with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.name() == name)
    }

    /// Whether it can go from this master to the other side.
    #[must_use]
    pub fn goes(self, master: Master) -> bool {
        match self {
            Self::Name | Self::Price | Self::Barcode | Self::Description => master != Master::None,
            Self::Category => master == Master::Rackbeat,
            Self::Weight | Self::Cost => master == Master::Shopify,
        }
    }

    /// Whether it goes where nobody chose the fields. A barcode does not go to Rackbeat unless asked for.
    #[must_use]
    pub fn goes_by_default(self, master: Master) -> bool {
        self.goes(master) && !(self == Self::Barcode && master == Master::Shopify)
    }
}

impl fmt::Display for ProductField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What one side shows: each field as canonical text. Two sides agree where the texts are equal.
pub type Image = BTreeMap<ProductField, String>;

/// What was carried for one item, so that a later look tells who changed what.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Carried {
    /// Layout of this record.
    pub version: u32,
    /// The fields as the master showed them when they were last carried (or found equal).
    pub image: Image,
    /// When.
    pub at: Option<Timestamp>,
    /// Names what the image was made from, settings among it, where that was expensive: as long as it is the same,
    /// nothing has to be looked at. Empty where nothing can be said.
    pub digest: String,
}

/// Fields of `now` that differ from what was carried: the master changed them. All of them where nothing was carried.
#[must_use]
pub fn changed(now: &Image, carried: &Image) -> Image {
    now.iter()
        .filter(|(field, text)| carried.get(field) != Some(text))
        .map(|(f, t)| (*f, t.clone()))
        .collect()
}

/// A field that the other side changed: never carried back, told until it is adopted or repaired.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drift {
    /// The item.
    pub item: ItemNumber,
    /// The field.
    pub field: ProductField,
    /// What the master shows.
    pub master: String,
    /// What the other side shows.
    pub other: String,
    /// First seen.
    pub since: Timestamp,
}

impl Drift {
    /// Its key in listings.
    #[must_use]
    pub fn key(item: &ItemNumber, field: ProductField) -> String {
        format!("{item}|{field}")
    }
}

/// Fields of the other side that are neither what the master shows now nor what was carried: drift.
#[must_use]
pub fn drifted(master: &Image, other: &Image, carried: &Image) -> Vec<ProductField> {
    carried
        .iter()
        .filter_map(|(field, was)| {
            let (now, theirs) = (master.get(field)?, other.get(field)?);
            (theirs != now && theirs != was).then_some(*field)
        })
        .collect()
}

/// The price between the two sides: VAT by the true rate, currency by the set rate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pricing {
    /// VAT in percent by product group.
    rates: BTreeMap<u64, Decimal>,
    shop_includes: bool,
    rackbeat_excludes: bool,
    /// Units of the shop's currency for one of the agreement's; `None` = prices do not cross.
    exchange: Option<Decimal>,
    shop_currency: Currency,
}

impl Pricing {
    /// Of one store.
    #[must_use]
    pub fn of(
        settings: &PriceSettings,
        groups: &[ProductGroup],
        shop_includes: bool,
        shop: Currency,
        agreement: Currency,
    ) -> Self {
        let mut rates: BTreeMap<u64, Decimal> =
            groups.iter().map(|group| (group.number, group.vat(settings.vat_zone))).collect();
        rates.extend(settings.vat_table.iter().map(|(group, rate)| (*group, *rate)));
        let exchange = if shop == agreement { Some(Decimal::ONE) } else { settings.rate };
        let rackbeat_excludes = settings.rackbeat_excludes_vat;
        Self { rates, shop_includes, rackbeat_excludes, exchange, shop_currency: shop }
    }

    fn factor(&self, group: u64) -> Option<Decimal> {
        Some(Decimal::ONE + self.rates.get(&group)? / Decimal::ONE_HUNDRED)
    }

    /// Rackbeat's price as the shop shows it, in whole minor units; `None` where no price can be said: an unknown
    /// group, or another currency without a rate.
    #[must_use]
    pub fn to_shop(&self, price: Decimal, group: u64) -> Option<Decimal> {
        let price = match (self.rackbeat_excludes, self.shop_includes) {
            (true, true) => price * self.factor(group)?,
            (false, false) => price / self.factor(group)?,
            (true, false) | (false, true) => price,
        };
        Some(self.shop_currency.round(price * self.exchange?))
    }

    /// The shop's price as Rackbeat has it, with at most six decimals.
    #[must_use]
    pub fn to_rackbeat(&self, price: Decimal, group: u64) -> Option<Decimal> {
        let price = price / self.exchange?;
        let price = match (self.rackbeat_excludes, self.shop_includes) {
            (true, true) => price / self.factor(group)?,
            (false, false) => price * self.factor(group)?,
            (true, false) | (false, true) => price,
        };
        let rounded =
            price.round_dp_with_strategy(limits::PRICE_DECIMALS, RoundingStrategy::MidpointAwayFromZero);
        Some(rounded.normalize())
    }
}

impl ProductGroup {
    /// VAT in percent in a zone.
    #[must_use]
    pub fn vat(&self, zone: VatZone) -> Decimal {
        match zone {
            VatZone::Domestic => self.vat_domestic,
            VatZone::Eu => self.vat_eu,
            VatZone::Abroad => self.vat_abroad,
            VatZone::DomesticExempt => self.vat_domestic_exempt,
        }
    }
}

fn money(price: Decimal) -> String {
    price.normalize().to_string()
}

/// Rackbeat keeps six decimals; a pound has more.
fn kilograms(weight: Decimal) -> String {
    money(weight.round_dp(limits::PRICE_DECIMALS))
}

/// What a Rackbeat product looks like in this shop, of the fields that are carried.
#[must_use]
pub fn shop_image(product: &ErpProduct, settings: &ProductSettings, pricing: &Pricing) -> Image {
    let mut image = Image::new();
    let mut put = |field: ProductField, text: Option<String>| {
        if settings.carries(field)
            && let Some(text) = text
        {
            image.insert(field, text);
        }
    };
    put(ProductField::Name, Some(product.name.trim().to_owned()));
    put(ProductField::Price, pricing.to_shop(product.sales_price, product.group).map(money));
    put(ProductField::Barcode, Some(product.barcode.clone().unwrap_or_default()));
    put(ProductField::Description, Some(plain_text(&to_html(&product.description))));
    put(ProductField::Category, Some(product.group_name.trim().to_owned()));
    image
}

/// What a variant shows of the fields that come from Rackbeat.
#[must_use]
pub fn variant_shop_image(variant: &Variant) -> Image {
    Image::from([
        (ProductField::Name, variant.product_title.trim().to_owned()),
        (ProductField::Price, money(variant.price)),
        (ProductField::Barcode, variant.barcode.clone().unwrap_or_default()),
        (ProductField::Description, plain_text(&variant.description_html)),
        (ProductField::Category, variant.product_type.trim().to_owned()),
    ])
}

/// What a variant looks like in Rackbeat, of the fields that are carried; `group` is the item's product group.
#[must_use]
pub fn erp_image(variant: &Variant, settings: &ProductSettings, pricing: &Pricing, group: u64) -> Image {
    let mut image = Image::new();
    let mut put = |field: ProductField, text: Option<String>| {
        if settings.carries(field)
            && let Some(text) = text
        {
            image.insert(field, text);
        }
    };
    put(ProductField::Name, Some(variant.name()));
    put(ProductField::Price, pricing.to_rackbeat(variant.price, group).map(money));
    put(ProductField::Barcode, Some(variant.barcode.clone().unwrap_or_default()));
    put(ProductField::Description, Some(plain_text(&variant.description_html)));
    put(ProductField::Weight, variant.weight_kg.map(kilograms));
    image
}

/// What a Rackbeat product shows of the fields that come from Shopify.
#[must_use]
pub fn product_erp_image(product: &ErpProduct) -> Image {
    Image::from([
        (ProductField::Name, product.name.trim().to_owned()),
        (ProductField::Price, money(product.sales_price)),
        (ProductField::Barcode, product.barcode.clone().unwrap_or_default()),
        (ProductField::Description, plain_text(&product.description)),
        (ProductField::Weight, product.weight_kg.map(kilograms).unwrap_or_default()),
    ])
}

/// Whether a Rackbeat product goes to a shop with these settings; a barred one does not come newly.
#[must_use]
pub fn is_wanted(product: &ErpProduct, settings: &ProductSettings) -> bool {
    let kind = match product.kind {
        ItemKind::Product => settings.products,
        ItemKind::Lot => settings.boms,
    };
    let chosen = match &settings.filter {
        None => true,
        Some(ProductFilter::Groups(groups)) => groups.contains(&product.group),
        Some(ProductFilter::Field { slug, value }) => product
            .fields
            .iter()
            .any(|(name, text)| name == slug && text.trim().to_lowercase() == value.trim().to_lowercase()),
    };
    settings.master == Master::Rackbeat && kind && chosen
}

/// A text as HTML: special characters escaped, blank lines between paragraphs, line ends kept.
#[must_use]
pub fn to_html(text: &str) -> String {
    let escaped = text.trim().replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let paragraphs = escaped.split("\n\n").map(str::trim).filter(|paragraph| !paragraph.is_empty());
    paragraphs.map(|paragraph| format!("<p>{}</p>", paragraph.replace('\n', "<br>"))).collect()
}

/// A change of a product in Rackbeat; what is `None` stays.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ErpEdit {
    /// Another number (the SKU was renamed).
    pub number: Option<ItemNumber>,
    /// Name.
    pub name: Option<String>,
    /// Description, plain text.
    pub description: Option<String>,
    /// Sales price.
    pub sales_price: Option<Decimal>,
    /// Barcode; empty clears it.
    pub barcode: Option<String>,
    /// Weight in kilograms.
    pub weight_kg: Option<Decimal>,
    /// Barred.
    pub barred: Option<bool>,
}

/// A change of a product and its variant in Shopify; what is `None` stays.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ShopEdit {
    /// The product's title.
    pub title: Option<String>,
    /// The product's description, HTML.
    pub description_html: Option<String>,
    /// The product's type.
    pub product_type: Option<String>,
    /// The variant's price, in the shop's currency.
    pub price: Option<Decimal>,
    /// The variant's barcode; empty clears it.
    pub barcode: Option<String>,
    /// The variant's SKU.
    pub sku: Option<String>,
}

impl ShopEdit {
    /// Whether it changes the product itself, not only its variant.
    #[must_use]
    pub fn touches_product(&self) -> bool {
        self.title.is_some() || self.description_html.is_some() || self.product_type.is_some()
    }

    /// Whether it changes the variant.
    #[must_use]
    pub fn touches_variant(&self) -> bool {
        self.price.is_some() || self.barcode.is_some() || self.sku.is_some()
    }
}

/// A product to be made in Shopify, with one variant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewShopProduct {
    /// Its handle; making it twice under one handle makes one product.
    pub handle: String,
    /// Title.
    pub title: String,
    /// Description, HTML.
    pub description_html: String,
    /// Type.
    pub product_type: String,
    /// On sale at once.
    pub active: bool,
    /// The variant's SKU.
    pub sku: String,
    /// The variant's price, in the shop's currency.
    pub price: Option<Decimal>,
    /// The variant's barcode.
    pub barcode: Option<String>,
    /// Whether Shopify counts its stock.
    pub tracked: bool,
}

macro_rules! product_troubles {
    ($($(#[$doc:meta])* $variant:ident, $name:literal, $remedy:literal;)+) => {
        /// Why a product is not carried, or not whole.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum ProductCode { $($(#[$doc])* $variant,)+ }

        impl ProductCode {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The code in answers and tables.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// What to do about it.
            #[must_use]
            pub fn remedy(self) -> &'static str {
                match self { $(Self::$variant => $remedy,)+ }
            }
        }
    };
}

product_troubles! {
    /// A variant without SKU.
    SkuMissing, "sku_missing", "give the variant a SKU in Shopify";
    /// A SKU that is too long for Rackbeat.
    SkuTooLong, "sku_too_long", "shorten the SKU in Shopify to 25 characters";
    /// Several variants bear the SKU.
    DuplicateSku, "duplicate_sku", "give each variant a SKU of its own in Shopify; until then none of them is carried";
    /// The product is barred in Rackbeat and in the shop all the same.
    Barred, "barred", "unbar the product in Rackbeat or take it off the shop: orders with it are parked";
    /// Rackbeat has no such product any more, the shop has.
    GoneInRackbeat, "gone_in_rackbeat", "take the product off the shop, or make it in Rackbeat again: orders with it are parked";
    /// The other side refuses it.
    Refused, "refused", "read the message and correct the cause; it is tried again by itself";
    /// The other side's answers cannot be read.
    Garbled, "garbled", "nothing to do: it is tried again by itself";
    /// The SKU was renamed and the item's number could not be.
    NotRenumbered, "not_renumbered", "the variant has a new item in Rackbeat; move stock from the old one by hand and bar it";
    /// The variant was deleted and the item could not be barred.
    NotBarred, "not_barred", "bar the item in Rackbeat by hand";
    /// It was in the shop, and was deleted there.
    DeletedInShop, "deleted_in_shop", "nothing to do, if it was meant; else make a product with this SKU in Shopify: it is filled in by itself";
    /// Another product has the address that the new one would get.
    HandleTaken, "handle_taken", "a product with this handle is in the shop and has another SKU; give it this SKU or change its handle";
}

/// A product that is not carried, or not whole, with the reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProductTrouble {
    /// Layout of this record.
    pub version: u32,
    /// What it is about: an item's number, or the name of a variant that has no good SKU.
    pub subject: String,
    /// Machine-readable reason.
    pub code: ProductCode,
    /// What happened, for a person.
    pub message: String,
    /// Since when.
    pub since: Timestamp,
    /// How often it was met in a row.
    pub times: u32,
}
