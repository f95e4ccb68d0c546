//! The custom resource that connects a store where only those do: told to whoever tries otherwise. It names Secrets and
//! holds none.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};
use shopbeat_domain::ids::StoreId;
use shopbeat_domain::settings::{ProductFilter, Settings};
use shopbeat_domain::store::{Desired, Grant};
use shopbeat_engine::connect::ConnectRequest;

/// What to apply instead, with the settings that were given and are no defaults.
pub(super) fn to_apply(request: &ConnectRequest) -> String {
    let (id, agreement) = (StoreId::of(&request.shop), &request.agreement);
    let (grant, first, file) = match request.credentials.grant() {
        Grant::ClientCredentials => ("ClientCredentials", "clientId", "client-id"),
        Grant::LegacyToken => ("LegacyToken", "token", "token"),
    };
    let state = match request.desired {
        None | Some(Desired::Running) => "",
        Some(Desired::Paused) => "  state: Paused\n",
        Some(Desired::Stopped) => "  state: Stopped\n",
    };
    let mut text = format!(
        "stores are connected by ShopifyStore resources here; apply these instead, the Secrets with their true values:\n\
         \n\
         kubectl create secret generic {id}-shopify --from-file={first}=./{file} --from-file=clientSecret=./client-secret\n\
         kubectl create secret generic {agreement}-rackbeat --from-file=token=./rackbeat-token\n\
         kubectl apply -f - <<'EOF'\n\
         apiVersion: shopbeat.dev/v1alpha1\n\
         kind: ShopifyStore\n\
         metadata:\n\
         \x20 name: {id}\n\
         spec:\n\
         \x20 shopDomain: {shop}\n\
         \x20 agreement: {agreement}\n\
         {state}\
         \x20 shopify: {{grant: {grant}, credentialsSecretRef: {{name: {id}-shopify}}}}\n\
         \x20 rackbeat: {{credentialsSecretRef: {{name: {agreement}-rackbeat}}}}\n",
        shop = request.shop,
    );
    let mut settings = request.settings.clone();
    // The resource takes no stock without the locations that it goes to.
    let needs_locations = settings.stock.enabled && settings.stock.locations.is_empty();
    settings.stock.enabled &= !needs_locations;
    for (section, values) in sections(&settings) {
        let _ = writeln!(text, "  {section}:");
        for (name, value) in values {
            // JSON is YAML, too.
            let _ = writeln!(text, "    {name}: {value}");
        }
    }
    if needs_locations {
        text.push_str("  # stock: {enabled: true, locations: [{to: LOCATION-IN-THE-SHOP}]}\n");
    }
    text.push_str("EOF");
    text
}

/// The settings that the resource must name, by section, as it writes them.
fn sections(settings: &Settings) -> Vec<(String, Map<String, Value>)> {
    let (Ok(Value::Object(given)), Ok(defaults)) =
        (serde_json::to_value(settings), serde_json::to_value(defaults()))
    else {
        return Vec::new();
    };
    let mut sections = Vec::new();
    for (section, values) in given {
        let Value::Object(values) = values else { continue };
        let other = |name: &String, value: &Value| defaults[&section][name] != *value;
        let values = values.into_iter().filter(|(name, value)| !value.is_null() && other(name, value));
        let values: Map<String, Value> = values
            .map(|(name, value)| {
                let value = match (section.as_str(), name.as_str()) {
                    ("products", "filter") => settings.products.filter.as_ref().map_or(value, filter),
                    ("products", "fields") => fields(settings),
                    ("prices", "vat_table") => vat_table(settings),
                    ("stock", "locations") => locations(settings),
                    _ => value,
                };
                (camel(&name), value)
            })
            .collect();
        if !values.is_empty() {
            sections.push((section, values));
        }
    }
    sections
}

/// The resource's defaults: those of the API, but that stock is sent only where its locations are named.
fn defaults() -> Settings {
    let mut settings = Settings::default();
    settings.stock.enabled = false;
    settings
}

fn filter(filter: &ProductFilter) -> Value {
    match filter {
        ProductFilter::Field { slug, value } => json!({ "field": { "slug": slug, "value": value } }),
        ProductFilter::Groups(groups) => json!({ "groups": groups }),
    }
}

fn fields(settings: &Settings) -> Value {
    let pascal = |name: &str| {
        let mut letters = name.chars();
        letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect::<String>()
    };
    settings.products.fields.iter().flatten().map(|field| pascal(field.name())).collect()
}

fn vat_table(settings: &Settings) -> Value {
    let rows = settings.prices.vat_table.iter();
    rows.map(|(group, rate)| json!({ "group": group, "percent": rate.normalize().to_string() })).collect()
}

fn locations(settings: &Settings) -> Value {
    let routes = settings.stock.locations.iter();
    let route = |route: &shopbeat_domain::settings::StockRoute| match route.from {
        Some(from) => json!({ "from": from.0, "to": route.to.0 }),
        None => json!({ "to": route.to.0 }),
    };
    routes.map(route).collect()
}

/// `freight_product` → `freightProduct`.
fn camel(name: &str) -> String {
    let mut parts = name.split('_');
    let mut camel = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let mut letters = part.chars();
        camel.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        camel.push_str(letters.as_str());
    }
    camel
}

#[cfg(test)]
mod tests {
    use shopbeat_domain::ids::ShopDomain;
    use shopbeat_domain::settings::setting;
    use shopbeat_domain::store::{ManagedBy, ShopCredentials};

    use super::*;
    use crate::testing::agreement_id;

    fn request(settings: Settings) -> ConnectRequest {
        ConnectRequest {
            shop: ShopDomain::parse("acme-oslo.myshopify.com").unwrap(),
            agreement: agreement_id("acme"),
            agreement_currency: None,
            credentials: ShopCredentials::ClientCredentials {
                client_id: "hush-id".to_owned(),
                client_secret: "hush-secret".into(),
            },
            rackbeat_token: "hush-token".into(),
            settings,
            managed_by: ManagedBy::Api,
            desired: Some(Desired::Paused),
        }
    }

    #[test]
    fn the_resource_has_what_was_given_and_no_secret() {
        let mut settings = Settings::default();
        for (path, text) in [
            ("orders.target", "ready_to_ship"),
            ("orders.freight_product", "FREIGHT"),
            ("orders.rounding_tolerance", "0.10"),
            ("products.filter", "groups:1,3"),
            ("products.fields", "name,price"),
            ("prices.vat_table", "1=25"),
            ("stock.locations", "all=7001"),
            ("customers.vat_zone", "domestic_exempt"),
        ] {
            setting(path).unwrap().set(&mut settings, text).unwrap();
        }
        let told = to_apply(&request(settings));
        for line in [
            "  name: acme-oslo\n",
            "  shopDomain: acme-oslo.myshopify.com\n",
            "  agreement: acme\n",
            "  state: Paused\n",
            "  shopify: {grant: ClientCredentials, credentialsSecretRef: {name: acme-oslo-shopify}}\n",
            "  rackbeat: {credentialsSecretRef: {name: acme-rackbeat}}\n",
            "  orders:\n",
            "    target: \"ReadyToShip\"\n",
            "    freightProduct: \"FREIGHT\"\n",
            "    roundingTolerance: \"0.10\"\n",
            "    filter: {\"groups\":[1,3]}\n",
            "    fields: [\"Name\",\"Price\"]\n",
            "    vatTable: [{\"group\":1,\"percent\":\"25\"}]\n",
            "    locations: [{\"to\":7001}]\n",
            "    enabled: true\n",
            "    vatZone: \"DomesticExempt\"\n",
        ] {
            assert!(told.contains(line), "{line} is not in {told}");
        }
        assert!(!told.contains("hush") && !told.contains("trigger"), "{told}");
    }

    #[test]
    fn stock_without_locations_is_told_as_what_is_missing() {
        let told = to_apply(&request(Settings::default()));
        assert!(
            told.ends_with(
                "acme-rackbeat}}\n  # stock: {enabled: true, locations: [{to: LOCATION-IN-THE-SHOP}]}\nEOF"
            ),
            "{told}"
        );
    }
}
