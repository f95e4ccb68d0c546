//! Settings. Destructured without `..`: a setting that only one side has does not compile.

mod goods;
mod orders;
#[cfg(test)]
mod tests;

use shopbeat_domain::settings::Settings;
use shopbeat_proto::v1;

use super::Violations;

pub use goods::{product_field, read_product_field};

/// Settings as a message, every field that has a value set.
#[must_use]
pub fn settings(settings: &Settings) -> v1::Settings {
    let Settings { orders, customers, products, prices, stock } = settings;
    v1::Settings {
        orders: Some(orders::orders(orders)),
        customers: Some(orders::customers(customers)),
        products: Some(goods::products(products)),
        prices: Some(goods::prices(prices)),
        stock: Some(goods::stock(stock)),
    }
}

/// Settings from a message under `field`; what is not set takes its default. Bounds and contradictions are checked,
/// too; whatever is wrong is noted, and the value is then of no use.
pub fn read_settings(violations: &mut Violations, field: &str, message: v1::Settings) -> Settings {
    let settings = read_values(violations, field, message);
    for problem in settings.problems() {
        violations.add(format!("{field}.{}", problem.field), problem.problem);
    }
    settings
}

/// The same without the checks of bounds and contradictions, for settings that go over others first.
pub fn read_values(violations: &mut Violations, field: &str, message: v1::Settings) -> Settings {
    let v1::Settings { orders, customers, products, prices, stock } = message;
    Settings {
        orders: orders::read_orders(violations, &format!("{field}.orders"), orders.unwrap_or_default()),
        customers: orders::read_customers(
            violations,
            &format!("{field}.customers"),
            &customers.unwrap_or_default(),
        ),
        products: goods::read_products(
            violations,
            &format!("{field}.products"),
            products.unwrap_or_default(),
        ),
        prices: goods::read_prices(violations, &format!("{field}.prices"), &prices.unwrap_or_default()),
        stock: goods::read_stock(violations, &format!("{field}.stock"), &stock.unwrap_or_default()),
    }
}
