//! What is written into an agreement's journal, and how far it had come.

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use shopbeat_domain::billing::{BillingEntry, BillingEvent, Flaw, JournalHead, Standing, check};
use shopbeat_domain::failure::{Failure, FailureKind, Remote};
use shopbeat_domain::ids::{AgreementId, StoreId};
use shopbeat_domain::ports::{Answer, SecretOwner};
use shopbeat_domain::store::{RECORD_VERSION, Store};

use crate::ports::Ports;

/// Where the journal's head is kept, sealed, apart from the journal: what shows that its end was cut off.
pub(super) const HEAD: &str = "billing_journal_head";

/// Somebody else wrote first so often: more stores of one agreement than that do not change in one moment.
const TRIES: usize = 64;

/// Adds to the journal what the store's record says and the journal does not; without effect if nothing is missing or
/// there is no such store. To be called AFTER each write of the record (connect, pause, resume, disconnect, hold), when
/// a worker begins, and BEFORE a connect overwrites the record of an earlier one: it may say what was not told yet.
///
/// # Errors
/// When the state is away: the next call adds what is missing.
pub async fn reconcile(ports: &Ports, store: &StoreId) -> Answer<()> {
    for _ in 0..TRIES {
        let Some(agreement) = record(ports, store).await?.map(|record| record.agreement) else {
            return Ok(());
        };
        let read = read(ports, &agreement).await?;
        // Read after the journal: if the journal is still the same when we write, nothing that this record does not
        // know can have been told. A change that comes after is told by its own call, or seen in the next round here.
        let Some(record) = record(ports, store).await?.filter(|record| record.agreement == agreement) else {
            continue;
        };
        let missing = Standing::of(&read.entries, store).missing(&record, ports.now());
        let Some((event, at)) = missing.first() else {
            return keep_head(ports, &agreement, &read).await;
        };
        match append(ports, &record, &read.entries, *event, *at).await {
            Err(Failure { kind: FailureKind::Conflict, .. }) => {
                // A journal whose numbers are spoilt takes no entry any more. That must not keep anybody from pausing
                // a store: the next bill tells it.
                if read.tell_flaw(ports, &agreement).is_some() {
                    return Ok(());
                }
            }
            other => other?,
        }
    }
    let message = "others wrote into the billing journal all the time";
    Err(Failure::new(Remote::State, FailureKind::Conflict, "billing", message))
}

async fn record(ports: &Ports, store: &StoreId) -> Answer<Option<Store>> {
    ports.state.registry.store(store).await
}

async fn append(
    ports: &Ports,
    store: &Store,
    entries: &[BillingEntry],
    event: BillingEvent,
    at: Timestamp,
) -> Answer<()> {
    let (last, before) = entries.last().map_or((0, ""), |last| (last.number, last.seal.as_str()));
    let mut entry = BillingEntry {
        version: RECORD_VERSION,
        number: last + 1,
        at,
        store: store.id.clone(),
        shop: store.shop.clone(),
        event,
        seal: String::new(),
    };
    entry.seal = ports.blind.blind(&store.agreement, &entry.sealed_text(before));
    ports.state.billing.append(&store.agreement, &entry).await?;
    // The seal in the log is one more witness of how far the journal had come.
    tracing::info!(
        agreement = %store.agreement, store.id = %store.id, billing.number = entry.number,
        billing.event = event.name(), billing.at = %at, billing.seal = entry.seal, "billing journal"
    );
    Ok(())
}

/// A journal, and the head that was kept of it.
pub(super) struct Read {
    pub(super) entries: Vec<BillingEntry>,
    head: Result<Option<JournalHead>, Flaw>,
}

/// Reads a journal. The head first: it may lag behind, and must not run ahead.
pub(super) async fn read(ports: &Ports, agreement: &AgreementId) -> Answer<Read> {
    let owner = SecretOwner::Agreement(agreement.clone());
    let head = match ports.state.registry.secret(&owner, HEAD).await {
        Ok(None) => Ok(None),
        Ok(Some(text)) => text.expose_secret().parse().map(Some).map_err(|_| Flaw::Head),
        Err(Failure { kind: FailureKind::Garbled, .. }) => Err(Flaw::Head),
        Err(failure) => return Err(failure),
    };
    Ok(Read { entries: ports.state.billing.entries(agreement).await?, head })
}

impl Read {
    /// What is wrong with it; logged, too.
    pub(super) fn tell_flaw(&self, ports: &Ports, agreement: &AgreementId) -> Option<Flaw> {
        let fits = |text: &str, seal: &str| ports.blind.is_blind_of(agreement, text, seal);
        let flaw = match &self.head {
            Ok(head) => check(&self.entries, head.as_ref(), fits).err(),
            Err(flaw) => Some(check(&self.entries, None, fits).err().unwrap_or(*flaw)),
        };
        if let Some(flaw) = flaw {
            tracing::error!(agreement = %agreement, error = %flaw, "the billing journal is not as it was written");
        }
        flaw
    }
}

/// Keeps how far the journal has come. What is known of a journal that is not as it was written stays: it is the
/// witness.
async fn keep_head(ports: &Ports, agreement: &AgreementId, read: &Read) -> Answer<()> {
    let head = JournalHead::of(&read.entries);
    let Some(new) = head.filter(|head| read.head.as_ref() != Ok(&Some(head.clone()))) else { return Ok(()) };
    if read.tell_flaw(ports, agreement).is_some() {
        return Ok(());
    }
    let owner = SecretOwner::Agreement(agreement.clone());
    ports.state.registry.put_secret(&owner, HEAD, &SecretString::from(new.to_string())).await
}
