//! Settings. Destructured without `..`: a setting that only one side has does not compile.

use std::fmt::Display;

use shopbeat_domain::ids::{CustomerNumber, ItemNumber, StockLocation};
use shopbeat_domain::settings::{
    CustomerSettings, OrderSettings, ProductSettings, Settings, Target, TestOrders, Trigger, VatZone,
    WithoutEmail,
};
use shopbeat_proto::v1;

use super::{Violations, decimal, read_decimal, read_timestamp, timestamp};

/// Settings as a message, every field that has a value set.
#[must_use]
pub fn settings(settings: &Settings) -> v1::Settings {
    let Settings { orders, customers, products } = settings;
    v1::Settings {
        orders: Some(order_settings(orders)),
        customers: Some(customer_settings(customers)),
        products: Some(product_settings(products)),
    }
}

fn order_settings(settings: &OrderSettings) -> v1::OrderSettings {
    let OrderSettings {
        enabled,
        since,
        trigger,
        target,
        test,
        freight_product,
        rounding_product,
        rounding_tolerance,
        layout,
        employee,
    } = settings;
    v1::OrderSettings {
        enabled: Some(*enabled),
        since: since.map(timestamp),
        trigger: match trigger {
            Trigger::Received => v1::Trigger::Received,
            Trigger::Paid => v1::Trigger::Paid,
            Trigger::Fulfilled => v1::Trigger::Fulfilled,
        }
        .into(),
        target: target_of(*target).into(),
        test: match test {
            TestOrders::Ignore => v1::TestOrders::Ignore,
            TestOrders::Transfer => v1::TestOrders::Transfer,
        }
        .into(),
        freight_product: freight_product.as_ref().map(ToString::to_string),
        rounding_product: rounding_product.as_ref().map(ToString::to_string),
        rounding_tolerance: Some(decimal(*rounding_tolerance)),
        layout: *layout,
        employee: *employee,
    }
}

/// The target as a message has it.
#[must_use]
pub(super) fn target_of(target: Target) -> v1::Target {
    match target {
        Target::Draft => v1::Target::Draft,
        Target::Booked => v1::Target::Booked,
        Target::ReadyToShip => v1::Target::ReadyToShip,
        Target::Packed => v1::Target::Packed,
        Target::Shipped => v1::Target::Shipped,
        Target::Invoiced => v1::Target::Invoiced,
        Target::ShippedAndInvoiced => v1::Target::ShippedAndInvoiced,
    }
}

fn customer_settings(settings: &CustomerSettings) -> v1::CustomerSettings {
    let CustomerSettings { vat_zone, group, payment_terms, without_email, default_customer } = settings;
    v1::CustomerSettings {
        vat_zone: match vat_zone {
            VatZone::Domestic => v1::VatZone::Domestic,
            VatZone::Eu => v1::VatZone::Eu,
            VatZone::Abroad => v1::VatZone::Abroad,
            VatZone::DomesticExempt => v1::VatZone::DomesticExempt,
        }
        .into(),
        group: Some(*group),
        payment_terms: Some(*payment_terms),
        without_email: match without_email {
            WithoutEmail::Create => v1::WithoutEmail::Create,
            WithoutEmail::UseDefault => v1::WithoutEmail::UseDefault,
        }
        .into(),
        default_customer: default_customer.map(|number| number.0),
    }
}

fn product_settings(settings: &ProductSettings) -> v1::ProductSettings {
    let ProductSettings { group, unit, prices_exclude_vat, stock_location } = settings;
    v1::ProductSettings {
        group: Some(*group),
        unit: *unit,
        prices_exclude_vat: Some(*prices_exclude_vat),
        stock_location: stock_location.map(|location| location.0),
    }
}

/// Settings from a message under `field`; what is not set takes its default. Bounds and contradictions are checked,
/// too; whatever is wrong is noted, and the value is then of no use.
pub fn read_settings(violations: &mut Violations, field: &str, message: v1::Settings) -> Settings {
    let v1::Settings { orders, customers, products } = message;
    let settings = Settings {
        orders: read_orders(violations, &format!("{field}.orders"), orders.unwrap_or_default()),
        customers: read_customers(violations, &format!("{field}.customers"), &customers.unwrap_or_default()),
        products: read_products(products.unwrap_or_default()),
    };
    for problem in settings.problems() {
        violations.add(format!("{field}.{}", problem.field), problem.problem);
    }
    settings
}

fn read_orders(violations: &mut Violations, field: &str, message: v1::OrderSettings) -> OrderSettings {
    let v1::OrderSettings {
        enabled,
        since,
        trigger,
        target,
        test,
        freight_product,
        rounding_product,
        rounding_tolerance,
        layout,
        employee,
    } = message;
    let default = OrderSettings::default();
    OrderSettings {
        enabled: enabled.unwrap_or(default.enabled),
        since: since.and_then(|at| read_timestamp(violations, &format!("{field}.since"), at)),
        trigger: read_enum(violations, &format!("{field}.trigger"), trigger, |t| match t {
            v1::Trigger::Unspecified => default.trigger,
            v1::Trigger::Received => Trigger::Received,
            v1::Trigger::Paid => Trigger::Paid,
            v1::Trigger::Fulfilled => Trigger::Fulfilled,
        }),
        target: read_enum(violations, &format!("{field}.target"), target, |t| match t {
            v1::Target::Unspecified => default.target,
            v1::Target::Draft => Target::Draft,
            v1::Target::Booked => Target::Booked,
            v1::Target::ReadyToShip => Target::ReadyToShip,
            v1::Target::Packed => Target::Packed,
            v1::Target::Shipped => Target::Shipped,
            v1::Target::Invoiced => Target::Invoiced,
            v1::Target::ShippedAndInvoiced => Target::ShippedAndInvoiced,
        }),
        test: read_enum(violations, &format!("{field}.test"), test, |t| match t {
            v1::TestOrders::Unspecified => default.test,
            v1::TestOrders::Ignore => TestOrders::Ignore,
            v1::TestOrders::Transfer => TestOrders::Transfer,
        }),
        freight_product: read_item(violations, &format!("{field}.freight_product"), freight_product),
        rounding_product: read_item(violations, &format!("{field}.rounding_product"), rounding_product),
        rounding_tolerance: rounding_tolerance
            .and_then(|text| read_decimal(violations, &format!("{field}.rounding_tolerance"), &text))
            .unwrap_or(default.rounding_tolerance),
        layout,
        employee,
    }
}

fn read_customers(
    violations: &mut Violations,
    field: &str,
    message: &v1::CustomerSettings,
) -> CustomerSettings {
    let v1::CustomerSettings { vat_zone, group, payment_terms, without_email, default_customer } = message;
    let default = CustomerSettings::default();
    CustomerSettings {
        vat_zone: read_enum(violations, &format!("{field}.vat_zone"), *vat_zone, |zone| match zone {
            v1::VatZone::Unspecified => default.vat_zone,
            v1::VatZone::Domestic => VatZone::Domestic,
            v1::VatZone::Eu => VatZone::Eu,
            v1::VatZone::Abroad => VatZone::Abroad,
            v1::VatZone::DomesticExempt => VatZone::DomesticExempt,
        }),
        group: group.unwrap_or(default.group),
        payment_terms: payment_terms.unwrap_or(default.payment_terms),
        without_email: read_enum(
            violations,
            &format!("{field}.without_email"),
            *without_email,
            |w| match w {
                v1::WithoutEmail::Unspecified => default.without_email,
                v1::WithoutEmail::Create => WithoutEmail::Create,
                v1::WithoutEmail::UseDefault => WithoutEmail::UseDefault,
            },
        ),
        default_customer: default_customer.map(CustomerNumber),
    }
}

fn read_products(message: v1::ProductSettings) -> ProductSettings {
    let v1::ProductSettings { group, unit, prices_exclude_vat, stock_location } = message;
    let default = ProductSettings::default();
    ProductSettings {
        group: group.unwrap_or(default.group),
        unit,
        prices_exclude_vat: prices_exclude_vat.unwrap_or(default.prices_exclude_vat),
        stock_location: stock_location.map(StockLocation),
    }
}

fn read_item(violations: &mut Violations, field: &str, text: Option<String>) -> Option<ItemNumber> {
    violations.take(field, ItemNumber::parse(&text?))
}

/// An enum's number; one that this version does not know is a violation, never the default.
fn read_enum<M, T: Default>(
    violations: &mut Violations,
    field: &str,
    number: i32,
    read: impl FnOnce(M) -> T,
) -> T
where
    M: TryFrom<i32>,
    M::Error: Display,
{
    match M::try_from(number) {
        Ok(value) => read(value),
        Err(_) => {
            violations.add(
                field,
                format!("{number} is no value that this version knows; update the service or leave it out"),
            );
            T::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use proptest::option;
    use proptest::prelude::*;
    use rust_decimal::Decimal;

    use super::*;

    fn orders() -> impl Strategy<Value = OrderSettings> {
        let item = || option::of("[A-Z0-9-]{1,25}".prop_map(|text| ItemNumber::parse(&text).unwrap()));
        let enums = (
            prop_oneof![Just(Trigger::Received), Just(Trigger::Paid), Just(Trigger::Fulfilled)],
            prop_oneof![
                Just(Target::Draft),
                Just(Target::Booked),
                Just(Target::ReadyToShip),
                Just(Target::Packed),
                Just(Target::Shipped),
                Just(Target::Invoiced),
                Just(Target::ShippedAndInvoiced)
            ],
            prop_oneof![Just(TestOrders::Ignore), Just(TestOrders::Transfer)],
        );
        let since = option::of((0_i64..4_000_000_000).prop_map(|s| Timestamp::from_second(s).unwrap()));
        let tolerance = (0_i64..=100).prop_map(|cents| Decimal::new(cents, 2));
        let rest = (
            any::<bool>(),
            since,
            item(),
            item(),
            tolerance,
            option::of(any::<u64>()),
            option::of(any::<u64>()),
        );
        (enums, rest).prop_map(
            |((trigger, target, test), (enabled, since, freight, rounding, tolerance, layout, employee))| {
                OrderSettings {
                    enabled,
                    since,
                    trigger,
                    target,
                    test,
                    freight_product: freight,
                    rounding_product: rounding,
                    rounding_tolerance: tolerance,
                    layout,
                    employee,
                }
            },
        )
    }

    fn customers() -> impl Strategy<Value = CustomerSettings> {
        let zone = prop_oneof![
            Just(VatZone::Domestic),
            Just(VatZone::Eu),
            Just(VatZone::Abroad),
            Just(VatZone::DomesticExempt)
        ];
        (zone, any::<u64>(), any::<u64>(), any::<bool>(), any::<u64>()).prop_map(
            |(zone, group, terms, default, number)| CustomerSettings {
                vat_zone: zone,
                group,
                payment_terms: terms,
                without_email: if default { WithoutEmail::UseDefault } else { WithoutEmail::Create },
                default_customer: default.then_some(CustomerNumber(number)),
            },
        )
    }

    fn products() -> impl Strategy<Value = ProductSettings> {
        (any::<u64>(), option::of(any::<u64>()), any::<bool>(), option::of(any::<u64>())).prop_map(
            |(group, unit, prices_exclude_vat, location)| ProductSettings {
                group,
                unit,
                prices_exclude_vat,
                stock_location: location.map(StockLocation),
            },
        )
    }

    proptest! {
        #[test]
        fn settings_are_read_back_as_they_were_written(
            orders in orders(), customers in customers(), products in products(),
        ) {
            let before = Settings { orders, customers, products };
            let mut violations = Violations::default();
            let after = read_settings(&mut violations, "settings", settings(&before));
            prop_assert!(violations.is_empty(), "{violations:?}");
            prop_assert_eq!(after, before);
        }

        #[test]
        fn no_message_panics(
            trigger in any::<i32>(), zone in any::<i32>(), item in ".{0,40}", tolerance in ".{0,12}",
            seconds in any::<i64>(), nanos in any::<i32>(),
        ) {
            let message = v1::Settings {
                orders: Some(v1::OrderSettings {
                    trigger,
                    freight_product: Some(item),
                    rounding_tolerance: Some(tolerance),
                    since: Some(prost_types::Timestamp { seconds, nanos }),
                    ..v1::OrderSettings::default()
                }),
                customers: Some(v1::CustomerSettings { vat_zone: zone, ..v1::CustomerSettings::default() }),
                products: None,
            };
            let mut violations = Violations::default();
            let read = read_settings(&mut violations, "settings", message);
            prop_assert!(!violations.is_empty() || read.problems().is_empty());
        }
    }

    #[test]
    fn an_empty_message_is_the_defaults() {
        let mut violations = Violations::default();
        assert_eq!(read_settings(&mut violations, "settings", v1::Settings::default()), Settings::default());
        assert!(violations.is_empty());
    }

    #[test]
    fn every_wrong_setting_is_named_by_its_path() {
        let message = v1::Settings {
            orders: Some(v1::OrderSettings {
                trigger: 99,
                freight_product: Some(" ".to_owned()),
                rounding_tolerance: Some("2".to_owned()),
                ..v1::OrderSettings::default()
            }),
            customers: Some(v1::CustomerSettings {
                without_email: v1::WithoutEmail::UseDefault.into(),
                ..v1::CustomerSettings::default()
            }),
            products: None,
        };
        let mut violations = Violations::default();
        read_settings(&mut violations, "settings", message);
        let fields: Vec<_> = violations.0.iter().map(|v| v.field.as_str()).collect();
        assert_eq!(
            fields,
            [
                "settings.orders.trigger",
                "settings.orders.freight_product",
                "settings.orders.rounding_tolerance",
                "settings.customers.default_customer"
            ]
        );
    }
}
