//! What reading a large export takes: measured in a process of its own, since other tests have their memory, too.
//! `cargo test -p shopbeat-shopify --release --lib -- --nocapture memory_of_an_export`

use std::time::{Duration, Instant};

use futures::stream;

use super::read_rows;

const VARIANTS: u64 = 20_000;

fn product(id: u64) -> String {
    let words = "A tent that stands in any wind. ".repeat(30);
    format!(
        r#"{{"id":"gid://shopify/Product/{id}","title":"Tent {id}","descriptionHtml":"<p>{words}</p>","handle":"tent-{id}","productType":"Tents","status":"ACTIVE","isGiftCard":false,"hasOnlyDefaultVariant":false,"updatedAt":"2026-03-01T10:00:00Z"}}"#
    )
}

fn variant(id: u64) -> String {
    let parent = id / 4;
    format!(
        r#"{{"id":"gid://shopify/ProductVariant/{id}","sku":"TENT-{id:08}","barcode":"57{id:010}","price":"12.50","requiresComponents":false,"selectedOptions":[{{"name":"Color","value":"Red"}},{{"name":"Size","value":"{id}"}}],"inventoryItem":{{"id":"gid://shopify/InventoryItem/{id}","tracked":true,"unitCost":null,"measurement":{{"weight":null}}}},"__parentId":"gid://shopify/Product/{parent}"}}"#
    )
}

fn level(variant: u64, location: u64) -> String {
    format!(
        r#"{{"id":"gid://shopify/InventoryLevel/{location}?inventory_item_id={variant}","location":{{"id":"gid://shopify/Location/{location}"}},"quantities":[{{"name":"available","quantity":6}},{{"name":"on_hand","quantity":7}}],"__parentId":"gid://shopify/ProductVariant/{variant}"}}"#
    )
}

/// Levels first, then variants from the last to the first, then products: no child follows its parent.
fn row(at: u64) -> String {
    let levels = 2 * VARIANTS;
    let line = match at {
        at if at < levels => level(at / 2, 1 + at % 2),
        at if at < levels + VARIANTS => variant(levels + VARIANTS - 1 - at),
        at => product(at - levels - VARIANTS),
    };
    line + "\n"
}

/// The most memory the process ever had, in bytes.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    1024 * line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap()
}

/// Set in the process that measures.
const ALONE: &str = "SHOPBEAT_TEST_ALONE";

#[tokio::test]
async fn memory_of_an_export_of_many_variants_is_bounded() {
    if std::env::var_os(ALONE).is_none() {
        let name = "bulk::memory_tests::memory_of_an_export_of_many_variants_is_bounded";
        let mut alone = std::process::Command::new(std::env::current_exe().unwrap());
        let ended = alone.args(["--exact", name, "--nocapture"]).env(ALONE, "1").status().unwrap();
        assert!(ended.success(), "{ended}");
        return;
    }
    let before = peak();
    let objects = 3 * VARIANTS + VARIANTS / 4;
    // Ids begin at nought here, which only a test may do; nothing is kept of the rows but what `read_rows` keeps.
    let chunks = stream::iter((0..objects).map(|at| Ok::<_, ()>(row(at))));
    let began = Instant::now();
    let (skus, rows) = read_rows(chunks, objects, Duration::from_secs(60)).await.unwrap();
    let indexed = began.elapsed();
    let (mut count, mut last) = (0_u64, None);
    for variant in rows {
        let variant = variant.unwrap();
        assert!(last < Some(variant.id) && variant.levels.len() == 2);
        (count, last) = (count + 1, Some(variant.id));
    }
    assert_eq!((count, u64::try_from(skus.items().count()).unwrap()), (VARIANTS, VARIANTS));
    let (peak, all) = (peak(), began.elapsed());
    println!(
        "{objects} rows: index in {indexed:?}, all in {all:?}; peak {} MiB, {} MiB before",
        peak >> 20,
        before >> 20
    );
    assert!(peak - before < 48 << 20, "{} bytes for ids and places", peak - before);
}
