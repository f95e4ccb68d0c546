//! Orders: what became of them, their journals, the proof of their money.

use rust_decimal::Decimal;
use shopbeat_domain::erp::DraftLine;
use shopbeat_domain::ids::{OrderId, ShopDomain, StoreId};
use shopbeat_domain::job::{Outcome, Park};
use shopbeat_domain::money::Currency;
use shopbeat_domain::store::Store;
use shopbeat_domain::transfer::{LineProof, MoneyProof, Reached, Step, Transfer, VatProof};
use shopbeat_engine::desk::OrderReport;
use shopbeat_proto::v1;

use super::choice::Choice as _;
use super::{amount, decimal, timestamp};

/// What became of an order, as the fields of a message.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// The state.
    pub state: v1::OrderState,
    /// The rule that left it alone, or empty.
    pub ignored_by: String,
    /// Why it is parked.
    pub park: Option<v1::Park>,
}

impl Progress {
    /// From an outcome, and the park of a parked one.
    #[must_use]
    pub fn of(outcome: Outcome, why: Option<&Park>) -> Self {
        let state = match outcome {
            Outcome::Pending => v1::OrderState::Pending,
            Outcome::Transferred => v1::OrderState::Transferred,
            Outcome::Parked => v1::OrderState::Parked,
            Outcome::Ignored(_) => v1::OrderState::Ignored,
            Outcome::RemovedInRackbeat => v1::OrderState::RemovedInRackbeat,
        };
        let ignored_by = match outcome {
            Outcome::Ignored(rule) => rule.name().to_owned(),
            Outcome::Pending | Outcome::Transferred | Outcome::Parked | Outcome::RemovedInRackbeat => {
                String::new()
            }
        };
        let park = why.filter(|_| outcome == Outcome::Parked).map(park);
        Self { state, ignored_by, park }
    }
}

/// Why an order is parked, as a message.
#[must_use]
pub fn park(park: &Park) -> v1::Park {
    let Park { code, culprit, message, since, retry_at, number: _ } = park;
    v1::Park {
        code: code.name().to_owned(),
        culprit: culprit.clone(),
        message: message.clone(),
        remedy: code.remedy().to_owned(),
        since: Some(timestamp(*since)),
        retry_at: retry_at.map(timestamp),
        heals: code.heals(),
    }
}

/// A parked order as a message; the journal adds the order's name and number.
#[must_use]
pub fn parked_order(
    store: &StoreId,
    shop: &ShopDomain,
    order: OrderId,
    why: &Park,
    journal: Option<&Transfer>,
) -> v1::ParkedOrder {
    let number = why.number.or_else(|| journal.and_then(|journal| journal.number));
    v1::ParkedOrder {
        store_id: store.to_string(),
        order_id: order.0,
        order_name: journal.map(|journal| journal.order_name.clone()).unwrap_or_default(),
        rackbeat_order_number: number.map(|number| number.0),
        park: Some(park(why)),
        shopify_link: format!("https://admin.shopify.com/store/{}/orders/{order}", shop.handle()),
    }
}

/// How far an order is, as a message has it.
#[must_use]
pub fn reached(reached: Reached) -> v1::Reached {
    match reached {
        Reached::Nothing => v1::Reached::Unspecified,
        Reached::Draft => v1::Reached::Draft,
        Reached::Booked => v1::Reached::Booked,
        Reached::ReadyToShip => v1::Reached::ReadyToShip,
        Reached::Packed => v1::Reached::Packed,
        Reached::Shipped => v1::Reached::Shipped,
        Reached::Invoiced => v1::Reached::Invoiced,
        Reached::ShippedAndInvoiced => v1::Reached::ShippedAndInvoiced,
    }
}

/// All that is known of an order; one that never came to a journal has the store's target and nothing done.
#[must_use]
pub fn transfer(store: &Store, report: &OrderReport) -> v1::Transfer {
    let OrderReport { order, job, transfer: journal } = report;
    let progress = Progress::of(job.outcome, job.park.as_ref());
    let known = journal.as_ref().map(journaled).unwrap_or_else(|| v1::Transfer {
        target: store.settings.orders.target.number(),
        ..v1::Transfer::default()
    });
    v1::Transfer {
        store_id: store.id.to_string(),
        order_id: order.0,
        state: progress.state.into(),
        ignored_by: progress.ignored_by,
        park: progress.park,
        first_seen_at: Some(timestamp(job.first_seen)),
        ..known
    }
}

fn journaled(journal: &Transfer) -> v1::Transfer {
    let Transfer {
        version: _,
        store: _,
        order: _,
        order_name,
        target,
        steps,
        customer,
        number,
        shipment,
        invoice,
        reached: how_far,
        waiting_for_stock,
        remarks,
        proof,
        updated_at,
    } = journal;
    v1::Transfer {
        order_name: order_name.clone(),
        target: target.number(),
        reached: reached(*how_far).into(),
        waiting_for_stock: *waiting_for_stock,
        rackbeat_order_number: number.map(|number| number.0),
        rackbeat_customer_number: customer.map(|number| number.0),
        rackbeat_shipment_id: shipment.map(|id| id.0),
        rackbeat_invoice_number: invoice.map(|number| number.0),
        steps: steps
            .iter()
            .map(|(done, at)| v1::StepDone { step: step(*done).into(), done_at: Some(timestamp(*at)) })
            .collect(),
        remarks: remarks.clone(),
        proof: proof.as_ref().map(money_proof),
        updated_at: Some(timestamp(*updated_at)),
        ..v1::Transfer::default()
    }
}

fn step(step: Step) -> v1::Step {
    match step {
        Step::Customer => v1::Step::Customer,
        Step::Intent => v1::Step::Intent,
        Step::Draft => v1::Step::Draft,
        Step::Compared => v1::Step::Compared,
        Step::Alone => v1::Step::Alone,
        Step::Booked => v1::Step::Booked,
        Step::Ready => v1::Step::Ready,
        Step::Shipment => v1::Step::Shipment,
        Step::Picked => v1::Step::Picked,
        Step::Shipped => v1::Step::Shipped,
        Step::Invoice => v1::Step::Invoice,
        Step::Invoiced => v1::Step::Invoiced,
        Step::Audited => v1::Step::Audited,
    }
}

fn money_proof(proof: &MoneyProof) -> v1::MoneyProof {
    let MoneyProof {
        currency,
        shopify_total,
        shopify_vat,
        lines,
        rates,
        rackbeat_total,
        rackbeat_vat,
        rounding,
    } = proof;
    let amount = |number: Decimal| amount(number, *currency);
    v1::MoneyProof {
        currency: currency.to_string(),
        shopify_total: amount(*shopify_total),
        shopify_vat: amount(*shopify_vat),
        lines: lines.iter().map(|line| line_proof(line, *currency)).collect(),
        rates: rates.iter().map(|rate| vat_proof(rate, *currency)).collect(),
        rackbeat_total: rackbeat_total.map(amount),
        rackbeat_vat: rackbeat_vat.map(amount),
        rounding: amount(*rounding),
        totals_equal: *rackbeat_total == Some(*shopify_total),
    }
}

fn line_proof(proof: &LineProof, currency: Currency) -> v1::LineProof {
    let LineProof { source, amounts, line, net, vat } = proof;
    let DraftLine { item, name, quantity, unit_price, discount_percent, vat_percent } = line;
    v1::LineProof {
        source: source.clone(),
        amounts: amounts
            .iter()
            .map(|(name, amount)| v1::NamedAmount { name: name.clone(), amount: decimal(*amount) })
            .collect(),
        item: item.to_string(),
        name: name.clone(),
        quantity: decimal(*quantity),
        unit_price: amount(*unit_price, currency),
        discount_percent: decimal(*discount_percent),
        vat_percent: decimal(*vat_percent),
        net: amount(*net, currency),
        vat: amount(*vat, currency),
    }
}

fn vat_proof(proof: &VatProof, currency: Currency) -> v1::VatProof {
    let VatProof { rate_percent, net, shopify, computed } = proof;
    v1::VatProof {
        rate_percent: decimal(*rate_percent),
        net: amount(*net, currency),
        shopify_vat: amount(*shopify, currency),
        computed_vat: amount(*computed, currency),
    }
}
