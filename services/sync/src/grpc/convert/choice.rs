//! The enumerations that are chosen from, on both sides. A value that only one side has does not compile.

use shopbeat_domain::run::{StockCount, StockPolicy};
use shopbeat_domain::settings::{
    Master, Negative, OnDelete, Publish, StockKind, Target, TestOrders, Trigger, VatZone, WithoutEmail,
};
use shopbeat_proto::v1;

use super::Violations;

/// A value that is chosen from a few; what is not chosen is the default.
pub(crate) trait Choice: Copy + Default {
    /// The value's number in a message.
    fn number(self) -> i32;
    /// The value with this number, the default for the one that says nothing; `None` if this version knows none.
    fn of(number: i32) -> Option<Self>;
}

macro_rules! choices {
    ($($Kind:ident { $($Variant:ident),+ $(,)? })+) => {$(
        impl Choice for $Kind {
            fn number(self) -> i32 {
                match self { $(Self::$Variant => v1::$Kind::$Variant,)+ }.into()
            }

            fn of(number: i32) -> Option<Self> {
                match v1::$Kind::try_from(number).ok()? {
                    v1::$Kind::Unspecified => Some(Self::default()),
                    $(v1::$Kind::$Variant => Some(Self::$Variant),)+
                }
            }
        }
    )+};
}

choices! {
    Trigger { Received, Paid, Fulfilled }
    Target { Draft, Booked, ReadyToShip, Packed, Shipped, Invoiced, ShippedAndInvoiced }
    TestOrders { Ignore, Transfer }
    WithoutEmail { Create, UseDefault }
    VatZone { Domestic, Eu, Abroad, DomesticExempt }
    Master { None, Rackbeat, Shopify }
    Publish { Draft, Active }
    OnDelete { Leave, Bar }
    StockKind { Available, Physical }
    Negative { Clamp, Send }
    StockPolicy { Keep, Sum, Overwrite }
    StockCount { Available, OnHand }
}

/// The value with this number; one that this version does not know is a violation, never the default.
pub(crate) fn choose<T: Choice>(violations: &mut Violations, field: &str, number: i32) -> T {
    T::of(number).unwrap_or_else(|| {
        violations.add(
            field,
            format!("{number} is no value that this version knows; update the service or leave it out"),
        );
        T::default()
    })
}
