//! Billing: the journal follows the stores' records, and bills are computed from the journal.
//!
//! A store's record is written first, the journal after it. [`reconcile`] compares the two and adds what the journal
//! lacks, so a crash between the writes loses nothing: it is called wherever a record changes, when a worker begins,
//! and for the whole agreement before a bill.

mod csv;
mod journal;
#[cfg(test)]
mod tests;

use shopbeat_domain::billing::{Bill, Month, Standing, Terms};
use shopbeat_domain::ids::AgreementId;
use shopbeat_domain::ports::Answer;

use crate::ports::Ports;
use crate::problem::{Problem, Violation};

pub use self::csv::csv;
pub use journal::reconcile;

/// The bill of an agreement for a month; for the month under way, what it comes to so far. A journal that is not as it
/// was written is told in the bill ([`Bill::flaw`]).
///
/// # Errors
/// An unknown agreement; a month to come (field `month`); the state is away.
pub async fn bill(
    ports: &Ports,
    agreement: &AgreementId,
    month: Month,
    terms: &Terms,
) -> Result<Bill, Problem> {
    if ports.state.registry.agreement(agreement).await?.is_none() {
        return Err(Problem::Unknown { what: "agreement", name: agreement.to_string() });
    }
    let now = ports.now();
    if month.begin() > now {
        let problem = format!("{month} has not begun; give {} or an earlier month", Month::of(now));
        return Err(Problem::BadInput(vec![Violation::new("month", problem)]));
    }
    catch_up(ports, agreement).await?;
    let read = journal::read(ports, agreement).await?;
    // A moment after what was just caught up.
    let now = ports.now();
    let flaw = read.tell_flaw(ports, agreement);
    Ok(shopbeat_domain::billing::bill(agreement, &read.entries, flaw, month, *terms, now))
}

/// Adds what the journal lacks of any store of the agreement.
async fn catch_up(ports: &Ports, agreement: &AgreementId) -> Answer<()> {
    let entries = ports.state.billing.entries(agreement).await?;
    for store in ports.state.registry.stores().await? {
        let behind = || !Standing::of(&entries, &store.id).missing(&store, ports.now()).is_empty();
        if store.agreement == *agreement && behind() {
            reconcile(ports, &store.id).await?;
        }
    }
    Ok(())
}
