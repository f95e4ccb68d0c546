//! Changing settings of a connected store while it runs. Workers read the store before each job, so that a change
//! takes effect with the next one.

use shopbeat_domain::failure::{Failure, FailureKind};
use shopbeat_domain::ids::StoreId;
use shopbeat_domain::job::{Lane, Offer, Outcome, Subject};
use shopbeat_domain::limits;
use shopbeat_domain::settings::{LIST, Setting, Settings};
use shopbeat_domain::store::{Desired, ManagedBy, Store};

use super::check::{check_named, check_scopes, check_settings};
use super::{Connector, begin_of, changed_meanwhile};
use crate::billing;
use crate::problem::Problem;

/// What is to change in a store.
#[derive(Clone, Copy, Default)]
pub struct Change<'a> {
    /// The settings that are taken over from `new`; all others stay.
    pub named: &'a [&'static Setting],
    /// What the owner wants from now on; `None`: as before.
    pub desired: Option<Desired>,
}

/// A store whose settings were changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Updated {
    /// The store as it is now.
    pub store: Store,
    /// Paths of the settings whose value is another than before.
    pub changed: Vec<&'static str>,
}

impl Connector {
    /// Takes the named settings over from `new`, and what the owner wants. Checked as a whole first: nothing is changed
    /// if anything cannot stand.
    ///
    /// # Errors
    /// Unknown store; one that somebody else than `by` manages; a value that cannot stand, by its path; a remote that had
    /// to be asked and is away; somebody else who keeps changing the store.
    pub async fn update(
        &self,
        id: &StoreId,
        by: &ManagedBy,
        new: &Settings,
        change: Change<'_>,
    ) -> Result<Updated, Problem> {
        let named = change.named;
        for _ in 0..limits::CONFLICT_TRIES {
            let store = self.own_store(id, by).await?;
            let desired = change.desired.unwrap_or(store.desired);
            let mut settings = store.settings.clone();
            named.iter().for_each(|setting| setting.copy(&mut settings, new));
            // The start cannot be lost: old orders would be written a second time.
            let begin = store.settings.orders.since.map(|_| begin_of(store.connected_at));
            settings.orders.since = settings.orders.since.or(begin);
            let changed: Vec<&'static Setting> = LIST
                .iter()
                .filter(|setting| setting.get(&settings) != setting.get(&store.settings))
                .collect();
            if !changed.is_empty() {
                self.check(&store, &settings, &changed).await?;
            }
            let store = if changed.is_empty() && desired == store.desired {
                store
            } else {
                match self.ports.state.registry.put_store(&Store { settings, desired, ..store }).await {
                    Err(Failure { kind: FailureKind::Conflict, .. }) => continue,
                    other => other?,
                }
            };
            billing::reconcile(&self.ports, id).await?;
            // What was named, not only what changed: asked again after it was cut off here, it is done.
            self.take_effect(&store, named).await?;
            let changed: Vec<&'static str> = changed.into_iter().map(|setting| setting.path).collect();
            tracing::info!(store.id = %id, settings = ?changed, desired = ?store.desired, "store changed");
            return Ok(Updated { store, changed });
        }
        Err(changed_meanwhile(id))
    }

    async fn check(
        &self,
        store: &Store,
        settings: &Settings,
        changed: &[&'static Setting],
    ) -> Result<(), Problem> {
        check_settings(settings)?;
        let touched = |path: &str| changed.iter().any(|setting| setting.path == path);
        if touched("products.master") {
            check_scopes(settings, &store.scopes)?;
        }
        if !NAMING.iter().any(|path| touched(path)) {
            return Ok(());
        }
        let shop = self.ports.remotes.shop(store).await?;
        let erp = self.ports.remotes.erp(&store.agreement, Lane::Order).await?;
        check_named(erp.as_ref(), shop.as_ref(), settings, &touched).await
    }

    /// Has done anew what was decided by settings that changed.
    pub(super) async fn take_effect(
        &self,
        store: &Store,
        changed: &[&'static Setting],
    ) -> Result<(), Problem> {
        let touched = |section: &str| changed.iter().any(|setting| setting.path.starts_with(section));
        if touched("orders.trigger") || touched("orders.enabled") {
            self.reconsider(store).await?;
        }
        if touched("stock.") {
            crate::stock::settings_changed(&self.ports, store).await?;
        }
        if touched("products.") || touched("prices.") {
            crate::goods::settings_changed(&self.ports, store).await?;
        }
        Ok(())
    }

    /// Puts orders that wait for their trigger back to work: they may have reached the new one. A sweep would not look
    /// at them again before they change.
    async fn reconsider(&self, store: &Store) -> Result<(), Problem> {
        let since = store.settings.orders.since.unwrap_or(store.connected_at);
        let jobs = &self.ports.state.jobs;
        let shop = self.ports.remotes.shop(store).await?;
        let mut page: Option<String> = None;
        loop {
            let answer = shop.orders_updated(since, page.as_deref(), limits::SWEEP_PAGE).await?;
            let mut offers = Vec::new();
            for head in &answer.rows {
                let known = jobs.job(&store.id, &Subject::Order(head.id)).await?;
                if known.is_some_and(|job| job.outcome == Outcome::Pending) {
                    offers.push(Offer::order(head.id));
                }
            }
            if !offers.is_empty() {
                jobs.offer(&store.id, &offers, None, self.ports.now()).await?;
            }
            let Some(next) = answer.next else { return Ok(()) };
            page = Some(next);
        }
    }
}

/// Settings that name something at the remotes.
const NAMING: [&str; 7] = [
    "orders.freight_product",
    "orders.rounding_product",
    "products.group",
    "products.filter",
    "prices.vat_table",
    "products.stock_location",
    "stock.locations",
];
