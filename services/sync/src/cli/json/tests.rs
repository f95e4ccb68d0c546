//! The shapes are a promise: every field of the API's messages stands in the JSON, under the API's name.

use prost::Message as _;
use prost_types::{DescriptorProto, FileDescriptorSet};
use serde_json::{Value, json};
use shopbeat_proto::v1;

use super::*;

fn message(name: &str) -> DescriptorProto {
    let set = FileDescriptorSet::decode(shopbeat_proto::FILE_DESCRIPTOR_SET).unwrap();
    let messages = set.file.into_iter().flat_map(|file| file.message_type);
    messages.into_iter().find(|message| message.name() == name).unwrap()
}

fn has_every_field(name: &str, shown: &Value) {
    let fields: Vec<String> = message(name).field.iter().map(|field| field.name().to_owned()).collect();
    let keys: Vec<&String> = shown.as_object().unwrap().keys().collect();
    for field in &fields {
        assert!(keys.contains(&field), "{name}.{field} is not in the JSON");
    }
    assert_eq!(fields.len(), keys.len(), "{name}: {keys:?}");
}

fn full_transfer() -> v1::Transfer {
    v1::Transfer {
        order_id: 6_100_000_000_001,
        order_name: "#1001".to_owned(),
        state: v1::OrderState::Transferred.into(),
        target: v1::Target::Booked.into(),
        reached: v1::Reached::Booked.into(),
        rackbeat_order_number: Some(1001),
        steps: vec![v1::StepDone { step: v1::Step::Draft.into(), done_at: None }],
        park: Some(v1::Park::default()),
        proof: Some(v1::MoneyProof {
            lines: vec![v1::LineProof {
                amounts: vec![v1::NamedAmount::default()],
                ..v1::LineProof::default()
            }],
            rates: vec![v1::VatProof::default()],
            ..v1::MoneyProof::default()
        }),
        ..v1::Transfer::default()
    }
}

#[test]
fn every_field_of_every_message_is_shown_under_its_own_name() {
    let settings = v1::Settings {
        orders: Some(v1::OrderSettings::default()),
        customers: Some(v1::CustomerSettings::default()),
        products: Some(v1::ProductSettings {
            filter: Some(v1::ProductFilter::default()),
            ..v1::ProductSettings::default()
        }),
        prices: Some(v1::PriceSettings {
            vat_table: vec![v1::GroupVat::default()],
            ..v1::PriceSettings::default()
        }),
        stock: Some(v1::StockSettings {
            locations: vec![v1::StockRoute::default()],
            ..v1::StockSettings::default()
        }),
    };
    let shown = store(&v1::Store { settings: Some(settings), ..v1::Store::default() });
    has_every_field("Store", &shown);
    has_every_field("Settings", &shown["settings"]);
    has_every_field("OrderSettings", &shown["settings"]["orders"]);
    has_every_field("CustomerSettings", &shown["settings"]["customers"]);
    has_every_field("ProductSettings", &shown["settings"]["products"]);
    has_every_field("ProductFilter", &shown["settings"]["products"]["filter"]);
    has_every_field("PriceSettings", &shown["settings"]["prices"]);
    has_every_field("GroupVat", &shown["settings"]["prices"]["vat_table"][0]);
    has_every_field("StockSettings", &shown["settings"]["stock"]);
    has_every_field("StockRoute", &shown["settings"]["stock"]["locations"][0]);
    has_every_field("UpdateStoreResponse", &updated(&v1::UpdateStoreResponse::default()));
    let order = transfer(&full_transfer());
    has_every_field("Transfer", &order);
    has_every_field("Park", &order["park"]);
    has_every_field("MoneyProof", &order["proof"]);
    has_every_field("LineProof", &order["proof"]["lines"][0]);
    has_every_field("VatProof", &order["proof"]["rates"][0]);
    has_every_field("ParkedOrder", &parked(&v1::ParkedOrder::default()));
    has_every_field("TransferOrderResponse", &progress(&v1::TransferOrderResponse::default()));
    has_every_field("ConnectStoreResponse", &connected(&v1::ConnectStoreResponse::default()));
    has_every_field("DisconnectStoreResponse", &disconnected(&v1::DisconnectStoreResponse::default()));
}

#[test]
fn a_store_with_its_queue_ledger_and_run_is_shown_whole() {
    let answer = v1::GetStoreResponse {
        jobs: Some(v1::JobCounts::default()),
        ledger: Some(v1::Ledger { total: Some(v1::LedgerCounts::default()), ..v1::Ledger::default() }),
        latest_run: Some(v1::Run {
            plan: Some(v1::RunPlan::default()),
            estimate: Some(v1::Estimate::default()),
            counts: Some(v1::RunCounts::default()),
            skipped: vec![v1::SkippedVariant::default()],
            ..v1::Run::default()
        }),
        agreement: Some(v1::Agreement::default()),
        ..v1::GetStoreResponse::default()
    };
    let shown = report(&answer);
    has_every_field("GetStoreResponse", &shown);
    has_every_field("Agreement", &shown["agreement"]);
    has_every_field("JobCounts", &shown["jobs"]);
    has_every_field("Ledger", &shown["ledger"]);
    has_every_field("LedgerCounts", &shown["ledger"]["total"]);
    has_every_field("Run", &shown["latest_run"]);
    has_every_field("RunPlan", &shown["latest_run"]["plan"]);
    has_every_field("Estimate", &shown["latest_run"]["estimate"]);
    has_every_field("RunRow", &row(&v1::RunRow::default()));
    has_every_field("RunCounts", &shown["latest_run"]["counts"]);
    has_every_field("SkippedVariant", &shown["latest_run"]["skipped"][0]);
    let told = v1::Replay { differences: vec![v1::ReplayDifference::default()], ..v1::Replay::default() };
    has_every_field("Replay", &replay(&told));
    has_every_field("ReplayDifference", &replay(&told)["differences"][0]);
}

#[test]
fn stock_drift_preflight_and_bills_are_shown_whole() {
    let report = stock_report(&v1::PreviewStockResponse {
        changes: vec![v1::StockChange::default()],
        ..v1::PreviewStockResponse::default()
    });
    has_every_field("PreviewStockResponse", &report);
    has_every_field("StockChange", &report["changes"][0]);
    let shown = stock(&v1::GetStockResponse {
        stock: Some(v1::ItemStock { places: vec![v1::PlaceStock::default()], ..v1::ItemStock::default() }),
        stores: vec![v1::StoreStock {
            levels: vec![v1::ToldLevel::default()],
            trouble: Some(v1::StockTrouble::default()),
            ..v1::StoreStock::default()
        }],
        ..v1::GetStockResponse::default()
    });
    has_every_field("GetStockResponse", &shown);
    has_every_field("ItemStock", &shown["stock"]);
    has_every_field("PlaceStock", &shown["stock"]["places"][0]);
    has_every_field("StoreStock", &shown["stores"][0]);
    has_every_field("ToldLevel", &shown["stores"][0]["levels"][0]);
    has_every_field("StockTrouble", &shown["stores"][0]["trouble"]);
    has_every_field("Drift", &drift(&v1::Drift::default()));
    has_every_field("ProductTrouble", &product_trouble(&v1::ProductTrouble::default()));
    let shown = preflight(&v1::PreflightResponse {
        findings: vec![v1::Finding::default()],
        counts: vec![v1::FindingCount::default()],
        ..v1::PreflightResponse::default()
    });
    has_every_field("PreflightResponse", &shown);
    has_every_field("Finding", &shown["findings"][0]);
    has_every_field("FindingCount", &shown["counts"][0]);
    let shown = billing(&v1::GetBillingResponse {
        stores: vec![v1::BilledStore {
            events: vec![v1::BilledEvent::default()],
            ..v1::BilledStore::default()
        }],
        ..v1::GetBillingResponse::default()
    });
    has_every_field("GetBillingResponse", &shown);
    has_every_field("BilledStore", &shown["stores"][0]);
    has_every_field("BilledEvent", &shown["stores"][0]["events"][0]);
}

#[test]
fn words_numbers_and_nothing_have_one_form() {
    let shown = transfer(&full_transfer());
    assert_eq!(shown["order_id"], json!(6_100_000_000_001_u64));
    assert_eq!(shown["state"], "transferred");
    assert_eq!(shown["steps"][0]["step"], "draft");
    assert_eq!(shown["rackbeat_invoice_number"], Value::Null);
    assert_eq!(shown["ignored_by"], Value::Null);
    assert_eq!(shown["updated_at"], Value::Null);
}
