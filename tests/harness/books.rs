//! What must hold at the end of every test: no order doubled, totals equal, the ledger adds up, nothing left behind.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use rust_decimal::Decimal;
use shopbeat_domain::ids::{OrderId, Reference, ShopDomain, StoreId};
use shopbeat_proto::v1;
use shopbeat_sandbox::rackbeat::OrderRow;
use shopbeat_sandbox::shopify::OrderTruth;

use crate::wait::until;
use crate::world::{World, domain};

/// What must become of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expect {
    /// In Rackbeat, once, with an equal total.
    Transferred,
    /// Parked under this code, and not booked.
    Parked(&'static str),
    /// Either.
    TransferredOrParked(&'static str),
    /// Left alone by this rule.
    Ignored(&'static str),
    /// Its trigger is not reached.
    Pending,
    /// Transferred, then removed by a person.
    Removed,
}

/// The sums of a store's ledger.
pub type Ledger = v1::LedgerCounts;

/// So far may the VAT of the two sides differ: a residue of rounding has none (`orders.rounding_tolerance`).
const VAT_TOLERANCE: Decimal = Decimal::from_parts(5, 0, 0, false, 2);

/// What the log of no process may hold.
const NEVER_LOGGED: [&str; 4] = ["panicked at", "@example.test", "shpss_", "sandbox-rackbeat-token"];

impl World {
    /// Waits until all of a store's orders are decided.
    ///
    /// # Panics
    /// When they are not in time.
    pub async fn settled(&mut self, handle: &str, within: Duration) -> Ledger {
        let orders = self.shopify().orders(&domain(handle)).expect("the shop is there");
        let orders = u64::try_from(orders.len()).unwrap_or(u64::MAX);
        let of_store = self.expected.iter().filter(|((store, _), _)| store == handle);
        let waiting = of_store.filter(|(_, what)| **what == Expect::Pending).count();
        let waiting = u64::try_from(waiting).unwrap_or(u64::MAX);
        let mut api = self.api.clone();
        until(&format!("the orders of {handle} are decided"), within, async || {
            let request =
                v1::GetStoreRequest { store_id: handle.to_owned(), ..v1::GetStoreRequest::default() };
            let store =
                api.get_store(request).await.map_err(|status| status.message().to_owned())?.into_inner();
            let ledger = store.ledger.and_then(|ledger| ledger.total).ok_or("no ledger")?;
            let jobs = store.jobs.ok_or("no queue")?;
            let at_rest = jobs.ready == 0 && jobs.claimed == 0;
            if at_rest && ledger.seen == orders && ledger.pending == waiting {
                return Ok(ledger);
            }
            Err(format!(
                "{jobs:?}, {ledger:?}; {orders} orders, {waiting} of them pending; worker {:?}",
                store.worker
            ))
        })
        .await
    }

    /// Holds what must hold of a store now.
    ///
    /// # Panics
    /// With all that does not.
    pub async fn check(&mut self, handle: &str) {
        let wrong = self.problems(handle).await;
        assert!(wrong.is_empty(), "{handle}:\n{wrong}");
    }

    /// What must hold of a store and does not, a line each.
    ///
    /// # Panics
    /// When the service does not tell.
    pub async fn problems(&mut self, handle: &str) -> String {
        let ledger = self.store(handle).await.ledger.and_then(|ledger| ledger.total).expect("a ledger");
        let orders = self.shopify().orders(&domain(handle)).expect("the shop is there");
        let mut wrong = String::new();
        let mut counts = Ledger::default();
        let living = self.living(handle, &mut wrong);
        for truth in &orders {
            let id = truth.order.id;
            let expected =
                self.expected.get(&(handle.to_owned(), id)).cloned().unwrap_or(Expect::Transferred);
            match self.transfer(handle, id).await {
                Ok(transfer) => {
                    count(&mut counts, &transfer);
                    let rows = living.get(&id).map_or(&[][..], Vec::as_slice);
                    if let Err(problem) = judge(&expected, truth, &transfer, rows) {
                        let _written = writeln!(wrong, "{} ({id}): {problem}", truth.order.name());
                    }
                }
                Err(status) => {
                    let _written = writeln!(wrong, "{} ({id}): {}", truth.order.name(), status.message());
                }
            }
        }
        let told =
            (ledger.seen, ledger.transferred, ledger.parked, ledger.pending, ledger.removed_in_rackbeat);
        let seen = u64::try_from(orders.len()).unwrap_or(u64::MAX);
        let are = (seen, counts.transferred, counts.parked, counts.pending, counts.removed_in_rackbeat);
        if told != are || !ledger.adds_up {
            let _written = writeln!(wrong, "the ledger says {ledger:?}, the orders say {are:?}");
        }
        wrong
    }

    /// The living orders in Rackbeat that bear a reference of the store, by Shopify's order.
    fn living(&self, handle: &str, wrong: &mut String) -> BTreeMap<u64, Vec<OrderRow>> {
        let store = StoreId::of(&ShopDomain::parse(&domain(handle)).expect("a domain"));
        let mut living: BTreeMap<u64, Vec<OrderRow>> = BTreeMap::new();
        for account in self.rackbeat().account_ids() {
            let rows = self.rackbeat().orders(account).into_iter();
            for row in rows.filter(|row| !row.cancelled && !row.heading.starts_with("DUPLICATE")) {
                let mark = format!("{handle}/");
                let words = row.heading.split(|c: char| c.is_whitespace() || c == ',' || c == ';');
                let id = words.filter_map(|word| word.strip_prefix(&mark)?.parse::<u64>().ok()).next();
                match id {
                    Some(id) if Reference::new(&store, OrderId(id)).is_in(&row.heading) => {
                        living.entry(id).or_default().push(row);
                    }
                    _ if !self.connected.iter().any(|other| row.heading.contains(&format!("{other}/"))) => {
                        let _written = writeln!(
                            wrong,
                            "order {} in Rackbeat bears no reference: {}",
                            row.number, row.heading
                        );
                    }
                    _ => {}
                }
            }
        }
        living
    }

    /// Waits until every store's orders are decided, holds what must hold, ends all processes and looks at what they
    /// leave behind.
    ///
    /// # Panics
    /// With all that does not hold.
    pub async fn finish(mut self, within: Duration) {
        for handle in self.connected.clone() {
            self.settled(&handle, within).await;
            self.check(&handle).await;
        }
        let mut wrong = String::new();
        for (store, worker) in &mut self.workers {
            let status = worker.terminate().await;
            if !status.success() {
                let _written = writeln!(wrong, "the worker of {store} ended with {status}");
            }
        }
        let status = self.process.terminate().await;
        if !status.success() {
            let _written = writeln!(wrong, "the service ended with {status}");
        }
        if let Some(redis) = &self.redis {
            let leases = redis.keys("*{worker/*}:lease");
            if !leases.is_empty() {
                let _written = writeln!(wrong, "leases are stranded: {leases:?}");
            }
        }
        self.customers_are_single(&mut wrong);
        self.read_logs(&mut wrong);
        assert!(wrong.is_empty(), "{wrong}");
        self.finished = true;
    }

    /// Nobody is a customer twice.
    fn customers_are_single(&self, wrong: &mut String) {
        for account in self.rackbeat().account_ids() {
            let mut seen = BTreeMap::new();
            for customer in self.rackbeat().customers(account) {
                let Some(email) = customer.email.map(|email| email.to_lowercase()) else { continue };
                if let Some(other) = seen.insert(email, customer.number) {
                    let _written =
                        writeln!(wrong, "customers {other} and {} are one person", customer.number);
                }
            }
        }
    }

    /// Of every process there was, those killed on the way among them.
    fn read_logs(&self, wrong: &mut String) {
        let entries = std::fs::read_dir(&self.service.dir).expect("the directory is there");
        for path in entries.filter_map(Result::ok).map(|entry| entry.path()) {
            if path.extension().is_none_or(|extension| extension != "log") {
                continue;
            }
            let text = std::fs::read(&path).unwrap_or_default();
            let text = String::from_utf8_lossy(&text);
            for line in text.lines().filter(|line| NEVER_LOGGED.iter().any(|never| line.contains(never))) {
                let _written = writeln!(wrong, "in {}: {line}", path.display());
            }
        }
    }
}

fn count(counts: &mut Ledger, transfer: &v1::Transfer) {
    match transfer.state() {
        v1::OrderState::Transferred => counts.transferred += 1,
        v1::OrderState::Parked => counts.parked += 1,
        v1::OrderState::Pending => counts.pending += 1,
        v1::OrderState::RemovedInRackbeat => counts.removed_in_rackbeat += 1,
        v1::OrderState::Ignored | v1::OrderState::Unspecified => {}
    }
}

fn judge(
    expected: &Expect,
    truth: &OrderTruth,
    transfer: &v1::Transfer,
    rows: &[OrderRow],
) -> Result<(), String> {
    if rows.len() > 1 {
        let numbers: Vec<i64> = rows.iter().map(|row| row.number).collect();
        return Err(format!("it stands in Rackbeat {} times: {numbers:?}", rows.len()));
    }
    let code = transfer.park.as_ref().map_or("", |park| park.code.as_str());
    let is_as_expected = match (expected, transfer.state()) {
        (Expect::Transferred | Expect::TransferredOrParked(_), v1::OrderState::Transferred)
        | (Expect::Pending, v1::OrderState::Pending)
        | (Expect::Removed, v1::OrderState::RemovedInRackbeat) => true,
        (Expect::Parked(wanted) | Expect::TransferredOrParked(wanted), v1::OrderState::Parked) => {
            code == *wanted
        }
        (Expect::Ignored(rule), v1::OrderState::Ignored) => transfer.ignored_by == *rule,
        _ => false,
    };
    if !is_as_expected {
        let why =
            transfer.park.as_ref().map(|park| format!("{}: {} ({})", park.code, park.message, park.culprit));
        let state = transfer.state();
        return Err(format!("expected {expected:?}, it is {state:?} {} {why:?}", transfer.ignored_by));
    }
    match (transfer.state(), rows) {
        (v1::OrderState::Transferred, [row]) => equal(truth, transfer, row),
        (v1::OrderState::Transferred, _) => {
            Err("it is called transferred and does not stand in Rackbeat".to_owned())
        }
        // A draft may be left for a person to correct.
        (v1::OrderState::Parked, [row]) if !row.booked => Ok(()),
        (_, []) => Ok(()),
        (_, rows) => Err(format!("it stands in Rackbeat, and should not: {rows:?}")),
    }
}

fn equal(truth: &OrderTruth, transfer: &v1::Transfer, row: &OrderRow) -> Result<(), String> {
    let number = u64::try_from(row.number).ok();
    if transfer.rackbeat_order_number != number {
        return Err(format!("the journal says {:?}, it is {}", transfer.rackbeat_order_number, row.number));
    }
    let (total, vat) = (truth.placed.total.shop, truth.placed.tax.shop);
    if row.totals.total != total || (row.totals.vat - vat).abs() > VAT_TOLERANCE {
        return Err(format!("Shopify says {total}, VAT {vat}; Rackbeat says {:?}", row.totals));
    }
    if transfer.target() != v1::Target::Draft && !row.booked {
        return Err("it is not booked".to_owned());
    }
    if !transfer.proof.as_ref().is_some_and(|proof| proof.totals_equal) {
        return Err("its proof does not say that the totals are equal".to_owned());
    }
    Ok(())
}
