//! What must hold before a store is connected, and what its owner should know.

use std::collections::BTreeSet;

use jiff::Timestamp;
use shopbeat_domain::failure::{Failure, FailureKind};
use shopbeat_domain::ids::ItemNumber;
use shopbeat_domain::limits;
use shopbeat_domain::ports::{Erp, Shop, ShopIdentity};
use shopbeat_domain::settings::{Master, ProductFilter, Settings};
use shopbeat_domain::store::{Agreement, ManagedBy, Store};

use super::{ConnectRequest, SCOPES, WRITE_INVENTORY, WRITE_PRODUCTS};
use crate::problem::{Problem, Violation};

/// Whether a store may be connected by whoever asks; answers what its owner should know of the change of hands.
pub(super) fn check_owner(
    existing: Option<&Store>,
    request: &ConnectRequest,
) -> Result<Option<String>, Problem> {
    let Some(store) = existing.filter(|store| store.disconnected_at.is_none()) else { return Ok(None) };
    if store.agreement != request.agreement {
        let message = format!(
            "{} is connected to agreement {} already; disconnect it there first",
            store.shop, store.agreement
        );
        return Err(Problem::precondition("STORE_CONNECTED_ELSEWHERE", message));
    }
    match (&store.managed_by, &request.managed_by) {
        (ManagedBy::Api, ManagedBy::Api) => Ok(None),
        (ManagedBy::Api, ManagedBy::Kubernetes { namespace, name, .. }) => Ok(Some(format!(
            "the store was connected through the API; from now on ShopifyStore {namespace}/{name} manages it, and the \
             API changes it no more"
        ))),
        // Deleted and made again, or restored from a backup: the resource of that name has another uid then.
        (
            ManagedBy::Kubernetes { namespace, name, .. },
            ManagedBy::Kubernetes { namespace: other_namespace, name: other_name, .. },
        ) if namespace == other_namespace && name == other_name => Ok(None),
        (ManagedBy::Kubernetes { .. }, _) => {
            managed_elsewhere(store, &request.managed_by).map_or(Ok(None), Err)
        }
    }
}

/// Whether somebody else than `by` manages a store: only its exact owner changes it.
pub(super) fn managed_elsewhere(store: &Store, by: &ManagedBy) -> Option<Problem> {
    if store.managed_by == *by {
        return None;
    }
    let message = match &store.managed_by {
        ManagedBy::Kubernetes { namespace, name, .. } => format!(
            "store {} is managed by ShopifyStore {namespace}/{name}; edit it with `kubectl -n {namespace} edit \
             shopifystore {name}`",
            store.id
        ),
        ManagedBy::Api => format!(
            "store {} was connected through the API, and no custom resource manages it; connect it by the resource first",
            store.id
        ),
    };
    Some(Problem::precondition("STORE_MANAGED_ELSEWHERE", message))
}

pub(super) fn check_settings(settings: &Settings) -> Result<(), Problem> {
    let problems = settings.problems();
    if problems.is_empty() {
        return Ok(());
    }
    let violations =
        problems.into_iter().map(|bad| Violation::new(format!("settings.{}", bad.field), bad.problem));
    Err(Problem::BadInput(violations.collect()))
}

pub(super) async fn try_shop(shop: &dyn Shop, request: &ConnectRequest) -> Result<ShopIdentity, Problem> {
    let identity = shop.identity().await.map_err(|failure| refused(failure, "shopify"))?;
    if identity.domain != request.shop {
        let problem = format!("the credentials open {}, not {}", identity.domain, request.shop);
        return Err(Problem::BadInput(vec![Violation::new("shop_domain", problem)]));
    }
    let missing = lacking(SCOPES.iter().copied(), &identity.scopes);
    if missing.is_empty() {
        return Ok(identity);
    }
    let message =
        format!("the app lacks scopes: {}; grant them in Shopify, then connect again", missing.join(", "));
    Err(Problem::precondition("SCOPES_MISSING", message))
}

/// Credentials that are refused are a field of the request; anything else is the remote's trouble.
pub(super) fn refused(failure: Failure, field: &str) -> Problem {
    match failure.kind {
        FailureKind::Unauthorized(_) => Problem::BadInput(vec![Violation::new(
            field,
            format!("{} refuses it: {}", failure.remote, failure.message),
        )]),
        _ => failure.into(),
    }
}

fn lacking<'a>(wanted: impl IntoIterator<Item = &'a str>, granted: &[String]) -> Vec<&'a str> {
    wanted.into_iter().filter(|scope| !is_granted(granted, scope)).collect()
}

/// The scopes that a store's settings want and its shop did not grant.
#[must_use]
pub fn scopes_missing(store: &Store) -> Vec<&'static str> {
    let settings = &store.settings;
    let products = (settings.products.master == Master::Rackbeat).then_some(WRITE_PRODUCTS);
    let stock = settings.stock.enabled.then_some(WRITE_INVENTORY);
    lacking(SCOPES.iter().copied().chain(products).chain(stock), &store.scopes)
}

/// Whether a scope was granted; the right to write holds the one to read.
pub(super) fn is_granted(scopes: &[String], scope: &str) -> bool {
    let write = scope.replacen("read_", "write_", 1);
    scopes.iter().any(|granted| granted == scope || *granted == write)
}

/// What the settings need besides [`SCOPES`] must have been granted, where a person chose it.
pub(super) fn check_scopes(settings: &Settings, scopes: &[String]) -> Result<(), Problem> {
    if settings.products.master != Master::Rackbeat || is_granted(scopes, WRITE_PRODUCTS) {
        return Ok(());
    }
    let problem = format!(
        "rackbeat needs the scope {WRITE_PRODUCTS}, which the app lacks; grant it in Shopify and connect again, or \
         choose none or shopify"
    );
    Err(Problem::BadInput(vec![Violation::new("settings.products.master", problem)]))
}

/// What settings name at the remotes must be there: items, product groups, locations. Only settings that are
/// `touched` are looked at: what stood before and vanished must not keep anybody from changing something else.
pub(super) async fn check_named(
    erp: &dyn Erp,
    shop: &dyn Shop,
    settings: &Settings,
    touched: &(dyn Fn(&str) -> bool + Sync),
) -> Result<(), Problem> {
    let orders = &settings.orders;
    let mut violations = Vec::new();
    for (path, item) in [
        ("orders.freight_product", &orders.freight_product),
        ("orders.rounding_product", &orders.rounding_product),
    ] {
        if let Some(number) = item.as_ref().filter(|_| touched(path)) {
            violations.extend(check_item(erp, path, number).await?);
        }
    }
    violations.extend(check_groups(erp, settings, touched).await?);
    violations.extend(check_locations(erp, shop, settings, touched).await?);
    if violations.is_empty() { Ok(()) } else { Err(Problem::BadInput(violations)) }
}

async fn check_item(erp: &dyn Erp, path: &str, number: &ItemNumber) -> Result<Option<Violation>, Problem> {
    let problem = match erp.item(number).await {
        Ok(item) if item.barred => format!("{number} is barred in Rackbeat; unbar it or name another"),
        Ok(_) => return Ok(None),
        Err(failure) if failure.is_missing() => {
            format!("Rackbeat has no product {number}; create it there or name another")
        }
        Err(failure) => return Err(failure.into()),
    };
    Ok(Some(Violation::new(format!("settings.{path}"), problem)))
}

async fn check_groups(
    erp: &dyn Erp,
    settings: &Settings,
    touched: &(dyn Fn(&str) -> bool + Sync),
) -> Result<Vec<Violation>, Problem> {
    let mut named: Vec<(&str, u64)> = vec![("products.group", settings.products.group)];
    if let Some(ProductFilter::Groups(groups)) = &settings.products.filter {
        named.extend(groups.iter().map(|group| ("products.filter", *group)));
    }
    named.extend(settings.prices.vat_table.keys().map(|group| ("prices.vat_table", *group)));
    named.retain(|(path, _)| touched(path));
    if named.is_empty() {
        return Ok(Vec::new());
    }
    let known: BTreeSet<u64> = erp.product_groups().await?.iter().map(|group| group.number).collect();
    let missing = named.into_iter().filter(|(_, group)| !known.contains(group)).map(|(path, group)| {
        let problem = format!(
            "Rackbeat has no product group {group}; it has {}; create it there or name another",
            listed(known.iter())
        );
        Violation::new(format!("settings.{path}"), problem)
    });
    Ok(missing.collect())
}

async fn check_locations(
    erp: &dyn Erp,
    shop: &dyn Shop,
    settings: &Settings,
    touched: &(dyn Fn(&str) -> bool + Sync),
) -> Result<Vec<Violation>, Problem> {
    let routes = if touched("stock.locations") { settings.stock.locations.as_slice() } else { &[] };
    let imported = settings.products.stock_location.filter(|_| touched("products.stock_location"));
    let mut violations = Vec::new();
    let mut from: Vec<(&str, u64)> =
        routes.iter().filter_map(|route| Some(("stock.locations", route.from?.0))).collect();
    from.extend(imported.map(|location| ("products.stock_location", location.0)));
    if !from.is_empty() {
        let known: BTreeSet<u64> = erp.locations().await?.iter().map(|location| location.number.0).collect();
        for (path, number) in from.into_iter().filter(|(_, number)| !known.contains(number)) {
            let problem = format!("Rackbeat has no location {number}; it has {}", listed(known.iter()));
            violations.push(Violation::new(format!("settings.{path}"), problem));
        }
    }
    if !routes.is_empty() {
        let known = shop.locations().await?;
        let is_active = |id| known.iter().any(|location| location.id == id && location.active);
        for route in routes.iter().filter(|route| !is_active(route.to)) {
            let active = known.iter().filter(|location| location.active);
            let active: Vec<String> =
                active.map(|location| format!("{} ({})", location.id, location.name)).collect();
            let problem =
                format!("the shop has no active location {}; it has {}", route.to, listed(active.iter()));
            violations.push(Violation::new("settings.stock.locations", problem));
        }
    }
    Ok(violations)
}

fn listed(names: impl Iterator<Item = impl ToString>) -> String {
    let names: Vec<String> = names.map(|name| name.to_string()).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

pub(super) fn warnings(store: &Store, agreement: &Agreement, identity: &ShopIdentity) -> Vec<String> {
    let mut warnings = Vec::new();
    if agreement.currency != identity.currency {
        warnings.push(format!(
            "the shop's currency is {}, the agreement's is {}: its orders will be parked as foreign_currency",
            identity.currency, agreement.currency
        ));
        if store.settings.prices.rate.is_none() && store.settings.products.master != Master::None {
            warnings.push("no prices.rate is set: no prices are carried between two currencies".to_owned());
        }
    }
    if store.settings.stock.enabled {
        if !is_granted(&identity.scopes, WRITE_INVENTORY) {
            warnings.push(format!(
                "the app lacks the scope {WRITE_INVENTORY}: no quantities can be sent to the shop; grant it in Shopify \
                 and connect again, or set stock.enabled to false"
            ));
        } else if store.stock_accepted_at.is_none() {
            warnings.push(
                "no quantities are sent yet: run the initial sync with stock, or look at the report (PreviewStock) and \
                 accept it (AcceptStock)"
                    .to_owned(),
            );
        }
    }
    if store.settings.orders.freight_product.is_none() {
        warnings.push("no orders.freight_product is set: orders with shipping will be parked".to_owned());
    }
    if store.settings.orders.rounding_product.is_none() {
        warnings.push(
            "no orders.rounding_product is set: orders whose total Rackbeat rounds otherwise will be parked"
                .to_owned(),
        );
    }
    if !identity.scopes.iter().any(|scope| scope == "read_all_orders") {
        let since = store.settings.orders.since.unwrap_or(Timestamp::UNIX_EPOCH);
        warnings.push(format!(
            "orders are transferred since {since}; without the scope read_all_orders Shopify shows the last {} days only",
            limits::ORDER_HORIZON_DAYS
        ));
    }
    warnings
}
