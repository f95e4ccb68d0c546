//! Every setting of a store as an option. The help of each is its comment here; a test holds the list to the API's.

use clap::{Args, ValueEnum};
use shopbeat_proto::v1;

use super::time;

macro_rules! choices {
    ($( $Choice:ident = $Enum:ident { $( $(#[doc = $doc:literal])+ $Variant:ident ),+ $(,)? } )+) => {
        $(
            #[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
            #[value(rename_all = "snake_case")]
            enum $Choice { $( $(#[doc = $doc])+ $Variant ),+ }

            impl From<$Choice> for i32 {
                fn from(choice: $Choice) -> Self {
                    match choice { $( $Choice::$Variant => v1::$Enum::$Variant.into() ),+ }
                }
            }
        )+
    };
}

choices! {
    TriggerChoice = Trigger {
        /// The order exists
        Received,
        /// It is paid in full
        Paid,
        /// All of it is sent
        Fulfilled,
    }
    TargetChoice = Target {
        /// A draft that a person books
        Draft,
        /// Booked
        Booked,
        /// Booked and flagged ready for shipping
        ReadyToShip,
        /// Booked, with a picked shipment
        Packed,
        /// Booked, with a shipped shipment
        Shipped,
        /// Booked and invoiced, no shipment
        Invoiced,
        /// Shipped, then invoiced
        ShippedAndInvoiced,
    }
    TestChoice = TestOrders {
        /// Counted and ignored
        Ignore,
        /// Transferred like any other
        Transfer,
    }
    WithoutEmailChoice = WithoutEmail {
        /// A new customer for each such order
        Create,
        /// The customer of --customers-default-customer
        UseDefault,
    }
    VatZoneChoice = VatZone {
        /// VAT of the own country
        Domestic,
        /// Within the EU
        Eu,
        /// Outside the EU
        Abroad,
        /// Domestic, exempt
        DomesticExempt,
    }
}

/// The settings of a store; what is not given stays as it is, at the first connect the default.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Settings")]
pub(super) struct SettingsArgs {
    /// Begin with the defaults instead of the settings that the store has.
    #[arg(long)]
    pub(super) reset_settings: bool,
    /// Transfer orders; false: they are counted and ignored. Default true.
    #[arg(long, value_name = "BOOL")]
    orders_enabled: Option<bool>,
    /// Ignore orders created earlier: a day, or a moment such as 2026-11-24T07:32:00Z. Default: the first connect.
    #[arg(long, value_name = "DATE", value_parser = time::parse)]
    orders_since: Option<prost_types::Timestamp>,
    /// What starts the transfer of an order. Default paid.
    #[arg(long, visible_alias = "trigger", value_enum)]
    orders_trigger: Option<TriggerChoice>,
    /// How far an order is taken in Rackbeat. Default booked.
    #[arg(long, visible_alias = "target", value_enum)]
    orders_target: Option<TargetChoice>,
    /// What to do with Shopify's test orders. Default ignore.
    #[arg(long, value_enum)]
    orders_test: Option<TestChoice>,
    /// Number of the Rackbeat item that stands for freight; without it orders with freight are parked.
    #[arg(long, visible_alias = "freight-product", value_name = "ITEM")]
    orders_freight_product: Option<String>,
    /// Number of the Rackbeat item that takes a residue of rounding, at 0 % VAT; without it such orders are parked.
    #[arg(long, visible_alias = "rounding-product", value_name = "ITEM")]
    orders_rounding_product: Option<String>,
    /// The largest residue for the rounding line, 0 to 1 in the order's currency. Default 0.05.
    #[arg(long, value_name = "AMOUNT")]
    orders_rounding_tolerance: Option<String>,
    /// Rackbeat's number of the layout of new orders. Default: the account's own.
    #[arg(long, value_name = "NUMBER")]
    orders_layout: Option<u64>,
    /// Rackbeat's number of the employee shown as "our reference". Default: nobody.
    #[arg(long, value_name = "NUMBER")]
    orders_employee: Option<u64>,
    /// VAT zone of new customers and of orders. Default domestic.
    #[arg(long, value_enum)]
    customers_vat_zone: Option<VatZoneChoice>,
    /// Rackbeat's number of the group of new customers. Default 1.
    #[arg(long, value_name = "NUMBER")]
    customers_group: Option<u64>,
    /// Rackbeat's number of the payment terms of new customers and of orders. Default 1.
    #[arg(long, value_name = "NUMBER")]
    customers_payment_terms: Option<u64>,
    /// The customer of an order that has no e-mail address. Default create.
    #[arg(long, value_enum)]
    customers_without_email: Option<WithoutEmailChoice>,
    /// Rackbeat's number of the customer for use_default.
    #[arg(long, value_name = "NUMBER")]
    customers_default_customer: Option<u64>,
    /// Rackbeat's number of the group of new products. Default 1.
    #[arg(long, value_name = "NUMBER")]
    products_group: Option<u64>,
    /// Rackbeat's number of the unit of new products. Default: Rackbeat's own.
    #[arg(long, value_name = "NUMBER")]
    products_unit: Option<u64>,
    /// Prices in Rackbeat are without VAT. Default true.
    #[arg(long, value_name = "BOOL")]
    products_prices_exclude_vat: Option<bool>,
    /// Rackbeat's number of the location that imported stock is put on. Default: the account's default location.
    #[arg(long, value_name = "NUMBER")]
    products_stock_location: Option<u64>,
}

fn set<T: Clone>(known: &mut Option<T>, given: Option<&T>) {
    if let Some(given) = given {
        *known = Some(given.clone());
    }
}

/// An empty text takes the setting away.
fn set_text(known: &mut Option<String>, given: Option<&String>) {
    if let Some(given) = given {
        *known = (!given.is_empty()).then(|| given.clone());
    }
}

fn choose(known: &mut i32, given: Option<impl Into<i32>>) {
    if let Some(given) = given {
        *known = given.into();
    }
}

impl SettingsArgs {
    /// Whether any setting was given.
    pub(super) fn any(&self) -> bool {
        self.reset_settings
            || self.over(v1::Settings::default()) != Self::default().over(v1::Settings::default())
    }

    /// The settings that were given, over those that are known.
    pub(super) fn over(&self, known: v1::Settings) -> v1::Settings {
        let v1::Settings { orders, customers, products } = known;
        v1::Settings {
            orders: Some(self.orders(orders.unwrap_or_default())),
            customers: Some(self.customers(customers.unwrap_or_default())),
            products: Some(self.products(products.unwrap_or_default())),
        }
    }

    fn orders(&self, mut known: v1::OrderSettings) -> v1::OrderSettings {
        set(&mut known.enabled, self.orders_enabled.as_ref());
        set(&mut known.since, self.orders_since.as_ref());
        choose(&mut known.trigger, self.orders_trigger);
        choose(&mut known.target, self.orders_target);
        choose(&mut known.test, self.orders_test);
        set_text(&mut known.freight_product, self.orders_freight_product.as_ref());
        set_text(&mut known.rounding_product, self.orders_rounding_product.as_ref());
        set(&mut known.rounding_tolerance, self.orders_rounding_tolerance.as_ref());
        set(&mut known.layout, self.orders_layout.as_ref());
        set(&mut known.employee, self.orders_employee.as_ref());
        known
    }

    fn customers(&self, mut known: v1::CustomerSettings) -> v1::CustomerSettings {
        choose(&mut known.vat_zone, self.customers_vat_zone);
        set(&mut known.group, self.customers_group.as_ref());
        set(&mut known.payment_terms, self.customers_payment_terms.as_ref());
        choose(&mut known.without_email, self.customers_without_email);
        set(&mut known.default_customer, self.customers_default_customer.as_ref());
        known
    }

    fn products(&self, mut known: v1::ProductSettings) -> v1::ProductSettings {
        set(&mut known.group, self.products_group.as_ref());
        set(&mut known.unit, self.products_unit.as_ref());
        set(&mut known.prices_exclude_vat, self.products_prices_exclude_vat.as_ref());
        set(&mut known.stock_location, self.products_stock_location.as_ref());
        known
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser};
    use prost::Message as _;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        settings: SettingsArgs,
    }

    fn line(args: &[&str]) -> SettingsArgs {
        Line::try_parse_from(std::iter::once(&"x").chain(args)).unwrap().settings
    }

    #[test]
    fn the_api_and_the_command_line_have_the_same_settings() {
        let set = prost_types::FileDescriptorSet::decode(shopbeat_proto::FILE_DESCRIPTOR_SET).unwrap();
        let messages: Vec<_> = set.file.into_iter().flat_map(|file| file.message_type).collect();
        let mut wanted: Vec<String> = Vec::new();
        for (message, part) in
            [("OrderSettings", "orders"), ("CustomerSettings", "customers"), ("ProductSettings", "products")]
        {
            let found = messages.iter().find(|known| known.name() == message).unwrap();
            wanted
                .extend(found.field.iter().map(|field| format!("{part}-{}", field.name().replace('_', "-"))));
        }
        let command = Line::command();
        let mut known: Vec<String> = command
            .get_arguments()
            .filter_map(|argument| argument.get_long().map(str::to_owned))
            .filter(|long| !["help", "reset-settings"].contains(&long.as_str()))
            .collect();
        known.sort();
        wanted.sort();
        assert_eq!(known, wanted);
        assert!(command.get_arguments().all(|argument| argument.get_help().is_some()));
    }

    #[test]
    fn what_is_given_stands_over_what_is_known_and_the_rest_stays() {
        let known =
            line(&["--freight-product", "FRAGT", "--target", "shipped"]).over(v1::Settings::default());
        let over = line(&["--target", "invoiced", "--orders-enabled", "false", "--customers-group", "2"])
            .over(known);
        let orders = over.orders.unwrap();
        assert_eq!(orders.freight_product.as_deref(), Some("FRAGT"));
        assert_eq!(orders.target, i32::from(v1::Target::Invoiced));
        assert_eq!(orders.enabled, Some(false));
        assert_eq!(over.customers.unwrap().group, Some(2));
    }

    #[test]
    fn an_empty_text_takes_a_setting_away() {
        let known = line(&["--freight-product", "FRAGT"]).over(v1::Settings::default());
        assert_eq!(line(&["--freight-product", ""]).over(known).orders.unwrap().freight_product, None);
    }

    #[test]
    fn nothing_given_is_told_apart_from_anything_given() {
        assert!(!line(&[]).any());
        assert!(line(&["--reset-settings"]).any());
        assert!(line(&["--products-unit", "1"]).any());
    }
}
