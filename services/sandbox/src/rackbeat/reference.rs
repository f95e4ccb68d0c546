//! Account, settings and reference data: read only, except that product groups can be made.

use serde_json::{Value, json};

use super::account::{Account, Group, named_rows};
use super::call::{Answer, Call, Form, Refusal, Reply};
use super::list::{page, whole};

pub(super) fn route(account: &Account, call: &Call<'_>) -> Answer {
    let segments: Vec<&str> = call.segments.iter().map(String::as_str).collect();
    let setup = &account.setup;
    let (key, rows) = match segments.as_slice() {
        ["self"] => return about(account),
        ["settings"] => return whole(call, "settings", settings(account)),
        ["locations"] => ("locations", locations(account)),
        ["product-groups"] => ("product_groups", setup.groups.iter().map(Group::to_json).collect()),
        ["layouts"] => ("layouts", named_rows(&setup.layouts)),
        ["employees"] => ("employees", named_rows(&setup.employees)),
        ["units"] => ("units", named_rows(&setup.units)),
        ["customer-groups"] => ("customer_groups", named_rows(&setup.customer_groups)),
        ["payment-terms"] => ("payment_terms", terms(account)),
        ["currencies"] => ("currencies", currencies(account)),
        ["fields"] => ("fields", fields(account, call)),
        [resource, number] => return one(account, call, resource, number),
        _ => return Err(Refusal::Missing),
    };
    page(call, key, &rows, Clone::clone)
}

fn about(account: &Account) -> Answer {
    Reply::ok(json!({
        "user_account": { "id": account.setup.id, "company_name": account.setup.company_name,
            "address": { "street": "Havnegade 1", "street2": null, "city": "Aarhus", "zipcode": "8000", "country": "Danmark" } },
        "user": { "id": 55, "name": "API", "email": "api@example.test" },
    }))
}

fn settings(account: &Account) -> Vec<Value> {
    vec![
        json!({ "identifier": "default_currency", "value": account.base_currency(), "type": "string" }),
        json!({ "identifier": "default_location", "value": account.default_location(), "type": "integer" }),
    ]
}

fn locations(account: &Account) -> Vec<Value> {
    let default = account.default_location();
    account
        .setup
        .locations
        .iter()
        .map(|(number, name)| {
            json!({
                "number": number, "name": name, "parent_id": null, "children_count": 0, "toplevel_parent_id": null,
                "nesting_level": 0, "nest_list": name, "is_default": *number == default, "barcode": null,
            })
        })
        .collect()
}

fn terms(account: &Account) -> Vec<Value> {
    account
        .setup
        .payment_terms
        .iter()
        .map(|(number, name, days)| {
            json!({ "number": number, "name": name, "type": "net", "type_translated": "Net", "description": name, "maturity_days": days })
        })
        .collect()
}

fn currencies(account: &Account) -> Vec<Value> {
    account
        .setup
        .currencies
        .iter()
        .map(|code| json!({ "code": code, "rate": 100, "is_custom": false }))
        .collect()
}

fn fields(account: &Account, call: &Call<'_>) -> Vec<Value> {
    let wanted = call.param("for");
    account
        .setup
        .fields
        .iter()
        .filter(|(_, _, what)| wanted.is_none_or(|wanted| wanted == what))
        .map(|(id, slug, what)| {
            json!({
                "id": id, "slug": slug, "name": slug, "type": "text", "available_for": [what],
                "use_in_layouts": false, "default_value": null, "options": [],
            })
        })
        .collect()
}

fn one(account: &Account, call: &Call<'_>, resource: &str, number: &str) -> Answer {
    let (key, rows) = match resource {
        "locations" => ("location", locations(account)),
        "product-groups" => ("product_group", account.setup.groups.iter().map(Group::to_json).collect()),
        "layouts" => ("layout", named_rows(&account.setup.layouts)),
        "employees" => ("employee", named_rows(&account.setup.employees)),
        "units" => ("unit", named_rows(&account.setup.units)),
        "customer-groups" => ("customer_group", named_rows(&account.setup.customer_groups)),
        "payment-terms" => ("payment_term", terms(account)),
        "settings" => ("setting", settings(account)),
        _ => return Err(Refusal::Missing),
    };
    let matches = |row: &Value| {
        row["number"].as_i64().is_some_and(|own| number.parse() == Ok(own))
            || row.get("identifier").is_some_and(|value| value == number)
    };
    let row = rows.into_iter().find(matches).ok_or(Refusal::Missing)?;
    Reply::ok(json!({ key: super::list::sparse(call, row) }))
}

/// `POST /product-groups`.
pub(super) fn create_group(account: &mut Account, call: &Call<'_>) -> Answer {
    let mut form = Form::new(&call.body);
    form.require("name");
    let chosen = form.whole("number");
    if chosen.is_some_and(|number| account.group(number).is_some()) {
        form.wrong("number", "The number has already been taken.");
    }
    let name = form.short("name", 255).unwrap_or_default();
    let vat = ["vat_domestic", "vat_eu", "vat_abroad", "vat_domestic_exempt"]
        .map(|key| form.percentage(key).unwrap_or_default());
    let has_inventory = form.flag("has_inventory").unwrap_or(true);
    let is_sellable = form.flag("is_sellable").unwrap_or(true);
    form.done()?;
    let next = account.setup.groups.iter().map(|group| group.number).max().unwrap_or_default() + 1;
    let group = Group { number: chosen.unwrap_or(next), name, vat, has_inventory, is_sellable };
    let body = json!({ "product_group": group.to_json() });
    account.setup.groups.push(group);
    Reply::created(body)
}
