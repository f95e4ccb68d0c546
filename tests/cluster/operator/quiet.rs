//! A steady state: nothing is written, and nobody wakes itself.

use std::time::Duration;

use super::stage::Stage;

#[tokio::test]
async fn in_a_steady_state_nothing_is_written_for_a_minute() {
    let stage = Stage::set().await;
    let operator = stage.start();
    for n in 0..10 {
        stage.running(&format!("shop-{n}"), &format!("shop-{n}")).await;
    }
    // What is still under way from the start: the last events, and numbers that wait for their half minute.
    tokio::time::sleep(Duration::from_secs(31)).await;
    let before = stage.plane.requests().await;
    let looks = reconciles(&operator.asks("/metrics").await.unwrap().1);
    tokio::time::sleep(Duration::from_secs(60)).await;
    let requests = stage.plane.requests().await.since(&before);
    // The lease is what tells others that we live; the rest of the writes are the control plane's own.
    let written = requests.only(|asked| asked.is_write() && OURS.contains(&asked.resource.as_str()));
    assert_eq!(written.total(), 0, "{written:?}");
    let read = requests
        .only(|asked| !asked.is_write() && OURS.contains(&asked.resource.as_str()) && asked.verb != "WATCH");
    assert_eq!(read.total(), 0, "{read:?}");
    assert_eq!(reconciles(&operator.asks("/metrics").await.unwrap().1), looks, "it woke itself");
}

const OURS: [&str; 6] =
    ["shopifystores", "deployments", "networkpolicies", "secrets", "configmaps", "events"];

fn reconciles(metrics: &str) -> u64 {
    let lines = metrics.lines().filter(|line| line.starts_with("shopbeat_operator_reconciles_total"));
    lines.filter_map(|line| line.rsplit_once(' ')).filter_map(|(_, count)| count.parse::<u64>().ok()).sum()
}
