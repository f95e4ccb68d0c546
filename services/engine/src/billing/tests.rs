use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use rust_decimal::Decimal;
use secrecy::{ExposeSecret, SecretString};
use shopbeat_domain::billing::BillingEvent::{Connected, Disconnected, Paused, Resumed, Uninstalled};
use shopbeat_domain::billing::{BillingEntry, BillingEvent, Flaw, Month, Terms};
use shopbeat_domain::ids::{AgreementId, ShopDomain, StoreId};
use shopbeat_domain::ports::{Answer, BillingJournal, Blind, SecretOwner, State};
use shopbeat_domain::store::{Desired, Hold, Store};
use shopbeat_state::Sealing;

use super::{bill, csv, reconcile};
use crate::connect::Connector;
use crate::ports::Ports;
use crate::problem::Problem;
use crate::testing::{World, WorldBuilder};

/// The real keyed hash: the world's stand-in only tells lengths apart.
struct Keyed(Sealing);

impl Blind for Keyed {
    fn blind(&self, agreement: &AgreementId, text: &str) -> String {
        self.0.keyed_hash(agreement, text)
    }
}

type Step = fn(&mut Store, Timestamp);
type Change = Box<dyn FnMut(&mut Vec<BillingEntry>) + Send>;
type Before = Box<dyn FnMut() -> futures::future::BoxFuture<'static, ()> + Send>;

/// A journal between whose lines somebody writes.
struct Meddled {
    inner: Arc<dyn BillingJournal>,
    /// Changes what is read.
    change: Mutex<Option<Change>>,
    /// Comes first before one append.
    before: Mutex<Option<Before>>,
}

#[async_trait]
impl BillingJournal for Meddled {
    async fn entries(&self, agreement: &AgreementId) -> Answer<Vec<BillingEntry>> {
        let mut entries = self.inner.entries(agreement).await?;
        if let Some(change) = self.change.lock().unwrap().as_mut() {
            change(&mut entries);
        }
        Ok(entries)
    }
    async fn append(&self, agreement: &AgreementId, entry: &BillingEntry) -> Answer<()> {
        let before = self.before.lock().unwrap().take();
        if let Some(mut before) = before {
            before().await;
        }
        self.inner.append(agreement, entry).await
    }
}

struct Books {
    world: World,
    ports: Ports,
    journal: Arc<Meddled>,
}

/// An agreement with one store, `acme`, connected on February 15th 2026 at midnight UTC.
async fn books() -> Books {
    let world = WorldBuilder::default().unconnected().await;
    let journal = Arc::new(Meddled {
        inner: world.raw.billing.clone(),
        change: Mutex::default(),
        before: Mutex::default(),
    });
    let ports = Ports {
        state: State { billing: journal.clone(), ..world.raw.clone() },
        blind: Arc::new(Keyed(Sealing::generate().unwrap())),
        ..world.ports.clone()
    };
    let books = Books { world, ports, journal };
    books.connect().await;
    books
}

fn nordlys() -> AgreementId {
    AgreementId::parse("nordlys").unwrap()
}

impl Books {
    fn connector(&self) -> Connector {
        Connector::new(self.ports.clone(), None)
    }

    async fn connect(&self) {
        let request = self.world.request(WorldBuilder::default().settings);
        self.connector().connect(request).await.unwrap();
    }

    async fn record(&self, handle: &str) -> Store {
        self.world.raw.registry.store(&StoreId::parse(handle).unwrap()).await.unwrap().unwrap()
    }

    /// Changes a store's record, as its use cases do.
    async fn change(&self, handle: &str, change: impl FnOnce(&mut Store)) {
        let mut record = self.record(handle).await;
        change(&mut record);
        self.world.raw.registry.put_store(&record).await.unwrap();
    }

    /// One more store, as connecting it would leave it.
    async fn open(&self, handle: &str) {
        let shop = ShopDomain::parse(&format!("{handle}.myshopify.com")).unwrap();
        let connected_at = self.ports.now();
        let like = self.record("acme").await;
        let store = Store { revision: 0, id: StoreId::of(&shop), shop, connected_at, ..like };
        self.world.raw.registry.put_store(&store).await.unwrap();
    }

    async fn reconcile(&self, handle: &str) {
        reconcile(&self.ports, &StoreId::parse(handle).unwrap()).await.unwrap();
    }

    async fn told(&self) -> Vec<(String, BillingEvent)> {
        let entries = self.ports.state.billing.entries(&nordlys()).await.unwrap();
        entries.into_iter().map(|entry| (entry.store.to_string(), entry.event)).collect()
    }

    async fn bill(&self, month: &str) -> Result<shopbeat_domain::billing::Bill, Problem> {
        bill(&self.ports, &nordlys(), month.parse().unwrap(), &Terms::default()).await
    }

    async fn flaw(&self, change: impl FnMut(&mut Vec<BillingEntry>) + Send + 'static) -> Option<Flaw> {
        *self.journal.change.lock().unwrap() = Some(Box::new(change));
        let flaw = self.bill("2026-02").await.unwrap().flaw;
        *self.journal.change.lock().unwrap() = None;
        flaw
    }
}

fn of(handle: &str, events: &[BillingEvent]) -> Vec<(String, BillingEvent)> {
    events.iter().map(|event| (handle.to_owned(), *event)).collect()
}

async fn days(count: u64) {
    tokio::time::advance(Duration::from_secs(count * 24 * 3600)).await;
}

#[tokio::test(start_paused = true)]
async fn the_journal_follows_the_record_and_says_each_thing_once() {
    let books = books().await;
    let now = books.ports.now();
    let mut so_far = Vec::new();
    let steps: [(Step, &[BillingEvent]); 6] = [
        (|_, _| {}, &[Connected]),
        (|store, _| store.desired = Desired::Paused, &[Paused]),
        (|store, _| store.desired = Desired::Running, &[Resumed]),
        (|store, _| store.hold = Some(Hold::Uninstalled), &[Uninstalled]),
        (|store, now| store.disconnected_at = Some(now), &[Disconnected]),
        (
            |store, _| {
                (store.hold, store.disconnected_at, store.desired) = (None, None, Desired::Stopped);
            },
            &[Connected, Paused],
        ),
    ];
    for (change, events) in steps {
        books.change("acme", |store| change(store, now)).await;
        books.reconcile("acme").await;
        books.reconcile("acme").await;
        so_far.extend_from_slice(events);
        assert_eq!(books.told().await, of("acme", &so_far));
    }
    reconcile(&books.ports, &StoreId::parse("unknown").unwrap()).await.unwrap();
    assert_eq!(books.told().await.len(), so_far.len());
    let bill = books.bill("2026-02").await.unwrap();
    assert_eq!((bill.flaw, bill.head.map(|head| head.entries)), (None, Some(7)));
}

#[tokio::test(start_paused = true)]
async fn what_is_asked_for_a_store_is_in_the_journal_when_it_is_answered() {
    let books = books().await;
    let (connector, id) = (books.connector(), books.world.id.clone());
    connector.pause(&id).await.unwrap();
    connector.resume(&id).await.unwrap();
    connector.disconnect(&id).await.unwrap();
    books.connect().await;
    let mut so_far = vec![Connected, Paused, Resumed, Disconnected, Connected];
    assert_eq!(books.told().await, of("acme", &so_far));
    // An end that was cut off before the journal heard of it is told before the next connect covers it up.
    let end = books.ports.now();
    books.change("acme", |store| store.disconnected_at = Some(end)).await;
    books.connect().await;
    so_far.extend([Disconnected, Connected]);
    assert_eq!(books.told().await, of("acme", &so_far));
}

#[tokio::test(start_paused = true)]
async fn many_that_write_at_once_leave_one_whole_journal() {
    let books = books().await;
    let handles: Vec<String> = (0..20).map(|number| format!("shop-{number:02}")).collect();
    for handle in &handles {
        books.open(handle).await;
    }
    // Each twice, as the API and a worker would.
    let both = handles.iter().chain(&handles);
    futures::future::join_all(both.map(|handle| books.reconcile(handle))).await;
    let told = books.told().await;
    for handle in &handles {
        assert_eq!(told.iter().filter(|(store, _)| store == handle).count(), 1, "{handle}");
    }
    assert_eq!(books.bill("2026-02").await.unwrap().flaw, None);
}

#[tokio::test(start_paused = true)]
async fn an_entry_that_another_wrote_first_is_not_written_twice() {
    let books = books().await;
    let (rival, id) =
        (Ports { state: books.world.raw.clone(), ..books.ports.clone() }, books.world.id.clone());
    books.change("acme", |store| store.desired = Desired::Paused).await;
    *books.journal.before.lock().unwrap() = Some(Box::new(move || {
        let (rival, id) = (rival.clone(), id.clone());
        Box::pin(async move { reconcile(&rival, &id).await.unwrap() })
    }));
    books.reconcile("acme").await;
    assert_eq!(books.told().await, of("acme", &[Connected, Paused]));
    assert_eq!(books.bill("2026-02").await.unwrap().flaw, None);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_ends_while_its_return_is_being_written_ends_in_the_journal_too() {
    let books = books().await;
    books.reconcile("acme").await;
    let end = books.ports.now();
    books.change("acme", |store| store.disconnected_at = Some(end)).await;
    books.reconcile("acme").await;
    books.change("acme", |store| store.disconnected_at = None).await;
    // The record says connected when it is read, and no more when that is written down.
    let registry = books.world.raw.registry.clone();
    let ended = Store { disconnected_at: Some(end), ..books.record("acme").await };
    *books.journal.before.lock().unwrap() = Some(Box::new(move || {
        let (registry, ended) = (registry.clone(), ended.clone());
        Box::pin(async move { drop(registry.put_store(&ended).await.unwrap()) })
    }));
    books.reconcile("acme").await;
    assert_eq!(books.told().await, of("acme", &[Connected, Disconnected, Connected, Disconnected]));
}

#[tokio::test(start_paused = true)]
async fn a_bill_takes_in_what_a_crash_left_out_of_the_journal() {
    let books = books().await;
    books.open("bergen").await;
    days(3).await;
    let end = books.ports.now();
    books.change("bergen", |store| store.disconnected_at = Some(end)).await;
    days(20).await;
    let bill = books.bill("2026-02").await.unwrap();
    let lines: Vec<_> = bill.lines.iter().map(|line| (line.store.as_str(), line.days, line.amount)).collect();
    // Until the day of its end, the 18th: 4 of 28 days of 100 DKK.
    assert_eq!(lines, [("acme", 14, Decimal::ZERO), ("bergen", 4, Decimal::new(1429, 2))]);
    assert_eq!((bill.total, bill.closed, bill.flaw), (Decimal::new(1429, 2), true, None));
}

#[tokio::test(start_paused = true)]
async fn a_month_under_way_is_told_so_far_and_one_to_come_is_refused() {
    let books = books().await;
    let bill = books.bill("2026-02").await.unwrap();
    assert_eq!((bill.closed, bill.until, bill.lines[0].days), (false, books.ports.now(), 1));
    match books.bill("2026-03").await {
        Err(Problem::BadInput(violations)) => assert_eq!(violations[0].field, "month"),
        other => panic!("{other:?}"),
    }
    let (unknown, month) = (AgreementId::parse("unknown").unwrap(), Month::of(books.ports.now()));
    let answer = super::bill(&books.ports, &unknown, month, &Terms::default()).await;
    assert!(matches!(answer, Err(Problem::Unknown { what: "agreement", .. })), "{answer:?}");
}

#[tokio::test(start_paused = true)]
async fn whoever_changes_the_journal_is_found_out() {
    let books = books().await;
    for handle in ["bergen", "oslo", "voss"] {
        books.open(handle).await;
        books.reconcile(handle).await;
    }
    assert_eq!(books.flaw(|_| {}).await, None);
    let earlier = books.ports.now() - Duration::from_secs(3600);
    let place = |entries: &[BillingEntry], handle: &str| {
        entries.iter().position(|entry| entry.store.as_str() == handle).unwrap()
    };
    let number = |at: usize| u64::try_from(at + 1).unwrap();
    let entries = books.ports.state.billing.entries(&nordlys()).await.unwrap();
    let (oslo, voss) = (place(&entries, "oslo"), place(&entries, "voss"));

    let changed = books.flaw(move |entries| entries[oslo].at = earlier).await;
    assert_eq!(changed, Some(Flaw::Seal { number: number(oslo) }));
    let swapped = books.flaw(move |entries| entries.swap(oslo, voss)).await;
    assert_eq!(swapped, Some(Flaw::Number { due: number(oslo), found: number(voss) }));
    let inserted = books
        .flaw(move |entries| {
            let mut more = entries[oslo].clone();
            (more.number, more.event) = (number(entries.len()), Disconnected);
            entries.push(more);
        })
        .await;
    assert_eq!(inserted, Some(Flaw::Seal { number: number(entries.len()) }));
}

#[tokio::test(start_paused = true)]
async fn a_journal_whose_end_was_cut_off_is_found_out_by_the_head_that_was_kept() {
    let books = books().await;
    books.reconcile("acme").await;
    books.change("acme", |store| store.desired = Desired::Paused).await;
    books.reconcile("acme").await;
    assert_eq!(books.flaw(|_| {}).await, None);
    let cut = books.flaw(|entries| entries.truncate(1)).await;
    assert_eq!(cut, Some(Flaw::CutOff { known: 2, found: 1 }));
    assert_eq!(books.flaw(Vec::clear).await, Some(Flaw::CutOff { known: 2, found: 0 }));
}

#[tokio::test(start_paused = true)]
async fn a_spoilt_journal_keeps_nobody_from_changing_a_store_and_its_witness_stays() {
    let books = books().await;
    books.reconcile("acme").await;
    books.open("bergen").await;
    books.reconcile("bergen").await;
    *books.journal.change.lock().unwrap() = Some(Box::new(|entries| entries.truncate(1)));
    books.change("acme", |store| store.desired = Desired::Paused).await;
    books.reconcile("acme").await;
    *books.journal.change.lock().unwrap() = None;
    books.reconcile("acme").await;
    let told: Vec<_> = books.told().await.into_iter().map(|(_, event)| event).collect();
    assert_eq!(told, [Connected, Connected, Paused], "what could not be told then is told now");
    assert_eq!(books.flaw(|entries| entries.truncate(2)).await, Some(Flaw::CutOff { known: 3, found: 2 }));
}

#[tokio::test(start_paused = true)]
async fn a_head_that_cannot_be_read_is_told_and_not_written_over() {
    let books = books().await;
    books.reconcile("acme").await;
    let owner = SecretOwner::Agreement(nordlys());
    let registry = &books.world.raw.registry;
    registry.put_secret(&owner, super::journal::HEAD, &SecretString::from("no head")).await.unwrap();
    books.change("acme", |store| store.desired = Desired::Paused).await;
    books.reconcile("acme").await;
    assert_eq!(books.bill("2026-02").await.unwrap().flaw, Some(Flaw::Head));
    let kept = registry.secret(&owner, super::journal::HEAD).await.unwrap().unwrap();
    assert_eq!(kept.expose_secret(), "no head");
}

#[tokio::test(start_paused = true)]
async fn a_bill_is_written_as_csv_with_a_line_for_each_store() {
    let books = books().await;
    let since = books.ports.now();
    books.reconcile("acme").await;
    books.open("bergen").await;
    days(1).await;
    books.change("bergen", |store| store.desired = Desired::Paused).await;
    books.reconcile("bergen").await;
    days(20).await;
    let text = csv(&books.bill("2026-02").await.unwrap());
    let begin = "nordlys,2026-02,2026-02-28T23:00:00Z";
    let paused = since + Duration::from_secs(24 * 3600);
    assert_eq!(
        text,
        format!(
            "agreement,month,until,store,shop,connected_at,days,days_paused,days_free,days_billed,amount,currency,\
             place_paid,ended_at,events\n\
             {begin},acme,acme.myshopify.com,{since},14,0,14,0,0.00,DKK,false,,{since} connected\n\
             {begin},bergen,bergen.myshopify.com,{since},14,13,0,14,50.00,DKK,false,,\
             {since} connected; {paused} paused\n"
        )
    );
}
