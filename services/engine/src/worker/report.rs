//! What a worker tells of itself: kept among the store's records, so that the service can tell how the store is doing.
//! Written only when it changed, and beside the work: nobody waits for it.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use shopbeat_domain::failure::{Failure, Remote};
use shopbeat_domain::job::Lane;
use shopbeat_domain::ports::{Answer, Family, Lease};
use shopbeat_domain::report::{LAST_ORDER, LastOrder, REPORT, RemoteHealth, WorkerReport};
use shopbeat_domain::store::{RECORD_VERSION, Store};
use shopbeat_domain::transfer::{Step, Transfer};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::{pause, tell};
use crate::ports::Ports;
use crate::retry;

/// Who met a remote's trouble. Each is in trouble, and out of it, by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Meets {
    /// A lane of jobs.
    Lane(Lane),
    /// The sweep of orders.
    Sweep,
    /// The check of the webhooks.
    Webhooks,
    /// The agreement's reader: of marked things.
    Reader,
    /// The agreement's reader: of everything, on timers.
    ReaderSweep,
    /// Somebody before who is not at it any more: a worker that ended, a lane of a store that was paused. Whether it
    /// is still so is asked for.
    Before(Remote),
}

/// A single call that failed says little; when the next one fails as well, it is told.
const TOLD_FROM: u32 = 2;

struct Book {
    report: WorkerReport,
    last_order: Option<LastOrder>,
    troubles: BTreeMap<Meets, (Remote, String)>,
    /// What is stored.
    written: BTreeMap<&'static str, String>,
}

/// Keeps the report of one worker's session.
pub(crate) struct Reporter {
    ports: Ports,
    store: Store,
    book: Mutex<Book>,
    changed: Notify,
}

impl Reporter {
    /// Begins with what the worker before told: a remote that was away is taken to be away until it answers.
    pub(super) async fn begin(ports: &Ports, store: &Store, lease: &Lease) -> Answer<Self> {
        let (family, now) = (Family::Status(store.id.clone()), ports.now());
        let keys = [REPORT.to_owned(), LAST_ORDER.to_owned()];
        let mut stored = ports.state.records.get(&family, &keys).await?.into_iter();
        let (report, last_order) = (stored.next().flatten(), stored.next().flatten());
        let before = report.as_deref().and_then(WorkerReport::read);
        let health = |of: fn(&WorkerReport) -> &RemoteHealth| {
            before.as_ref().map_or_else(|| RemoteHealth::fine(now), |before| of(before).clone())
        };
        let report = WorkerReport {
            version: RECORD_VERSION,
            worker: lease.owner.clone(),
            build: ports.about.build.to_owned(),
            since: now,
            shopify: health(|before| &before.shopify),
            rackbeat: health(|before| &before.rackbeat),
            webhooks_missing: before
                .as_ref()
                .map(|before| before.webhooks_missing.clone())
                .unwrap_or_default(),
            shopify_api: ports.about.shopify_api.to_owned(),
        };
        let away = [(Remote::Shopify, &report.shopify), (Remote::Rackbeat, &report.rackbeat)];
        let away = away.into_iter().filter(|(_, health)| !health.reachable);
        let troubles = away.map(|(remote, health)| (Meets::Before(remote), (remote, health.trouble.clone())));
        let book = Book {
            troubles: troubles.collect(),
            last_order: last_order.as_deref().and_then(LastOrder::read),
            written: last_order.map(|text| (LAST_ORDER, text)).into_iter().collect(),
            report,
        };
        Ok(Self {
            ports: ports.clone(),
            store: store.clone(),
            book: Mutex::new(book),
            changed: Notify::new(),
        })
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Somebody got through.
    pub(crate) fn fine(&self, meets: Meets) {
        if self.book().troubles.remove(&meets).is_some() {
            self.turn();
        }
    }

    /// A remote answered: whatever was told of it before is over.
    pub(crate) fn answered(&self, meets: Meets, remote: Remote) {
        self.fine(meets);
        self.fine(Meets::Before(remote));
    }

    /// Somebody met a failure, so often in a row.
    pub(crate) fn met(&self, meets: Meets, failure: &Failure, in_a_row: u32) {
        if failure.remote == Remote::State || in_a_row < TOLD_FROM {
            return;
        }
        let trouble = (failure.remote, failure.to_string());
        let before = self.book().troubles.insert(meets, trouble.clone());
        if before.as_ref() != Some(&trouble) {
            self.turn();
        }
    }

    /// The lanes do not work any more for now: nobody of them would notice that a remote is back.
    pub(super) fn lanes_rest(&self) {
        self.rest(|meets| matches!(meets, Meets::Lane(_)));
    }

    /// This worker reads for the agreement no more.
    pub(crate) fn reader_rests(&self) {
        self.rest(|meets| matches!(meets, Meets::Reader | Meets::ReaderSweep));
    }

    fn rest(&self, who: impl Fn(&Meets) -> bool) {
        let mut book = self.book();
        let resting: Vec<_> = book.troubles.extract_if(.., |meets, _| who(meets)).collect();
        for (_, (remote, trouble)) in &resting {
            book.troubles.insert(Meets::Before(*remote), (*remote, trouble.clone()));
        }
        drop(book);
        if !resting.is_empty() {
            self.changed.notify_one();
        }
    }

    /// Puts together how both remotes are doing.
    fn turn(&self) {
        let now = self.ports.now();
        let mut book = self.book();
        let Book { report, troubles, .. } = &mut *book;
        let of = |remote| {
            let mut texts = troubles.values().filter(|(whose, _)| *whose == remote);
            texts.next().map(|(_, text)| text.as_str())
        };
        report.shopify.turn(of(Remote::Shopify), now);
        report.rackbeat.turn(of(Remote::Rackbeat), now);
        drop(book);
        self.changed.notify_one();
    }

    /// The webhooks were checked.
    pub(crate) fn webhooks(&self, missing: Vec<String>) {
        let mut book = self.book();
        if book.report.webhooks_missing != missing {
            book.report.webhooks_missing = missing;
            drop(book);
            self.changed.notify_one();
        }
    }

    /// An order is over in Rackbeat; one that was before is no news.
    pub(super) fn order_over(&self, transfer: &Transfer) {
        let Some(at) = transfer.done_at(Step::Booked).or(transfer.done_at(Step::Draft)) else { return };
        let mut book = self.book();
        if book.last_order.as_ref().is_some_and(|last| last.at >= at) {
            return;
        }
        let name = match transfer.order_name.as_str() {
            "" => transfer.order.to_string(),
            name => name.to_owned(),
        };
        book.last_order = Some(LastOrder { version: RECORD_VERSION, order: transfer.order, name, at });
        drop(book);
        self.changed.notify_one();
    }

    /// Writes what changed, until `over`. While a remote is told to be away and nobody works with it, it is asked
    /// whether it still is.
    pub(super) async fn keep(&self, over: &CancellationToken) {
        let (mut failures, mut asked) = (0, 0);
        while !over.is_cancelled() {
            let backoff = |times| retry::backoff(times, self.ports.random.as_ref());
            if let Err(failure) = self.write().await {
                tell(&self.ports, &self.store, "the worker's report has to wait", &failure);
                pause(&self.ports, backoff(failures), over).await;
                failures += 1;
                continue;
            }
            failures = 0;
            let Some(remote) = self.to_ask() else {
                asked = 0;
                tokio::select! {
                    () = self.changed.notified() => {}
                    () = over.cancelled() => {}
                }
                continue;
            };
            tokio::select! {
                () = self.changed.notified() => {}
                () = pause(&self.ports, backoff(asked), over) => {
                    asked += 1;
                    self.ask(remote).await;
                }
            }
        }
    }

    fn to_ask(&self) -> Option<Remote> {
        self.book().troubles.keys().find_map(|meets| match meets {
            Meets::Before(remote) => Some(*remote),
            Meets::Lane(_) | Meets::Sweep | Meets::Webhooks | Meets::Reader | Meets::ReaderSweep => None,
        })
    }

    async fn ask(&self, remote: Remote) {
        let remotes = &self.ports.remotes;
        let answer = match remote {
            Remote::Shopify => match remotes.shop(&self.store).await {
                Ok(shop) => shop.identity().await.map(drop),
                Err(failure) => Err(failure),
            },
            Remote::Rackbeat => match remotes.erp(&self.store.agreement, Lane::BackFill).await {
                Ok(erp) => erp.account().await.map(drop),
                Err(failure) => Err(failure),
            },
            Remote::State => Ok(()),
        };
        match answer {
            Ok(()) => self.fine(Meets::Before(remote)),
            Err(failure) if failure.remote == remote => self.met(Meets::Before(remote), &failure, TOLD_FROM),
            Err(failure) => tell(&self.ports, &self.store, "a remote could not be asked", &failure),
        }
    }

    /// Writes what is not stored yet.
    ///
    /// # Errors
    /// When the state is away.
    pub(super) async fn write(&self) -> Answer<()> {
        let new: Vec<(&'static str, String)> = {
            let book = self.book();
            let order = book.last_order.as_ref().and_then(|order| serde_json::to_string(order).ok());
            let report = serde_json::to_string(&book.report).ok();
            let now = [(REPORT, report), (LAST_ORDER, order)];
            let now = now.into_iter().filter_map(|(key, text)| Some((key, text?)));
            now.filter(|(key, text)| book.written.get(key) != Some(text)).collect()
        };
        if new.is_empty() {
            return Ok(());
        }
        let rows: Vec<_> = new.iter().map(|(key, text)| ((*key).to_owned(), text.clone())).collect();
        self.ports.state.records.put(&Family::Status(self.store.id.clone()), &rows).await?;
        self.book().written.extend(new);
        Ok(())
    }
}
