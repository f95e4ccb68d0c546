//! Customers by e-mail address. No document says how to look one up. If the account has more customers than one
//! page and `simple_filter[contact_email]` is seen to filter whatever the case, that is used; else all addresses
//! are kept in memory, brought up to date before each look-up and read anew every hour (addresses get edited).

use std::collections::HashMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use shopbeat_domain::erp::{ErpCustomer, NewCustomer};
use shopbeat_domain::failure::FailureKind;
use shopbeat_domain::ids::CustomerNumber;
use shopbeat_domain::person::Email;
use shopbeat_domain::ports::Answer;

use crate::RackbeatClient;
use crate::address::{Flat, country_refused, vat_zone};
use crate::pages::{Aged, LARGEST_PAGE, List};
use crate::quirks::{Proof, Way};
use crate::transport::Request;
use crate::wire::{Flag, Text, Whole, is_set};

/// The index is read anew after this.
const INDEX_AGE: Duration = Duration::from_secs(3600);
/// Rows read to bring the index up to date; more follow while they are new.
const REFRESH_ROWS: u32 = 50;

/// Every customer of the account by e-mail address. No `Debug`: it holds addresses.
#[derive(Default)]
pub(crate) struct EmailIndex {
    built_at: Option<Timestamp>,
    by_email: HashMap<Email, Vec<ErpCustomer>>,
    /// The highest number that was LISTED. One that we made ourselves does not count: others may have been made
    /// just before it.
    highest: u64,
}

impl EmailIndex {
    fn insert(&mut self, email: Email, customer: ErpCustomer) {
        let known = self.by_email.entry(email).or_default();
        match known.iter_mut().find(|other| other.number == customer.number) {
            Some(other) => *other = customer,
            None => known.push(customer),
        }
    }

    fn take(&mut self, rows: Vec<CustomerRow>) {
        for row in rows {
            self.highest = self.highest.max(row.number.0);
            if let Some(email) = row.email() {
                self.insert(email, row.customer());
            }
        }
    }

    fn is_fresh(&self, now: Timestamp) -> bool {
        self.built_at.is_some_and(|built| {
            let age = now.duration_since(built);
            age >= SignedDuration::ZERO && age.unsigned_abs() < INDEX_AGE
        })
    }

    fn look_up(&self, email: &Email) -> Vec<ErpCustomer> {
        sorted(self.by_email.get(email).cloned().unwrap_or_default())
    }
}

fn sorted(mut customers: Vec<ErpCustomer>) -> Vec<ErpCustomer> {
    customers.sort_by_key(|customer| customer.number);
    customers.dedup_by_key(|customer| customer.number);
    customers
}

#[derive(Clone, Deserialize)]
struct CustomerRow {
    number: Whole,
    #[serde(default)]
    contact_email: Option<Text>,
    #[serde(default)]
    is_barred: Option<Flag>,
}

impl CustomerRow {
    fn email(&self) -> Option<Email> {
        self.contact_email.as_ref().and_then(|text| Email::normalise(&text.0))
    }

    fn customer(&self) -> ErpCustomer {
        ErpCustomer { number: CustomerNumber(self.number.0), barred: is_set(self.is_barred) }
    }
}

impl Aged for CustomerRow {
    fn id(&self) -> u64 {
        self.number.0
    }

    fn age_rank(&self) -> Option<i64> {
        i64::try_from(self.number.0).ok()
    }
}

#[derive(Serialize)]
struct CustomerBody<'a> {
    /// Newer clients call it `name`, the documented create body `company_name`.
    name: &'a str,
    company_name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    contact_email: Option<&'a str>,
    #[serde(skip_serializing_if = "str::is_empty")]
    contact_phone: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    company_vat: &'a str,
    currency: String,
    vat_zone: &'static str,
    customer_group_id: u64,
    payment_terms_id: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    layout_id: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    employee_id: Option<u64>,
    #[serde(flatten)]
    address: Option<Flat<'a>>,
}

#[derive(Deserialize)]
struct Made {
    number: Whole,
}

fn newest_customers(limit: u32) -> List {
    List::new("GET /customers", "/customers", "customers")
        .query("fields", "number,contact_email,is_barred")
        .query("order_by", "number")
        .query("order_direction", "DESC")
        .limit(limit)
}

/// The address in the other case, to see whether a filter cares.
fn in_other_case(email: &str) -> String {
    let upper = email.to_uppercase();
    if upper == email { email.to_lowercase() } else { upper }
}

impl RackbeatClient {
    pub(crate) async fn customers_with(&self, email: &Email) -> Answer<Vec<ErpCustomer>> {
        let filter = &self.shared.quirks.email_filter;
        if filter.get() == Proof::Proven
            && let Some(found) = self.filtered(email.reveal()).await?
        {
            return Ok(found);
        }
        let mut index = self.shared.emails.lock().await;
        let now = self.shared.clock.now();
        if index.is_fresh(now) {
            let list = newest_customers(REFRESH_ROWS);
            let floor = i64::try_from(index.highest.saturating_add(1)).unwrap_or(i64::MAX);
            let newer = self.newest::<CustomerRow>(&list, Some(floor)).await?;
            index.take(newer);
            return Ok(index.look_up(email));
        }
        let list = newest_customers(LARGEST_PAGE);
        let first = self.page::<CustomerRow>(&list, 1).await?;
        let rows = if first.pages <= 1 {
            first.rows
        } else if self.prove_filter(&first.rows).await? == Proof::Proven {
            // Kept free for others while the filter is asked.
            drop(index);
            return match self.filtered(email.reveal()).await? {
                Some(found) => Ok(found),
                None => Box::pin(self.customers_with(email)).await,
            };
        } else {
            self.newest::<CustomerRow>(&list, None).await?
        };
        *index = EmailIndex { built_at: Some(now), ..EmailIndex::default() };
        index.take(rows);
        Ok(index.look_up(email))
    }

    /// Whether the filter finds a customer that is known to be there, written in the other case, and nothing else.
    async fn prove_filter(&self, known: &[CustomerRow]) -> Answer<Proof> {
        let filter = &self.shared.quirks.email_filter;
        if filter.get() != Proof::Unknown {
            return Ok(filter.get());
        }
        let candidate = known.iter().find_map(|row| Some((row.customer(), row.contact_email.as_ref()?)));
        let Some((customer, text)) = candidate.filter(|(_, text)| Email::normalise(&text.0).is_some()) else {
            return Ok(Proof::Unknown);
        };
        let found = self.filtered(&in_other_case(text.0.trim())).await?;
        let works = found.is_some_and(|found| found.iter().any(|other| other.number == customer.number));
        Ok(filter.set(works))
    }

    /// Customers by the filter; `None`, for good, if it is refused or does not filter.
    async fn filtered(&self, email: &str) -> Answer<Option<Vec<ErpCustomer>>> {
        let wanted = Email::normalise(email);
        let list = newest_customers(LARGEST_PAGE).query("simple_filter[contact_email]", email);
        let listing = match self.page::<CustomerRow>(&list, 1).await {
            Err(refused) if matches!(refused.kind, FailureKind::Refused(_) | FailureKind::Missing) => {
                self.shared.quirks.email_filter.set(false);
                return Ok(None);
            }
            answer => answer?,
        };
        let foreign = listing.rows.iter().any(|row| row.email() != wanted);
        if foreign || listing.pages > 1 {
            self.shared.quirks.email_filter.set(false);
            return Ok(None);
        }
        Ok(Some(sorted(listing.rows.iter().map(CustomerRow::customer).collect())))
    }

    /// Country names first; if Rackbeat refuses a country, codes: a refused create has made nothing.
    pub(crate) async fn post_customer(&self, customer: &NewCustomer) -> Answer<CustomerNumber> {
        let country = &self.shared.quirks.country;
        let way = country.first();
        let number = match self.post_customer_in(customer, way).await {
            Err(refused) if country.known().is_none() && country_refused(&refused) => {
                match self.post_customer_in(customer, way.other()).await {
                    Err(again) if country_refused(&again) => return Err(refused),
                    answer => {
                        country.learn(way.other());
                        answer?
                    }
                }
            }
            answer => answer?,
        };
        if let Some(email) = &customer.email {
            let mut index = self.shared.emails.lock().await;
            index.insert(email.clone(), ErpCustomer { number, barred: false });
        }
        Ok(number)
    }

    async fn post_customer_in(&self, customer: &NewCustomer, way: Way) -> Answer<CustomerNumber> {
        let body = CustomerBody {
            name: customer.name.reveal(),
            company_name: customer.name.reveal(),
            contact_email: customer.email.as_ref().map(Email::reveal),
            contact_phone: customer.phone.reveal(),
            company_vat: customer.vat_number.reveal(),
            currency: customer.currency.to_string(),
            vat_zone: vat_zone(customer.vat_zone),
            customer_group_id: customer.group,
            payment_terms_id: customer.payment_terms,
            layout_id: customer.layout,
            employee_id: customer.employee,
            address: customer.address.as_ref().map(|address| Flat::new("address_", address, way)),
        };
        let request = Request::post("POST /customers", "/customers").json(&body)?;
        let made: Made = self.send(request).await?.one("customer")?;
        Ok(CustomerNumber(made.number.0))
    }
}

#[cfg(test)]
#[path = "customers_tests.rs"]
mod tests;
