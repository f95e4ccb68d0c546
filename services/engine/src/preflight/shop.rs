//! The shop: who it is, what it lets us do, how it sells, where its stock lies.

use shopbeat_domain::ids::LocationId;
use shopbeat_domain::limits;
use shopbeat_domain::ports::ShopIdentity;
use shopbeat_domain::preflight::{Check, OrderTraits, Report};
use shopbeat_domain::settings::Master;

use super::{Subject, finding, listed, refused, told};
use crate::connect::{SCOPES, WRITE_INVENTORY, WRITE_PRODUCTS};
use crate::problem::Problem;

/// Who the shop is; `None`: it does not let us in.
pub(super) async fn identity(
    subject: &Subject<'_>,
    report: &mut Report,
) -> Result<Option<ShopIdentity>, Problem> {
    let identity = match refused(subject.shop.identity().await)? {
        Ok(identity) => identity,
        Err(failure) => {
            report.add(finding(Check::ShopRefused, subject.domain.as_str(), failure.to_string()));
            return Ok(None);
        }
    };
    if identity.domain != *subject.domain {
        let message = format!("the credentials open {}, not {}", identity.domain, subject.domain);
        report.add(finding(Check::ShopRefused, subject.domain.as_str(), message));
        return Ok(None);
    }
    Ok(Some(identity))
}

pub(super) async fn look(
    subject: &Subject<'_>,
    identity: &ShopIdentity,
    report: &mut Report,
) -> Result<(), Problem> {
    scopes(subject, identity, report);
    currency(subject, identity, report).await?;
    if is_granted(identity, "read_orders") {
        orders(subject, report).await?;
    }
    if subject.settings.stock.enabled && is_granted(identity, "read_locations") {
        locations(subject, report).await?;
    }
    Ok(())
}

/// The right to write holds the one to read.
fn is_granted(identity: &ShopIdentity, scope: &str) -> bool {
    let write = scope.replacen("read_", "write_", 1);
    identity.scopes.iter().any(|granted| granted == scope || *granted == write)
}

pub(super) fn may_read_products(identity: &ShopIdentity) -> bool {
    is_granted(identity, "read_products") && is_granted(identity, "read_inventory")
}

fn scopes(subject: &Subject<'_>, identity: &ShopIdentity, report: &mut Report) {
    let settings = subject.settings;
    let stock = settings.stock.enabled.then_some((WRITE_INVENTORY, "stock.enabled is true"));
    let products = (settings.products.master == Master::Rackbeat)
        .then_some((WRITE_PRODUCTS, "products.master is rackbeat"));
    let always = SCOPES.iter().map(|scope| (*scope, "it is always needed"));
    for (scope, why) in always.chain(stock).chain(products) {
        if !is_granted(identity, scope) {
            report.add(finding(
                Check::MissingScope,
                scope,
                format!("the app lacks the scope {scope}; {why}"),
            ));
        }
    }
    if !is_granted(identity, "read_all_orders") {
        let message = format!(
            "without the scope read_all_orders Shopify shows the orders of the last {} days only",
            limits::ORDER_HORIZON_DAYS
        );
        report.add(finding(Check::OrderHorizon, "read_all_orders", message));
    }
}

async fn currency(
    subject: &Subject<'_>,
    identity: &ShopIdentity,
    report: &mut Report,
) -> Result<(), Problem> {
    let known = subject.ports.state.registry.agreement(subject.agreement).await?;
    let agreement = subject.agreement_currency.or(known.map(|known| known.currency));
    let Some(agreement) = agreement.filter(|agreement| *agreement != identity.currency) else {
        return Ok(());
    };
    let prices = match subject.settings.prices.rate {
        Some(rate) => format!("prices cross at {rate} (prices.rate)"),
        None => "no prices cross, since no prices.rate is set".to_owned(),
    };
    let message = format!(
        "the shop's currency is {}, the agreement's is {agreement}: its orders are parked, {prices}",
        identity.currency
    );
    report.add(finding(Check::Currency, identity.currency.to_string(), message));
    Ok(())
}

/// Ways of selling that the latest orders show: each is told once, with how many orders show it.
async fn orders(subject: &Subject<'_>, report: &mut Report) -> Result<(), Problem> {
    // An app without a grant to protected data is refused the orders as a whole.
    let latest = subject.shop.latest_orders(limits::PREFLIGHT_ORDERS).await;
    let Some(latest) = told(latest, Check::DataLevel, report)? else { return Ok(()) };
    let all = latest.len();
    let mut tell = |check, trait_of: fn(&OrderTraits) -> bool, what: &str| {
        let count = latest.iter().filter(|order| trait_of(order)).count();
        if count > 0 {
            report.add(finding(check, "orders", format!("{count} of the latest {all} orders {what}")));
        }
    };
    tell(Check::DataLevel, |order| order.hidden, "come with their customers' data hidden");
    tell(Check::GiftCardProduct, |order| order.gift_card_sold, "sold a gift card");
    tell(Check::GiftCardPaid, |order| order.gift_card_paid, "were paid with a gift card");
    tell(Check::Tips, |order| order.tip, "have a tip");
    tell(Check::Currency, |order| order.foreign_currency, "were placed in another currency than the shop's");
    Ok(())
}

async fn locations(subject: &Subject<'_>, report: &mut Report) -> Result<(), Problem> {
    let Some(mut active) = told(subject.shop.locations().await, Check::MissingScope, report)? else {
        return Ok(());
    };
    active.retain(|location| location.active);
    let name = |id: LocationId| {
        let known = active.iter().find(|location| location.id == id);
        known.map_or_else(|| id.to_string(), |location| format!("{id} ({})", location.name))
    };
    let names = listed(active.iter().map(|location| name(location.id)));
    let routes = &subject.settings.stock.locations;
    if routes.is_empty() {
        if active.len() != 1 {
            let message = format!("the shop has {} active locations: {names}", active.len());
            report.add(finding(Check::LocationUnmapped, "stock.locations", message));
        }
        return Ok(());
    }
    for route in routes.iter().filter(|route| !active.iter().any(|location| location.id == route.to)) {
        let message = format!("the shop has no active location {}; it has {names}", route.to);
        report.add(finding(Check::LocationUnknown, route.to.to_string(), message));
    }
    for location in active.iter().filter(|location| !routes.iter().any(|route| route.to == location.id)) {
        let message = format!("nothing is sent to the location {}: no route leads there", name(location.id));
        report.add(finding(Check::LocationUnmapped, location.id.to_string(), message));
    }
    Ok(())
}
