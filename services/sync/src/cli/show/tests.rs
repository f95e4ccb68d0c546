//! What a person sees.

use shopbeat_proto::v1;

use super::*;
use crate::cli::out::tests::Page;

fn shown(show: impl FnOnce(&mut crate::cli::out::Out)) -> String {
    let page = Page::default();
    show(&mut page.out());
    page.text()
}

fn amount(name: &str, amount: &str) -> v1::NamedAmount {
    v1::NamedAmount { name: name.to_owned(), amount: amount.to_owned() }
}

fn proof() -> v1::MoneyProof {
    let text = str::to_owned;
    v1::MoneyProof {
        currency: text("DKK"),
        shopify_total: text("125.00"),
        shopify_vat: text("25.00"),
        lines: vec![v1::LineProof {
            source: text("line 7"),
            amounts: vec![amount("discountedTotalSet", "125.00"), amount("taxLines", "25.00")],
            item: text("ØKSE-1"),
            name: text("Økse"),
            quantity: text("2"),
            unit_price: text("50"),
            discount_percent: text("0"),
            vat_percent: text("25"),
            net: text("100.00"),
            vat: text("25.00"),
        }],
        rates: vec![v1::VatProof {
            rate_percent: text("25"),
            net: text("100.00"),
            shopify_vat: text("25.00"),
            computed_vat: text("25.00"),
        }],
        rackbeat_total: Some(text("125.00")),
        rackbeat_vat: Some(text("25.00")),
        rounding: text("0.00"),
        totals_equal: true,
    }
}

#[test]
fn an_order_shows_each_line_with_the_amounts_it_was_made_from_and_both_totals() {
    let transfer = v1::Transfer {
        order_name: "#1001".to_owned(),
        state: v1::OrderState::Transferred.into(),
        remarks: vec!["a twin was removed".to_owned()],
        proof: Some(proof()),
        ..v1::Transfer::default()
    };
    let text = shown(|out| order(out, &transfer));
    for part in [
        "ØKSE-1         Økse    2     50       0     25  100.00  25.00  line 7: discountedTotalSet 125.00, taxLines 25.00",
        "Shopify     125.00  25.00",
        "Rackbeat    125.00  25.00",
        "the totals are equal\n",
        "- a twin was removed",
    ] {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
}

#[test]
fn totals_that_differ_are_said_loudly_and_unread_ones_are_not_called_different() {
    let told = |rackbeat_total: Option<&str>| {
        let proof = v1::MoneyProof {
            rackbeat_total: rackbeat_total.map(str::to_owned),
            totals_equal: false,
            ..proof()
        };
        shown(|out| order(out, &v1::Transfer { proof: Some(proof), ..v1::Transfer::default() }))
    };
    assert!(told(Some("124.99")).contains("THE TOTALS DIFFER"));
    assert!(told(None).contains("was not read yet") && !told(None).contains("DIFFER"));
}

#[test]
fn a_parked_order_is_shown_with_its_remedy() {
    let park = v1::Park {
        code: "unknown_sku".to_owned(),
        culprit: "FINDES-IKKE".to_owned(),
        remedy: "create the product in Rackbeat".to_owned(),
        ..v1::Park::default()
    };
    let parked = v1::ParkedOrder { order_id: 5, park: Some(park), ..v1::ParkedOrder::default() };
    let text = parked_table(&[parked]).render(false);
    assert_eq!(
        text,
        "ORDER  ID  REASON       CULPRIT      SINCE  NEXT LOOK  REMEDY\n\
         -      5   unknown_sku  FINDES-IKKE  -      -          create the product in Rackbeat\n"
    );
}

#[test]
fn a_ledger_that_does_not_add_up_cannot_be_overlooked() {
    let counts = v1::LedgerCounts { seen: 3, transferred: 1, adds_up: false, ..v1::LedgerCounts::default() };
    let text = shown(|out| {
        let ledger = v1::Ledger { total: Some(counts.clone()), ..v1::Ledger::default() };
        report(out, &v1::GetStoreResponse { ledger: Some(ledger), ..v1::GetStoreResponse::default() });
    });
    assert!(text.contains("3 seen DOES NOT ADD UP TO 1 transferred"), "{text}");
}

#[test]
fn a_store_that_is_held_says_so_before_what_its_owner_wants() {
    let store = v1::Store {
        id: "acme".to_owned(),
        desired: v1::Desired::Running.into(),
        hold: v1::Hold::TokenDead.into(),
        ..v1::Store::default()
    };
    assert!(stores_table(&[store]).render(false).contains("token_dead"));
}

#[test]
fn a_run_tells_its_counts_and_each_skipped_variant_with_its_remedy() {
    let variant = v1::SkippedVariant {
        name: "Telt / Rød".to_owned(),
        reason: v1::SkipReason::SkuMissing.into(),
        remedy: "give it a SKU".to_owned(),
        ..v1::SkippedVariant::default()
    };
    let told = v1::Run {
        phase: v1::RunPhase::Finished.into(),
        plan: Some(v1::RunPlan { dry_run: true, ..v1::RunPlan::default() }),
        counts: Some(v1::RunCounts {
            variants: 9,
            done: 9,
            products_created: 7,
            skipped: 2,
            ..v1::RunCounts::default()
        }),
        skipped: vec![variant],
        ..v1::Run::default()
    };
    let text = shown(|out| run(out, &told));
    for part in
        ["9 of 9 variants: 7 products would be created", "Telt / Rød", "give it a SKU", "… and 1 more"]
    {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
}

#[test]
fn what_a_worker_told_that_is_gone_is_not_shown_as_if_it_were_so_now() {
    let away = v1::RemoteHealth { reachable: false, since: None, trouble: "timeout".to_owned() };
    let report = v1::WorkerReport { worker: "w1".to_owned(), rackbeat: Some(away), ..Default::default() };
    for (holder, gone) in [("w1", false), ("w2", true), ("", true)] {
        let status = v1::StoreStatus {
            worker: holder.to_owned(),
            report: Some(report.clone()),
            ..v1::StoreStatus::default()
        };
        let told = shown(|out| out.table(&watch_table([&status], jiff::Timestamp::UNIX_EPOCH)));
        assert!(told.contains("Rackbeat is away since -: timeout"), "{told}");
        assert_eq!(told.contains("(told by a worker that is gone)"), gone, "{told}");
        let answer = v1::GetStoreResponse {
            worker: holder.to_owned(),
            report: Some(report.clone()),
            ..v1::GetStoreResponse::default()
        };
        let told = shown(|out| super::report(out, &answer));
        assert_eq!(told.contains("told by w1, which is gone"), gone, "{told}");
    }
}
