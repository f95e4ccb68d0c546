//! The account behind the token, and its reference data.

use rust_decimal::Decimal;
use serde::Deserialize;
use shopbeat_domain::erp::{Account, Location, ProductGroup};
use shopbeat_domain::ids::{AccountId, StockLocation};
use shopbeat_domain::ports::Answer;

use crate::RackbeatClient;
use crate::pages::List;
use crate::transport::Request;
use crate::wire::{Flag, Num, Text, Whole, is_set, text_or_empty};

#[derive(Debug, Deserialize)]
struct AccountRow {
    id: Whole,
    #[serde(default)]
    company_name: Option<Text>,
    #[serde(default)]
    name: Option<Text>,
}

#[derive(Debug, Deserialize)]
struct GroupRow {
    number: Whole,
    #[serde(default)]
    name: Option<Text>,
    vat_domestic: Num,
    #[serde(default)]
    vat_eu: Option<Num>,
    #[serde(default)]
    vat_abroad: Option<Num>,
    #[serde(default)]
    vat_domestic_exempt: Option<Num>,
    #[serde(default)]
    has_inventory: Option<Flag>,
}

#[derive(Debug, Deserialize)]
struct LocationRow {
    number: Whole,
    #[serde(default)]
    name: Option<Text>,
    #[serde(default)]
    is_default: Option<Flag>,
}

fn rate(told: Option<Num>) -> Decimal {
    told.map(|rate| rate.0).unwrap_or_default()
}

impl RackbeatClient {
    pub(crate) async fn read_account(&self) -> Answer<Account> {
        let row: AccountRow = self.send(Request::get("GET /self", "/self")).await?.one("user_account")?;
        Ok(Account { id: AccountId(row.id.0), company: text_or_empty(row.company_name.or(row.name)) })
    }

    pub(crate) async fn list_product_groups(&self) -> Answer<Vec<ProductGroup>> {
        let list = List::new("GET /product-groups", "/product-groups", "product_groups");
        let rows = self.all::<GroupRow>(&list).await?;
        Ok(rows
            .into_iter()
            .map(|row| ProductGroup {
                number: row.number.0,
                name: text_or_empty(row.name),
                vat_domestic: row.vat_domestic.0,
                // Where no rate is told none is raised: the usual case outside the own country.
                vat_eu: rate(row.vat_eu),
                vat_abroad: rate(row.vat_abroad),
                vat_domestic_exempt: rate(row.vat_domestic_exempt),
                has_inventory: row.has_inventory.is_none_or(|flag| flag.0),
            })
            .collect())
    }

    /// The top level of the tree: stock of places below one counts there.
    pub(crate) async fn list_locations(&self) -> Answer<Vec<Location>> {
        let list = List::new("GET /locations", "/locations", "locations");
        let rows = self.all::<LocationRow>(&list).await?;
        Ok(rows
            .into_iter()
            .map(|row| Location {
                number: StockLocation(row.number.0),
                name: text_or_empty(row.name),
                is_default: is_set(row.is_default),
            })
            .collect())
    }
}

#[cfg(test)]
#[path = "account_tests.rs"]
mod tests;
