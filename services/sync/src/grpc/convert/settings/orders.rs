//! Settings about orders and customers.

use shopbeat_domain::ids::{CustomerNumber, ItemNumber};
use shopbeat_domain::settings::{CustomerSettings, OrderSettings};
use shopbeat_proto::v1;

use super::super::choice::{Choice as _, choose};
use super::super::{Violations, decimal, read_decimal, read_timestamp, timestamp};

pub(super) fn orders(settings: &OrderSettings) -> v1::OrderSettings {
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
        trigger: trigger.number(),
        target: target.number(),
        test: test.number(),
        freight_product: freight_product.as_ref().map(ToString::to_string),
        rounding_product: rounding_product.as_ref().map(ToString::to_string),
        rounding_tolerance: Some(decimal(*rounding_tolerance)),
        layout: *layout,
        employee: *employee,
    }
}

pub(super) fn customers(settings: &CustomerSettings) -> v1::CustomerSettings {
    let CustomerSettings { vat_zone, group, payment_terms, without_email, default_customer } = settings;
    v1::CustomerSettings {
        vat_zone: vat_zone.number(),
        group: Some(*group),
        payment_terms: Some(*payment_terms),
        without_email: without_email.number(),
        default_customer: default_customer.map(|number| number.0),
    }
}

pub(super) fn read_orders(
    violations: &mut Violations,
    field: &str,
    message: v1::OrderSettings,
) -> OrderSettings {
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
        trigger: choose(violations, &format!("{field}.trigger"), trigger),
        target: choose(violations, &format!("{field}.target"), target),
        test: choose(violations, &format!("{field}.test"), test),
        freight_product: read_item(violations, &format!("{field}.freight_product"), freight_product),
        rounding_product: read_item(violations, &format!("{field}.rounding_product"), rounding_product),
        rounding_tolerance: rounding_tolerance
            .and_then(|text| read_decimal(violations, &format!("{field}.rounding_tolerance"), &text))
            .unwrap_or(default.rounding_tolerance),
        layout,
        employee,
    }
}

pub(super) fn read_customers(
    violations: &mut Violations,
    field: &str,
    message: &v1::CustomerSettings,
) -> CustomerSettings {
    let v1::CustomerSettings { vat_zone, group, payment_terms, without_email, default_customer } = message;
    let default = CustomerSettings::default();
    CustomerSettings {
        vat_zone: choose(violations, &format!("{field}.vat_zone"), *vat_zone),
        group: group.unwrap_or(default.group),
        payment_terms: payment_terms.unwrap_or(default.payment_terms),
        without_email: choose(violations, &format!("{field}.without_email"), *without_email),
        default_customer: default_customer.map(CustomerNumber),
    }
}

fn read_item(violations: &mut Violations, field: &str, text: Option<String>) -> Option<ItemNumber> {
    violations.take(field, ItemNumber::parse(&text?))
}
