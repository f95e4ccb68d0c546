//! The lists of products, lots and items: filters, search, sorting, custom fields.

use serde_json::Value;

use super::account::Account;
use super::call::{Answer, Call, Refusal};
use super::items::{By, Scope};
use super::list::{Fields, Window, select};
use super::product::Product;
use crate::facts::{FieldFilter, ItemSort};

pub(super) fn not_filterable(property: &str) -> Refusal {
    Refusal::invalid("filter", format!("Property '{property}' is not filterable"))
}

/// An item as the API shows it: with custom fields when `expand` asks for them, and as `fields` says.
pub(super) fn shown(account: &Account, call: &Call<'_>, fields: Option<&Fields>, product: &Product) -> Value {
    let mut row = product.show(account, fields);
    let expands = call.param("expand").is_some_and(|what| what.split(',').any(|one| one == "field_values"));
    if expands && fields.is_none_or(|fields| fields.names("field_values")) {
        row["field_values"] = product.field_values(account);
    }
    select(row, fields)
}

/// What a row must be to stand in the list.
struct Filter<'a> {
    search: Option<String>,
    barred: Option<bool>,
    sellable: Option<bool>,
    exact: Vec<(&'a str, &'a str)>,
    /// Custom field id, value, and whether its start is enough.
    fields: Vec<(i64, &'a str, bool)>,
}

impl<'a> Filter<'a> {
    fn of(call: &'a Call<'_>) -> Result<Self, Refusal> {
        let mut exact = Vec::new();
        for (property, value) in call.bracketed("simple_filter") {
            match property {
                "number" | "name" | "barcode" => exact.push((property, value)),
                _ => return Err(not_filterable(property)),
            }
        }
        let mut fields = Vec::new();
        for (prefix, start) in [("field_eq", false), ("field", true)] {
            for (id, value) in call.bracketed(prefix) {
                if call.facts.field_filter() == FieldFilter::Works {
                    fields.push((id.parse().unwrap_or_default(), value, start));
                }
            }
        }
        let search = call.param("search").map(str::to_lowercase);
        let (barred, sellable) = (call.flag("is_barred"), call.flag("is_sellable"));
        Ok(Self { search, barred, sellable, exact, fields })
    }

    fn is_empty(&self) -> bool {
        let Self { search, barred, sellable, exact, fields } = self;
        search.is_none() && barred.is_none() && sellable.is_none() && exact.is_empty() && fields.is_empty()
    }

    fn takes(&self, account: &Account, product: &Product) -> bool {
        let sells = || !product.barred && account.group(product.group).is_none_or(|group| group.is_sellable);
        let has_field = |(id, wanted, start): &(i64, &str, bool)| {
            let own = product.fields.iter().find(|(own, _)| own == id).map(|(_, value)| text(value));
            own.is_some_and(|own| if *start { own.starts_with(wanted) } else { own == *wanted })
        };
        self.barred.is_none_or(|barred| barred == product.barred)
            && self.sellable.is_none_or(|sellable| sellable == sells())
            && self.search.as_ref().is_none_or(|text| {
                product.number.to_lowercase().contains(text)
                    || product.name.to_lowercase().contains(text)
                    || product.barcode().contains(text.as_str())
            })
            && self.exact.iter().all(|(property, value)| match *property {
                "number" => product.number == *value,
                "name" => product.name == *value,
                _ => product.barcode() == *value,
            })
            && self.fields.iter().all(has_field)
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The order a list comes in; the SDK's default direction is DESC.
fn order(call: &Call<'_>) -> (By, bool) {
    let sent = match call.facts.item_sort() {
        ItemSort::OrderBy => call.param("order_by"),
        ItemSort::Ignored => None,
    };
    let by = match sent {
        Some("updated_at") => By::Updated,
        Some("created_at") => By::Created,
        Some("name") => By::Name,
        _ => By::Number,
    };
    let ascending = call.param("order_direction").is_some_and(|way| way.eq_ignore_ascii_case("ASC"));
    (by, sent.is_some() && !ascending)
}

pub(super) fn list(account: &Account, call: &Call<'_>, lot: Option<bool>) -> Answer {
    let (scope, key) = match lot {
        Some(false) => (Scope::Products, "products"),
        Some(true) => (Scope::Lots, "lots"),
        None => (Scope::All, "items"),
    };
    let window = Window::of(call)?;
    let filter = Filter::of(call)?;
    let (by, descending) = order(call);
    let (total, rows) = if filter.is_empty() {
        let rows = account.products.window(scope, by, descending, window.start, window.limit);
        (account.products.len(scope), rows)
    } else {
        filtered(account, scope, (by, descending), &filter, &window)
    };
    let fields = Fields::of(call);
    let rows = rows.into_iter().map(|product| shown(account, call, fields.as_ref(), product)).collect();
    window.reply(call, key, total, rows)
}

/// All rows are looked at, since all are counted; only the page's are kept.
fn filtered<'a>(
    account: &'a Account,
    scope: Scope,
    (by, descending): (By, bool),
    filter: &Filter<'_>,
    window: &Window,
) -> (usize, Vec<&'a Product>) {
    let (mut total, mut rows) = (0, Vec::new());
    let mut look = |product: &'a Product| {
        if filter.takes(account, product) {
            if total >= window.start && rows.len() < window.limit {
                rows.push(product);
            }
            total += 1;
        }
    };
    let all = account.products.sorted(scope, by);
    if descending {
        all.rev().for_each(&mut look);
    } else {
        all.for_each(&mut look);
    }
    (total, rows)
}
