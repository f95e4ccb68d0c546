use jiff::Timestamp;

use super::super::BillingEvent::{Connected, Disconnected, Paused, Resumed, Uninstalled};
use super::super::{BillingEvent, Standing};
use super::{agreement, at, journal};
use crate::ids::{ShopDomain, StoreId};
use crate::money::Currency;
use crate::settings::Settings;
use crate::store::{Desired, Grant, Hold, ManagedBy, RECORD_VERSION, Store};

const CONNECTED_AT: &str = "2026-11-01T08:00:00Z";
const NOW: &str = "2026-11-20T08:00:00Z";

fn record(desired: Desired, hold: Option<Hold>, disconnected_at: Option<&str>) -> Store {
    let shop = ShopDomain::parse("oslo.myshopify.com").unwrap();
    Store {
        version: RECORD_VERSION,
        revision: 1,
        id: StoreId::of(&shop),
        shop,
        agreement: agreement(),
        grant: Grant::ClientCredentials,
        desired,
        hold,
        managed_by: ManagedBy::Api,
        settings: Settings::default(),
        currency: Currency::DKK,
        taxes_included: true,
        country: None,
        stock_accepted_at: None,
        scopes: Vec::new(),
        webhook_address: None,
        connected_at: at(CONNECTED_AT),
        disconnected_at: disconnected_at.map(at),
    }
}

type Told = [(&'static str, BillingEvent)];

fn running() -> Store {
    record(Desired::Running, None, None)
}

/// What a journal that says this of the store lacks.
fn missing(told: &[(&str, BillingEvent)], record: &Store) -> Vec<(BillingEvent, Timestamp)> {
    let told: Vec<_> = told.iter().map(|(time, event)| (*time, "oslo", *event)).collect();
    Standing::of(&journal(&told), &record.id).missing(record, at(NOW))
}

#[test]
fn an_empty_journal_is_told_the_whole_story_with_the_records_times() {
    let end = "2026-11-05T08:00:00Z";
    assert_eq!(missing(&[], &running()), [(Connected, at(CONNECTED_AT))]);
    assert_eq!(
        missing(&[], &record(Desired::Running, None, Some(end))),
        [(Connected, at(CONNECTED_AT)), (Disconnected, at(end))]
    );
    assert_eq!(
        missing(&[], &record(Desired::Stopped, None, None)),
        [(Connected, at(CONNECTED_AT)), (Paused, at(NOW))]
    );
    // What another store of the agreement did says nothing about this one.
    let other = journal(&[(CONNECTED_AT, "bergen", Connected)]);
    assert!(!Standing::of(&other, &running().id).connected());
}

#[test]
fn what_the_journal_says_already_is_not_told_again() {
    let uninstalled = record(Desired::Running, Some(Hold::Uninstalled), None);
    let ended = record(Desired::Paused, None, Some(NOW));
    let connected = (CONNECTED_AT, Connected);
    let cases: [(&Told, Store); 6] = [
        (&[connected], running()),
        (&[connected, (NOW, Paused)], record(Desired::Paused, None, None)),
        (&[connected, (NOW, Paused)], record(Desired::Stopped, None, None)),
        (&[connected, (NOW, Uninstalled)], uninstalled),
        (&[connected, (NOW, Disconnected)], ended),
        (&[connected], record(Desired::Running, Some(Hold::ShopFrozen), None)),
    ];
    for (told, record) in cases {
        assert_eq!(missing(told, &record), [], "{told:?}");
    }
}

#[test]
fn each_change_of_the_record_is_told_once_it_is_missing() {
    let connected = (CONNECTED_AT, Connected);
    let paused = (CONNECTED_AT, Paused);
    let uninstalled = record(Desired::Paused, Some(Hold::Uninstalled), None);
    let disconnected = record(Desired::Paused, Some(Hold::Uninstalled), Some("2026-11-19T08:00:00Z"));
    let cases: [(&Told, &Store, BillingEvent); 5] = [
        (&[connected], &record(Desired::Paused, None, None), Paused),
        (&[connected, paused], &running(), Resumed),
        (&[connected, paused], &uninstalled, Uninstalled),
        (&[connected, (CONNECTED_AT, Uninstalled)], &running(), Connected),
        (&[connected, (CONNECTED_AT, Disconnected)], &running(), Connected),
    ];
    for (told, record, event) in cases {
        assert_eq!(missing(told, record), [(event, at(NOW))]);
    }
    let end = [(Disconnected, at("2026-11-19T08:00:00Z"))];
    assert_eq!(missing(&[connected, paused], &disconnected), end);
    assert_eq!(missing(&[connected, (CONNECTED_AT, Uninstalled)], &disconnected), end);
}

#[test]
fn a_paused_store_that_comes_back_is_paused_again_and_no_entry_is_older_than_the_one_before() {
    let paused = record(Desired::Paused, None, None);
    let told = [(CONNECTED_AT, Connected), (CONNECTED_AT, Paused), (CONNECTED_AT, Disconnected)];
    assert_eq!(missing(&told, &paused), [(Connected, at(NOW)), (Paused, at(NOW))]);
    let late = "2026-11-21T08:00:00Z";
    let ended = record(Desired::Running, None, Some(NOW));
    assert_eq!(missing(&[(CONNECTED_AT, Connected), (late, Paused)], &ended), [(Disconnected, at(late))]);
}
