//! Who the shop is, what we may do there, and its locations.

use serde::{Deserialize, Serialize};
use shopbeat_domain::catalog::ShopLocation;
use shopbeat_domain::failure::{Failure, FailureKind, Refusal, Remote};
use shopbeat_domain::ids::{LocationId, ShopDomain};
use shopbeat_domain::money::Currency;
use shopbeat_domain::ports::{Answer, ShopIdentity};

use crate::transport::Transport;
use crate::wire::{Connection, Operation, garbled};

/// Locations of one page; a shop has at most a few hundred.
const PAGE: u32 = 100;

pub(crate) struct ShopQuery;

impl Operation for ShopQuery {
    const NAME: &'static str = "Shop";
    const TEXT: &'static str = include_str!("../operations/shop.graphql");
    type Variables = NoVariables;
    type Data = ShopData;
}

#[derive(Serialize)]
pub(crate) struct NoVariables {}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ShopData {
    shop: Shop,
    current_app_installation: Installation,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Shop {
    name: String,
    myshopify_domain: String,
    currency_code: String,
    taxes_included: bool,
    iana_timezone: String,
    /// Decides nothing: a shop that does not tell it is none the worse.
    shop_address: Option<Country>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Country {
    country_code_v2: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Installation {
    access_scopes: Vec<Scope>,
}

#[derive(Debug, Deserialize)]
struct Scope {
    handle: String,
}

/// Asks who the shop is. One that calls itself otherwise than we addressed it is refused: orders would be taken
/// from the wrong shop.
pub(crate) async fn identity(transport: &Transport) -> Answer<ShopIdentity> {
    let data = transport.call::<ShopQuery>(&NoVariables {}).await?.data;
    let unreadable = |_| garbled(ShopQuery::NAME, "the shop's domain or currency cannot be read");
    let domain = ShopDomain::parse(&data.shop.myshopify_domain).map_err(unreadable)?;
    if domain != *transport.shop() {
        let text = format!("the shop at this address is {domain}, not {}", transport.shop());
        return Err(Failure::new(
            Remote::Shopify,
            FailureKind::Refused(Refusal::Other),
            ShopQuery::NAME,
            text,
        ));
    }
    Ok(ShopIdentity {
        domain,
        name: data.shop.name,
        currency: Currency::parse(&data.shop.currency_code).map_err(unreadable)?,
        taxes_included: data.shop.taxes_included,
        timezone: data.shop.iana_timezone,
        country: data.shop.shop_address.and_then(|address| address.country_code_v2),
        scopes: data.current_app_installation.access_scopes.into_iter().map(|scope| scope.handle).collect(),
    })
}

pub(crate) struct LocationsQuery;

impl Operation for LocationsQuery {
    const NAME: &'static str = "Locations";
    const TEXT: &'static str = include_str!("../operations/locations.graphql");
    type Variables = LocationsVariables;
    type Data = LocationsData;
}

#[derive(Serialize)]
pub(crate) struct LocationsVariables {
    first: u32,
    after: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct LocationsData {
    locations: Connection<LocationNode>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct LocationNode {
    id: String,
    name: String,
    is_active: bool,
    is_fulfillment_service: bool,
}

/// All locations, closed ones and third parties' too.
pub(crate) async fn locations(transport: &Transport) -> Answer<Vec<ShopLocation>> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let variables = LocationsVariables { first: PAGE, after: after.clone() };
        let page = transport.call::<LocationsQuery>(&variables).await?.data.locations;
        for node in page.nodes {
            let id = LocationId::parse_gid(&node.id)
                .map_err(|_| garbled(LocationsQuery::NAME, "a location's id cannot be read"))?;
            // Nobody may set what lies at a third party's.
            let active = node.is_active && !node.is_fulfillment_service;
            all.push(ShopLocation { id, name: node.name, active });
        }
        match page.page_info.next(LocationsQuery::NAME, after.as_deref())? {
            Some(next) => after = Some(next),
            None => return Ok(all),
        }
    }
}
