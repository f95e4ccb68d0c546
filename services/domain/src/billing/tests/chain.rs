use jiff::ToSpan;

use super::super::BillingEvent::{Connected, Disconnected, Paused, Resumed};
use super::super::{BillingEntry, Flaw, JournalHead, check};
use super::journal;
use crate::ids::StoreId;

/// A seal as good as a keyed one for these tests: the text itself.
fn sealed(mut entries: Vec<BillingEntry>) -> Vec<BillingEntry> {
    let mut before = String::new();
    for entry in &mut entries {
        entry.seal = entry.sealed_text(&before).replace(' ', "");
        before.clone_from(&entry.seal);
    }
    entries
}

fn checked(entries: &[BillingEntry], head: Option<&JournalHead>) -> Result<(), Flaw> {
    check(entries, head, |text, seal| text == seal)
}

fn four() -> Vec<BillingEntry> {
    sealed(journal(&[
        ("2026-09-01T08:00:00Z", "oslo", Connected),
        ("2026-09-02T08:00:00Z", "bergen", Connected),
        ("2026-10-02T08:00:00Z", "bergen", Paused),
        ("2026-11-02T08:00:00Z", "bergen", Disconnected),
    ]))
}

#[test]
fn whatever_is_done_to_an_entry_shows_at_it() {
    let good = four();
    assert_eq!(checked(&good, JournalHead::of(&good).as_ref()), Ok(()));
    let changes: [fn(&mut BillingEntry); 5] = [
        |entry| entry.at += 1.second(),
        |entry| entry.event = Resumed,
        |entry| entry.store = StoreId::parse("elsewhere").unwrap(),
        |entry| entry.version += 1,
        |entry| entry.seal.push('x'),
    ];
    for place in 0..good.len() {
        for change in changes {
            let mut entries = good.clone();
            change(&mut entries[place]);
            let number = good[place].number;
            assert_eq!(checked(&entries, None), Err(Flaw::Seal { number }));
        }
    }
}

#[test]
fn left_out_inserted_and_reordered_entries_show_with_and_without_new_numbers() {
    let good = four();
    let renumbered = |mut entries: Vec<BillingEntry>| {
        (1..).zip(&mut entries).for_each(|(number, entry)| entry.number = number);
        entries
    };
    let without = |place: usize| {
        let mut entries = good.clone();
        entries.remove(place);
        entries
    };
    assert_eq!(checked(&without(1), None), Err(Flaw::Number { due: 2, found: 3 }));
    assert_eq!(checked(&renumbered(without(1)), None), Err(Flaw::Seal { number: 2 }));
    let mut doubled = good.clone();
    doubled.insert(2, good[1].clone());
    assert_eq!(checked(&doubled, None), Err(Flaw::Number { due: 3, found: 2 }));
    assert_eq!(checked(&renumbered(doubled), None), Err(Flaw::Seal { number: 3 }));
    let mut swapped = good.clone();
    swapped.swap(1, 2);
    assert_eq!(checked(&renumbered(swapped), None), Err(Flaw::Seal { number: 2 }));
}

#[test]
fn a_journal_cut_off_at_its_end_shows_only_against_a_head_kept_elsewhere() {
    let good = four();
    let head = JournalHead::of(&good).unwrap();
    assert_eq!(head.to_string().parse(), Ok(head.clone()));
    assert!("4".parse::<JournalHead>().is_err() && ":x".parse::<JournalHead>().is_err());
    assert_eq!(checked(&good[..2], None), Ok(()));
    assert_eq!(checked(&good[..2], Some(&head)), Err(Flaw::CutOff { known: 4, found: 2 }));
    assert_eq!(checked(&[], Some(&head)), Err(Flaw::CutOff { known: 4, found: 0 }));
    // A head that lags behind is no flaw: it is written after the entry.
    assert_eq!(checked(&good, JournalHead::of(&good[..2]).as_ref()), Ok(()));
    let other = JournalHead { seal: "other".to_owned(), ..head };
    assert_eq!(checked(&good, Some(&other)), Err(Flaw::Rewritten { number: 4 }));
}
