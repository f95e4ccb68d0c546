use shopbeat_domain::failure::FailureKind;
use shopbeat_domain::ids::{OrderId, OrderNumber, StoreId};
use shopbeat_domain::job::{Outcome, Settled, Subject};
use shopbeat_domain::ports::IdMap;
use shopbeat_domain::run::{Run, RunCounts, RunPhase, RunPlan};
use shopbeat_domain::store::RECORD_VERSION;

use crate::bench::{Bench, done, journal, kind, on_every_engine, order, store};

on_every_engine!(
    a_journal_is_written_with_the_verdict_or_not_at_all,
    a_late_holder_saves_nothing,
    journals_are_listed_in_order_of_ids_past_2_to_the_53,
    a_second_run_is_not_begun_while_one_is_under_way,
    a_run_is_saved_only_under_its_claim,
    a_run_is_asked_to_end_until_it_is_over,
    of_two_that_write_an_absent_key_the_first_stands,
    maps_of_different_owners_do_not_meet,
);

async fn a_journal_is_written_with_the_verdict_or_not_at_all(bench: Bench) {
    bench.offer(order(1)).await;
    let dead = bench.claim().await.unwrap();
    bench.advance(30);
    let claim = bench.claim().await.unwrap();
    let mut written = journal(1, bench.now());
    written.number = Some(OrderNumber(7));
    let (jobs, verdict) = (&bench.state.jobs, done(Outcome::Transferred));
    let late =
        jobs.settle(&dead, &verdict, Some(&journal(1, bench.now())), false, bench.now()).await.unwrap();
    assert_eq!(late, Settled::Fenced);
    assert_eq!(bench.state.journal.transfer(&store(), OrderId(1)).await.unwrap(), None);
    let settled = jobs.settle(&claim, &verdict, Some(&written), false, bench.now()).await.unwrap();
    assert_eq!(settled, Settled::Stands);
    assert_eq!(bench.state.journal.transfer(&store(), OrderId(1)).await.unwrap(), Some(written));
}

async fn a_late_holder_saves_nothing(bench: Bench) {
    bench.offer(order(1)).await;
    let dead = bench.claim().await.unwrap();
    let first = journal(1, bench.now());
    bench.state.journal.save(&dead, &first).await.unwrap();
    bench.advance(30);
    let claim = bench.claim().await.unwrap();
    let mut late = first.clone();
    late.number = Some(OrderNumber(9));
    assert_eq!(kind(bench.state.journal.save(&dead, &late).await), FailureKind::Conflict);
    assert_eq!(bench.state.journal.transfer(&store(), OrderId(1)).await.unwrap(), Some(first));
    bench.state.journal.save(&claim, &late).await.unwrap();
    bench.settle(&claim, done(Outcome::Transferred)).await;
    assert_eq!(kind(bench.state.journal.save(&claim, &late).await), FailureKind::Conflict);
}

async fn journals_are_listed_in_order_of_ids_past_2_to_the_53(bench: Bench) {
    let ids = [5, 40, 9_007_199_254_740_992, 9_007_199_254_740_993];
    for id in ids.into_iter().rev() {
        bench.offer(order(id)).await;
        let claim = bench.claim().await.unwrap();
        let journal = journal(id, bench.now());
        let verdict = done(Outcome::Transferred);
        bench.state.jobs.settle(&claim, &verdict, Some(&journal), false, bench.now()).await.unwrap();
    }
    let mut listed = Vec::new();
    let mut after = None;
    loop {
        let page = bench.state.journal.transfers(&store(), after, 3).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.order);
        listed.extend(page.iter().map(|transfer| transfer.order.0));
    }
    assert_eq!(listed, ids);
}

pub(crate) fn run(id: &str, bench: &Bench) -> Run {
    Run {
        version: RECORD_VERSION,
        id: id.to_owned(),
        store: store(),
        token: String::new(),
        plan: RunPlan { products: true, stock: true, ..RunPlan::default() },
        phase: RunPhase::Queued,
        failure: None,
        bulk: None,
        cursor: None,
        counts: RunCounts::default(),
        estimate: None,
        importing_since: None,
        skipped: Vec::new(),
        started_at: bench.now(),
        updated_at: bench.now(),
    }
}

async fn a_second_run_is_not_begun_while_one_is_under_way(bench: Bench) {
    let runs = &bench.state.runs;
    assert_eq!(runs.latest_run(&store()).await.unwrap(), None);
    let first = run("r1", &bench);
    assert_eq!(runs.begin_run(&first, bench.now()).await.unwrap(), first);
    assert_eq!(runs.begin_run(&run("r2", &bench), bench.now()).await.unwrap(), first);
    assert_eq!(runs.run(&store(), "r2").await.unwrap(), None);
    let claim = bench.claim().await.unwrap();
    assert_eq!(claim.subject, Subject::InitialSync("r1".to_owned()));
    assert!(bench.claim().await.is_none(), "one job");
    let over = Run { phase: RunPhase::Finished, ..first };
    runs.save_run(&claim, &over).await.unwrap();
    bench.settle(&claim, done(Outcome::Transferred)).await;
    let second = run("r2", &bench);
    assert_eq!(runs.begin_run(&second, bench.now()).await.unwrap(), second);
    assert_eq!(runs.latest_run(&store()).await.unwrap(), Some(second));
    assert_eq!(runs.run(&store(), "r1").await.unwrap(), Some(over));
    assert!(bench.ledger().await.is_empty(), "runs are not orders");
}

async fn a_run_is_saved_only_under_its_claim(bench: Bench) {
    let runs = &bench.state.runs;
    let first = run("r1", &bench);
    runs.begin_run(&first, bench.now()).await.unwrap();
    let dead = bench.claim().await.unwrap();
    bench.advance(30);
    let claim = bench.claim().await.unwrap();
    let moved = Run { phase: RunPhase::Importing, ..first.clone() };
    assert_eq!(kind(runs.save_run(&dead, &moved).await), FailureKind::Conflict);
    assert_eq!(runs.run(&store(), "r1").await.unwrap(), Some(first));
    runs.save_run(&claim, &moved).await.unwrap();
    assert_eq!(runs.run(&store(), "r1").await.unwrap(), Some(moved));
}

async fn a_run_is_asked_to_end_until_it_is_over(bench: Bench) {
    let runs = &bench.state.runs;
    runs.cancel_run(&store(), "r1").await.unwrap();
    assert!(!runs.is_cancelled(&store(), "r1").await.unwrap(), "there is no such run");
    let first = run("r1", &bench);
    runs.begin_run(&first, bench.now()).await.unwrap();
    assert!(!runs.is_cancelled(&store(), "r1").await.unwrap());
    runs.cancel_run(&store(), "r1").await.unwrap();
    let claim = bench.claim().await.unwrap();
    runs.save_run(&claim, &Run { phase: RunPhase::Importing, ..first.clone() }).await.unwrap();
    assert!(runs.is_cancelled(&store(), "r1").await.unwrap(), "its worker's writes do not forget it");
    runs.save_run(&claim, &Run { phase: RunPhase::Cancelled, ..first }).await.unwrap();
    bench.settle(&claim, done(Outcome::Transferred)).await;
    let second = run("r2", &bench);
    assert_eq!(runs.begin_run(&second, bench.now()).await.unwrap(), second);
    let claim = bench.claim().await.unwrap();
    runs.save_run(&claim, &Run { phase: RunPhase::Finished, ..second }).await.unwrap();
    runs.cancel_run(&store(), "r2").await.unwrap();
    assert!(!runs.is_cancelled(&store(), "r2").await.unwrap(), "it is over");
}

fn text(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}

async fn of_two_that_write_an_absent_key_the_first_stands(bench: Bench) {
    let ids = &bench.state.ids;
    let map = IdMap::VariantItem(store());
    assert_eq!(ids.put_if_absent(&map, "1", "A").await.unwrap(), "A");
    assert_eq!(ids.put_if_absent(&map, "1", "B").await.unwrap(), "A");
    ids.put(&map, &[("1".to_owned(), "C".to_owned()), ("2".to_owned(), "D".to_owned())]).await.unwrap();
    ids.put(&map, &[]).await.unwrap();
    let found = ids.look_up(&map, &text(&["2", "none", "1"])).await.unwrap();
    assert_eq!(found, [Some("D".to_owned()), None, Some("C".to_owned())]);
    ids.forget(&map, "1").await.unwrap();
    assert_eq!(ids.look_up(&map, &text(&["1"])).await.unwrap(), [None]);
    assert!(ids.look_up(&map, &[]).await.unwrap().is_empty());
}

async fn maps_of_different_owners_do_not_meet(bench: Bench) {
    // A store and an agreement may bear the same name.
    let agreement = shopbeat_domain::ids::AgreementId::parse("acme").unwrap();
    let maps = [
        IdMap::VariantItem(store()),
        IdMap::VariantItem(StoreId::parse("acme-2").unwrap()),
        IdMap::Customer(agreement.clone()),
        IdMap::KnownItem(agreement.clone()),
        IdMap::StockImport(agreement),
    ];
    for (value, map) in maps.iter().enumerate() {
        assert_eq!(
            bench.state.ids.put_if_absent(map, "k", &value.to_string()).await.unwrap(),
            value.to_string()
        );
    }
}
