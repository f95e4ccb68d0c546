//! Settings as text: how the command line writes and reads them, and how the table in the README shows them.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use jiff::Timestamp;
use rust_decimal::Decimal;

use super::{
    Master, Negative, OnDelete, ProductFilter, Publish, StockKind, StockRoute, Target, TestOrders, Trigger,
    VatZone, WithoutEmail,
};
use crate::ids::{CustomerNumber, ItemNumber, StockLocation};
use crate::product::ProductField;

/// A value that a setting may have.
pub trait SettingText: Sized + Clone + PartialEq {
    /// What may be given, for people.
    fn allowed() -> String;
    /// The value as text; empty where it is not set.
    fn write(&self) -> String;
    /// Reads it.
    ///
    /// # Errors
    /// What is allowed instead.
    fn read(text: &str) -> Result<Self, String>;
}

macro_rules! named {
    ($($kind:ident { $($variant:ident = $name:literal),+ $(,)? })+) => {$(
        impl $kind {
            /// Every value with its name.
            pub const NAMES: &[(Self, &'static str)] = &[$((Self::$variant, $name)),+];

            /// The value's name.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }
        }

        impl SettingText for $kind {
            fn allowed() -> String {
                one_of(&Self::NAMES.iter().map(|(_, name)| *name).collect::<Vec<_>>())
            }
            fn write(&self) -> String {
                self.name().to_owned()
            }
            fn read(text: &str) -> Result<Self, String> {
                let wanted = text.trim().to_ascii_lowercase().replace('-', "_");
                let found = Self::NAMES.iter().find(|(_, name)| *name == wanted);
                found.map(|(value, _)| *value).ok_or_else(Self::allowed)
            }
        }
    )+};
}

named! {
    Trigger { Received = "received", Paid = "paid", Fulfilled = "fulfilled" }
    Target {
        Draft = "draft", Booked = "booked", ReadyToShip = "ready_to_ship", Packed = "packed", Shipped = "shipped",
        Invoiced = "invoiced", ShippedAndInvoiced = "shipped_and_invoiced",
    }
    TestOrders { Ignore = "ignore", Transfer = "transfer" }
    WithoutEmail { Create = "create", UseDefault = "use_default" }
    VatZone { Domestic = "domestic", Eu = "eu", Abroad = "abroad", DomesticExempt = "domestic_exempt" }
    Master { None = "none", Rackbeat = "rackbeat", Shopify = "shopify" }
    Publish { Draft = "draft", Active = "active" }
    OnDelete { Leave = "leave", Bar = "bar" }
    StockKind { Available = "available", Physical = "physical" }
    Negative { Clamp = "clamp", Send = "send" }
}

fn one_of(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

/// A value that is written and read as its own text.
macro_rules! plain {
    ($($kind:ty, $allowed:literal;)+) => {$(
        impl SettingText for $kind {
            fn allowed() -> String {
                $allowed.to_owned()
            }
            fn write(&self) -> String {
                self.to_string()
            }
            fn read(text: &str) -> Result<Self, String> {
                <$kind>::from_str(text.trim()).map_err(|_| Self::allowed())
            }
        }
    )+};
}

plain! {
    bool, "true or false";
    u32, "a whole number";
    u64, "a number of Rackbeat's";
    Decimal, "a decimal number with a point";
    Timestamp, "a time such as 2026-11-01T00:00:00Z";
    CustomerNumber, "a customer number of Rackbeat's";
    StockLocation, "a location number of Rackbeat's";
}

impl SettingText for ItemNumber {
    fn allowed() -> String {
        "a product number of Rackbeat's".to_owned()
    }
    fn write(&self) -> String {
        self.to_string()
    }
    fn read(text: &str) -> Result<Self, String> {
        Self::parse(text).map_err(|_| Self::allowed())
    }
}

impl<T: SettingText> SettingText for Option<T> {
    fn allowed() -> String {
        format!("{}; empty for none", T::allowed())
    }
    fn write(&self) -> String {
        self.as_ref().map(T::write).unwrap_or_default()
    }
    fn read(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Ok(None);
        }
        T::read(text).map(Some).map_err(|_| Self::allowed())
    }
}

impl SettingText for BTreeSet<ProductField> {
    fn allowed() -> String {
        let names: Vec<&str> = ProductField::ALL.iter().map(|field| field.name()).collect();
        format!("a list of {}", names.join(","))
    }
    fn write(&self) -> String {
        self.iter().map(|field| field.name()).collect::<Vec<_>>().join(",")
    }
    fn read(text: &str) -> Result<Self, String> {
        let fields = text.split(',').map(|name| ProductField::named(name.trim()));
        fields.collect::<Option<Self>>().ok_or_else(Self::allowed)
    }
}

impl SettingText for ProductFilter {
    fn allowed() -> String {
        "field:<slug>=<value> or groups:<number>,<number>".to_owned()
    }
    fn write(&self) -> String {
        match self {
            Self::Field { slug, value } => format!("field:{slug}={value}"),
            Self::Groups(groups) => {
                format!("groups:{}", groups.iter().map(u64::to_string).collect::<Vec<_>>().join(","))
            }
        }
    }
    fn read(text: &str) -> Result<Self, String> {
        if let Some(field) = text.trim().strip_prefix("field:") {
            let (slug, value) = field.split_once('=').ok_or_else(Self::allowed)?;
            if slug.is_empty() || value.is_empty() {
                return Err(Self::allowed());
            }
            return Ok(Self::Field { slug: slug.to_owned(), value: value.to_owned() });
        }
        let groups = text.trim().strip_prefix("groups:").ok_or_else(Self::allowed)?;
        let groups: Result<BTreeSet<u64>, _> = groups.split(',').map(|group| group.trim().parse()).collect();
        groups.map(Self::Groups).map_err(|_| Self::allowed())
    }
}

impl SettingText for BTreeMap<u64, Decimal> {
    fn allowed() -> String {
        "a list of <product group>=<percent>, such as 1=25,2=12; empty for none".to_owned()
    }
    fn write(&self) -> String {
        self.iter().map(|(group, rate)| format!("{group}={rate}")).collect::<Vec<_>>().join(",")
    }
    fn read(text: &str) -> Result<Self, String> {
        let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        let read = entries.map(|entry| {
            let (group, rate) = entry.split_once('=')?;
            Some((group.trim().parse().ok()?, rate.trim().parse().ok()?))
        });
        read.collect::<Option<Self>>().ok_or_else(Self::allowed)
    }
}

/// One way of stock as text: `all=123` or `2=123`.
pub(super) fn route(route: &StockRoute) -> String {
    match route.from {
        Some(from) => format!("{from}={}", route.to),
        None => format!("all={}", route.to),
    }
}

impl SettingText for Vec<StockRoute> {
    fn allowed() -> String {
        "a list of <Rackbeat location or all>=<Shopify location>, such as all=7001 or 1=7001,2=7002; empty for all \
         to the shop's only location"
            .to_owned()
    }
    fn write(&self) -> String {
        self.iter().map(route).collect::<Vec<_>>().join(",")
    }
    fn read(text: &str) -> Result<Self, String> {
        let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        let read = entries.map(|entry| {
            let (from, to) = entry.split_once('=')?;
            let from = match from.trim() {
                "all" => None,
                number => Some(number.parse().ok()?),
            };
            Some(StockRoute { from, to: to.trim().parse().ok()? })
        });
        read.collect::<Option<Self>>().ok_or_else(Self::allowed)
    }
}
