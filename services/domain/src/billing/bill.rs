//! What is owed for a month.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rust_decimal::Decimal;

use super::{BillingEntry, BillingEvent, Flaw, JournalHead, Month, ProRata, Terms};
use crate::ids::{AgreementId, ShopDomain, StoreId};

/// One store in a month: a line for each that was connected on a day of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BillLine {
    /// The store.
    pub store: StoreId,
    /// Its shop.
    pub shop: ShopDomain,
    /// When it was first connected; by it the stores are ordered.
    pub connected_at: Timestamp,
    /// Days on which it was connected, be it for a moment; paused ones too.
    pub days: u32,
    /// Days of these on which it was paused, be it for a moment: they are billed like the others.
    pub days_paused: u32,
    /// Days of these on which it had a free place.
    pub days_free: u32,
    /// The rest of these.
    pub days_billed: u32,
    /// What is owed for it, rounded to the minor unit.
    pub amount: Decimal,
    /// By whole months: it has billed days and costs nothing, since it took the place of a store that is billed.
    pub place_paid: bool,
    /// When it ended, if that was in this month and it was not connected again in it.
    pub ended_at: Option<Timestamp>,
    /// What happened to it in this month, oldest first.
    pub events: Vec<(Timestamp, BillingEvent)>,
}

/// What an agreement owes for a month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bill {
    /// The agreement.
    pub agreement: AgreementId,
    /// The month.
    pub month: Month,
    /// Price, currency and rule.
    pub terms: Terms,
    /// The stores, in order of connection.
    pub lines: Vec<BillLine>,
    /// The sum of the lines.
    pub total: Decimal,
    /// What happened until this moment is in it: the end of the month, or now.
    pub until: Timestamp,
    /// Whether the month is over.
    pub closed: bool,
    /// How far the journal is that it was computed from; kept with the bill, it shows later whether the journal still
    /// is the same.
    pub head: Option<JournalHead>,
    /// What is wrong with the journal. The bill is computed from what is there all the same.
    pub flaw: Option<Flaw>,
}

impl Bill {
    /// Whether the journal is as it was written.
    #[must_use]
    pub fn journal_ok(&self) -> bool {
        self.flaw.is_none()
    }
}

/// Computes the bill of a month from a journal; of a month under way, up to `now`. Entries may come in any order: they
/// count by time, those of one time by number. `flaw` is what [`super::check`] found.
///
/// On each day the stores connected on it, be it for a moment, are taken in order of their first connection. As many
/// of the youngest are billed as were connected at once on that day beyond the free ones: when a free store leaves,
/// the next oldest is free from the next day, and a store that comes after another left takes its place, free or
/// billed, on that very day.
#[must_use]
pub fn bill(
    agreement: &AgreementId,
    entries: &[BillingEntry],
    flaw: Option<Flaw>,
    month: Month,
    terms: Terms,
    now: Timestamp,
) -> Bill {
    let end = month.end();
    let mut walk = Walk::new(terms, entries, end, now);
    walk.through(&month.midnights(), now);
    let lines = walk.lines(month);
    let total = lines.iter().map(|line| line.amount).sum();
    Bill {
        agreement: agreement.clone(),
        month,
        terms,
        total: terms.currency().written(total),
        lines,
        until: end.min(now),
        closed: end <= now,
        head: JournalHead::of(entries),
        flaw,
    }
}

/// A store on the walk through the days.
struct Seen<'a> {
    shop: &'a ShopDomain,
    first: (Timestamp, u64),
    connected: bool,
    paused: bool,
    /// On the day that the walk is at.
    today: bool,
    paused_today: bool,
    days: u32,
    days_paused: u32,
    days_free: u32,
    ended_at: Option<Timestamp>,
    events: Vec<(Timestamp, BillingEvent)>,
}

struct Walk<'a> {
    terms: Terms,
    /// In order of time, the next one last.
    entries: Vec<&'a BillingEntry>,
    stores: BTreeMap<&'a StoreId, Seen<'a>>,
    /// How many prices are owed by whole months: the most stores that were billed on one day.
    places: u32,
}

impl<'a> Walk<'a> {
    fn new(terms: Terms, entries: &'a [BillingEntry], end: Timestamp, now: Timestamp) -> Self {
        let mut entries: Vec<_> = entries.iter().filter(|entry| entry.at < end && entry.at <= now).collect();
        entries.sort_by_key(|entry| std::cmp::Reverse((entry.at, entry.number)));
        Self { terms, entries, stores: BTreeMap::new(), places: 0 }
    }

    fn through(&mut self, midnights: &[Timestamp], now: Timestamp) {
        if let Some(begin) = midnights.first() {
            while let Some(entry) = self.entries.pop_if(|entry| entry.at < *begin) {
                self.take(entry);
            }
            for seen in self.stores.values_mut() {
                seen.ended_at = None;
                seen.events.clear();
            }
        }
        for (begin, end) in midnights.iter().zip(midnights.iter().skip(1)) {
            if *begin <= now {
                self.day(*end);
            }
        }
    }

    fn day(&mut self, end: Timestamp) {
        for seen in self.stores.values_mut() {
            (seen.today, seen.paused_today) = (seen.connected, seen.paused);
        }
        let mut at_once = self.connected();
        while let Some(entry) = self.entries.pop_if(|entry| entry.at < end) {
            self.take(entry);
            at_once = at_once.max(self.connected());
        }
        let billed = at_once.saturating_sub(self.terms.free());
        self.places = self.places.max(billed);
        let mut today: Vec<_> = self.stores.values_mut().filter(|seen| seen.today).collect();
        today.sort_by_key(|seen| std::cmp::Reverse(seen.first));
        for (place, seen) in (0..).zip(today) {
            seen.days += 1;
            seen.days_paused += u32::from(seen.paused_today);
            seen.days_free += u32::from(place >= billed);
        }
    }

    fn connected(&self) -> u32 {
        self.stores.values().map(|seen| u32::from(seen.connected)).sum()
    }

    fn take(&mut self, entry: &'a BillingEntry) {
        if entry.event == BillingEvent::Connected {
            self.stores.entry(&entry.store).or_insert_with(|| Seen {
                shop: &entry.shop,
                first: (entry.at, entry.number),
                connected: false,
                paused: false,
                today: false,
                paused_today: false,
                days: 0,
                days_paused: 0,
                days_free: 0,
                ended_at: None,
                events: Vec::new(),
            });
        }
        // What happens to a store before it was ever connected concerns no bill.
        let Some(seen) = self.stores.get_mut(&entry.store) else { return };
        seen.events.push((entry.at, entry.event));
        match entry.event {
            BillingEvent::Connected => {
                (seen.connected, seen.today, seen.ended_at) = (true, true, None);
            }
            BillingEvent::Paused => {
                seen.paused = seen.connected;
                seen.paused_today |= seen.connected;
            }
            BillingEvent::Resumed => seen.paused = false,
            BillingEvent::Uninstalled | BillingEvent::Disconnected => {
                if seen.connected {
                    seen.ended_at = Some(entry.at);
                }
                (seen.connected, seen.paused) = (false, false);
            }
        }
    }

    fn lines(self, month: Month) -> Vec<BillLine> {
        let Self { terms, stores, mut places, .. } = self;
        let mut stores: Vec<_> = stores.into_iter().filter(|(_, seen)| seen.days > 0).collect();
        stores.sort_by_key(|(_, seen)| seen.first);
        let line = |(store, seen): (&StoreId, Seen<'_>)| {
            let days_billed = seen.days - seen.days_free;
            let has_place = days_billed > 0 && places > 0;
            let amount = match terms.rule() {
                ProRata::ByDay => terms.for_days(days_billed, month.days()),
                ProRata::WholeMonths if has_place => terms.price(),
                ProRata::WholeMonths => Decimal::ZERO,
            };
            if has_place {
                places -= 1;
            }
            BillLine {
                store: store.clone(),
                shop: seen.shop.clone(),
                connected_at: seen.first.0,
                days: seen.days,
                days_paused: seen.days_paused,
                days_free: seen.days_free,
                days_billed,
                amount: terms.currency().written(amount),
                place_paid: terms.rule() == ProRata::WholeMonths && days_billed > 0 && !has_place,
                ended_at: seen.ended_at,
                events: seen.events,
            }
        };
        stores.into_iter().map(line).collect()
    }
}
