//! The list of all settings: the API's field mask, the command line's help, the table in the README and the checks
//! are made from it.

use super::{BadSetting, SettingText, Settings, bad};

/// One setting.
pub struct Setting {
    /// Its path, as in the API and its field mask: `orders.trigger`.
    pub path: &'static str,
    /// What it does.
    pub what: &'static str,
    /// The issue that brought it.
    pub since: u32,
    allowed: fn() -> String,
    get: fn(&Settings) -> String,
    set: fn(&mut Settings, &str) -> Result<(), String>,
    copy: fn(&mut Settings, &Settings),
}

impl Setting {
    /// What may be given, for people.
    #[must_use]
    pub fn allowed(&self) -> String {
        (self.allowed)()
    }

    /// Its value as text; empty where it is not set.
    #[must_use]
    pub fn get(&self, settings: &Settings) -> String {
        (self.get)(settings)
    }

    /// Its value where nobody set it.
    #[must_use]
    pub fn default(&self) -> String {
        self.get(&Settings::default())
    }

    /// Reads a value and sets it.
    ///
    /// # Errors
    /// The path, the value and what is allowed.
    pub fn set(&self, settings: &mut Settings, text: &str) -> Result<(), BadSetting> {
        (self.set)(settings, text)
            .map_err(|allowed| bad(self.path, format!("\"{text}\" is not allowed; give {allowed}")))
    }

    /// Takes this one setting over from others.
    pub fn copy(&self, to: &mut Settings, from: &Settings) {
        (self.copy)(to, from);
    }
}

/// The setting with this path.
#[must_use]
pub fn setting(path: &str) -> Option<&'static Setting> {
    LIST.iter().find(|setting| setting.path == path)
}

fn allowed_for<T: SettingText>(_: fn(&Settings) -> &T) -> String {
    T::allowed()
}

fn read_as<T: SettingText>(_: &T, text: &str) -> Result<T, String> {
    T::read(text)
}

macro_rules! settings {
    ($($section:ident . $name:ident, $since:literal, $what:literal;)+) => {
        /// Every setting, in the order of the API.
        pub const LIST: &[Setting] = &[$(Setting {
            path: concat!(stringify!($section), ".", stringify!($name)),
            what: $what,
            since: $since,
            allowed: || allowed_for(|settings| &settings.$section.$name),
            get: |settings| settings.$section.$name.write(),
            set: |settings, text| {
                settings.$section.$name = read_as(&settings.$section.$name, text)?;
                Ok(())
            },
            copy: |to, from| to.$section.$name = from.$section.$name.clone(),
        }),+];
    };
}

settings! {
    orders.enabled, 2, "off: orders are counted and left alone, by rule orders_off";
    orders.since, 2, "orders created earlier are left alone; not set: the moment of the first connect";
    orders.trigger, 2, "the state in Shopify that starts the transfer; having ever reached it counts";
    orders.target, 2, "how far an order is taken in Rackbeat";
    orders.test, 2, "what to do with Shopify's test orders";
    orders.freight_product, 2, "the product that stands for freight";
    orders.rounding_product, 2, "the product that takes a residue of rounding, at 0 % VAT";
    orders.rounding_tolerance, 2, "the largest residue that may go on the rounding line, in the order's currency";
    orders.layout, 2, "layout of new orders";
    orders.employee, 2, "employee shown as our reference";
    customers.vat_zone, 2, "VAT zone of new customers and of orders";
    customers.group, 2, "customer group of new customers";
    customers.payment_terms, 2, "payment terms of new customers and of orders";
    customers.without_email, 2, "orders without an e-mail address: a new customer each, or the default one";
    customers.default_customer, 2, "the customer for customers.without_email = use_default";
    products.master, 3, "which side's products are followed; the other side's edits are told as drift";
    products.products, 3, "master Rackbeat: products go to the shop";
    products.boms, 3, "master Rackbeat: bills of materials go to the shop";
    products.fields, 3, "the fields that are carried; not set: the usual ones of the direction";
    products.group, 2, "product group of products made in Rackbeat";
    products.unit, 2, "unit of products made in Rackbeat; not set: Rackbeat's own default";
    products.publish, 3, "state of products made in Shopify";
    products.filter, 3, "master Rackbeat: only products with this value in a custom field, or of these groups";
    products.on_delete, 3, "master Shopify: what becomes of an item whose variant was deleted";
    products.stock_location, 2, "the Rackbeat location that imported stock is put on; not set: the default one";
    prices.rackbeat_excludes_vat, 2, "prices in Rackbeat are without VAT; the product group's true rate stands between";
    prices.vat_zone, 3, "the zone whose rate of the product group stands for the shop's country";
    prices.vat_table, 3, "VAT in percent by product group, where the shop's country has another rate";
    prices.rate, 3, "units of the shop's currency for one of the agreement's; not set: no prices cross currencies";
    stock.enabled, 3, "off: no quantity is sent";
    stock.quantity, 3, "what is sent: what can be sold, or what lies there";
    stock.locations, 3, "from which Rackbeat location to which of Shopify";
    stock.buffer, 3, "so many units are held back from each quantity";
    stock.negative, 3, "what is sent where Rackbeat has fewer than none: zero, or the number";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_is_read_back_as_it_was_written_and_nonsense_names_what_is_allowed() {
        let samples = [
            ("orders.trigger", "fulfilled"),
            ("products.fields", "name,price"),
            ("products.filter", "field:webshop=yes"),
            ("products.filter", "groups:1,3"),
            ("prices.vat_table", "1=25,2=12.5"),
            ("stock.locations", "all=7001"),
            ("stock.locations", "1=7001,2=7002"),
            ("stock.buffer", "3"),
            ("prices.rate", ""),
        ];
        for (path, text) in samples {
            let mut settings = Settings::default();
            let setting = setting(path).unwrap();
            setting.set(&mut settings, text).unwrap();
            assert_eq!(setting.get(&settings), text, "{path}");
            let mut other = Settings::default();
            setting.copy(&mut other, &settings);
            assert_eq!(other, settings, "{path}");
        }
        for setting in LIST {
            let mut settings = Settings::default();
            setting.set(&mut settings, &setting.default()).unwrap();
            assert_eq!(settings, Settings::default(), "{}", setting.path);
        }
        let refused = setting("stock.quantity").unwrap().set(&mut Settings::default(), "lots").unwrap_err();
        assert_eq!(
            refused.to_string(),
            "stock.quantity: \"lots\" is not allowed; give available or physical"
        );
    }

    #[test]
    fn no_setting_is_missing_from_the_list() {
        let settings = serde_json::to_value(Settings::default()).unwrap();
        let mut fields: Vec<String> = Vec::new();
        for (section, values) in settings.as_object().unwrap() {
            fields.extend(values.as_object().unwrap().keys().map(|name| format!("{section}.{name}")));
        }
        let mut listed: Vec<String> = LIST.iter().map(|setting| setting.path.to_owned()).collect();
        fields.sort();
        listed.sort();
        assert_eq!(fields, listed);
    }
}
