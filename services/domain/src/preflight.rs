//! What stands in the way of a good connection, told before it is made.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::run::Estimate;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Severity {
    /// Good to know.
    Info,
    /// Something will not come through, or not as expected.
    Warning,
    /// The connection cannot work like this.
    Error,
}

impl Severity {
    /// Its name in answers.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

macro_rules! checks {
    ($($(#[$doc:meta])* $variant:ident, $name:literal, $severity:ident, $remedy:literal;)+) => {
        /// What preflight looks for.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum Check { $($(#[$doc])* $variant,)+ }

        impl Check {
            /// Every check.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The code in answers.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// How bad a finding is.
            #[must_use]
            pub fn severity(self) -> Severity {
                match self { $(Self::$variant => Severity::$severity,)+ }
            }

            /// What to do about it.
            #[must_use]
            pub fn remedy(self) -> &'static str {
                match self { $(Self::$variant => $remedy,)+ }
            }
        }
    };
}

checks! {
    /// Shopify refuses the credentials.
    ShopRefused, "shop_refused", Error, "check the shop's domain and the app's client id and secret";
    /// Rackbeat refuses the token.
    RackbeatRefused, "rackbeat_refused", Error, "check the Rackbeat token";
    /// A scope is missing.
    MissingScope, "missing_scope", Error, "add the scope to the app's configuration and approve it in the shop";
    /// Customer data are hidden.
    DataLevel, "data_level", Error, "grant the app level 2 access to protected customer data";
    /// Old orders cannot be seen.
    OrderHorizon, "order_horizon", Info, "orders older than 60 days need the scope read_all_orders; ask Shopify for it if they matter";
    /// A variant without SKU.
    SkuMissing, "sku_missing", Warning, "give the variant a SKU in Shopify";
    /// A SKU that several variants bear.
    SkuDuplicate, "sku_duplicate", Warning, "give each variant a SKU of its own in Shopify";
    /// A SKU that is too long for Rackbeat.
    SkuTooLong, "sku_too_long", Warning, "shorten the SKU in Shopify to 25 characters";
    /// A SKU with characters that make trouble.
    SkuOddCharacters, "sku_odd_characters", Warning, "use letters, digits, dash, dot and underscore in the SKU";
    /// A bundle.
    Bundle, "bundle", Info, "nothing to do: its parts are products of their own, and its stock follows from theirs";
    /// A variant that Shopify does not count.
    Untracked, "untracked", Info, "let Shopify track the quantity if stock is to be sent";
    /// A gift card product.
    GiftCardProduct, "gift_card_product", Warning, "orders with gift cards are parked: they are not mapped yet";
    /// Orders were paid with gift cards.
    GiftCardPaid, "gift_card_paid", Warning, "orders paid with gift cards are parked: they are not mapped yet";
    /// Orders with tips.
    Tips, "tips", Warning, "orders with tips are parked: they are not mapped yet";
    /// The shop's locations are not mapped.
    LocationUnmapped, "location_unmapped", Warning, "set stock.locations so that stock has a way to this location, or leave it: nothing is sent there";
    /// A mapped location does not exist.
    LocationUnknown, "location_unknown", Error, "set stock.locations to locations that are there";
    /// A product group without a matching VAT rate.
    VatRate, "vat_rate", Warning, "set prices.vat_table for this group, or correct the group's rates in Rackbeat";
    /// Currencies differ.
    Currency, "currency", Warning, "set prices.rate, or leave it: no prices cross currencies, and orders in another currency are parked";
    /// A product that is barred in Rackbeat and sold in the shop.
    BarredProduct, "barred_product", Warning, "unbar it in Rackbeat or take it off the shop: orders with it are parked";
    /// A setting points to something that is not there.
    Setting, "setting", Error, "correct the setting";
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What was looked for.
    pub check: Check,
    /// What it is about: a scope, a SKU, a location, a group, a setting.
    pub subject: String,
    /// What was found, for a person.
    pub message: String,
    /// Where it can be looked at in the shop's admin.
    pub link: Option<String>,
}

/// The whole report.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// The findings, worst first; of each check at most [`FINDINGS_SHOWN`].
    pub findings: Vec<Finding>,
    /// How many there are of each check, those that are not shown too.
    pub counts: Vec<(Check, u64)>,
    /// Variants in the shop.
    pub variants: u64,
    /// What an initial sync will take; `None` where the catalogue could not be read.
    pub estimate: Option<Estimate>,
    /// VAT in percent that stands for each product group in use.
    pub rates: Vec<(u64, Decimal)>,
}

/// So many findings of one check are named; the count tells of more.
pub const FINDINGS_SHOWN: usize = 200;

impl Report {
    /// The worst severity.
    #[must_use]
    pub fn worst(&self) -> Option<Severity> {
        self.counts.iter().map(|(check, _)| check.severity()).max()
    }

    /// Adds a finding; counts it in any case.
    pub fn add(&mut self, finding: Finding) {
        let count = match self.counts.iter_mut().find(|(check, _)| *check == finding.check) {
            Some((_, count)) => {
                *count += 1;
                *count
            }
            None => {
                self.counts.push((finding.check, 1));
                1
            }
        };
        if usize::try_from(count).is_ok_and(|count| count <= FINDINGS_SHOWN) {
            self.findings.push(finding);
        }
    }

    /// Worst first, then by check and subject.
    pub fn sort(&mut self) {
        self.findings.sort_by(|a, b| {
            let rank = |f: &Finding| (std::cmp::Reverse(f.check.severity()), f.check);
            rank(a).cmp(&rank(b)).then_with(|| a.subject.cmp(&b.subject))
        });
        self.counts.sort_by_key(|(check, _)| (std::cmp::Reverse(check.severity()), *check));
    }
}

/// What a recent order shows of the ways a shop sells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::struct_excessive_bools, reason = "independent traits")]
pub struct OrderTraits {
    /// A gift card was sold.
    pub gift_card_sold: bool,
    /// Paid with a gift card.
    pub gift_card_paid: bool,
    /// It has a tip.
    pub tip: bool,
    /// The buyer's currency is not the shop's.
    pub foreign_currency: bool,
    /// Shopify hid the customer's data from us.
    pub hidden: bool,
}
