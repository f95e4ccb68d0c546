//! What must hold before a store is connected, and what its owner should know.

use jiff::Timestamp;
use shopbeat_domain::failure::{Failure, FailureKind};
use shopbeat_domain::limits;
use shopbeat_domain::ports::{Erp, Shop, ShopIdentity};
use shopbeat_domain::settings::Settings;
use shopbeat_domain::store::{Agreement, ManagedBy, Store};

use super::{ConnectRequest, SCOPES};
use crate::problem::{Problem, Violation};

pub(super) fn check_owner(existing: Option<&Store>, request: &ConnectRequest) -> Result<(), Problem> {
    let Some(store) = existing.filter(|store| store.disconnected_at.is_none()) else { return Ok(()) };
    if store.agreement != request.agreement {
        let message = format!(
            "{} is connected to agreement {} already; disconnect it there first",
            store.shop, store.agreement
        );
        return Err(Problem::precondition("STORE_CONNECTED_ELSEWHERE", message));
    }
    managed_elsewhere(store, &request.managed_by).map_or(Ok(()), Err)
}

pub(super) fn managed_elsewhere(store: &Store, by: &ManagedBy) -> Option<Problem> {
    if store.managed_by == *by {
        return None;
    }
    let message = match &store.managed_by {
        ManagedBy::Kubernetes { namespace, name, .. } => {
            format!("store {} is managed by ShopifyStore {namespace}/{name}; change that resource", store.id)
        }
        ManagedBy::Api => {
            format!("store {} was connected through the API; disconnect it there first", store.id)
        }
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
    let granted = |scope: &str| {
        let write = scope.replacen("read_", "write_", 1);
        identity.scopes.iter().any(|granted| granted == scope || *granted == write)
    };
    let missing: Vec<&str> = SCOPES.iter().copied().filter(|scope| !granted(scope)).collect();
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

/// The items and the group that the settings name must be there.
pub(super) async fn check_products(erp: &dyn Erp, settings: &Settings) -> Result<(), Problem> {
    let orders = &settings.orders;
    let mut violations = Vec::new();
    for (field, item) in [
        ("settings.orders.freight_product", &orders.freight_product),
        ("settings.orders.rounding_product", &orders.rounding_product),
    ] {
        let Some(number) = item else { continue };
        match erp.item(number).await {
            Ok(item) if item.barred => {
                violations.push(Violation::new(
                    field,
                    format!("{number} is barred in Rackbeat; unbar it or name another"),
                ));
            }
            Ok(_) => {}
            Err(failure) if failure.is_missing() => {
                let problem = format!("Rackbeat has no product {number}; create it there or name another");
                violations.push(Violation::new(field, problem));
            }
            Err(failure) => return Err(failure.into()),
        }
    }
    let group = settings.products.group;
    if !erp.product_groups().await?.iter().any(|known| known.number == group) {
        let problem = format!("Rackbeat has no product group {group}; create it there or name another");
        violations.push(Violation::new("settings.products.group", problem));
    }
    if violations.is_empty() { Ok(()) } else { Err(Problem::BadInput(violations)) }
}

pub(super) fn warnings(store: &Store, agreement: &Agreement, identity: &ShopIdentity) -> Vec<String> {
    let mut warnings = Vec::new();
    if agreement.currency != identity.currency {
        warnings.push(format!(
            "the shop's currency is {}, the agreement's is {}: its orders will be parked as foreign_currency",
            identity.currency, agreement.currency
        ));
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
