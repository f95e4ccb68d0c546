//! Bills.

use shopbeat_domain::billing::{Bill, BillLine, BillingEvent, ProRata};
use shopbeat_domain::money::Currency;
use shopbeat_proto::v1;

use super::{amount, timestamp};

/// A bill as a message.
#[must_use]
pub fn bill(bill: &Bill) -> v1::GetBillingResponse {
    let Bill { agreement, month, terms, lines, total, until, closed, head, flaw } = bill;
    let currency = terms.currency();
    v1::GetBillingResponse {
        agreement_id: agreement.to_string(),
        month: month.to_string(),
        stores: lines.iter().map(|line| billed_store(line, currency)).collect(),
        total: amount(*total, currency),
        price: amount(terms.price(), currency),
        currency: currency.to_string(),
        free_stores: terms.free(),
        rule: match terms.rule() {
            ProRata::ByDay => v1::BillingRule::ByDay,
            ProRata::WholeMonths => v1::BillingRule::WholeMonths,
        }
        .into(),
        until: Some(timestamp(*until)),
        closed: *closed,
        journal_head: head.as_ref().map(ToString::to_string).unwrap_or_default(),
        journal_flaw: flaw.map(|flaw| flaw.to_string()).unwrap_or_default(),
        csv: String::new(),
    }
}

fn billed_store(line: &BillLine, currency: Currency) -> v1::BilledStore {
    let BillLine {
        store,
        shop,
        connected_at,
        days,
        days_paused,
        days_free,
        days_billed,
        amount: owed,
        place_paid,
        ended_at,
        events,
    } = line;
    v1::BilledStore {
        store_id: store.to_string(),
        shop: shop.to_string(),
        connected_at: Some(timestamp(*connected_at)),
        days: *days,
        days_paused: *days_paused,
        days_free: *days_free,
        days_billed: *days_billed,
        amount: amount(*owed, currency),
        place_paid: *place_paid,
        ended_at: ended_at.map(timestamp),
        events: events
            .iter()
            .map(|(at, event)| v1::BilledEvent {
                at: Some(timestamp(*at)),
                event: billing_event(*event).into(),
            })
            .collect(),
    }
}

fn billing_event(event: BillingEvent) -> v1::BillingEvent {
    match event {
        BillingEvent::Connected => v1::BillingEvent::Connected,
        BillingEvent::Paused => v1::BillingEvent::Paused,
        BillingEvent::Resumed => v1::BillingEvent::Resumed,
        BillingEvent::Uninstalled => v1::BillingEvent::Uninstalled,
        BillingEvent::Disconnected => v1::BillingEvent::Disconnected,
    }
}
