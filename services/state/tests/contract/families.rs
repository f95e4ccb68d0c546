//! Families of records, and the billing journal.

use shopbeat_domain::billing::{BillingEntry, BillingEvent};
use shopbeat_domain::failure::FailureKind;
use shopbeat_domain::ids::{AgreementId, ShopDomain, StoreId};
use shopbeat_domain::ports::Family;
use shopbeat_domain::store::RECORD_VERSION;

use crate::bench::{Bench, kind, on_every_engine, store};

on_every_engine!(
    records_are_written_read_and_forgotten,
    every_family_is_paged_in_the_order_of_its_keys,
    families_do_not_meet_and_one_is_cleared_alone,
    a_family_of_very_many_records_is_written_and_read,
    only_the_next_entry_is_added_to_a_billing_journal,
    of_several_that_add_the_same_entry_one_does,
);

fn families() -> Vec<Family> {
    vec![
        Family::Shelf(store()),
        Family::Shelf(StoreId::parse("acme-2").unwrap()),
        Family::InventoryItem(store()),
        Family::ProductItems(store()),
        Family::Told(store()),
        Family::Carried(store()),
        Family::Drift(store()),
        Family::StockTrouble(store()),
        Family::ProductTrouble(store()),
        Family::RunReport(store()),
        Family::Status(store()),
        Family::ReplayNotes(store()),
    ]
}

fn rows(rows: &[(&str, &str)]) -> Vec<(String, String)> {
    rows.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}

async fn records_are_written_read_and_forgotten(bench: Bench) {
    let records = &bench.state.records;
    for family in families() {
        records.put(&family, &[]).await.unwrap();
        records.forget(&family, &[]).await.unwrap();
        assert_eq!(records.count(&family).await.unwrap(), 0);
        records.put(&family, &rows(&[("a", "1"), ("b", "2")])).await.unwrap();
        records.put(&family, &rows(&[("b", "3"), ("c", "4")])).await.unwrap();
        let read = records.get(&family, &texts(&["c", "none", "b", "a"])).await.unwrap();
        let read: Vec<Option<&str>> = read.iter().map(Option::as_deref).collect();
        assert_eq!(read, [Some("4"), None, Some("3"), Some("1")]);
        assert_eq!(records.count(&family).await.unwrap(), 3);
        records.forget(&family, &texts(&["b", "none", "b"])).await.unwrap();
        assert_eq!(records.count(&family).await.unwrap(), 2);
        assert_eq!(records.page(&family, None, 10).await.unwrap(), rows(&[("a", "1"), ("c", "4")]));
        assert!(records.get(&family, &[]).await.unwrap().is_empty());
    }
}

async fn every_family_is_paged_in_the_order_of_its_keys(bench: Bench) {
    let records = &bench.state.records;
    // By their bytes: capitals first, other letters last, and nothing odd about spaces.
    let sorted = ["#1", "1", "10", "2", "A", "A b", "AB", "a", "\u{e5}", "\u{1F600}"];
    for family in families() {
        for key in sorted.iter().rev() {
            records.put(&family, &rows(&[(key, "x")])).await.unwrap();
        }
        let (mut listed, mut after) = (Vec::new(), None);
        loop {
            let page = records.page(&family, after.as_deref(), 3).await.unwrap();
            assert!(page.len() <= 3);
            let Some((last, _)) = page.last() else { break };
            after = Some(last.clone());
            listed.extend(page.into_iter().map(|(key, _)| key));
        }
        assert_eq!(listed, sorted, "{family:?}");
        let behind = records.page(&family, Some("A"), 1).await.unwrap();
        assert_eq!(behind, rows(&[("A b", "x")]), "after one that need not be there");
        assert!(records.page(&family, None, 0).await.unwrap().is_empty());
    }
}

async fn families_do_not_meet_and_one_is_cleared_alone(bench: Bench) {
    let records = &bench.state.records;
    for (number, family) in families().iter().enumerate() {
        records.put(family, &rows(&[("k", &number.to_string()), (&format!("k{number}"), "")])).await.unwrap();
    }
    records.clear(&Family::Drift(store())).await.unwrap();
    for (number, family) in families().iter().enumerate() {
        let page = records.page(family, None, 10).await.unwrap();
        if *family == Family::Drift(store()) {
            assert!(page.is_empty());
            assert_eq!(records.count(family).await.unwrap(), 0);
        } else {
            assert_eq!(page, rows(&[("k", &number.to_string()), (&format!("k{number}"), "")]));
        }
    }
}

async fn a_family_of_very_many_records_is_written_and_read(bench: Bench) {
    let records = &bench.state.records;
    let many = bench.many();
    let all: Vec<_> = (0..many).map(|n| (format!("{n:020}"), format!("{{\"n\":{n}}}"))).collect();
    for family in [Family::RunReport(store()), Family::Told(store())] {
        records.put(&family, &all).await.unwrap();
        assert_eq!(records.count(&family).await.unwrap(), u64::try_from(many).unwrap());
        let keys: Vec<String> = all.iter().map(|(key, _)| key.clone()).collect();
        let read = records.get(&family, &keys).await.unwrap();
        assert!(read.iter().zip(&all).all(|(read, (_, text))| read.as_ref() == Some(text)));
        let page = records.page(&family, Some(&all[many / 2 - 1].0), 2000).await.unwrap();
        assert_eq!(page, all[many / 2..many / 2 + 2000]);
        records.forget(&family, &keys[1..]).await.unwrap();
        assert_eq!(records.page(&family, None, 10).await.unwrap(), all[..1]);
        records.clear(&family).await.unwrap();
        assert_eq!(records.count(&family).await.unwrap(), 0);
    }
}

fn agreement() -> AgreementId {
    AgreementId::parse("acme").unwrap()
}

fn entry(bench: &Bench, number: u64, seal: &str) -> BillingEntry {
    BillingEntry {
        version: RECORD_VERSION,
        number,
        at: bench.now(),
        store: store(),
        shop: ShopDomain::parse("acme.myshopify.com").unwrap(),
        event: BillingEvent::Connected,
        seal: seal.to_owned(),
    }
}

async fn only_the_next_entry_is_added_to_a_billing_journal(bench: Bench) {
    let billing = &bench.state.billing;
    assert!(billing.entries(&agreement()).await.unwrap().is_empty());
    for number in [0, 2] {
        let added = billing.append(&agreement(), &entry(&bench, number, "x")).await;
        assert_eq!(kind(added), FailureKind::Conflict);
    }
    let entries: Vec<_> = (1..=1003).map(|number| entry(&bench, number, &number.to_string())).collect();
    for next in &entries {
        billing.append(&agreement(), next).await.unwrap();
    }
    for number in [1, 1003, 1005] {
        let added = billing.append(&agreement(), &entry(&bench, number, "other")).await;
        assert_eq!(kind(added), FailureKind::Conflict, "nothing is written over or left out");
    }
    assert_eq!(billing.entries(&agreement()).await.unwrap(), entries);
    let other = AgreementId::parse("acme-2").unwrap();
    assert!(billing.entries(&other).await.unwrap().is_empty());
}

async fn of_several_that_add_the_same_entry_one_does(bench: Bench) {
    let mut adding = tokio::task::JoinSet::new();
    for writer in 0..8 {
        let (billing, entry) = (bench.state.billing.clone(), entry(&bench, 1, &writer.to_string()));
        adding.spawn(async move { billing.append(&agreement(), &entry).await.is_ok() });
    }
    let added = adding.join_all().await;
    assert_eq!(added.iter().filter(|added| **added).count(), 1);
    assert_eq!(bench.state.billing.entries(&agreement()).await.unwrap().len(), 1);
}
