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
        products: Some(v1::ProductSettings::default()),
    };
    let shown = store(&v1::Store { settings: Some(settings), ..v1::Store::default() });
    has_every_field("Store", &shown);
    has_every_field("Settings", &shown["settings"]);
    has_every_field("OrderSettings", &shown["settings"]["orders"]);
    has_every_field("CustomerSettings", &shown["settings"]["customers"]);
    has_every_field("ProductSettings", &shown["settings"]["products"]);
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
    has_every_field("RunCounts", &shown["latest_run"]["counts"]);
    has_every_field("SkippedVariant", &shown["latest_run"]["skipped"][0]);
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
