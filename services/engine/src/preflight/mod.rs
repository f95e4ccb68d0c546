//! Preflight: what stands in the way of a good connection, found before it is made. It writes nothing, on either side
//! or in the state, and does not stop at the first finding. Safe to repeat.

mod books;
mod catalog;
mod shop;
#[cfg(test)]
mod tests;

use secrecy::SecretString;
use shopbeat_domain::failure::{Failure, FailureKind};
use shopbeat_domain::ids::{AgreementId, ShopDomain, StoreId};
use shopbeat_domain::job::Lane;
use shopbeat_domain::money::Currency;
use shopbeat_domain::ports::{Answer, Erp, Shop};
use shopbeat_domain::preflight::{Check, Finding, Report};
use shopbeat_domain::settings::Settings;
use shopbeat_domain::store::{ShopCredentials, Store};

use crate::ports::Ports;
use crate::problem::Problem;

/// A store that is to be connected.
#[derive(Debug, Clone)]
pub struct Request {
    /// The shop.
    pub shop: ShopDomain,
    /// The agreement it would belong to.
    pub agreement: AgreementId,
    /// The currency of the Rackbeat account; `None` = what is known, at first the shop's.
    pub agreement_currency: Option<Currency>,
    /// What opens the shop.
    pub credentials: ShopCredentials,
    /// What opens the account.
    pub rackbeat_token: SecretString,
    /// The settings it would have.
    pub settings: Settings,
}

/// What is looked at.
struct Subject<'a> {
    ports: &'a Ports,
    shop: &'a dyn Shop,
    erp: &'a dyn Erp,
    domain: &'a ShopDomain,
    agreement: &'a AgreementId,
    agreement_currency: Option<Currency>,
    settings: &'a Settings,
}

/// How much of it is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Depth {
    /// All but the catalogue: seconds.
    Quick,
    /// The catalogue too, by a bulk export, and Rackbeat's items: minutes for a big shop.
    Whole,
}

/// Looks at a store that is to be connected.
///
/// # Errors
/// A remote or the state is away: then there is no report, since half of one would look better than things are.
pub async fn preflight(ports: &Ports, request: &Request) -> Result<Report, Problem> {
    of_request(ports, request, Depth::Whole).await
}

/// The same without the catalogue: what can be said within seconds.
///
/// # Errors
/// As [`preflight`].
pub async fn quick(ports: &Ports, request: &Request) -> Result<Report, Problem> {
    of_request(ports, request, Depth::Quick).await
}

async fn of_request(ports: &Ports, request: &Request, depth: Depth) -> Result<Report, Problem> {
    let shop = ports.remotes.shop_with(&request.shop, &request.credentials)?;
    let erp = ports.remotes.erp_with(&request.agreement, &request.rackbeat_token)?;
    let subject = Subject {
        ports,
        shop: shop.as_ref(),
        erp: erp.as_ref(),
        domain: &request.shop,
        agreement: &request.agreement,
        agreement_currency: request.agreement_currency,
        settings: &request.settings,
    };
    look(&subject, depth).await
}

/// Looks at a connected store, with the settings it has.
///
/// # Errors
/// Unknown store; as [`preflight`].
pub async fn of_store(ports: &Ports, id: &StoreId) -> Result<Report, Problem> {
    let store = ports.state.registry.store(id).await?.filter(Store::is_connected);
    let store = store.ok_or_else(|| Problem::Unknown { what: "store", name: id.to_string() })?;
    let shop = ports.remotes.shop(&store).await?;
    let erp = ports.remotes.erp(&store.agreement, Lane::BackFill).await?;
    let subject = Subject {
        ports,
        shop: shop.as_ref(),
        erp: erp.as_ref(),
        domain: &store.shop,
        agreement: &store.agreement,
        agreement_currency: None,
        settings: &store.settings,
    };
    look(&subject, Depth::Whole).await
}

async fn look(subject: &Subject<'_>, depth: Depth) -> Result<Report, Problem> {
    let mut report = Report::default();
    for bad in subject.settings.problems() {
        report.add(finding(Check::Setting, bad.field, bad.to_string()));
    }
    let identity = shop::identity(subject, &mut report).await?;
    let books = books::read(subject, depth, &mut report).await?;
    let mut in_use = books::named_groups(subject);
    if let Some(identity) = &identity {
        shop::look(subject, identity, &mut report).await?;
        if depth == Depth::Whole && shop::may_read_products(identity) {
            in_use.extend(catalog::look(subject, books.as_ref(), &mut report).await?);
        }
    }
    if let (Some(identity), Some(books)) = (&identity, &books) {
        books::rates(subject, identity, books, &in_use, &mut report);
    }
    report.sort();
    Ok(report)
}

fn finding(check: Check, subject: impl Into<String>, message: impl Into<String>) -> Finding {
    Finding { check, subject: subject.into(), message: message.into(), link: None }
}

/// What a remote refuses is a finding; a remote in trouble ends the look.
fn refused<T>(answer: Answer<T>) -> Result<Result<T, Failure>, Problem> {
    match answer {
        Ok(value) => Ok(Ok(value)),
        Err(failure) => match &failure.kind {
            FailureKind::Unauthorized(_) | FailureKind::Refused(_) | FailureKind::Missing => Ok(Err(failure)),
            FailureKind::Busy { .. }
            | FailureKind::Unreachable
            | FailureKind::Unanswered
            | FailureKind::Conflict
            | FailureKind::Garbled => Err(failure.into()),
        },
    }
}

/// The answer, or a finding with the remote's words.
fn told<T>(answer: Answer<T>, check: Check, report: &mut Report) -> Result<Option<T>, Problem> {
    match refused(answer)? {
        Ok(value) => Ok(Some(value)),
        Err(failure) => {
            report.add(finding(check, failure.call.clone(), failure.to_string()));
            Ok(None)
        }
    }
}

fn listed(names: impl Iterator<Item = impl ToString>) -> String {
    let names: Vec<String> = names.map(|name| name.to_string()).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}
