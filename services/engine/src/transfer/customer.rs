//! The order's customer: found by e-mail, else made; one per address even when ten orders of a new customer arrive
//! at once in several stores.

use shopbeat_domain::erp::NewCustomer;
use shopbeat_domain::failure::{Failure, FailureKind, Remote};
use shopbeat_domain::ids::CustomerNumber;
use shopbeat_domain::job::ParkCode;
use shopbeat_domain::limits;
use shopbeat_domain::mapping::Block;
use shopbeat_domain::order::Order;
use shopbeat_domain::person::{Email, Personal};
use shopbeat_domain::ports::{IdMap, Lease};
use shopbeat_domain::settings::WithoutEmail;
use shopbeat_domain::transfer::Step;

use super::{Stop, Transferring};

impl Transferring<'_> {
    /// The customer of the order.
    pub(super) async fn ensure_customer(&mut self, order: &Order) -> Result<CustomerNumber, Stop> {
        if let Some(customer) = self.journal.customer {
            return Ok(customer);
        }
        let customer = match &order.buyer.email {
            Some(email) => self.by_email(order, email).await?,
            None => self.without_email(order).await?,
        };
        self.journal.customer = Some(customer);
        self.note(Step::Customer).await?;
        Ok(customer)
    }

    async fn by_email(&mut self, order: &Order, email: &Email) -> Result<CustomerNumber, Stop> {
        let agreement = &self.context.store.agreement;
        let key = self.context.ports.blind.blind(agreement, email.reveal());
        let lock = format!("customer/{agreement}/{key}");
        // The owner is this very claim: another order of the same customer in this worker has to wait as well.
        let owner = format!("{}/{}/{}", self.context.store.id, self.claim.subject, self.claim.fence);
        let leases = &self.context.ports.state.leases;
        for _ in 0..limits::CUSTOMER_LOCK_TRIES {
            if let Some(known) = self.known_customer(&key).await? {
                return Ok(known);
            }
            if let Some(lease) = leases.take(&lock, &owner, self.context.ports.timing.lease).await? {
                let found = self.find_or_make(order, email, &key, &lease).await;
                leases.free(&lease).await?;
                return found;
            }
            self.context.ports.clock.sleep(limits::CUSTOMER_LOCK_POLL).await;
        }
        let kind = FailureKind::Busy { retry_after: None };
        Err(Failure::new(Remote::State, kind, "customer lock", "another order makes this customer").into())
    }

    async fn known_customer(&self, key: &str) -> Result<Option<CustomerNumber>, Stop> {
        let found = self.context.ports.state.ids.look_up(&self.customers(), &[key.to_owned()]).await?;
        Ok(found.into_iter().next().flatten().and_then(|text| text.parse().ok()))
    }

    /// Under the lock: the map once more, then Rackbeat, then a new customer.
    async fn find_or_make(
        &mut self,
        order: &Order,
        email: &Email,
        key: &str,
        lock: &Lease,
    ) -> Result<CustomerNumber, Stop> {
        if let Some(known) = self.known_customer(key).await? {
            return Ok(known);
        }
        let found = self.context.erp.customers(email).await?;
        let open = found.iter().find(|customer| !customer.barred);
        let number = match open {
            Some(customer) => customer.number,
            None if found.is_empty() => {
                self.still_locked(lock).await?;
                self.create_customer(order).await?
            }
            None => {
                let message = "every customer with the buyer's e-mail address is barred in Rackbeat";
                let culprit = found.first().map_or_else(String::new, |customer| customer.number.to_string());
                return Err(Block::new(ParkCode::CustomerRefused, culprit, message).into());
            }
        };
        if found.len() > 1 {
            self.journal.remark(format!(
                "{} customers have the buyer's e-mail address; the lowest that is not barred was used: {number}",
                found.len()
            ));
        }
        self.context.ports.state.ids.put(&self.customers(), &[(key.to_owned(), number.to_string())]).await?;
        Ok(number)
    }

    /// Looking through a large account takes many calls, and may outlast the lock: whoever has it now makes the
    /// customer.
    async fn still_locked(&self, lock: &Lease) -> Result<(), Stop> {
        if self.context.ports.state.leases.renew(lock, self.context.ports.timing.lease).await? {
            return Ok(());
        }
        let kind = FailureKind::Busy { retry_after: None };
        Err(Failure::new(
            Remote::State,
            kind,
            "customer lock",
            "it ran out while the customer was looked for",
        )
        .into())
    }

    async fn without_email(&mut self, order: &Order) -> Result<CustomerNumber, Stop> {
        if let Some(path) =
            order.redacted.iter().find(|path| path.contains("mail") || path.contains("ustomer"))
        {
            let message = "Shopify hides the customer's data from this app";
            return Err(Block::new(ParkCode::CustomerRedacted, path.as_str(), message).into());
        }
        let settings = &self.context.store.settings.customers;
        match (settings.without_email, settings.default_customer) {
            (WithoutEmail::UseDefault, Some(customer)) => Ok(customer),
            _ => self.create_customer(order).await,
        }
    }

    async fn create_customer(&mut self, order: &Order) -> Result<CustomerNumber, Stop> {
        let settings = &self.context.store.settings;
        let customer = NewCustomer {
            name: name(order),
            email: order.buyer.email.clone(),
            phone: order.buyer.phone.clone(),
            vat_number: order.buyer.vat_number.clone(),
            address: order.billing.clone().or_else(|| order.shipping.clone()),
            currency: order.currency,
            vat_zone: settings.customers.vat_zone,
            group: settings.customers.group,
            payment_terms: settings.customers.payment_terms,
            layout: settings.orders.layout,
            employee: settings.orders.employee,
        };
        self.still_ours().await?;
        match self.context.erp.create_customer(&customer).await {
            Ok(number) => Ok(number),
            Err(failure) if matches!(failure.kind, FailureKind::Refused(_)) => {
                let culprit =
                    failure.fields.first().map_or_else(|| failure.call.clone(), |(path, _)| path.clone());
                Err(Block::new(ParkCode::CustomerRefused, culprit, failure.words()).into())
            }
            Err(failure) => Err(failure.into()),
        }
    }

    /// The remembered customer is not there any more: forget it, so that the next try finds or makes one.
    pub(super) async fn forget_customer(&mut self, order: &Order) -> Result<(), Stop> {
        self.journal.customer = None;
        self.journal.steps.retain(|(step, _)| *step != Step::Customer);
        if let Some(email) = &order.buyer.email {
            let key = self.context.ports.blind.blind(&self.context.store.agreement, email.reveal());
            self.context.ports.state.ids.forget(&self.customers(), &key).await?;
        }
        self.save().await
    }

    fn customers(&self) -> IdMap {
        IdMap::Customer(self.context.store.agreement.clone())
    }
}

/// A name is never empty and never "null null": company, person, address, else the order's name.
fn name(order: &Order) -> Personal {
    let addresses = order.billing.iter().chain(order.shipping.iter());
    let candidates = [&order.buyer.company, &order.buyer.name]
        .into_iter()
        .chain(addresses.flat_map(|address| [&address.company, &address.name]));
    let mut named = candidates.filter(|name| !name.is_empty());
    named.next().cloned().unwrap_or_else(|| Personal::new(&format!("Shopify {}", order.head.name)))
}
