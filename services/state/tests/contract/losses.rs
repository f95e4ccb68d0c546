//! What holds when a process, a file or a server goes away, or a record is spoilt.

use std::time::{Duration, Instant};

use secrecy::{ExposeSecret, SecretString};
use shopbeat_domain::billing::{BillingEntry, BillingEvent};
use shopbeat_domain::failure::FailureKind;
use shopbeat_domain::ids::{AgreementId, ItemNumber, OrderId, ShopDomain};
use shopbeat_domain::job::{JobCounts, Lane, Outcome, ParkCode, Settled, Subject};
use shopbeat_domain::ports::{Answer, Heap, SecretOwner, Topic};
use shopbeat_domain::store::RECORD_VERSION;
use shopbeat_state::{MasterKey, Sealing};

use crate::bench::{Bench, done, journal, kind, order, store};
use crate::server::{DEADLINE, Server};

fn owner(name: &str) -> SecretOwner {
    SecretOwner::Agreement(AgreementId::parse(name).unwrap())
}

fn key(letter: char) -> MasterKey {
    // 43 letters and a `=` are 32 bytes.
    MasterKey::parse(&format!("{}A=", letter.to_string().repeat(42))).unwrap()
}

/// Fills a state, opens it again, and finds all of it.
async fn survives(bench: Bench) {
    let registry = bench.state.registry.clone();
    let bench = bench.reopened_after(registry, Sealing::new(key('b'), Vec::new())).await;
    let epoch = bench.state.registry.epoch(bench.now()).await.unwrap();
    bench.state.registry.put_secret(&owner("one"), "token", &SecretString::from("s3cret")).await.unwrap();
    for id in 1..=3 {
        bench.offer(order(id)).await;
    }
    let claim = bench.claim().await.unwrap();
    let (verdict, written) = (done(Outcome::Transferred), journal(1, bench.now()));
    bench.state.jobs.settle(&claim, &verdict, Some(&written), false, bench.now()).await.unwrap();
    let held = bench.claim().await.unwrap();
    let bench = bench.reopened(Sealing::new(key('c'), vec![key('b')])).await;
    assert_eq!(bench.state.registry.epoch(bench.now()).await.unwrap(), epoch);
    let secret = bench.state.registry.secret(&owner("one"), "token").await.unwrap().unwrap();
    assert_eq!(secret.expose_secret(), "s3cret", "an older key opens what it sealed");
    assert_eq!(bench.state.journal.transfer(&store(), OrderId(1)).await.unwrap(), Some(written));
    let expected = JobCounts { ready: 1, claimed: 1, ..JobCounts::default() };
    assert_eq!(bench.state.jobs.counts(&store()).await.unwrap(), expected);
    bench.advance(30);
    let again = bench.claim().await.unwrap();
    assert_eq!(again.subject, held.subject);
    assert!(again.fence > held.fence);
    bench.ledger().await;
    let bench = bench.reopened(Sealing::new(key('d'), Vec::new())).await;
    assert_eq!(kind(bench.state.registry.secret(&owner("one"), "token").await), FailureKind::Garbled);
}

impl Bench {
    /// Opens it with a key of the test's, once nothing else holds it.
    async fn reopened_after<T>(self, held: T, sealing: Sealing) -> Self {
        drop(held);
        self.reopened(sealing).await
    }
}

#[tokio::test]
async fn a_file_opened_again_holds_all_that_was_settled() {
    survives(Bench::file().await).await;
}

#[tokio::test]
async fn another_process_on_the_same_redis_finds_all_that_was_settled() {
    survives(Bench::redis().await).await;
}

#[tokio::test]
async fn a_file_that_cannot_be_opened_says_what_to_do() {
    let missing = std::path::Path::new("/nonexistent/state.redb");
    let bench = Bench::memory().await;
    let Err(failure) = shopbeat_state::embedded(Some(missing), bench.sealing.clone(), bench.clock.clone())
    else {
        panic!("opened a file in a directory that is not there");
    };
    assert!(failure.message.contains("directory exists"), "{failure}");
}

#[tokio::test]
async fn the_epoch_is_renewed_when_redis_is_emptied_or_restarted() {
    let mut bench = Bench::redis().await;
    let first = bench.state.registry.epoch(bench.now()).await.unwrap();
    bench.advance(60);
    bench.server.as_ref().unwrap().run::<()>(&["FLUSHALL"]);
    let emptied = bench.state.registry.epoch(bench.now()).await.unwrap();
    assert!(emptied > first);
    bench.advance(60);
    let server = bench.server.as_mut().unwrap();
    server.kill();
    server.restart();
    let restarted = until_ok(|| bench.state.registry.epoch(bench.now())).await;
    assert_eq!(restarted, bench.now());
}

/// Asks until the state is back.
async fn until_ok<T, F: Future<Output = Answer<T>>>(ask: impl Fn() -> F) -> T {
    let started = Instant::now();
    loop {
        match ask().await {
            Ok(answer) => return answer,
            Err(failure) => assert!(started.elapsed() < DEADLINE, "{failure}"),
        }
    }
}

/// Whether a call fails soon, as one whose server is away.
async fn fails_soon<T: std::fmt::Debug>(call: impl Future<Output = Answer<T>>) {
    let started = Instant::now();
    let kind = kind(call.await);
    assert!(matches!(kind, FailureKind::Unreachable | FailureKind::Unanswered), "{kind:?}");
    assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
}

#[tokio::test]
async fn while_redis_is_away_calls_fail_soon_and_afterwards_all_goes_on() {
    let mut bench = Bench::redis().await;
    // With `everysec` a killed server may forget its last writes: a write is put off while the one before it is
    // being synced. This test is about what comes after.
    bench.server.as_ref().unwrap().run::<()>(&["CONFIG", "SET", "appendfsync", "always"]);
    bench.offer(order(1)).await;
    let claim = bench.claim().await.unwrap();
    bench.server.as_mut().unwrap().kill();
    let state = &bench.state;
    for _ in 0..3 {
        fails_soon(state.jobs.claim(&store(), &Lane::ALL, Duration::from_secs(30), bench.now())).await;
        fails_soon(state.jobs.settle(&claim, &done(Outcome::Transferred), None, false, bench.now())).await;
        fails_soon(state.jobs.wait(&store(), Duration::from_secs(30))).await;
        fails_soon(state.registry.stores()).await;
        fails_soon(state.health.ping()).await;
    }
    bench.server.as_mut().unwrap().restart();
    let verdict = done(Outcome::Transferred);
    let settled = until_ok(|| bench.state.jobs.settle(&claim, &verdict, None, false, bench.now())).await;
    assert_eq!(settled, Settled::Stands);
    assert_eq!(bench.columns().await, [("transferred".to_owned(), 1)]);
    bench.offer(order(2)).await;
    bench.state.jobs.wait(&store(), Duration::from_secs(30)).await.unwrap();
}

#[tokio::test]
async fn a_redis_that_hangs_is_not_waited_for() {
    let bench = Bench::redis().await;
    let pid: String = {
        let info: String = bench.server.as_ref().unwrap().run(&["INFO", "server"]);
        info.lines().find_map(|line| line.strip_prefix("process_id:")).unwrap().trim().to_owned()
    };
    let signal = |name: &str| {
        let sent = std::process::Command::new("kill").args([name, &pid]).status().unwrap();
        assert!(sent.success());
    };
    signal("-STOP");
    fails_soon(bench.state.health.ping()).await;
    fails_soon(bench.state.jobs.counts(&store())).await;
    signal("-CONT");
    until_ok(|| bench.state.health.ping()).await;
}

#[tokio::test]
async fn a_redis_that_may_evict_is_refused_and_one_without_aof_is_told() {
    let bench = Bench::memory().await;
    let open = async |server: &Server| {
        shopbeat_state::redis(&server.url(), "test", bench.sealing.clone(), bench.clock.clone()).await
    };
    let evicts = Server::start(&["--maxmemory-policy", "allkeys-lru"]);
    let Err(failure) = open(&evicts).await else { panic!("a server that evicts was taken") };
    assert!(failure.message.contains("maxmemory-policy noeviction"), "{failure}");
    let forgets = Server::start(&["--appendonly", "no"]);
    let state = open(&forgets).await.unwrap();
    let warnings = state.health.warnings().await.unwrap();
    assert!(warnings.iter().any(|warning| warning.contains("appendonly yes")), "{warnings:?}");
}

#[tokio::test]
async fn nobody_at_the_address_is_told_at_once_and_the_password_is_not() {
    let bench = Bench::memory().await;
    for url in ["redis://:hunter2@127.0.0.1:1", "nonsense://:hunter2@host"] {
        let opened = shopbeat_state::redis(url, "test", bench.sealing.clone(), bench.clock.clone()).await;
        let Err(failure) = opened else { panic!("opened {url}") };
        assert_eq!(failure.kind, FailureKind::Unreachable);
        assert!(!format!("{failure} {failure:?}").contains("hunter2"));
    }
}

#[tokio::test]
async fn a_spoilt_job_is_parked_alone_and_the_others_go_on() {
    let bench = Bench::redis().await;
    for id in 1..=4 {
        bench.offer(order(id)).await;
    }
    let server = bench.server.as_ref().unwrap();
    server.run::<()>(&["HSET", "test:{acme}:job:order:1", "phase", "?", "lane", "x"]);
    server.run::<()>(&["DEL", "test:{acme}:job:order:2"]);
    server.run::<()>(&["SET", "test:{acme}:job:order:3", "text"]);
    let claim = bench.claim().await.unwrap();
    assert_eq!(claim.subject, Subject::Order(OrderId(4)));
    assert!(bench.claim().await.is_none());
    let parked = bench.state.jobs.parked(&store(), None, 10).await.unwrap();
    let found: Vec<_> = parked
        .iter()
        .map(|record| (record.subject.to_string(), record.park.as_ref().unwrap().code))
        .collect();
    let expected = [1, 2, 3].map(|id| (format!("order:{id}"), ParkCode::Garbled));
    assert_eq!(found, expected);
    bench.ledger().await;
    // A person can try again.
    bench.offer(order(1)).await;
    assert_eq!(bench.claim().await.unwrap().subject, Subject::Order(OrderId(1)));
}

#[tokio::test]
async fn a_spoilt_record_is_garbled_alone() {
    let bench = Bench::redis().await;
    for id in 1..=2 {
        bench.offer(order(id)).await;
        let claim = bench.claim().await.unwrap();
        bench.state.journal.save(&claim, &journal(id, bench.now())).await.unwrap();
    }
    let server = bench.server.as_ref().unwrap();
    server.run::<()>(&["SET", "test:{acme}:journal:1", "{\"version\":"]);
    assert_eq!(kind(bench.state.journal.transfer(&store(), OrderId(1)).await), FailureKind::Garbled);
    let listed = bench.state.journal.transfers(&store(), None, 10).await.unwrap();
    assert_eq!(listed.iter().map(|transfer| transfer.order).collect::<Vec<_>>(), [OrderId(2)]);
    server.run::<()>(&["HSET", "test:{acme}:job:order:2", "v", "99"]);
    let spoilt = bench.state.jobs.job(&store(), &order(2).subject).await;
    assert_eq!(kind(spoilt), FailureKind::Garbled, "of a later version");
    assert!(bench.state.jobs.job(&store(), &order(1).subject).await.unwrap().is_some());
}

#[tokio::test]
async fn what_is_spoilt_on_a_heap_or_a_board_is_dealt_with_anew() {
    let bench = Bench::redis().await;
    let (heaps, heap) = (&bench.state.heaps, Heap::StoreStock(store()));
    heaps.mark(&heap, &["A".to_owned(), "B".to_owned()], false, bench.now()).await.unwrap();
    let server = bench.server.as_ref().unwrap();
    server.run::<()>(&["HSET", "test:{acme}:heap-things:store-stock", "A", "nonsense"]);
    let due = heaps.due(&heap, 10, bench.now()).await.unwrap();
    assert_eq!((due.len(), due[0].mark, due[0].doubt), (2, 0, true));
    heaps.put_off(&heap, &due[..1], bench.now()).await.unwrap();
    heaps.done(&heap, &due).await.unwrap();
    assert_eq!(heaps.count(&heap).await.unwrap(), 0);
    let (board, agreement) = (&bench.state.board, AgreementId::parse("one").unwrap());
    let items = ["A", "B"].map(|item| ItemNumber::parse(item).unwrap());
    let texts = items.clone().map(|item| (item, "text".to_owned()));
    board.post(&agreement, Topic::Stock, 1, &texts).await.unwrap();
    server.run::<()>(&["HSET", "test:{one}:board:stock", "A", "nonsense|text"]);
    let notices = board.notices(&agreement, Topic::Stock, &items).await.unwrap();
    assert!(notices[0].is_none() && notices[1].is_some());
    let posted = board.post(&agreement, Topic::Stock, 1, &texts).await.unwrap();
    assert_eq!((posted[0].1, posted[1].1), (true, false));
}

#[tokio::test]
async fn a_billing_journal_with_an_entry_that_cannot_be_read_is_not_told_without_it() {
    let bench = Bench::redis().await;
    let agreement = AgreementId::parse("one").unwrap();
    let entry = BillingEntry {
        version: RECORD_VERSION,
        number: 1,
        at: bench.now(),
        store: store(),
        shop: ShopDomain::parse("acme.myshopify.com").unwrap(),
        event: BillingEvent::Connected,
        seal: "seal".to_owned(),
    };
    bench.state.billing.append(&agreement, &entry).await.unwrap();
    bench.server.as_ref().unwrap().run::<()>(&["RPUSH", "test:{one}:billing", "nonsense"]);
    assert_eq!(kind(bench.state.billing.entries(&agreement).await), FailureKind::Garbled);
}

#[tokio::test]
async fn a_secret_in_redis_is_sealed_and_moving_or_changing_its_box_is_noticed() {
    let bench = Bench::redis().await;
    let registry = &bench.state.registry;
    registry.put_secret(&owner("one"), "token", &SecretString::from("s3cret")).await.unwrap();
    let server = bench.server.as_ref().unwrap();
    let stored: String = server.run(&["HGET", "test:{one}:secrets", "agreement/token"]);
    assert!(!stored.contains("s3cret"));
    server.run::<()>(&["HSET", "test:{two}:secrets", "agreement/token", &stored]);
    assert_eq!(kind(registry.secret(&owner("two"), "token").await), FailureKind::Garbled);
    let cut = stored.replace("\"sealed\":\"", "\"sealed\":\"AAAA");
    server.run::<()>(&["HSET", "test:{one}:secrets", "agreement/token", &cut]);
    assert_eq!(kind(registry.secret(&owner("one"), "token").await), FailureKind::Garbled);
}

#[tokio::test]
async fn records_past_their_time_are_given_a_ttl_and_working_ones_are_not() {
    let bench = Bench::redis().await;
    bench.offer(order(1)).await;
    let ttl = |key: &str| bench.server.as_ref().unwrap().run::<i64>(&["TTL", key]);
    let job = "test:{acme}:job:order:1";
    assert_eq!(ttl(job), -1);
    let claim = bench.claim().await.unwrap();
    let (verdict, written) = (done(Outcome::Transferred), journal(1, bench.now()));
    bench.state.jobs.settle(&claim, &verdict, Some(&written), false, bench.now()).await.unwrap();
    assert!(ttl(job) > 89 * 24 * 3600);
    assert!(ttl("test:{acme}:journal:1") > 89 * 24 * 3600);
    bench.offer(order(1)).await;
    assert_eq!(ttl(job), -1, "a job with work to do is not forgotten");
}

#[tokio::test]
async fn the_file_engine_forgets_what_is_past_its_time() {
    let bench = Bench::file().await;
    bench.offer(order(1)).await;
    let claim = bench.claim().await.unwrap();
    let (verdict, written) = (done(Outcome::Transferred), journal(1, bench.now()));
    bench.state.jobs.settle(&claim, &verdict, Some(&written), false, bench.now()).await.unwrap();
    bench.advance(91 * 24 * 3600);
    bench.offer(order(2)).await;
    let claim = bench.claim().await.unwrap();
    bench.settle(&claim, done(Outcome::Transferred)).await;
    assert_eq!(bench.state.jobs.job(&store(), &order(1).subject).await.unwrap(), None);
    assert_eq!(bench.state.journal.transfer(&store(), OrderId(1)).await.unwrap(), None);
    assert!(bench.state.jobs.job(&store(), &order(2).subject).await.unwrap().is_some());
}
