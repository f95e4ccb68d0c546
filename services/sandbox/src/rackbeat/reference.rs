//! Account, settings and reference data that is read only.

use serde_json::{Value, json};

use super::account::{Account, CustomField, named_rows};
use super::call::{Answer, Call, Refusal, Reply};
use super::list::{page, whole};

pub(super) fn route(account: &Account, call: &Call<'_>) -> Answer {
    let segments: Vec<&str> = call.segments.iter().map(String::as_str).collect();
    let setup = &account.setup;
    let (key, rows) = match segments.as_slice() {
        ["self"] => return about(account),
        ["settings"] => return whole(call, "settings", settings(account)),
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
        .filter(|field| wanted.is_none_or(|wanted| wanted == field.used_for))
        .map(CustomField::to_json)
        .collect()
}

fn one(account: &Account, call: &Call<'_>, resource: &str, number: &str) -> Answer {
    let (key, rows) = match resource {
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
