//! Step hooks: every call of every fake and of the state passes here, is counted, and can go wrong.

use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use shopbeat_domain::failure::{Failure, FailureKind, Remote};
use shopbeat_domain::job::Lane;
use shopbeat_domain::ports::{Answer, Clock, Pace};
use tokio::sync::Notify;

/// How a call goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mishap {
    /// Nothing is done; too busy.
    Busy,
    /// Nothing is done; not sent.
    Unreachable,
    /// It is done, and the answer is lost.
    LostReply,
    /// Nothing is done, and that is not known: no answer.
    LostRequest,
    /// It is done, and the answer cannot be read.
    Garbled,
    /// The process dies before it is done.
    CrashBefore,
    /// The process dies right after it is done.
    CrashAfter,
}

impl Mishap {
    pub(crate) const ALL: [Self; 7] = [
        Self::Busy,
        Self::Unreachable,
        Self::LostReply,
        Self::LostRequest,
        Self::Garbled,
        Self::CrashBefore,
        Self::CrashAfter,
    ];
}

/// How calls of one name go wrong, until they are well again.
#[derive(Debug, Clone)]
pub(crate) enum Trouble {
    /// Nothing is done; they fail like this.
    Fails(FailureKind),
    /// They are done, after this long.
    Slow(Duration),
    /// They are done, and their answers are lost.
    Lost,
    /// The code behind them panics.
    Panics,
}

struct Rule {
    name: String,
    skip: usize,
    times: usize,
    trouble: Trouble,
}

#[derive(Default)]
struct Plan {
    calls: Vec<String>,
    at: Option<(usize, Mishap)>,
    down: Option<Remote>,
    rules: Vec<Rule>,
}

impl Plan {
    /// The trouble that the next call of this name meets.
    fn trouble(&mut self, name: &str) -> Option<Trouble> {
        let rule = self.rules.iter_mut().find(|rule| rule.name == name && rule.times > 0)?;
        if rule.skip > 0 {
            rule.skip -= 1;
            return None;
        }
        rule.times -= 1;
        Some(rule.trouble.clone())
    }
}

/// Rackbeat's budget and how long its answers take, where a test is about the time.
#[derive(Clone)]
struct Meter {
    pace: Arc<dyn Pace>,
    clock: Arc<dyn Clock>,
    latency: Duration,
}

impl Meter {
    /// As the client does it: a token of the budget, then the round trip. Setting stock is two calls.
    async fn pass(&self, name: &str, taken: &AtomicU64) {
        for _ in 0..if name == "erp.set_stock" { 2 } else { 1 } {
            while let Some(wait) = self.pace.take("account", Lane::BackFill, self.clock.now()).await.unwrap()
            {
                self.clock.sleep(wait).await;
            }
            taken.fetch_add(1, Ordering::Relaxed);
            self.clock.sleep(self.latency).await;
        }
    }
}

/// The hooks of one world.
#[derive(Clone, Default)]
pub(crate) struct Hooks {
    plan: Arc<Mutex<Plan>>,
    crashed: Arc<Notify>,
    meter: Arc<Mutex<Option<Meter>>>,
    taken: Arc<AtomicU64>,
}

impl Hooks {
    /// The call with this number (from 0) goes wrong, once.
    pub(crate) fn plan(&self, at: usize, mishap: Mishap) {
        self.plan.lock().unwrap().at = Some((at, mishap));
    }

    /// A remote is down (`None` = all are well).
    pub(crate) fn down(&self, remote: Option<Remote>) {
        self.plan.lock().unwrap().down = remote;
    }

    /// After `skip` good ones, the next `times` calls of this name meet trouble.
    pub(crate) fn trouble(&self, name: &str, skip: usize, times: usize, trouble: Trouble) {
        self.plan.lock().unwrap().rules.push(Rule { name: name.to_owned(), skip, times, trouble });
    }

    /// From now on calls to Rackbeat take from its budget in the back-fill lane, and this long.
    pub(crate) fn metered(&self, pace: Arc<dyn Pace>, clock: Arc<dyn Clock>, latency: Duration) {
        *self.meter.lock().unwrap() = Some(Meter { pace, clock, latency });
    }

    /// How many calls were taken from the budget.
    pub(crate) fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }

    /// The next `times` calls of this name are done, and their answers are lost.
    pub(crate) fn lose(&self, name: &str, times: usize) {
        self.trouble(name, 0, times, Trouble::Lost);
    }

    /// No trouble any more.
    pub(crate) fn well(&self) {
        self.plan.lock().unwrap().rules.clear();
    }

    /// How many calls of this name there were so far.
    pub(crate) fn count(&self, name: &str) -> usize {
        self.plan.lock().unwrap().calls.iter().filter(|call| *call == name).count()
    }

    /// The calls so far that change something in Rackbeat.
    pub(crate) fn writes(&self) -> Vec<String> {
        const READS: [&str; 16] = [
            "erp.account",
            "erp.find_orders",
            "erp.order",
            "erp.item",
            "erp.items",
            "erp.shipments",
            "erp.invoices",
            "erp.customers",
            "erp.product_groups",
            "erp.locations",
            "erp.stock_at",
            "erp.product",
            "erp.products",
            "erp.stock",
            "erp.stock_list",
            "erp.stock_report",
        ];
        let calls = self.calls().into_iter();
        calls.filter(|call| call.starts_with("erp.") && !READS.contains(&call.as_str())).collect()
    }

    /// The calls so far.
    pub(crate) fn calls(&self) -> Vec<String> {
        self.plan.lock().unwrap().calls.clone()
    }

    /// Comes back when a planned crash happened.
    pub(crate) async fn crashed(&self) {
        self.crashed.notified().await;
    }

    /// Makes a call through the hooks.
    pub(crate) async fn call<T>(
        &self,
        remote: Remote,
        name: &str,
        work: impl Future<Output = Answer<T>>,
    ) -> Answer<T> {
        let (mishap, trouble) = {
            let mut plan = self.plan.lock().unwrap();
            let number = plan.calls.len();
            plan.calls.push(name.to_owned());
            let mishap = if plan.down == Some(remote) {
                Some(Mishap::Unreachable)
            } else {
                plan.at.take_if(|(at, _)| *at == number).map(|(_, mishap)| mishap)
            };
            (mishap, plan.trouble(name))
        };
        let failure = |kind| Err(Failure::new(remote, kind, name, "planned"));
        let meter = self.meter.lock().unwrap().clone().filter(|_| remote == Remote::Rackbeat);
        if let Some(meter) = meter {
            meter.pass(name, &self.taken).await;
        } else if remote != Remote::State {
            // A round trip, so that what runs at once really overlaps.
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        match trouble {
            None => {}
            Some(Trouble::Fails(kind)) => return failure(kind),
            Some(Trouble::Slow(time)) => tokio::time::sleep(time).await,
            Some(Trouble::Lost) => {
                let _lost = work.await;
                return failure(FailureKind::Unanswered);
            }
            Some(Trouble::Panics) => panic!("planned in {name}"),
        }
        match mishap {
            None => work.await,
            Some(Mishap::Busy) => failure(FailureKind::Busy { retry_after: None }),
            Some(Mishap::Unreachable) => failure(FailureKind::Unreachable),
            Some(Mishap::LostRequest) => failure(FailureKind::Unanswered),
            Some(Mishap::LostReply) => {
                let _lost = work.await;
                failure(FailureKind::Unanswered)
            }
            Some(Mishap::Garbled) => {
                let _lost = work.await;
                failure(FailureKind::Garbled)
            }
            Some(Mishap::CrashBefore) => self.crash().await,
            Some(Mishap::CrashAfter) => {
                let _lost = work.await;
                self.crash().await
            }
        }
    }

    async fn crash<T>(&self) -> T {
        self.crashed.notify_one();
        std::future::pending().await
    }
}
